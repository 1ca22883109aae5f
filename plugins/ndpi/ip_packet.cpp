// SPDX-License-Identifier: BSD-2-Clause
#include "ndpi/ip_packet.h"

#include <algorithm>
#include <cstring>

namespace flowxdp {
namespace {

constexpr std::size_t kMappedPrefix = 12; // bytes before the IPv4 address in a mapped one
constexpr std::uint8_t kHops = 64;

class Writer {
  public:
    explicit Writer(std::uint8_t* to) : begin_(to), at_(to) {}
    void put8(unsigned value) { *at_++ = static_cast<std::uint8_t>(value); }
    void put16(std::size_t value)
    {
        put8(static_cast<unsigned>(value >> 8) & 0xff);
        put8(static_cast<unsigned>(value) & 0xff);
    }
    void put32(std::uint32_t value)
    {
        put16(value >> 16);
        put16(value & 0xffff);
    }
    void put(std::span<const std::uint8_t> bytes)
    {
        if (!bytes.empty())
            std::memcpy(at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

  private:
    std::uint8_t *begin_, *at_;
};

std::size_t header_bytes(const IpPacketFacts& f)
{
    if (f.ip_proto == IpPacket::kTcp)
        return 20;
    return f.ip_proto == IpPacket::kUdp ? 8 : f.header.size();
}

} // namespace

std::span<const std::uint8_t> IpPacket::write(const IpPacketFacts& given)
{
    IpPacketFacts f = given;
    f.header = f.header.first(std::min<std::size_t>(f.header.size(), PACKET_MAX_PAYLOAD));
    f.payload = f.payload.first(std::min<std::size_t>(f.payload.size(), PACKET_MAX_PAYLOAD));
    const std::size_t l4_bytes = header_bytes(f) + f.payload.size();
    Writer out(bytes_.data());
    if (f.ip_version == 4) {
        out.put8(0x45); // version and length of the header
        out.put8(0);    // type of service
        out.put16(20 + l4_bytes);
        out.put32(0); // identification, flags, offset
        out.put8(kHops);
        out.put8(f.ip_proto);
        out.put16(0); // checksum, which nDPI does not verify
        out.put({f.src + kMappedPrefix, 4});
        out.put({f.dst + kMappedPrefix, 4});
    } else {
        out.put32(6u << 28); // version, traffic class, flow label
        out.put16(l4_bytes);
        out.put8(f.ip_proto);
        out.put8(kHops);
        out.put({f.src, 16});
        out.put({f.dst, 16});
    }
    if (f.ip_proto == kTcp) {
        out.put16(f.src_port);
        out.put16(f.dst_port);
        out.put32(f.tcp_seq);
        out.put32(f.tcp_ack);
        out.put8(5 << 4); // length of the header
        out.put8(f.tcp_flags);
        out.put16(0xffff); // window
        out.put32(0);      // checksum, urgent pointer
    } else if (f.ip_proto == kUdp) {
        out.put16(f.src_port);
        out.put16(f.dst_port);
        out.put16(l4_bytes);
        out.put16(0); // checksum
    } else {
        out.put(f.header);
    }
    out.put(f.payload);
    return {bytes_.data(), out.size()};
}

} // namespace flowxdp
