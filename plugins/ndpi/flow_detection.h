// SPDX-License-Identifier: BSD-2-Clause
// flow_detection.h - a flow whose protocol is being looked for.
//
// Live, packets of one direction may come in another order than they were counted in. What nDPI says depends on the
// order, so a packet waits here until those before it came: it is the order of replay, too. A packet that never comes
// is waited for until kMostHeld later ones came.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ndpi/ip_packet.h"
#include "ndpi/protocol_detector.h"

namespace flowxdp {

// A packet of a flow, and its place there.
struct FlowPacket {
    IpPacketFacts ip;              // tcp_ack is not given: it follows from what the other direction sent
    bool is_readable = false;      // its layer 4 header was captured: nDPI can look at it
    std::uint32_t payload_len = 0; // claimed
    std::uint64_t number = 0;      // in its direction, from 1
    std::uint64_t time_ms = 0;     // since the epoch
    std::uint8_t direction = 0;    // 0 or 1
};

class FlowDetection {
  public:
    static constexpr std::size_t kMostHeld = 16;

    // packets: of each direction that are looked at.
    explicit FlowDetection(std::uint16_t packets) : flow_(ProtocolDetector::new_flow()), packets_(packets) {}

    // Returns whether the flow is done: nDPI has seen enough, or all packets that it may see.
    bool add(const FlowPacket& packet, ProtocolDetector* detector);
    // The flow ended or is done. Looks at the packets that still wait.
    Verdict finish(ProtocolDetector* detector);

    // A packet was looked at.
    [[nodiscard]] bool has_looked() const { return has_looked_; }
    // Packets did not come.
    [[nodiscard]] bool has_gap() const { return has_gap_; }
    // All packets that may be looked at were.
    [[nodiscard]] bool used_up() const { return next_[0] > packets_ && next_[1] > packets_; }

  private:
    // A packet that came too early, with bytes of its own.
    struct Held {
        FlowPacket packet;
        std::array<std::uint8_t, 16> src, dst;
        std::vector<std::uint8_t> header, payload;
    };

    void hold(const FlowPacket& packet);
    // Looks at the packets that wait and are next. Returns whether nDPI has seen enough.
    bool look_at_held(ProtocolDetector* detector);
    bool look_at(const FlowPacket& packet, ProtocolDetector* detector);
    // The direction's lowest number that waits becomes the next one.
    void skip_gap(unsigned direction);

    ProtocolDetector::Flow flow_;
    std::array<std::uint64_t, 2> next_ = {1, 1};     // number of the next packet of a direction
    std::array<std::uint32_t, 2> next_seq_ = {0, 0}; // of TCP, after what a direction sent; 0: nothing yet
    std::vector<Held> held_;
    std::uint16_t packets_;
    bool has_looked_ = false, has_gap_ = false;
};

} // namespace flowxdp
