// SPDX-License-Identifier: BSD-2-Clause
// tcp_segment.h - the frame that benchmarks of the kernel's half repeat.
#pragma once

#include <array>
#include <cstdint>

namespace flowxdp::bench {

// A TCP segment of 60 bytes, the shortest frame on a wire, with up to 6 bytes of payload. visits.bpf.h sets the source
// address. Its receiver has another MAC address than any interface here, so a network stack drops it at once.
inline std::array<std::uint8_t, 60> tcp_segment(std::uint8_t payload)
{
    std::array<std::uint8_t, 60> frame = {
        2,    0,    0,    0,    0, 1, 2,    0, 0,  0, 0, 2, 0x08, 0x00,                              // Ethernet
        0x45, 0,    0,    40,   0, 1, 0x40, 0, 64, 6, 0, 0, 10,   0,    0,    0,    192, 168, 0, 1,  // IPv4
        0x9c, 0x40, 0x01, 0xbb, 0, 0, 0,    1, 0,  0, 0, 1, 0x50, 0x10, 0x72, 0x10, 0,   0,   0, 0}; // TCP 40000 > 443
    frame[17] = static_cast<std::uint8_t>(40 + payload);
    return frame;
}

} // namespace flowxdp::bench
