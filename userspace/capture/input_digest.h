// SPDX-License-Identifier: BSD-2-Clause
// input_digest.h - says whether two inputs have the same packets in the same order, whatever files they are in.
//
// It is made in passing: time, lengths, link type and the first bytes of each packet go through one multiplication for
// 16 bytes (the folded product of 64 by 64 bits, as in wyhash). So it tells captures apart that differ by accident; it
// is no defence against somebody who makes a capture with a given digest.
#pragma once

#include <cstdint>
#include <cstring>

#include "capture/frame.h"

namespace flowxdp {

class InputDigest {
  public:
    // A wrong input is noticed after so many packets, before anything was written.
    static constexpr std::uint64_t kBeginPackets = 1000;

    void add(const Frame& frame)
    {
        state_ = mix(state_ ^ static_cast<std::uint64_t>(frame.ts_ns),
                     kFirst ^ (static_cast<std::uint64_t>(frame.wire_len) << 32 | frame.cap_len));
        std::uint8_t bytes[kBytes] = {};
        const std::uint8_t* from = bytes;
        if (frame.cap_len >= kBytes)
            from = frame.data;
        else if (frame.cap_len) // of none, data may be null
            std::memcpy(bytes, frame.data, frame.cap_len);
        std::uint64_t salt = kSecond ^ frame.link_type;
        for (std::size_t at = 0; at < kBytes; at += 16) {
            std::uint64_t low = 0, high = 0;
            std::memcpy(&low, from + at, 8);
            std::memcpy(&high, from + at + 8, 8);
            state_ = mix(state_ ^ low, salt ^ high);
        }
        if (++packets_ == kBeginPackets)
            begin_ = state_;
    }

    [[nodiscard]] std::uint64_t packets() const { return packets_; }
    [[nodiscard]] std::uint64_t value() const { return state_; }
    // Of the first kBeginPackets packets, or of all when there are fewer.
    [[nodiscard]] std::uint64_t begin() const { return packets_ < kBeginPackets ? state_ : begin_; }

  private:
    static constexpr std::size_t kBytes = 64; // of a frame: addresses and ports
    // Digits of pi.
    static constexpr std::uint64_t kFirst = 0x243f6a8885a308d3, kSecond = 0x13198a2e03707344;

    static std::uint64_t mix(std::uint64_t a, std::uint64_t b)
    {
        const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }

    std::uint64_t packets_ = 0, state_ = kSecond, begin_ = 0;
};

} // namespace flowxdp
