// SPDX-License-Identifier: BSD-2-Clause
#include "geo/label_text.h"

#include <gtest/gtest.h>

namespace flowxdp::geo {
namespace {

TEST(LabelText, CutsAtCharactersNotBytes)
{
    EXPECT_EQ(clean_text("Dell, Inc.", 30), "Dell, Inc.");
    EXPECT_EQ(clean_text("FUNDA\u00c7\u00c3O DE AMPARO", 7), "FUNDA\u00c7\u00c3");
    EXPECT_EQ(clean_text("\u4e2d\u56fd\u7535\u4fe1", 2), "\u4e2d\u56fd");
    EXPECT_EQ(clean_text("\U0001f600x", 1), "\U0001f600");
    EXPECT_EQ(clean_text("ends in a blank", 5), "ends"); // the cut leaves no blank at the end
    EXPECT_EQ(clean_text("abc", 0), "");
}

TEST(LabelText, ReplacesWhatWouldBreakARow)
{
    EXPECT_EQ(clean_text("a\tb\nc\x7f"
                         "d",
                         30),
              "a b c d");
    EXPECT_EQ(clean_text("a\u0085b", 30), "a b"); // C1 control
    EXPECT_EQ(clean_text("  x  ", 30), "x");
    EXPECT_EQ(clean_text("caf\xe9", 30), "caf?");          // Latin-1
    EXPECT_EQ(clean_text("\xc0\xaf", 30), "??");           // overlong
    EXPECT_EQ(clean_text("\xed\xa0\x80", 30), "???");      // surrogate
    EXPECT_EQ(clean_text("\xf4\x90\x80\x80", 30), "????"); // above U+10FFFF
    EXPECT_EQ(clean_text("x\xe4\xb8", 30), "x??");         // cut short
}

TEST(LabelText, CountryIsTwoLettersOrNothing)
{
    EXPECT_EQ(country_label("US"), "us");
    EXPECT_EQ(country_label("jp"), "jp");
    for (const char* bad : {"", "U", "USA", "U1", "ZZ", "zz", "--", "\xc3\x84"})
        EXPECT_EQ(country_label(bad), "") << bad;
}

} // namespace
} // namespace flowxdp::geo
