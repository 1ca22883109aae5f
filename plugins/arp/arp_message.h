// SPDX-License-Identifier: BSD-2-Clause
// arp_message.h - one ARP (RFC 826) or RARP (RFC 903) message.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace flowxdp {

using MacAddress = std::array<std::uint8_t, 6>;
using Ipv4Address = std::array<std::uint8_t, 4>;

struct ArpMessage {
    static constexpr std::uint16_t kRequest = 1, kReply = 2, kReverseReply = 4;

    std::uint16_t hardware_type; // IANA: 1 = Ethernet
    std::uint16_t protocol_type; // Ethertype
    std::uint16_t opcode;
    bool has_opcode; // captured
    bool has_pairs;  // Ethernet or IEEE 802 with MAC addresses of 6 bytes and IPv4 addresses, all captured: the fields
                     // below are valid
    bool cut;        // it ends before what its lengths say
    MacAddress sender_mac, target_mac;
    Ipv4Address sender_ip, target_ip;

    // RFC 5227: whether somebody has the address, asked before it is used.
    [[nodiscard]] bool is_probe() const;
    // Sender and target have one address: it tells, it does not ask.
    [[nodiscard]] bool is_gratuitous() const;
    // RFC 5227: a gratuitous request without a target.
    [[nodiscard]] bool is_announcement() const;
};

// No address, or everybody's.
[[nodiscard]] bool names_one(const MacAddress& mac);
[[nodiscard]] bool names_one(const Ipv4Address& ip);

// bytes: from the hardware type on, as far as captured. A message of fewer than eight bytes is cut and has no opcode.
[[nodiscard]] ArpMessage parse_arp(std::span<const std::uint8_t> bytes);

} // namespace flowxdp
