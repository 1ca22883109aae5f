// SPDX-License-Identifier: BSD-2-Clause
#include "ndpi/flow_detection.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>

namespace flowxdp {

bool FlowDetection::add(const FlowPacket& packet, ProtocolDetector* detector)
{
    const unsigned direction = packet.direction & 1;
    if (packet.number < next_[direction])
        return false; // it was waited for in vain, and comes after all
    if (packet.number > next_[direction]) {
        hold(packet);
        if (held_.size() < kMostHeld)
            return false;
        skip_gap(direction);
        return look_at_held(detector) || used_up();
    }
    return look_at(packet, detector) || look_at_held(detector) || used_up();
}

Verdict FlowDetection::finish(ProtocolDetector* detector)
{
    std::sort(held_.begin(), held_.end(), [](const Held& a, const Held& b) {
        return std::tie(a.packet.time_ms, a.packet.number) < std::tie(b.packet.time_ms, b.packet.number);
    });
    for (const unsigned direction : {0u, 1u})
        skip_gap(direction);
    look_at_held(detector);
    while (!held_.empty()) { // more gaps
        skip_gap(held_.front().packet.direction & 1);
        look_at_held(detector);
    }
    return detector->verdict(flow_.get());
}

void FlowDetection::hold(const FlowPacket& packet)
{
    Held& held = held_.emplace_back();
    held.packet = packet;
    std::memcpy(held.src.data(), packet.ip.src, held.src.size());
    std::memcpy(held.dst.data(), packet.ip.dst, held.dst.size());
    held.header.assign(packet.ip.header.begin(), packet.ip.header.end());
    held.payload.assign(packet.ip.payload.begin(), packet.ip.payload.end());
}

bool FlowDetection::look_at_held(ProtocolDetector* detector)
{
    for (std::size_t i = 0; i < held_.size();) {
        const FlowPacket& waits = held_[i].packet;
        const std::uint64_t next = next_[waits.direction & 1];
        if (waits.number > next) {
            i++;
            continue;
        }
        const Held held = std::move(held_[i]);
        held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
        if (held.packet.number < next)
            continue; // a second copy
        FlowPacket packet = held.packet;
        packet.ip.src = held.src.data();
        packet.ip.dst = held.dst.data();
        packet.ip.header = held.header;
        packet.ip.payload = held.payload;
        if (look_at(packet, detector))
            return true;
        i = 0;
    }
    return false;
}

bool FlowDetection::look_at(const FlowPacket& packet, ProtocolDetector* detector)
{
    const unsigned direction = packet.direction & 1;
    next_[direction] = packet.number + 1;
    if (!packet.is_readable)
        return false;
    IpPacketFacts ip = packet.ip;
    if (ip.ip_proto == IpPacket::kTcp) {
        if (ip.tcp_flags & TCP_ACK)
            ip.tcp_ack = next_seq_[direction ^ 1];
        const std::uint32_t after = ip.tcp_seq + packet.payload_len + ((ip.tcp_flags & (TCP_SYN | TCP_FIN)) ? 1 : 0);
        // RFC 1982: later than what was sent before.
        if (!next_seq_[direction] || static_cast<std::int32_t>(after - next_seq_[direction]) > 0)
            next_seq_[direction] = after;
    }
    has_looked_ = true;
    IpPacket bytes;
    return detector->look_at(flow_.get(), bytes.write(ip), packet.time_ms);
}

void FlowDetection::skip_gap(unsigned direction)
{
    std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
    for (const Held& held : held_)
        if ((held.packet.direction & 1u) == direction)
            lowest = std::min(lowest, held.packet.number);
    if (lowest == std::numeric_limits<std::uint64_t>::max() || lowest <= next_[direction])
        return;
    next_[direction] = lowest;
    has_gap_ = true;
}

} // namespace flowxdp
