// SPDX-License-Identifier: BSD-2-Clause
// The head of a TCP direction: what a receiver would have read, whatever the order of the segments.
#include "payload/stream_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

namespace flowxdp {
namespace {

constexpr std::uint32_t kLimit = 1000;

StreamSegment data(std::uint32_t sequence, std::string_view payload, std::uint32_t claimed = 0)
{
    StreamSegment s;
    s.sequence = sequence;
    s.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    s.payload_len = claimed ? claimed : static_cast<std::uint32_t>(payload.size());
    return s;
}

StreamSegment syn(std::uint32_t sequence, std::string_view payload = "")
{
    StreamSegment s = data(sequence, payload);
    s.syn = true;
    return s;
}

std::string text(const StreamHead& head)
{
    return {reinterpret_cast<const char*>(head.bytes().data()), head.bytes().size()};
}

TEST(StreamHead, BeginsBehindTheSyn)
{
    StreamHead head;
    head.add(syn(99), kLimit);
    head.add(data(100, "GET "), kLimit);
    head.add(data(104, "/"), kLimit);
    EXPECT_EQ(text(head), "GET /");
    EXPECT_TRUE(head.from_start());
    EXPECT_TRUE(head.gaps().empty());
}

TEST(StreamHead, BeginsWithTheFirstSegmentWithoutASyn)
{
    StreamHead head;
    head.add(data(100, "middle"), kLimit);
    EXPECT_EQ(text(head), "middle");
    EXPECT_FALSE(head.from_start());
    head.add(data(90, "before the"), kLimit); // from in front of the first byte that was seen
    EXPECT_EQ(text(head), "middle");
}

TEST(StreamHead, TakesDataOfASyn) // RFC 7413
{
    StreamHead head;
    head.add(syn(99, "fast"), kLimit);
    head.add(data(104, " open"), kLimit);
    EXPECT_EQ(text(head), "fast open");
}

TEST(StreamHead, ASecondSynWithOtherNumbersIsAnotherConnection)
{
    StreamHead head;
    head.add(syn(99), kLimit);
    head.add(syn(5000), kLimit); // no data yet: this one counts
    head.add(data(5001, "one"), kLimit);
    head.add(syn(9000), kLimit);
    head.add(data(5004, "two"), kLimit);
    EXPECT_EQ(text(head), "onetwo");
}

TEST(StreamHead, SequenceNumbersWrap)
{
    StreamHead head;
    head.add(syn(0xfffffffd), kLimit);
    head.add(data(1, "cd"), kLimit);
    EXPECT_EQ(text(head), "");
    head.add(data(0xfffffffe, "abC"), kLimit);
    EXPECT_EQ(text(head), "abCcd");
}

TEST(StreamHead, TheFirstCopyOfAByteCounts)
{
    StreamHead head;
    head.add(syn(0), kLimit);
    head.add(data(1, "aaaa"), kLimit);
    head.add(data(3, "bbbb"), kLimit);
    head.add(data(9, "dd"), kLimit);
    head.add(data(6, "cccccc"), kLimit);
    EXPECT_EQ(text(head), "aaaabbccddc");
}

TEST(StreamHead, WhatWasNotCapturedIsAGap)
{
    StreamHead head;
    head.add(syn(0), kLimit);
    head.add(data(1, "ab", 5), kLimit);
    head.add(data(6, "fg"), kLimit);
    EXPECT_EQ(text(head), std::string("ab\0\0\0fg", 7));
    ASSERT_EQ(head.gaps().size(), 1U);
    EXPECT_EQ(head.gaps()[0].offset, 2U);
    EXPECT_EQ(head.gaps()[0].length, 3U);
}

TEST(StreamHead, WaitsForALostSegmentUntilEnoughCameBehindIt)
{
    StreamHead head;
    head.add(syn(0), kLimit);
    head.add(data(1, "a"), kLimit);
    for (int i = 0; i < FX_STREAM_PATIENCE; i++) {
        head.add(data(static_cast<std::uint32_t>(4 + i), "x"), kLimit);
        EXPECT_EQ(text(head), "a") << i;
    }
    head.add(data(4 + FX_STREAM_PATIENCE, "y"), kLimit);
    EXPECT_EQ(text(head), std::string("a\0\0", 3) + std::string(FX_STREAM_PATIENCE, 'x') + "y");
    ASSERT_EQ(head.gaps().size(), 1U);
    EXPECT_EQ(head.gaps()[0].offset, 1U);
    EXPECT_EQ(head.gaps()[0].length, 2U);
    head.add(data(2, "bc"), kLimit); // too late
    EXPECT_EQ(text(head).substr(0, 3), std::string("a\0\0", 3));
}

TEST(StreamHead, TheEndOfTheFlowMakesHolesGaps)
{
    StreamHead head;
    head.add(syn(0), kLimit);
    head.add(data(3, "cd"), kLimit);
    head.add(data(7, "g"), kLimit);
    EXPECT_EQ(text(head), "");
    head.give_up();
    EXPECT_EQ(text(head), std::string("\0\0cd\0\0g", 7));
    EXPECT_EQ(head.gaps().size(), 2U);
}

TEST(StreamHead, KeepsNoMoreThanItsLimit)
{
    StreamHead head;
    head.add(syn(0), 4);
    head.add(data(1, "abcdefgh"), 4);
    head.add(data(9, "ijkl"), 4);
    EXPECT_EQ(text(head), "abcd");
    EXPECT_LE(head.memory(), 16U);
    head.add(data(1, "", 60000), 4); // a claim without bytes
    EXPECT_EQ(text(head), "abcd");
}

TEST(StreamHead, AResetsPayloadIsNotOfTheStream)
{
    StreamHead head;
    StreamSegment reset = data(1, "No tcp/0 listener");
    reset.reset = true;
    head.add(syn(0), kLimit);
    head.add(reset, kLimit);
    EXPECT_EQ(text(head), "");
}

// Random orders, overlaps and copies of one stream; at most FX_STREAM_PATIENCE segments are ever behind a hole.
TEST(StreamHead, AnyOrderGivesTheStream)
{
    std::mt19937 chance(7);
    for (int round = 0; round < 2000; round++) {
        std::string stream(1 + chance() % 300, ' ');
        for (char& c : stream)
            c = static_cast<char>('a' + chance() % 26);
        const std::uint32_t origin = chance();
        std::vector<std::pair<std::size_t, std::size_t>> parts; // from, to
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t to = std::min(stream.size(), at + 1 + chance() % 40);
            parts.emplace_back(at - std::min<std::size_t>(at, chance() % 5), to);
            at = to;
        }
        for (std::size_t i = 0; i + 1 < parts.size(); i++) // no segment moves by more than four places
            std::swap(parts[i], parts[std::min(parts.size() - 1, i + chance() % 4)]);
        StreamHead head;
        head.add(syn(origin - 1), kLimit);
        for (const auto& [from, to] : parts)
            head.add(data(origin + static_cast<std::uint32_t>(from), std::string_view(stream).substr(from, to - from)),
                     kLimit);
        head.give_up();
        EXPECT_EQ(text(head), stream) << "round " << round;
        EXPECT_TRUE(head.gaps().empty());
    }
}

} // namespace
} // namespace flowxdp
