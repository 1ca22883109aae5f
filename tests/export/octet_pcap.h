// SPDX-License-Identifier: BSD-2-Clause
// octet_pcap.h - datagrams as a capture file, for a dissector.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace flowxdp::test {

// Writes each datagram as an Ethernet frame from 127.0.0.1 to 127.0.0.1, destination port `port`; checksums are zero.
inline void write_udp_pcap(const std::string& path, std::uint16_t port,
                           const std::vector<std::vector<std::uint8_t>>& datagrams)
{
    std::ofstream out(path, std::ios::binary);
    const auto put = [&](const std::vector<std::uint8_t>& octets) {
        out.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
    };
    const auto le32 = [&](std::size_t value) {
        put({static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
             static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 24)});
    };
    const auto high = [](std::size_t value) { return static_cast<std::uint8_t>(value >> 8); };
    const auto low = [](std::size_t value) { return static_cast<std::uint8_t>(value); };
    put({0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0});
    for (const std::size_t word : {0u, 0u, 65535u, 1u}) // zone, accuracy, snaplen, Ethernet
        le32(word);
    std::size_t seconds = 1'700'000'000;
    for (const auto& datagram : datagrams) {
        const std::size_t udp = datagram.size() + 8, ip = udp + 20;
        le32(seconds++);
        le32(0);
        le32(ip + 14);
        le32(ip + 14);
        put({2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0});
        put({0x45, 0, high(ip), low(ip), 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1});
        put({0x9c, 0x40, high(port), low(port), high(udp), low(udp), 0, 0});
        put(datagram);
    }
}

} // namespace flowxdp::test
