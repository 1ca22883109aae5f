// SPDX-License-Identifier: BSD-2-Clause
// Readers see a head as it grows, each up to its limit, until it says that it has enough; memory is bounded.
#include "payload/stream_heads.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace flowxdp {
namespace {

constexpr std::size_t kMostBytes = 4u << 20;

struct Call {
    unsigned reader;
    std::uint64_t flow;
    std::string bytes;
    std::size_t known_before;
    bool complete;
    bool operator==(const Call&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Call& c)
{
    return out << "reader " << c.reader << ", flow " << c.flow << ": '" << c.bytes << "' after " << c.known_before
               << (c.complete ? ", complete" : "");
}

// Readers that have enough after so many bytes.
struct Readers {
    explicit Readers(std::vector<std::uint32_t> limits, std::vector<std::size_t> enough)
        : heads(kMostBytes, std::move(limits),
                [this, enough = std::move(enough)](unsigned reader, std::uint64_t flow, fx_stream* s) {
                    calls.push_back({reader,
                                     flow,
                                     {reinterpret_cast<const char*>(s->bytes), s->length},
                                     s->known_before,
                                     s->complete != 0});
                    return s->length < enough[reader];
                })
    {
    }
    void add(std::uint64_t flow, std::uint32_t sequence, std::string_view payload, std::uint32_t readers = 3)
    {
        StreamSegment s;
        s.sequence = sequence;
        s.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
        s.payload_len = static_cast<std::uint32_t>(payload.size());
        heads.add(flow, 0, readers, s, nullptr, 0);
    }
    std::vector<Call> calls;
    StreamHeads heads;
};

TEST(StreamHeads, EachReaderSeesTheHeadUpToItsLimitUntilItHasEnough)
{
    Readers r({100, 4}, {6, 100});
    r.add(1, 0, "abc");
    r.add(1, 3, "defg");
    r.add(1, 7, "hij");
    r.heads.finish(1);
    EXPECT_EQ(
        r.calls,
        (std::vector<Call>{
            {0, 1, "abc", 0, false}, {1, 1, "abc", 0, false}, {0, 1, "abcdefg", 3, false}, {1, 1, "abcd", 3, true}}));
    EXPECT_EQ(r.heads.bytes(), 0U);
    EXPECT_EQ(r.heads.flows(), 0U);
}

TEST(StreamHeads, TheFlowsEndIsTheLastCallOfReadersThatWantMore)
{
    Readers r({100}, {100});
    r.add(1, 0, "abc", 1);
    r.add(1, 5, "fg", 1);
    r.heads.finish(1);
    EXPECT_EQ(r.calls, (std::vector<Call>{{0, 1, "abc", 0, false}, {0, 1, std::string("abc\0\0fg", 7), 3, true}}));
}

TEST(StreamHeads, WhoHasEnoughSeesTheDirectionNoMore)
{
    Readers r({100}, {1});
    r.add(1, 0, "a", 1);
    r.add(1, 1, "b", 1);
    r.heads.finish(1);
    EXPECT_EQ(r.calls.size(), 1U);
    EXPECT_EQ(r.heads.dropped(), 0U);
}

TEST(StreamHeads, TheOldestFlowGivesWayWhenAllHeadsAreTooLong)
{
    constexpr std::uint32_t kBytes = FX_STREAM_MAX_BYTES;
    Readers r({kBytes}, {kBytes + 1});
    const std::string payload(kBytes - 1, 'x');
    std::uint64_t flow = 1;
    while (!r.heads.dropped() && flow < 10000)
        r.add(flow++, 0, payload, 1);
    EXPECT_LE(r.heads.bytes(), kMostBytes);
    EXPECT_GE(flow, kMostBytes / (2 * kBytes)) << "no sooner";
    ASSERT_FALSE(r.calls.empty());
    EXPECT_EQ(r.calls.back().flow, 1U);
    EXPECT_TRUE(r.calls.back().complete);
}

TEST(StreamHeads, FlowsThatNobodyReadsAreNoLossWhenTheyGiveWay)
{
    Readers r({100}, {1});
    for (std::uint64_t flow = 0; flow < StreamHeads::kMostFlows + 100; flow++)
        r.add(flow, 0, "a", 1);
    EXPECT_EQ(r.heads.flows(), StreamHeads::kMostFlows);
    EXPECT_EQ(r.heads.dropped(), 0U);
}

} // namespace
} // namespace flowxdp
