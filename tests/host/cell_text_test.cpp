// SPDX-License-Identifier: BSD-2-Clause
// Cells as text: every type, against printf, inet_pton and the grammar in cell_text.h.
#include "row/cell_text.h"
#include "row/json_text.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "support/row_builder.h"

namespace flowxdp::test {
namespace {

std::string floating(double value)
{
    std::string text;
    append_float(value, &text);
    return text;
}

std::string printed(double value)
{
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.7g", value);
    return buffer;
}

std::string seconds(std::int64_t ns)
{
    std::string text;
    append_seconds(ns, &text);
    return text;
}

std::string quoted(std::string_view value)
{
    std::string text;
    append_quoted(value, &text);
    return text;
}

std::string payload(std::string_view value)
{
    std::string text;
    append_payload(value, &text);
    return text;
}

std::string cell(const RowBuilder& rows, const char* name, StringStyle style = StringStyle::kQuoted)
{
    const Schema& schema = rows.batch().schema();
    std::string text;
    append_cell_text(rows.batch().row(0), schema.columns()[*schema.find(name)], style, &text);
    return text;
}

std::string ip6(const char* written)
{
    std::uint8_t address[16];
    EXPECT_EQ(inet_pton(AF_INET6, written, address), 1);
    std::string text;
    append_ip(address, 6, &text);
    return text;
}

TEST(CellText, FloatsAreWhatPrintfPrints)
{
    const double values[] = {0.0,       1.0,    -1.0,      0.5,       1.0 / 3,    1e6,        9999999.0, 1e7,
                             10000001., 1e-5,   1e-4,      123456.78, 1234567.8,  12345678.9, 1e22,      -1e7,
                             2.5e-300,  5e-324, 0.1 + 0.2, 9999999.5, 99999995.0, 1e300};
    for (const double value : values)
        EXPECT_EQ(floating(value), printed(value));
    EXPECT_EQ(floating(std::numeric_limits<double>::max()), printed(std::numeric_limits<double>::max()));
    EXPECT_EQ(floating(-0.0), "0"); // an asymmetry of nothing has no sign
    EXPECT_EQ(floating(std::numeric_limits<double>::infinity()), "inf");
    EXPECT_EQ(floating(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(CellText, RandomDoublesAreWhatPrintfPrints)
{
    std::mt19937_64 random(1);
    for (int i = 0; i < 200000; i++) {
        const std::uint64_t bits = random();
        double value;
        std::memcpy(&value, &bits, sizeof value);
        if (std::isnan(value))
            continue;
        ASSERT_EQ(floating(value), printed(value)) << "bits " << bits;
        // Of the size cells have: means, rates, whole numbers.
        value = static_cast<double>(random() % 100000000) / static_cast<double>(1 + random() % 1000);
        ASSERT_EQ(floating(value), printed(value));
        value = static_cast<double>(random() % 20000000);
        ASSERT_EQ(floating(value), printed(value));
    }
}

TEST(CellText, TimesHaveNineDigitsAndOneSign)
{
    EXPECT_EQ(seconds(0), "0.000000000");
    EXPECT_EQ(seconds(1), "0.000000001");
    EXPECT_EQ(seconds(1258594163008594000), "1258594163.008594000"); // T2 0.9.0 printed .8594000
    EXPECT_EQ(seconds(999999999), "0.999999999");
    EXPECT_EQ(seconds(1000000000), "1.000000000");
    EXPECT_EQ(seconds(-1), "-0.000000001");
    EXPECT_EQ(seconds(-1500000000), "-1.500000000");
    EXPECT_EQ(seconds(std::numeric_limits<std::int64_t>::max()), "9223372036.854775807");
    EXPECT_EQ(seconds(std::numeric_limits<std::int64_t>::min()), "-9223372036.854775808");
}

TEST(CellText, IntegersReachTheirLimits)
{
    std::string text;
    append_unsigned(std::numeric_limits<std::uint64_t>::max(), &text);
    EXPECT_EQ(text, "18446744073709551615");
    text.clear();
    append_signed(std::numeric_limits<std::int64_t>::min(), &text);
    EXPECT_EQ(text, "-9223372036854775808");
    text.clear();
    append_hex(0x41, 2, &text);
    append_hex(0x800, 4, &text);
    append_hex(0xABCD, 8, &text);
    append_hex(0x0400020000004000, 16, &text);
    EXPECT_EQ(text, "0x410x08000x0000abcd0x0400020000004000");
}

// Eight digits are made at a time: every length, and what lies around each.
TEST(CellText, IntegersAreWrittenAsPrintfWritesThem)
{
    std::vector<std::uint64_t> values = {0, 1, 9};
    for (std::uint64_t power = 10; power < 10000000000000000000u; power *= 10)
        for (const std::uint64_t value : {power - 1, power, power + 1, 3 * power / 2, power * 9 + power / 7})
            values.push_back(value);
    std::mt19937_64 random(1);
    for (int i = 0; i < 100000; i++)
        values.push_back(random() >> random() % 64);
    for (const std::uint64_t value : values) {
        char expected[3][32];
        std::snprintf(expected[0], sizeof expected[0], "%llu", static_cast<unsigned long long>(value));
        std::snprintf(expected[1], sizeof expected[1], "0x%016llx", static_cast<unsigned long long>(value));
        std::snprintf(expected[2], sizeof expected[2], "0x%08x", static_cast<unsigned>(value));
        std::string text[3];
        append_unsigned(value, &text[0]);
        append_hex(value, 16, &text[1]);
        append_hex(value & 0xffffffffu, 8, &text[2]);
        for (int i = 0; i < 3; i++)
            ASSERT_EQ(text[i], std::string(expected[i]));
    }
}

// The place of the one byte to escape decides which word, or which end of a word, finds it.
TEST(CellText, AByteToEscapeIsFoundWhereverItStands)
{
    for (std::size_t length = 1; length <= 40; length++) {
        for (std::size_t at = 0; at < length; at++) {
            for (const char c : {'\x1f', '\x7f', '"', '\\', '\xff', ' ', '!', '~'}) {
                RowBuilder rows(make_schema({column("s", FX_STRING)}));
                std::string value(length, 'x');
                value[at] = c;
                rows.row().text("s", value);
                ASSERT_EQ(cell(rows, "s"), test::quoted(value));
            }
        }
    }
}

TEST(CellText, Ipv6IsWrittenAsRfc5952Says)
{
    EXPECT_EQ(ip6("2001:0db8:0000:0000:0001:0000:0000:0001"), "2001:db8::1:0:0:1"); // the first of equal runs
    EXPECT_EQ(ip6("2001:DB8::A"), "2001:db8::a");
    EXPECT_EQ(ip6("::"), "::");
    EXPECT_EQ(ip6("::1"), "::1");
    EXPECT_EQ(ip6("fe80::"), "fe80::");
    EXPECT_EQ(ip6("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"); // 4.2.2: one 16-bit field is not shortened
    EXPECT_EQ(ip6("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
}

TEST(CellText, Ipv4AndNoAddress)
{
    const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 255};
    std::string text;
    append_ip(address, 4, &text);
    text += ' ';
    append_ip(address, 0, &text);
    EXPECT_EQ(text, "192.0.2.255 -");
}

TEST(CellText, QuotedStringsEscapeWhatWouldBreakALine)
{
    EXPECT_EQ(quoted("TEST-NET-1"), "\"TEST-NET-1\"");
    EXPECT_EQ(quoted(""), "\"\"");
    EXPECT_EQ(quoted("\b\f\n\r\t\v\\\""), R"("\b\f\n\r\t\v\\\"")");
    EXPECT_EQ(quoted(std::string_view("\0\x01\x1f\x7f", 4)), R"("\u0000\u0001\u001f\u007f")");
    // What a terminal obeys beyond ASCII: U+009B begins a sequence, U+202E turns the line around, U+2028 ends it.
    EXPECT_EQ(quoted("a\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xc3\xa9"), "\"a\\u009b\\u202e\\u2028\xc3\xa9\"");
    EXPECT_EQ(json_string("a\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xc3\xa9"),
              quoted("a\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xc3\xa9"));
    EXPECT_EQ(json_string("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\""); // four bytes
    EXPECT_EQ(quoted("Zürich ☃ 😀"), "\"Zürich ☃ 😀\"");
    EXPECT_EQ(quoted("a\xff\xfe"), "\"a..\"");
    EXPECT_EQ(quoted("\xc3"), "\".\"");                // cut in the middle
    EXPECT_EQ(quoted("\xc0\xaf"), "\"..\"");           // overlong
    EXPECT_EQ(quoted("\xed\xa0\x80"), "\"...\"");      // a surrogate
    EXPECT_EQ(quoted("\xf4\x90\x80\x80"), "\"....\""); // above U+10FFFF
}

TEST(CellText, PayloadIsPrintableAsciiWithDots)
{
    EXPECT_EQ(payload("220 \"hi\"\r\n"), R"(220 "hi"\r\n)");
    EXPECT_EQ(payload("\\"), R"(\\)");
    EXPECT_EQ(payload(std::string_view("\0\x7f\xc3\xbc~ ", 6)), "....~ ");
}

TEST(CellText, APayloadNeverHoldsATabOrANewline)
{
    for (int byte = 0; byte < 256; byte++) {
        const char c = static_cast<char>(byte);
        for (const std::string& text : {payload({&c, 1}), quoted({&c, 1})})
            for (const char out : text)
                EXPECT_TRUE(out != '\t' && out != '\n' && out != '\0') << byte;
    }
}

TEST(CellText, EveryTypeOfCell)
{
    RowBuilder rows(
        make_schema({column("u8", FX_U8), column("u16", FX_U16), column("u32", FX_U32), column("u64", FX_U64),
                     column("i64", FX_I64), column("h8", FX_H8), column("h16", FX_H16), column("h32", FX_H32),
                     column("h64", FX_H64), column("f", FX_FLOAT), column("t", FX_TIME), column("d", FX_DURATION),
                     column("mac", FX_MAC), column("ip", FX_IP), column("s", FX_STRING), column("w", FX_WORD),
                     column("c", FX_CHAR), column("pair", FX_MAC_PAIR), column("p", FX_PAYLOAD)}));
    rows.row();
    rows.put<std::uint8_t>("u8", 255).put<std::uint16_t>("u16", 65535).put<std::uint32_t>("u32", 4294967295u);
    rows.put<std::uint64_t>("u64", 1).put<std::int64_t>("i64", -6).put<std::uint8_t>("h8", 0x4b);
    rows.put<std::uint16_t>("h16", 0x800).put<std::uint32_t>("h32", 1).put<std::uint64_t>("h64", 0x4000);
    rows.put<double>("f", -0.5151515151).put<std::int64_t>("t", 1500000000).put<std::int64_t>("d", -1);
    rows.mac("mac", {0, 8, 0x74, 0x38, 1, 0xb4}).ip("ip", "10.0.0.1");
    rows.text("s", "a;\"b").text("w", "eth:ipv4").put<std::uint8_t>("c", 'B').text("p", "\x01;");
    rows.raw("pair", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 5, 0, 0, 0}); // the count is in the host's order
    EXPECT_EQ(cell(rows, "u8"), "255");
    EXPECT_EQ(cell(rows, "u16"), "65535");
    EXPECT_EQ(cell(rows, "u32"), "4294967295");
    EXPECT_EQ(cell(rows, "u64"), "1");
    EXPECT_EQ(cell(rows, "i64"), "-6");
    EXPECT_EQ(cell(rows, "h8"), "0x4b");
    EXPECT_EQ(cell(rows, "h16"), "0x0800");
    EXPECT_EQ(cell(rows, "h32"), "0x00000001");
    EXPECT_EQ(cell(rows, "h64"), "0x0000000000004000");
    EXPECT_EQ(cell(rows, "f"), "-0.5151515");
    EXPECT_EQ(cell(rows, "t"), "1.500000000");
    EXPECT_EQ(cell(rows, "d"), "-0.000000001");
    EXPECT_EQ(cell(rows, "mac"), "00:08:74:38:01:b4");
    EXPECT_EQ(cell(rows, "ip"), "10.0.0.1");
    EXPECT_EQ(cell(rows, "s"), R"("a;\"b")");
    EXPECT_EQ(cell(rows, "s", StringStyle::kBare), "a;\"b");
    EXPECT_EQ(cell(rows, "w"), "eth:ipv4");
    EXPECT_EQ(cell(rows, "c"), "B");
    EXPECT_EQ(cell(rows, "pair"), "01:02:03:04:05:06_07:08:09:0a:0b:0c_5");
    EXPECT_EQ(cell(rows, "p"), ".;");
}

TEST(CellText, ListsJoinWithSemicolonsAndEmptyOnesAreNothing)
{
    RowBuilder rows(make_schema({column("vlanID", FX_U16, FX_LIST), column("none", FX_U16, FX_LIST),
                                 column("hdrDesc", FX_WORD, FX_LIST), column("labels", FX_STRING, FX_LIST),
                                 column("gone", FX_U32, FX_OPTIONAL)}));
    rows.row();
    rows.list<std::uint16_t>("vlanID", {1, 4095})
        .texts("hdrDesc", {"eth:ipv4:tcp", "eth:ipv4"})
        .texts("labels", {"a", ""});
    rows.empty("gone");
    EXPECT_EQ(cell(rows, "vlanID"), "1;4095");
    EXPECT_EQ(cell(rows, "none"), "");
    EXPECT_EQ(cell(rows, "hdrDesc"), "eth:ipv4:tcp;eth:ipv4");
    EXPECT_EQ(cell(rows, "labels"), "\"a\";\"\"");
    EXPECT_EQ(cell(rows, "gone"), "");
}

} // namespace
} // namespace flowxdp::test
