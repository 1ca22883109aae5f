// SPDX-License-Identifier: BSD-2-Clause
// recent_flows.h - flowInd by addresses, protocol and ports, of the flows that began last.
//
// Which flow an error message is about is known by the tuple that it quotes. A tuple is found in either direction.
// VLANs are not looked at: an error may come back in another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "flowxdp/recent_map.hpp"

namespace flowxdp {

// One end's view of a packet. Addresses: 16 bytes, IPv4 mapped into IPv6.
struct FlowTuple {
    const std::uint8_t *src, *dst;
    std::uint16_t src_port, dst_port;
    std::uint8_t ip_version, ip_proto;
    std::uint16_t source; // stream_header.source: each sensor of a daemon numbers its flows from 1
};

class RecentFlows {
  public:
    static constexpr std::size_t kMost = 65536;

    RecentFlows() : flows_(kMost) {}

    // The newest flow of a tuple counts.
    void add(const FlowTuple& tuple, std::uint64_t flow_id) { flows_.put(key_of(tuple), flow_id); }
    // 0: it began before the last kMost ones, or is not in the input.
    [[nodiscard]] std::uint64_t find(const FlowTuple& tuple)
    {
        const std::uint64_t* flow_id = flows_.find(key_of(tuple));
        return flow_id ? *flow_id : 0;
    }

  private:
    struct Key {
        std::uint8_t low[16], high[16];
        std::uint16_t low_port, high_port, source;
        std::uint8_t ip_version, ip_proto;
    };

    static Key key_of(const FlowTuple& t)
    {
        const int order = std::memcmp(t.src, t.dst, 16);
        const bool src_is_low = order < 0 || (order == 0 && t.src_port <= t.dst_port);
        Key key;
        std::memcpy(key.low, src_is_low ? t.src : t.dst, 16);
        std::memcpy(key.high, src_is_low ? t.dst : t.src, 16);
        key.low_port = src_is_low ? t.src_port : t.dst_port;
        key.high_port = src_is_low ? t.dst_port : t.src_port;
        key.source = t.source;
        key.ip_version = t.ip_version;
        key.ip_proto = t.ip_proto;
        return key;
    }

    RecentMap<Key, std::uint64_t> flows_;
};

} // namespace flowxdp
