// SPDX-License-Identifier: BSD-2-Clause
// stream_heads.h - the heads of the TCP flows that are alive, by sensor and flowInd, and which readers have seen how
// much.
//
// A reader is a user half; readers have numbers below kMostReaders. All heads together have a bound: when it is reached
// the flow that has been kept longest ends its heads, and that is counted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>

#include "payload/stream_head.h"

namespace flowxdp {

class StreamHeads {
  public:
    static constexpr std::size_t kMostFlows = 1u << 18;
    static constexpr unsigned kMostReaders = 32;

    // Shows a reader more of a head. Returns whether it wants more. flow: a FlowMemory::key().
    using Show = std::function<bool(unsigned reader, std::uint64_t flow, fx_stream* stream)>;

    StreamHeads() = default;
    // most_bytes: of all heads. limits: the most bytes of a head for each reader.
    StreamHeads(std::uint64_t most_bytes, std::vector<std::uint32_t> limits, Show show)
        : most_bytes_(most_bytes), limits_(std::move(limits)), show_(std::move(show))
    {
    }

    // A segment of a flow that these readers want.
    void add(std::uint64_t flow, unsigned direction, std::uint32_t readers, const StreamSegment& segment,
             const packet_record* packet, std::int64_t ts_ns);
    // The flow is over: readers that want more see for the last time what there is.
    void finish(std::uint64_t flow);

    // Flows whose heads ended early because all heads together were too long.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    [[nodiscard]] std::size_t flows() const { return flows_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct Direction {
        StreamHead head;
        std::uint32_t readers = 0, done = 0; // bits
        std::int64_t ts_ns = 0;
        std::vector<std::uint32_t> shown; // by reader
    };
    struct Flow {
        std::uint64_t key = 0;
        std::array<Direction, 2> directions;
    };

    void show(Flow* flow, unsigned direction, const packet_record* packet, bool last);
    void end(std::list<Flow>::iterator flow);

    std::uint64_t most_bytes_ = 0;
    std::vector<std::uint32_t> limits_;
    Show show_;
    std::list<Flow> order_; // oldest first
    std::unordered_map<std::uint64_t, std::list<Flow>::iterator> flows_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

} // namespace flowxdp
