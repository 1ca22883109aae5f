// SPDX-License-Identifier: BSD-2-Clause
// Numbers as users give them: the whole word, no sign, within the range; what is refused says reason, range and
// example.
#include "core/number.h"

#include <gtest/gtest.h>

namespace flowxdp {
namespace {

TEST(Number, WholeNumbersInTheirRange)
{
    EXPECT_EQ(read_number("0", 0, 9, 1).value(), 0U);
    EXPECT_EQ(read_number("65535", 1, 65535, 1).value(), 65535U);
    EXPECT_EQ(read_number("007", 1, 9, 1).value(), 7U);
    EXPECT_EQ(read_number("18446744073709551615", 1, kNoLimit, 1).value(), 18446744073709551615U);
}

TEST(Number, WhatIsNoWholeNumberIsRefused)
{
    for (const char* text :
         {"", " ", "-1", "+1", "--1", " 1", "1 ", "1\n", "1.0", "1e3", "0x1", "1k", "abc", "nan", "inf", "१"})
        EXPECT_FALSE(read_number(text, 0, kNoLimit, 1).ok()) << text;
    EXPECT_EQ(read_number("-5", 1, kNoLimit, 1000).error().message,
              "'-5' is not a whole number: give one of at least 1, e.g. 1000");
    EXPECT_EQ(read_number("x", 1, 65535, 4739).error().message,
              "'x' is not a whole number: give one from 1 to 65535, e.g. 4739");
}

TEST(Number, ANumberOutsideItsRangeIsRefusedWithTheRange)
{
    EXPECT_EQ(read_number("0", 1, 65535, 4739).error().message,
              "'0' is too small: give a number from 1 to 65535, e.g. 4739");
    EXPECT_EQ(read_number("70000", 1, 65535, 4739).error().message,
              "'70000' is too large: give a number from 1 to 65535, e.g. 4739");
    // 2^64 and what wraps to a small number modulo 2^64.
    for (const char* text : {"18446744073709551616", "18446744073709551617", "99999999999999999999999999"})
        EXPECT_NE(read_number(text, 0, kNoLimit, 1).error().message.find("is too large: give a number from 0 to"),
                  std::string::npos)
            << text;
}

TEST(Number, WhatIsShownIsShortAndWithoutControlCharacters)
{
    EXPECT_EQ(read_number("a\x1b[31m\nb", 1, 9, 5).error().message,
              "'a\\x1b[31m\\nb' is not a whole number: give one from 1 to 9, e.g. 5");
    EXPECT_EQ(read_number(std::string(100, 'x'), 1, 9, 5).error().message,
              "'" + std::string(60, 'x') + "...' is not a whole number: give one from 1 to 9, e.g. 5");
}

TEST(Number, BitsAreDecimalOrHexAndFit)
{
    EXPECT_EQ(read_bits("0x41", 8).value(), 0x41U);
    EXPECT_EQ(read_bits("65", 8).value(), 65U);
    EXPECT_EQ(read_bits("0XFF", 8).value(), 255U);
    EXPECT_EQ(read_bits("0xffffffffffffffff", 64).value(), kNoLimit);
    EXPECT_EQ(read_bits("010", 8).value(), 10U); // not octal
    for (const char* text : {"", "0x", "0x1g", "-1", "41h", "0x-1", "0x 1", "1e1"})
        EXPECT_FALSE(read_bits(text, 64).ok()) << text;
    EXPECT_EQ(read_bits("0x1ff", 8).error().message,
              "'0x1ff' is too large for 8 bits: give a number from 0 to 0xff, e.g. 0x41");
    EXPECT_FALSE(read_bits("256", 8).ok());
    EXPECT_FALSE(read_bits("0x10400020000004000", 64).ok()); // 17 digits
}

TEST(Number, RealNumbersAreFinite)
{
    EXPECT_EQ(read_real("0.5", 0.001, 1000, 2).value(), 0.5);
    EXPECT_EQ(read_real(".5", 0.001, 1000, 2).value(), 0.5);
    EXPECT_EQ(read_real("1e2", 0.001, 1000, 2).value(), 100);
    for (const char* text :
         {"", "nan", "inf", "-inf", "-1", "+1", "infinity", "nan(1)", "0x1p3", "1,5", "1 ", "1e999", "."})
        EXPECT_FALSE(read_real(text, 0, 1e9, 2).ok()) << text;
    EXPECT_EQ(read_real("nan", 0.001, 1000, 2).error().message,
              "'nan' is not a number: give one from 0.001 to 1000, e.g. 2");
    EXPECT_EQ(read_real("1001", 0.001, 1000, 2).error().message,
              "'1001' is too large: give a number from 0.001 to 1000, e.g. 2");
}

TEST(Number, DurationsHaveUnits)
{
    const std::pair<const char*, std::uint64_t> durations[] = {
        {"182", 182000}, {"0.5", 500},     {"30s", 30000}, {"500ms", 500},    {"5m", 300000},
        {"2h", 7200000}, {"5min", 300000}, {"0.001", 1},   {"1.5h", 5400000}, {"1e1", 10000}};
    for (const auto& [text, ms] : durations)
        EXPECT_EQ(read_duration_ms(text, 1, kNoLimit).value(), ms) << text;
    for (const char* text : {"", "s", "-1s", "1 s", "5d", "1sec", "nan", "infs", "1e400", "1ss"})
        EXPECT_FALSE(read_duration_ms(text, 0, kNoLimit).ok()) << text;
    EXPECT_EQ(read_duration_ms("0", 1, 3600000).error().message,
              "'0' is too short: give a duration from 1ms to 1h, e.g. 0.5, 30s, 5m, 2h");
    EXPECT_FALSE(read_duration_ms("2h", 1, 3600000).ok());
}

TEST(Number, SizesHaveUnits)
{
    const std::pair<const char*, std::uint64_t> sizes[] = {{"4096", 4096},
                                                           {"4K", 4096},
                                                           {"4k", 4096},
                                                           {"4KB", 4096},
                                                           {"4KiB", 4096},
                                                           {"1.5G", 1610612736},
                                                           {"1e6", 1000000},
                                                           {"2T", std::uint64_t{2} << 40},
                                                           {"9007199254740993", 9007199254740993}};
    for (const auto& [text, bytes] : sizes)
        EXPECT_EQ(read_size(text, 1, kNoLimit).value(), bytes) << text;
    for (const char* text : {"", "K", "-1", "1Kx", "1KK", "1 K", "nan", "1e300", "0", "0.5", "1X"})
        EXPECT_FALSE(read_size(text, 1, kNoLimit).ok()) << text;
    EXPECT_EQ(read_size("2G", 4096, 1U << 30).error().message, "'2G' is too large: give a size from 4K to 1G, e.g. 1M");
}

} // namespace
} // namespace flowxdp
