// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as the packets of a flow that libndpi looks at. Whatever it says has a name, and a packet handed over later
// than the next one of its direction does not change what is said of one direction alone.
//
// Input: protocol, IP version (bit 0: IPv6), two ports of 2 bytes each; then packets, each behind a byte (bit 0: the
// other direction, bit 1: a number is missing before it, bit 2: cannot be read, bit 3: claims more than it has), TCP
// flags, 2 bytes of sequence number, 2 bytes of length.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "ndpi/flow_detection.h"

namespace {

using namespace flowxdp;

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "ndpi_fuzz: %s\n", what);
    std::abort();
}

struct Input {
    const std::uint8_t* data;
    std::size_t size;

    std::uint8_t byte()
    {
        if (!size)
            return 0;
        size--;
        return *data++;
    }
    std::uint16_t word()
    {
        const unsigned high = byte();
        return static_cast<std::uint16_t>(high << 8 | byte());
    }
};

Verdict verdict_of(const std::vector<FlowPacket>& packets, ProtocolDetector& detector)
{
    FlowDetection detection(16);
    for (const FlowPacket& p : packets)
        if (detection.add(p, &detector))
            break;
    const Verdict v = detection.finish(&detector);
    require(!detector.name(v).empty(), "a verdict without a name");
    require(!detector.category_name(v).empty(), "a category without a name");
    require(!ProtocolDetector::confidence_name(v).empty(), "a confidence without a name");
    require(v.risks >> (ProtocolDetector::most_risk() + 1) == 0, "a risk that nobody knows");
    return v;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static constexpr std::uint8_t kAddress[2][16] = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
                                                     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 2}};
    Input in = {data, size};
    const std::uint8_t proto = in.byte();
    const std::uint8_t version = in.byte() & 1 ? 6 : 4;
    const std::uint16_t ports[2] = {in.word(), in.word()};
    std::vector<FlowPacket> packets;
    std::vector<std::vector<std::uint8_t>> payloads; // blocks of their own, so that a read behind one is seen
    payloads.reserve(32);
    std::uint64_t number[2] = {0, 0};
    bool one_direction = true;
    while (in.size && packets.size() < 32) {
        FlowPacket p;
        const std::uint8_t kind = in.byte();
        p.direction = kind & 1;
        one_direction = one_direction && p.direction == 0;
        p.number = number[p.direction] += kind & 2 ? 2 : 1;
        p.is_readable = !(kind & 4);
        p.ip.tcp_flags = in.byte();
        p.ip.tcp_seq = in.word();
        const std::size_t length = std::min<std::size_t>(in.word(), in.size);
        payloads.emplace_back(in.data, in.data + length);
        in.data += length;
        in.size -= length;
        p.ip.src = kAddress[p.direction];
        p.ip.dst = kAddress[p.direction ^ 1];
        p.ip.ip_version = version;
        p.ip.ip_proto = proto;
        p.ip.src_port = ports[p.direction];
        p.ip.dst_port = ports[p.direction ^ 1];
        std::span<const std::uint8_t> bytes = payloads.back();
        if (proto != IpPacket::kTcp && proto != IpPacket::kUdp) {
            p.ip.header = bytes.first(std::min<std::size_t>(bytes.size(), 8));
            bytes = bytes.subspan(p.ip.header.size());
        }
        p.ip.payload = bytes;
        p.payload_len = static_cast<std::uint32_t>(bytes.size() + (kind & 8 ? 100 : 0));
        p.time_ms = 1'772'582'400'000 + packets.size();
        packets.push_back(p);
    }
    if (!one_direction) {
        static ProtocolDetector detector(true); // takes ten times as long to make as to use
        verdict_of(packets, detector);
        return 0;
    }
    // nDPI remembers hosts over flows: two that know nothing.
    ProtocolDetector first(true), second(true);
    const Verdict v = verdict_of(packets, first);
    for (std::size_t i = 0; i + 1 < packets.size(); i += 2)
        std::swap(packets[i], packets[i + 1]);
    const Verdict other = verdict_of(packets, second);
    require(v.application == other.application && v.master == other.master && v.risks == other.risks,
            "another order of arrival gave another verdict");
    return 0;
}
