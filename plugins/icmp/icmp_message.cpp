// SPDX-License-Identifier: BSD-2-Clause
#include "icmp_message.h"

#include <algorithm>
#include <cstring>

namespace flowxdp {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 8; // of every ICMP message
constexpr unsigned kMostExtensions = 8;

std::uint16_t load16(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t load32(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint32_t>(load16(bytes, at)) << 16 | load16(bytes, at + 2);
}

// TCP, UDP, DCCP, SCTP and UDP-Lite begin with the two ports.
bool has_ports(std::uint8_t ip_proto)
{
    return ip_proto == 6 || ip_proto == 17 || ip_proto == 33 || ip_proto == 132 || ip_proto == 136;
}

void read_ports(Bytes rest, QuotedPacket* quote)
{
    if (!has_ports(quote->ip_proto))
        return;
    if (rest.size() < 4) {
        quote->cut = true;
        return;
    }
    quote->src_port = load16(rest, 0);
    quote->dst_port = load16(rest, 2);
}

void read_ipv4(Bytes bytes, QuotedPacket* quote)
{
    const std::size_t header = static_cast<std::size_t>(bytes[0] & 15) * 4;
    if (bytes.size() < 20 || header < 20)
        return;
    quote->ip_version = 4;
    quote->ip_proto = bytes[9];
    quote->src[10] = quote->src[11] = quote->dst[10] = quote->dst[11] = 0xff;
    std::memcpy(quote->src + 12, &bytes[12], 4);
    std::memcpy(quote->dst + 12, &bytes[16], 4);
    if (load16(bytes, 6) & 0x1fff) // a later fragment has no ports
        return;
    read_ports(bytes.subspan(std::min(header, bytes.size())), quote);
}

void read_ipv6(Bytes bytes, QuotedPacket* quote)
{
    if (bytes.size() < 40)
        return;
    quote->ip_version = 6;
    std::memcpy(quote->src, &bytes[8], 16);
    std::memcpy(quote->dst, &bytes[24], 16);
    quote->ip_proto = bytes[6];
    Bytes rest = bytes.subspan(40);
    for (unsigned n = 0; n < kMostExtensions; n++) {
        const std::uint8_t proto = quote->ip_proto;
        const bool is_fragment = proto == 44, is_ah = proto == 51;
        if (proto != 0 && proto != 43 && proto != 60 && !is_fragment && !is_ah)
            return read_ports(rest, quote);
        if (rest.size() < 8)
            break;
        quote->ip_proto = rest[0];
        if (is_fragment && load16(rest, 2) >> 3) // offset
            return;
        const std::size_t length = is_fragment ? 8 : is_ah ? (rest[1] + 2u) * 4u : (rest[1] + 1u) * 8u;
        rest = rest.subspan(std::min(length, rest.size()));
    }
    quote->cut = true;
}

bool is_error_type(std::uint8_t type, std::uint8_t ip_version)
{
    if (ip_version == 6)
        return type >= 1 && type <= 4;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

} // namespace

QuotedPacket parse_quoted_packet(Bytes bytes)
{
    QuotedPacket quote = {};
    if (bytes.empty()) {
        quote.cut = true;
        return quote;
    }
    const unsigned version = bytes[0] >> 4;
    if (version == 4)
        read_ipv4(bytes, &quote);
    else if (version == 6)
        read_ipv6(bytes, &quote);
    if (!quote.ip_version)
        quote.cut = true;
    return quote;
}

IcmpMessage parse_icmp(Bytes bytes, std::uint8_t ip_version)
{
    IcmpMessage m = {};
    if (bytes.size() < 4) {
        m.cut = true;
        return m;
    }
    m.type = bytes[0];
    m.code = bytes[1];
    const bool v6 = ip_version == 6;
    m.is_echo_request = m.type == (v6 ? 128 : 8);
    m.is_echo_reply = m.type == (v6 ? 129 : 0);
    m.is_error = is_error_type(m.type, ip_version);
    if ((m.is_echo_request || m.is_echo_reply) && bytes.size() >= 6) {
        m.id = load16(bytes, 4);
        m.has_id = true;
    }
    if (bytes.size() < kHeader) {
        m.cut = true;
        return m;
    }
    m.rest = load32(bytes, 4);
    const Bytes body = bytes.subspan(kHeader);
    if (m.is_echo_request || m.is_echo_reply) {
        m.sequence = load16(bytes, 6);
        m.has_sequence = true;
        m.data = body;
    } else if (m.is_error) {
        m.quote = parse_quoted_packet(body);
        m.cut = m.quote.cut;
        if (v6)
            m.mtu = m.type == 2 ? m.rest : 0;
        else if (m.type == 3 && m.code == 4)
            m.mtu = m.rest & 0xffff;
        else if (m.type == 5)
            m.gateway = m.rest;
    } else if (!v6 && (m.type == 13 || m.type == 14)) {
        if (body.size() < 4)
            m.cut = true;
        else
            m.originate_ms = load32(body, 0);
    }
    return m;
}

} // namespace flowxdp
