// SPDX-License-Identifier: BSD-2-Clause
// input_digest.h - says whether two inputs have the same packets in the same order, whatever files they are in.
//
// It is made in passing: time, lengths, link type and the first bytes of each packet go through one multiplication for
// 16 bytes (the folded product of 64 by 64 bits, as in wyhash). Those of a packet do not wait for each other, and one
// more puts the packet in its place. So it tells captures apart that differ by accident; it is no defence against
// somebody who makes a capture with a given digest.
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
        std::uint64_t packet =
            mix(kDigits[0] ^ static_cast<std::uint64_t>(frame.ts_ns),
                kDigits[1] ^ frame.link_type ^ (static_cast<std::uint64_t>(frame.wire_len) << 32 | frame.cap_len));
        std::uint8_t bytes[kBytes] = {};
        const std::uint8_t* from = bytes;
        if (frame.cap_len >= kBytes)
            from = frame.data;
        else if (frame.cap_len) // of none, data may be null
            std::memcpy(bytes, frame.data, frame.cap_len);
        for (std::size_t i = 0; i < kBytes / 16; i++) {
            std::uint64_t low = 0, high = 0;
            std::memcpy(&low, from + 16 * i, 8);
            std::memcpy(&high, from + 16 * i + 8, 8);
            packet ^= mix(kDigits[2 + 2 * i] ^ low, kDigits[3 + 2 * i] ^ high);
        }
        state_ = mix(state_ ^ packet, kDigits[10]);
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
    static constexpr std::uint64_t kDigits[11] = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
                                                  0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c,
                                                  0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917, 0x9216d5d98979fb1b,
                                                  0xd1310ba698dfb5ac, 0x2ffd72dbd01adfb7};

    static std::uint64_t mix(std::uint64_t a, std::uint64_t b)
    {
        const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }

    std::uint64_t packets_ = 0, state_ = 0, begin_ = 0;
};

} // namespace flowxdp
