// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

TEST(Printable, LettersOfEveryScriptStay)
{
    for (const char* text : {"", "eth0", "Zürich.pcap", "日本語", "a \\ b", "\U0001F600"})
        EXPECT_EQ(printable(text), text);
}

TEST(Printable, WhatATerminalObeysIsWrittenOut)
{
    EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
    EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
    EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");          // CSI as one C1 control, U+009B
    EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae"); // U+202E turns the line around
    EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8"); // U+2028, a line's end
}

TEST(Printable, BytesThatAreNoTextAreWrittenOut)
{
    EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
    EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b"); // an overlong form
    EXPECT_EQ(printable("a\x9b z"), "a\\x9b z");
}

TEST(Printable, LongTextsAreCut)
{
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abc\ndef", 4), "abc\\n...");
}

TEST(Printable, LinesMayStay)
{
    EXPECT_EQ(printable_lines("a\x1b\nb\n"), "a\\x1b\nb\n");
}

} // namespace
} // namespace flowxdp
