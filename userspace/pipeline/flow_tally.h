// SPDX-License-Identifier: BSD-2-Clause
// flow_tally.h - the end report's counts of exported flows, summed from the records themselves. The sum of their
// packets is one side of the ledger (counters.h), independent of the engine's counts.
#pragma once

#include <cstdint>

#include "flowxdp/flow_key.h"
#include "flowxdp/record_stream.h"

namespace flowxdp {

struct FlowTally {
    std::uint64_t biflows = 0;       // T2's A flows
    std::uint64_t two_sided = 0;     // T2's B flows
    std::uint64_t lone_inverted = 0; // partnerless flows with the INVERTED bit: correct request and reply flows
    std::uint64_t l2 = 0, ipv4 = 0, ipv6 = 0; // directions
    std::uint64_t packets = 0, octets = 0;
    std::uint64_t forced = 0, resources = 0;   // directions that triggered force mode; biflows evicted
    std::uint64_t alarms = 0, alarm_flows = 0; // directions
    std::uint64_t status = 0;
    std::uint64_t memories_dropped = 0; // flows whose plugins' memory was dropped before they ended
    std::uint64_t streams_dropped = 0;  // flows whose TCP streams' heads ended early, because too many were alive

    [[nodiscard]] std::uint64_t directions() const { return biflows + two_sided; }

    void add(const ended_record& e)
    {
        const flow_record& r = e.record;
        const bool a = r.dir[0].packets != 0;
        const bool b = r.dir[1].packets != 0;
        const std::uint64_t n = static_cast<std::uint64_t>(a) + b;
        biflows++;
        two_sided += a && b;
        lone_inverted += b && !a;
        (r.key.kind == FLOW_KIND_IPV4 ? ipv4 : r.key.kind == FLOW_KIND_IPV6 ? ipv6 : l2) += n;
        packets += r.dir[0].packets + r.dir[1].packets;
        octets += r.dir[0].octets + r.dir[1].octets;
        status |= r.dir[0].status | r.dir[1].status;
        forced += ((r.dir[0].status & FS(FORCED)) != 0) + ((r.dir[1].status & FS(FORCED)) != 0);
        resources += e.reason == FLOW_END_RESOURCES;
    }
};

} // namespace flowxdp
