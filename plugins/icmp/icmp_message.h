// SPDX-License-Identifier: BSD-2-Clause
// icmp_message.h - one ICMP (RFC 792) or ICMPv6 (RFC 4443) message, and the packet that an error message quotes.
#pragma once

#include <cstdint>
#include <span>

namespace flowxdp {

// The quoted packet of an error message, as its headers say. Ports are 0 where the protocol has none, the quote is a
// later fragment, or it ends before them.
struct QuotedPacket {
    std::uint8_t src[16], dst[16]; // IPv4 mapped into IPv6
    std::uint16_t src_port, dst_port;
    std::uint8_t ip_version; // 4 or 6; 0: there is no quote, or none that can be read
    std::uint8_t ip_proto;   // IPv6: behind the extension headers
    bool cut;                // it ends before protocol or ports are known
};

struct IcmpMessage {
    std::uint8_t type, code;
    std::uint16_t id, sequence; // echo messages, when has_id, has_sequence
    std::uint32_t rest;         // bytes 4 to 7 of the header
    std::uint32_t gateway;      // redirect (type 5): RFC 792; 0 otherwise
    std::uint32_t originate_ms; // time stamp and its reply (13, 14): since midnight UT; 0 otherwise
    std::uint32_t mtu;          // fragmentation needed (RFC 1191), packet too big (RFC 4443): bytes; 0 otherwise
    bool is_echo_request, is_echo_reply;
    bool has_id, has_sequence; // captured
    bool is_error;             // type that carries a quote
    bool cut;                  // it ends before what its type promises
    QuotedPacket quote;
    std::span<const std::uint8_t> data; // echo messages: what follows the header
};

// ip_version: 4 for ICMP, 6 for ICMPv6. bytes: from the type on, as far as captured. A message of fewer than four bytes
// is type and code 0 and cut.
[[nodiscard]] IcmpMessage parse_icmp(std::span<const std::uint8_t> bytes, std::uint8_t ip_version);

// bytes: from the IP header on.
[[nodiscard]] QuotedPacket parse_quoted_packet(std::span<const std::uint8_t> bytes);

} // namespace flowxdp
