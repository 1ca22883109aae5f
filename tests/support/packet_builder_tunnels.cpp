// SPDX-License-Identifier: BSD-2-Clause
// packet_builder_tunnels.cpp - the tunnel headers of packet_builder.h.
#include "support/packet_builder.h"

namespace flowxdp::test {

namespace {

using Layer = Packet::Layer;

// Puts what follows as an Ethertype into the two bytes at `at`; Ethernet is 0x6558 (RFC 1701, transparent bridging).
auto protocol_type_at(std::size_t at)
{
    return [at](Bytes& header, const Layer* next, std::size_t) {
        if (next != nullptr && next->ethertype != 0xffff)
            put16(header, at, next->ethertype);
    };
}

} // namespace

Packet& Packet::gre(std::uint32_t flags)
{
    Layer layer{.name = "gre", .header = Bytes(4), .ip_proto = 47};

    put16(layer.header, 0, flags);
    if (flags & 0xc000) // checksum and offset
        layer.header = layer.header + Bytes(4);
    if (flags & 0x2000)
        layer.header = layer.header + hex("00000099");
    if (flags & 0x1000)
        layer.header = layer.header + hex("00000001");
    if (flags & 0x4000) // RFC 1701: family 0x0800, one address; then the null entry
        layer.header = layer.header + hex("0800 00 04 01020304 00000000");
    layer.finish = protocol_type_at(2);
    return add(layer);
}

Packet& Packet::pptp(bool sequence, bool acknowledge)
{
    Layer layer{.name = "gre", .header = hex("2001 880b 0000 0001"), .ip_proto = 47};

    if (sequence) {
        layer.header[0] |= 0x10;
        layer.header = layer.header + hex("00000001");
    }
    if (acknowledge) {
        layer.header[1] |= 0x80;
        layer.header = layer.header + hex("00000002");
    }
    layer.finish = [](Bytes& header, const Layer*, std::size_t behind) {
        put16(header, 4, static_cast<std::uint32_t>(behind));
    };
    return add(layer);
}

Packet& Packet::erspan1()
{
    return add({.name = "erspan", .header = hex("0000 88be"), .ip_proto = 47});
}

Packet& Packet::erspan2()
{
    return add({.name = "erspan", .header = hex("1000 88be 00000001 1001 0001 00000000"), .ip_proto = 47});
}

Packet& Packet::erspan3(bool platform_header)
{
    Layer layer{.name = "erspan", .header = hex("1000 22eb 00000001 2001 0001 00000000 0000 0000"), .ip_proto = 47};

    if (platform_header) {
        layer.header.back() |= 1;
        layer.header = layer.header + Bytes(8);
    }
    return add(layer);
}

Packet& Packet::wccp(bool redirect_header)
{
    return add({.name = "wccp", .header = hex("0000 883e") + Bytes(redirect_header ? 4 : 0), .ip_proto = 47});
}

Packet& Packet::etherip()
{
    return add({.name = "etherip", .header = hex("3000"), .ip_proto = 97});
}

Packet& Packet::vxlan(std::uint32_t vni, bool gpe)
{
    Layer layer{.name = "vxlan", .header = Bytes(8)};

    layer.header[0] = gpe ? 0x0c : 0x08;
    put32(layer.header, 4, vni << 8);
    layer.finish = [gpe](Bytes& header, const Layer* next, std::size_t) {
        if (!gpe || next == nullptr)
            return;
        std::uint32_t type = next->ethertype;

        header[3] = type == 0x0800 ? 1 : type == 0x86dd ? 2 : type == 0x6558 ? 3 : type == 0x894f ? 4 : 5;
    };
    return add(layer);
}

Packet& Packet::geneve(std::size_t option_words)
{
    Layer layer{.name = "geneve", .header = Bytes(8 + 4 * option_words)};

    layer.header[0] = static_cast<std::uint8_t>(option_words);
    layer.finish = protocol_type_at(2);
    return add(layer);
}

Packet& Packet::gtp(bool sequence, bool extension)
{
    Layer layer{.name = "gtp", .header = hex("30 ff 0000 00000001")};
    std::size_t options = 0;

    if (sequence || extension) {
        layer.header[0] = static_cast<std::uint8_t>(0x30 | (sequence ? 2 : 0) | (extension ? 4 : 0));
        layer.header = layer.header + hex("0001 00 00");
        options = 4;
    }
    if (extension) { // PDU session container, then a PDCP number, one word each
        layer.header[11] = 0x85;
        layer.header = layer.header + hex("01 0000 c0 01 0000 00");
        options += 8;
    }
    layer.finish = [options](Bytes& header, const Layer*, std::size_t behind) {
        put16(header, 2, static_cast<std::uint32_t>(options + behind));
    };
    return add(layer);
}

Packet& Packet::gtp0()
{
    Layer layer{.name = "gtp0", .header = hex("1e ff 0000 0001 0001 ff ffffff") + Bytes(8)};

    layer.finish = [](Bytes& header, const Layer*, std::size_t behind) {
        put16(header, 2, static_cast<std::uint32_t>(behind));
    };
    return add(layer);
}

Packet& Packet::l2tp(bool with_length, bool with_offset)
{
    Layer layer{.name = "l2tp", .header = hex("0002")};

    if (with_length) {
        layer.header[0] |= 0x48; // length, and sequence numbers to go with it
        layer.header = layer.header + Bytes(2);
    }
    layer.header = layer.header + hex("0001 0001");
    if (with_length)
        layer.header = layer.header + hex("0001 0001");
    if (with_offset) {
        layer.header[0] |= 0x02;
        layer.header = layer.header + hex("0003 aaaaaa");
    }
    layer.finish = [with_length](Bytes& header, const Layer*, std::size_t behind) {
        if (with_length)
            put16(header, 2, static_cast<std::uint32_t>(header.size() + behind));
    };
    return add(layer);
}

Packet& Packet::teredo_origin()
{
    return add({.name = "origin", .header = hex("0000 1234 01020304")});
}

Packet& Packet::teredo_authentication()
{
    return add({.name = "auth", .header = hex("0001 02 03 aaaa bbbbbb 0102030405060708 00")});
}

Packet& Packet::ayiya()
{
    // identity of 2^4 bytes, signature of 5 words; forward
    Layer layer{.name = "ayiya", .header = hex("44 52 11 00 00000000") + Bytes(16, 1) + Bytes(20, 2)};

    layer.finish = [](Bytes& header, const Layer* next, std::size_t) {
        header[3] = static_cast<std::uint8_t>(next != nullptr && next->ip_proto != 0xffff ? next->ip_proto : 59);
    };
    return add(layer);
}

Packet& Packet::capwap(bool native_80211)
{
    // RFC 5415 4.3: header length 2 words, radio 1, wireless binding 1 = 802.11, T = native frame
    return add({.name = "capwap", .header = hex(native_80211 ? "0010 4300 0000 0000" : "0010 4200 0000 0000")});
}

Packet& Packet::lwapp()
{
    return add({.name = "lwapp", .header = hex("00 00 0000 0000")});
}

} // namespace flowxdp::test
