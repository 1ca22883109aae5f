// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as the options of a direction's segments: lists stay within bounds, and what is said does not depend on the
// order in which the segments came.
//
// Input: segments, each behind a byte (bit 0: SYN) and a byte of its length.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "tcp_flags/option_facts.h"

namespace {

struct Segment {
    std::vector<std::uint8_t> options; // a block of its own, so that a read behind it is seen
    std::uint64_t number;
    bool is_syn;
};

std::unique_ptr<flowxdp::OptionFacts> facts_of(const std::vector<Segment>& segments)
{
    auto facts = std::make_unique<flowxdp::OptionFacts>(flowxdp::OptionFacts{});
    for (const Segment& s : segments)
        facts->add({s.options, s.number, 1000, s.is_syn});
    return facts;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::vector<Segment> segments;
    while (size >= 2 && segments.size() < 8) {
        const std::size_t length = std::min<std::size_t>(data[1], size - 2);
        segments.push_back({{data + 2, data + 2 + length}, segments.size() + 1, (data[0] & 1) != 0});
        data += 2 + length;
        size -= 2 + length;
    }
    const auto facts = facts_of(segments);
    std::reverse(segments.begin(), segments.end());
    const auto other = facts_of(segments);
    if (facts->syn_kinds_used > flowxdp::OptionFacts::kMostKinds || facts->ja4t() != other->ja4t() ||
        facts->mptcp_subtypes != other->mptcp_subtypes || facts->mptcp_flags != other->mptcp_flags ||
        facts->address_id != other->address_id || facts->dss_flags != other->dss_flags)
        std::abort();
    return 0;
}
