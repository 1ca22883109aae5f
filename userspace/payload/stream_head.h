// SPDX-License-Identifier: BSD-2-Clause
// stream_head.h - the first bytes of one TCP direction, put in order (RFC 9293 3.4: sequence numbers wrap).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "flowxdp/plugin.h"

namespace flowxdp {

// What the head needs to know of a segment.
struct StreamSegment {
    std::uint32_t sequence = 0; // of the segment: of its SYN, where it has one
    bool syn = false, reset = false;
    std::span<const std::uint8_t> payload{}; // captured
    std::uint32_t payload_len = 0;           // claimed; bytes that were not captured become a gap
};

// Segments go in as they come; bytes that follow the stream's first one without a hole come out. The first copy of a
// byte counts. A hole is waited for until FX_STREAM_PATIENCE segments with payload came behind it, or give_up(): then
// it is a gap of zero bytes. Bytes from `limit` on are not kept, nor those in front of the first one.
class StreamHead {
  public:
    void add(const StreamSegment& segment, std::uint32_t limit);
    // Nothing more comes: holes in front of bytes that are there become gaps.
    void give_up();
    // Gives the memory back; the head stays empty.
    void release();

    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), length_}; }
    [[nodiscard]] std::span<const fx_stream_gap> gaps() const { return gaps_; }
    // The SYN was seen: the first byte is the connection's first.
    [[nodiscard]] bool from_start() const { return has_syn_; }
    [[nodiscard]] std::size_t memory() const { return bytes_.capacity(); }

  private:
    struct Range {
        std::uint32_t from, to;
        bool captured;
    };
    static constexpr std::size_t kMostRanges = 64; // behind a hole

    void place(std::uint32_t from, std::uint32_t to, const std::uint8_t* bytes);
    void join();
    void make_gap(std::uint32_t from, std::uint32_t to);
    void skip_hole();

    std::vector<std::uint8_t> bytes_;
    std::vector<Range> held_; // behind the hole at length_, in order, apart from each other
    std::vector<fx_stream_gap> gaps_;
    std::uint32_t origin_ = 0; // sequence number of the first byte
    std::uint32_t length_ = 0; // bytes without a hole
    std::uint32_t waited_ = 0; // segments since the hole at length_ is there
    bool has_origin_ = false, has_syn_ = false, has_data_ = false;
};

} // namespace flowxdp
