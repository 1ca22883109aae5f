// SPDX-License-Identifier: BSD-2-Clause
// crypto_stream.h - the front of what CRYPTO frames carry (RFC 9000 7.5, 19.6), put in order. Frames may come in any
// order and overlap: of bytes that come twice the first copy wins. Plain bytes of a fixed size, for a flow's memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quic/quic_packet.h"

namespace flowxdp::quic {

struct CryptoStream {
    // Two full Initial packets: a ClientHello with a post-quantum key share fits.
    static constexpr std::size_t kMost = 2432;

    std::uint8_t bytes[kMost];
    std::uint8_t there[kMost / 8]; // a bit for each byte
    std::uint16_t in_order;        // bytes from the first one on without a gap
    std::uint8_t cut;              // 1: bytes beyond kMost came
    std::uint8_t reserved[5];

    void add(std::uint64_t offset, Bytes data)
    {
        if (offset >= kMost || data.size() > kMost - offset) {
            cut = 1;
            if (offset >= kMost)
                return;
            data = data.first(kMost - static_cast<std::size_t>(offset));
        }
        auto at = static_cast<std::size_t>(offset);
        for (const std::uint8_t byte : data) {
            if (!(there[at / 8] >> (at % 8) & 1)) {
                bytes[at] = byte;
                there[at / 8] |= static_cast<std::uint8_t>(1u << (at % 8));
            }
            at++;
        }
        while (in_order < kMost && there[in_order / 8] >> (in_order % 8) & 1)
            in_order++;
    }
    [[nodiscard]] Bytes front() const { return {bytes, in_order}; }
    void forget() { std::memset(this, 0, sizeof *this); }
};

} // namespace flowxdp::quic
