// SPDX-License-Identifier: BSD-2-Clause
// What dissectors of text protocols share: lines, fields, replies, texts in little memory.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/stream_feed.h"
#include "text_protocol/line_reader.h"
#include "text_protocol/reply_line.h"
#include "text_protocol/text_pool.h"

namespace {

using namespace flowxdp;
using flowxdp::test::ExactBytes;

TEST(LineReader, GivesWholeLinesAndTheRestOfACompleteHead)
{
    const ExactBytes bytes("one\r\ntwo\n\nrest");
    StreamView head{bytes.span()};
    LinePlace place{};
    std::vector<std::string> lines;
    TextLine line{};
    while (take_line(head, &place, &line)) {
        EXPECT_TRUE(line.is_whole);
        lines.emplace_back(line.text);
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", ""}));
    EXPECT_EQ(place.offset, 10U);
    head.complete = true;
    ASSERT_TRUE(take_line(head, &place, &line));
    EXPECT_EQ(line.text, "rest");
    EXPECT_FALSE(line.is_whole);
    EXPECT_FALSE(take_line(head, &place, &line));
}

TEST(LineReader, DoesNotSearchABeginningAgain)
{
    LinePlace place{};
    TextLine line{};
    EXPECT_FALSE(take_line(StreamView{ExactBytes("abc").span()}, &place, &line));
    EXPECT_EQ(place.searched, 3U);
    const ExactBytes more("abcde\nf");
    ASSERT_TRUE(take_line(StreamView{more.span()}, &place, &line));
    EXPECT_EQ(line.text, "abcde");
}

TEST(LineReader, MarksLinesWithAGap)
{
    const ExactBytes bytes("ab\ncd\nef\n");
    const fx_stream_gap gap = {4, 2}; // d and its line end
    const StreamView head{bytes.span(), {&gap, 1}};
    LinePlace place{};
    TextLine line{};
    std::vector<bool> gaps;
    while (take_line(head, &place, &line))
        gaps.push_back(line.has_gap);
    EXPECT_EQ(gaps, (std::vector<bool>{false, true, false}));
}

TEST(StreamView, KnowsWhichBytesWereNotCaptured)
{
    const fx_stream_gap gaps[] = {{10, 5}, {20, 100}};
    StreamView head;
    head.gaps = gaps;
    EXPECT_FALSE(head.has_gap(0, 10));
    EXPECT_TRUE(head.has_gap(0, 11));
    EXPECT_TRUE(head.has_gap(14, 15));
    EXPECT_FALSE(head.has_gap(15, 20));
    EXPECT_TRUE(head.has_gap(15, 21));
    EXPECT_FALSE(head.has_gap(120, 130));
}

TEST(HeaderField, NameAndValue)
{
    const auto field = header_field("Content-Type:  text/plain \t");
    ASSERT_TRUE(field);
    EXPECT_EQ(field->name, "Content-Type");
    EXPECT_EQ(field->value, "text/plain");
    EXPECT_TRUE(header_field("Empty:"));
    EXPECT_FALSE(header_field("no colon"));
    EXPECT_FALSE(header_field("two words: x"));
    EXPECT_FALSE(header_field(": x"));
}

TEST(HeaderField, WordsAndNumbers)
{
    EXPECT_TRUE(same_word("HoSt", "hOsT"));
    EXPECT_FALSE(same_word("host", "hosts"));
    std::string_view text = "MAIL  FROM:<a>";
    EXPECT_EQ(take_word(&text), "MAIL");
    EXPECT_EQ(text, "FROM:<a>");
    EXPECT_EQ(leading_number("1aG", 16).value_or(0), 26U);
    EXPECT_EQ(leading_number("256", 10, 255), std::nullopt);
    EXPECT_EQ(leading_number("99999999999999999999999999"), std::nullopt);
    EXPECT_EQ(leading_number(""), std::nullopt);
}

TEST(ReplyLine, LinesOfOneReplyHaveOneCode)
{
    std::uint16_t open = 0;
    const std::pair<const char*, int> lines[] = {{"220-a", 220}, {"220-b", 220}, {" 331 c", 0}, {"331-d", 0},
                                                 {"220 e", 220}, {"331 f", 331}, {"250", 250}};
    unsigned first = 0;
    for (const auto& [text, code] : lines) {
        const auto reply = reply_line(text, &open);
        ASSERT_TRUE(reply) << text;
        EXPECT_EQ(reply->code, code) << text;
        first += reply->is_first;
    }
    EXPECT_EQ(first, 3U);
    for (const char* text : {"", "22", "2200 x", "720 x", "abc"})
        EXPECT_FALSE(reply_line(text, &open)) << text;
}

TEST(TextPool, KeepsEachTextOfAKindOnce)
{
    TextPool<64> pool{};
    EXPECT_EQ(pool.add(1, "a"), Added::kWhole);
    EXPECT_EQ(pool.add(1, "a"), Added::kWhole);
    EXPECT_EQ(pool.add(2, "a"), Added::kWhole);
    EXPECT_EQ(pool.add(1, "abcdef", 3), Added::kCut);
    EXPECT_EQ(pool.add(1, ""), Added::kWhole);
    const TextList list(pool, 1);
    ASSERT_EQ(list.all().size(), 3U);
    EXPECT_EQ(list.all()[0], "a");
    EXPECT_EQ(list.all()[1], "abc");
    EXPECT_EQ(list.all()[2], "");
}

TEST(TextPool, IsFullByBytesAndByTexts)
{
    TextPool<64> pool{}; // 62 bytes
    EXPECT_EQ(pool.add(1, std::string(60, 'x')), Added::kWhole);
    EXPECT_EQ(pool.add(1, ""), Added::kFull);
    TextPool<256> many{};
    for (int i = 0; i < 20; i++)
        EXPECT_EQ(many.add(1, std::to_string(i)), Added::kWhole);
    EXPECT_EQ(many.add(1, "20"), Added::kFull);
    EXPECT_EQ(many.add(2, "20"), Added::kWhole);
}

TEST(NumberList, KeepsDistinctNumbers)
{
    NumberList<std::uint16_t, 2> list{};
    EXPECT_TRUE(list.add(200));
    EXPECT_TRUE(list.add(404));
    EXPECT_TRUE(list.add(200));
    EXPECT_FALSE(list.add(500));
    EXPECT_EQ(list.count, 2);
}

} // namespace
