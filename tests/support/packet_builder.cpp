// SPDX-License-Identifier: BSD-2-Clause
// packet_builder.cpp - links, tags, IP and transport headers; tunnels are in packet_builder_tunnels.cpp.
#include "support/packet_builder.h"

#include <arpa/inet.h>

#include <stdexcept>

namespace flowxdp::test {

void put16(Bytes& to, std::size_t at, std::uint32_t value)
{
    to.at(at) = static_cast<std::uint8_t>(value >> 8);
    to.at(at + 1) = static_cast<std::uint8_t>(value);
}

void put32(Bytes& to, std::size_t at, std::uint32_t value)
{
    put16(to, at, value >> 16);
    put16(to, at + 2, value & 0xffff);
}

Bytes operator+(Bytes left, const Bytes& right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Bytes hex(const std::string& text)
{
    std::string digits;
    Bytes out;

    for (char c : text)
        if (c != ' ')
            digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
    return out;
}

namespace {

using Layer = Packet::Layer;

Bytes address(int family, const std::string& text)
{
    Bytes out(family == AF_INET ? 4 : 16);

    if (inet_pton(family, text.c_str(), out.data()) != 1)
        throw std::invalid_argument("not an address: " + text);
    return out;
}

// finish() of headers that end in, or hold, the Ethertype of what follows.
auto ethertype_at(std::size_t at)
{
    return [at](Bytes& header, const Layer* next, std::size_t) {
        if (next != nullptr && next->ethertype != 0xffff)
            put16(header, at, next->ethertype);
    };
}

// RFC 791 3.1, over an IPv4 header whose check sum is to be written.
void put_ipv4_checksum(Bytes& header)
{
    std::uint32_t sum = 0;

    put16(header, 10, 0);
    for (std::size_t i = 0; i + 1 < header.size(); i += 2)
        sum += header[i] * 256u + header[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put16(header, 10, ~sum & 0xffff);
}

auto ip_proto_at(std::size_t at)
{
    return [at](Bytes& header, const Layer* next, std::size_t) {
        header[at] = static_cast<std::uint8_t>(next != nullptr && next->ip_proto != 0xffff ? next->ip_proto : 59);
    };
}

} // namespace

Packet& Packet::add(Layer layer)
{
    layers_.push_back(std::move(layer));
    return *this;
}

Bytes Packet::bytes() const
{
    Bytes out;

    for (std::size_t i = layers_.size(); i-- > 0;) {
        Bytes header = layers_[i].header;

        if (layers_[i].finish)
            layers_[i].finish(header, i + 1 < layers_.size() ? &layers_[i + 1] : nullptr, out.size());
        out = std::move(header) + out;
    }
    return out + Bytes(trailer_bytes_);
}

Packet& Packet::trailer(std::size_t bytes)
{
    trailer_bytes_ += bytes;
    return *this;
}

std::string Packet::describe() const
{
    std::string out;

    for (const Layer& layer : layers_)
        out.append(out.empty() ? "" : "/").append(layer.name);
    return out;
}

Packet& Packet::eth(const std::string& dst, const std::string& src)
{
    Layer layer{.name = "eth", .header = hex(dst) + hex(src) + Bytes(2), .ethertype = 0x6558, .ip_proto = 143};

    layer.finish = ethertype_at(12);
    return add(layer);
}

Packet& Packet::eth_length(const std::string& dst, const std::string& src)
{
    Layer layer{.name = "802.3", .header = hex(dst) + hex(src) + Bytes(2), .ethertype = 0x6558};

    layer.finish = [](Bytes& header, const Layer*, std::size_t behind) {
        put16(header, 12, static_cast<std::uint32_t>(behind));
    };
    return add(layer);
}

Packet& Packet::vlan(std::uint32_t vid, std::uint32_t tpid)
{
    Layer layer{.name = "vlan", .header = Bytes(4), .ethertype = tpid};

    put16(layer.header, 0, vid);
    layer.finish = ethertype_at(2);
    return add(layer);
}

Packet& Packet::mpls(std::uint32_t label, bool bottom)
{
    Layer layer{.name = "mpls", .header = Bytes(4), .ethertype = 0x8847, .ip_proto = 137, .ppp = 0x281};

    put32(layer.header, 0, label << 12 | (bottom ? 0x100 : 0) | 64);
    return add(layer);
}

Packet& Packet::control_word()
{
    return add({.name = "cw", .header = Bytes(4)});
}

Packet& Packet::pppoe()
{
    Layer layer{.name = "pppoe", .header = hex("1100 0001 0000"), .ethertype = 0x8864};

    layer.finish = [](Bytes& header, const Layer*, std::size_t behind) {
        put16(header, 4, static_cast<std::uint32_t>(behind));
    };
    return add(layer);
}

Packet& Packet::ppp(bool hdlc, bool compressed)
{
    Layer layer{.name = "ppp", .header = hdlc ? hex("ff03") : Bytes{}, .ethertype = 0x880b};

    layer.finish = [compressed](Bytes& header, const Layer* next, std::size_t) {
        std::uint32_t number = next != nullptr ? next->ppp : 0xc021;

        if (!compressed)
            header.push_back(static_cast<std::uint8_t>(number >> 8));
        header.push_back(static_cast<std::uint8_t>(number));
    };
    return add(layer);
}

Packet& Packet::llc_snap(std::uint32_t oui)
{
    Layer layer{.name = "snap", .header = hex("aaaa03 000000 0000")};

    put16(layer.header, 4, oui & 0xffff);
    layer.header[3] = static_cast<std::uint8_t>(oui >> 16);
    layer.finish = ethertype_at(6);
    return add(layer);
}

Packet& Packet::llc_ip()
{
    return add({.name = "llc", .header = hex("060603")});
}

Packet& Packet::snap_bridged()
{
    return add({.name = "snap", .header = hex("aaaa03 0080c2 0007 0000")});
}

Packet& Packet::pbb(std::uint32_t isid)
{
    Layer layer{.name = "pbb", .header = Bytes(4), .ethertype = 0x88e7};

    put32(layer.header, 0, isid);
    return add(layer);
}

Packet& Packet::macsec(bool sci)
{
    Layer layer{.name = "macsec", .header = Bytes(sci ? 16 : 8), .ethertype = 0x88e5};

    layer.header[0] = sci ? 0x20 : 0;
    layer.header[5] = 1; // packet number
    layer.finish = ethertype_at(layer.header.size() - 2);
    return add(layer);
}

Packet& Packet::nsh()
{
    Layer layer{.name = "nsh", .header = hex("0fc6 01 00 000001ff") + Bytes(16), .ethertype = 0x894f};

    layer.finish = [](Bytes& header, const Layer* next, std::size_t) {
        std::uint32_t type = next->ethertype;

        header[3] = type == 0x0800 ? 1 : type == 0x86dd ? 2 : type == 0x6558 ? 3 : type == 0x894f ? 4 : 5;
    };
    return add(layer);
}

Packet& Packet::trill()
{
    return add(
        {.name = "trill", .header = hex("0041 0001 0002") + Bytes(4), .ethertype = 0x22f3}); // one word of options
}

Packet& Packet::cisco_metadata()
{
    Layer layer{.name = "cmd", .header = hex("0101 0001 0005 0000"), .ethertype = 0x8909};

    layer.finish = ethertype_at(6);
    return add(layer);
}

Packet& Packet::tag(std::uint32_t ethertype, std::size_t bytes, const std::string& name)
{
    Layer layer{.name = name, .header = Bytes(bytes), .ethertype = ethertype};

    layer.header[1] = 1;
    layer.finish = ethertype_at(bytes - 2);
    return add(layer);
}

Packet& Packet::dot11(std::uint32_t flags, bool qos, bool amsdu, bool swapped)
{
    Bytes header(24);

    header[swapped ? 1 : 0] = qos ? 0x88 : 0x08;
    header[swapped ? 0 : 1] = static_cast<std::uint8_t>(flags);
    for (std::size_t i = 0; i < 3; i++) { // addresses 1, 2, 3 end in 01, 02, 03
        header[4 + 6 * i] = 2;
        header[9 + 6 * i] = static_cast<std::uint8_t>(i + 1);
    }
    if ((flags & 3) == 3)
        header = header + hex("020000000004");
    if (qos)
        header = header + Bytes{static_cast<std::uint8_t>(amsdu ? 0x80 : 0), 0};
    if (qos && (flags & 0x80)) // HT control
        header = header + Bytes(4);
    return add({.name = "wlan", .header = header});
}

Packet& Packet::ipv4(const std::string& src, const std::string& dst, std::size_t option_words)
{
    Layer layer{
        .name = "ipv4", .header = hex("45000000 00010000 40000000"), .ethertype = 0x0800, .ip_proto = 4, .ppp = 0x21};

    layer.header = layer.header + address(AF_INET, src) + address(AF_INET, dst) + Bytes(option_words * 4, 1);
    layer.header[0] = static_cast<std::uint8_t>(0x45 + option_words);
    layer.finish = [](Bytes& header, const Layer* next, std::size_t behind) {
        put16(header, 2, static_cast<std::uint32_t>(header.size() + behind));
        header[9] = static_cast<std::uint8_t>(next != nullptr && next->ip_proto != 0xffff ? next->ip_proto : 253);
        put_ipv4_checksum(header);
    };
    return add(layer);
}

Packet& Packet::ipv6(const std::string& src, const std::string& dst)
{
    Layer layer{.name = "ipv6", .header = hex("60000000 0000 00 40"), .ethertype = 0x86dd, .ip_proto = 41, .ppp = 0x57};

    layer.header = layer.header + address(AF_INET6, src) + address(AF_INET6, dst);
    layer.finish = [](Bytes& header, const Layer* next, std::size_t behind) {
        put16(header, 4, static_cast<std::uint32_t>(behind));
        header[6] = static_cast<std::uint8_t>(next != nullptr && next->ip_proto != 0xffff ? next->ip_proto : 59);
    };
    return add(layer);
}

Packet& Packet::fragment4(std::uint32_t id, std::uint32_t offset_units, bool more)
{
    put16(layers_.back().header, 4, id);
    put16(layers_.back().header, 6, offset_units | (more ? 0x2000 : 0));
    return *this;
}

Packet& Packet::fragment6(std::uint32_t id, std::uint32_t offset_units, bool more)
{
    Layer layer{.name = "fragment", .header = Bytes(8), .ip_proto = 44};

    put16(layer.header, 2, offset_units << 3 | (more ? 1 : 0));
    put32(layer.header, 4, id);
    layer.finish = ip_proto_at(0);
    return add(layer);
}

Packet& Packet::hop_by_hop(std::size_t extra_words)
{
    Layer layer{.name = "hbh", .header = Bytes(8 + 8 * extra_words), .ip_proto = 0}; // all Pad1

    layer.header[1] = static_cast<std::uint8_t>(extra_words);
    layer.finish = ip_proto_at(0);
    return add(layer);
}

Packet& Packet::destination_options(std::size_t extra_words)
{
    hop_by_hop(extra_words);
    layers_.back().name = "dstopts";
    layers_.back().ip_proto = 60;
    return *this;
}

Packet& Packet::routing(std::size_t segments)
{
    Layer layer{.name = "routing", .header = Bytes(8 + 16 * segments), .ip_proto = 43};

    layer.header[1] = static_cast<std::uint8_t>(2 * segments);
    layer.header[2] = 4; // RFC 8754
    layer.header[4] = static_cast<std::uint8_t>(segments - 1);
    for (std::size_t i = 0; i < segments; i++)
        layer.header[8 + 16 * i] = 0xfd;
    layer.finish = ip_proto_at(0);
    return add(layer);
}

Packet& Packet::ah()
{
    Layer layer{.name = "ah", .header = hex("00 04 0000 00000001 00000001") + Bytes(12), .ip_proto = 51};

    layer.finish = ip_proto_at(0);
    return add(layer);
}

Packet& Packet::set8(std::size_t at, std::uint32_t value)
{
    auto finish = layers_.back().finish;
    const bool sum = layers_.back().name == "ipv4" && at != 10 && at != 11;

    layers_.back().finish = [finish, at, value, sum](Bytes& header, const Layer* next, std::size_t behind) {
        if (finish)
            finish(header, next, behind);
        header.at(at) = static_cast<std::uint8_t>(value);
        if (sum)
            put_ipv4_checksum(header);
    };
    return *this;
}

Packet& Packet::set16(std::size_t at, std::uint32_t value)
{
    return set8(at, value >> 8).set8(at + 1, value & 0xff);
}

Packet& Packet::set32(std::size_t at, std::uint32_t value)
{
    return set16(at, value >> 16).set16(at + 2, value & 0xffff);
}

Packet& Packet::tcp(std::uint32_t src_port, std::uint32_t dst_port, std::uint32_t window, std::uint32_t flags,
                    const Bytes& options)
{
    Layer layer{.name = "tcp", .header = Bytes(20) + options, .ip_proto = 6};

    put16(layer.header, 0, src_port);
    put16(layer.header, 2, dst_port);
    put32(layer.header, 4, 0x01020304);
    put32(layer.header, 8, 0x05060708);
    layer.header[12] = static_cast<std::uint8_t>((5 + options.size() / 4) << 4);
    layer.header[13] = static_cast<std::uint8_t>(flags);
    put16(layer.header, 14, window);
    return add(layer);
}

Packet& Packet::udp(std::uint32_t src_port, std::uint32_t dst_port)
{
    Layer layer{.name = "udp", .header = Bytes(8), .ip_proto = 17};

    put16(layer.header, 0, src_port);
    put16(layer.header, 2, dst_port);
    layer.finish = [](Bytes& header, const Layer*, std::size_t behind) {
        put16(header, 4, static_cast<std::uint32_t>(8 + behind));
    };
    return add(layer);
}

Packet& Packet::icmp(std::uint32_t type, std::uint32_t code)
{
    return add({.name = "icmp",
                .header = Bytes{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code)} + Bytes(6),
                .ip_proto = 1});
}

Packet& Packet::icmpv6(std::uint32_t type, std::uint32_t code)
{
    icmp(type, code);
    layers_.back().name = "icmpv6";
    layers_.back().ip_proto = 58;
    return *this;
}

Packet& Packet::sctp(std::uint32_t src_port, std::uint32_t dst_port)
{
    Layer layer{.name = "sctp", .header = Bytes(12), .ip_proto = 132};

    put16(layer.header, 0, src_port);
    put16(layer.header, 2, dst_port);
    return add(layer);
}

Packet& Packet::raw(const std::string& name, const Bytes& bytes, std::uint32_t ethertype, std::uint32_t ip_proto)
{
    return add({.name = name, .header = bytes, .ethertype = ethertype, .ip_proto = ip_proto});
}

Packet& Packet::payload(std::size_t bytes)
{
    return add({.name = "payload", .header = Bytes(bytes, 'x')});
}

} // namespace flowxdp::test
