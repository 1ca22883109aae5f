// SPDX-License-Identifier: BSD-2-Clause
#include "traffic.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "random.h"

namespace flowxdp::bench {
namespace {

class PcapWriter {
  public:
    PcapWriter(const std::string& path, std::uint32_t snap_len)
        : file_(std::fopen(path.c_str(), "wb")), snap_len_(snap_len)
    {
        if (!file_)
            throw std::runtime_error("cannot write '" + path + "'");
        std::setvbuf(file_.get(), nullptr, _IOFBF, 1u << 20);
        const std::uint32_t header[6] = {0xa1b2c3d4, 2 | 4u << 16, 0, 0, snap_len, 1};
        put(header, sizeof header);
    }
    void add(std::uint64_t time_us, const std::uint8_t* frame, std::uint32_t captured, std::uint32_t wire_len)
    {
        const std::uint32_t kept = std::min({captured, wire_len, snap_len_});
        const std::uint32_t record[4] = {static_cast<std::uint32_t>(1700000000 + time_us / 1000000),
                                         static_cast<std::uint32_t>(time_us % 1000000), kept, wire_len};
        put(record, sizeof record);
        put(frame, kept);
        size_.packets++;
    }
    TrafficSize finish(std::uint64_t biflows)
    {
        if (std::fflush(file_.get()))
            throw std::runtime_error("cannot write the capture: is the disk full?");
        size_.biflows = biflows;
        return size_;
    }

  private:
    struct Close {
        void operator()(std::FILE* f) const { std::fclose(f); }
    };
    void put(const void* p, std::size_t n)
    {
        if (std::fwrite(p, 1, n, file_.get()) != n)
            throw std::runtime_error("cannot write the capture: is the disk full?");
        size_.file_bytes += n;
    }
    std::unique_ptr<std::FILE, Close> file_;
    std::uint32_t snap_len_;
    TrafficSize size_;
};

enum class Protocol : std::uint8_t { kTcp, kUdp, kIcmp, kArp, kEsp };
enum class Wrap : std::uint8_t { kNone, kVlan, kGre };
enum class Options : std::uint8_t { kNone, kMss, kTimes }; // of TCP: none, MSS in SYNs, time stamps everywhere

struct Flow {
    std::uint32_t id;
    std::uint32_t packets;
    std::uint32_t start_us, gap_us; // gap_us: the mean silence between its packets
    Protocol protocol;
    Wrap wrap;
    Options options;
    bool ipv6, fragments;
};

// A frame is made from its flow and its ordinal there, so nothing but the order of times has to be kept.
struct Event {
    std::uint32_t time_us, flow, ordinal;
};

class Frame {
  public:
    std::uint32_t make(const Flow& flow, std::uint32_t ordinal, std::uint32_t payload);
    [[nodiscard]] const std::uint8_t* bytes() const { return bytes_.data(); }
    // Bytes that are there; behind them the wire carried payload that no snapped capture holds.
    [[nodiscard]] std::uint32_t captured() const { return at_; }

  private:
    void u8(unsigned v) { bytes_[at_++] = static_cast<std::uint8_t>(v); }
    void u16(unsigned v)
    {
        u8(v >> 8 & 0xff);
        u8(v & 0xff);
    }
    void u32(std::uint32_t v)
    {
        u16(v >> 16);
        u16(v & 0xffff);
    }
    void ethernet(const Flow& flow, bool reverse, unsigned type);
    void ip(const Flow& flow, std::uint32_t ordinal, bool reverse, std::uint32_t length);

    std::array<std::uint8_t, 256> bytes_;
    std::uint32_t at_ = 0;
};

void Frame::ethernet(const Flow& flow, bool reverse, unsigned type)
{
    for (const bool source : {false, true}) {
        u16(0x0200);
        u16(source != reverse ? 0x1111 : 0x2222);
        u16(flow.id % 251);
    }
    if (flow.wrap == Wrap::kVlan) {
        u16(0x8100);
        u16(100 + flow.id % 7);
    }
    u16(type);
}

unsigned ip_number(Protocol protocol, bool ipv6)
{
    switch (protocol) {
    case Protocol::kTcp:
        return 6;
    case Protocol::kUdp:
        return 17;
    case Protocol::kIcmp:
        return ipv6 ? 58 : 1;
    case Protocol::kEsp:
        return 50;
    case Protocol::kArp:
        break;
    }
    return 0;
}

// length: bytes behind the IP header.
void Frame::ip(const Flow& flow, std::uint32_t ordinal, bool reverse, std::uint32_t length)
{
    const unsigned number = ip_number(flow.protocol, flow.ipv6);
    // The flow's number is in the addresses: no two flows share a key.
    const std::uint32_t client = 0x0a000000u | flow.id;
    const std::uint32_t server = 0xc0a80000u | (flow.id * 2654435761u >> 16 & 0xffff);
    if (flow.ipv6) {
        u32(0x60000000);
        u16(length);
        u8(number);
        u8(64);
        for (const bool source : {true, false}) {
            u32(0x20010db8);
            u32(0);
            u32(0);
            u32(source != reverse ? client : server);
        }
        return;
    }
    u16(0x4500);
    u16(20 + length);
    u16(ordinal + 1);
    u16(flow.fragments ? (ordinal % 2 ? 185 : 0x2000) : 0x4000);
    u8(64 - flow.id % 16);
    u8(number);
    u16(0);
    u32(reverse ? server : client);
    u32(reverse ? client : server);
}

// Returns the frame's length on the wire. payload: bytes of layer 7.
std::uint32_t Frame::make(const Flow& flow, std::uint32_t ordinal, std::uint32_t payload)
{
    at_ = 0;
    const bool reverse = ordinal % 2 != 0 && flow.packets > 1;
    if (flow.protocol == Protocol::kArp) {
        ethernet(flow, reverse, 0x0806);
        for (int i = 0; i < 28; i++)
            u8(i == 7 ? 1 + reverse : 0);
        while (at_ < 60)
            u8(0);
        return at_;
    }
    ethernet(flow, reverse, flow.wrap == Wrap::kGre ? 0x0800 : flow.ipv6 ? 0x86dd : 0x0800);
    const std::uint32_t options = flow.options == Options::kTimes                ? 12
                                  : flow.options == Options::kMss && ordinal < 2 ? 4
                                                                                 : 0;
    const std::uint32_t l4 = flow.protocol == Protocol::kTcp ? 20 + options : 8;
    if (flow.wrap == Wrap::kGre) {
        Flow outer = flow;
        outer.ipv6 = outer.fragments = false;
        const std::uint32_t before = at_;
        ip(outer, ordinal, reverse, 4 + (flow.ipv6 ? 40 : 20) + l4 + payload);
        bytes_[before + 9] = 47;
        u16(0);
        u16(flow.ipv6 ? 0x86dd : 0x0800);
    }
    ip(flow, ordinal, reverse, l4 + payload);
    const unsigned client_port = 1024 + flow.id * 40503u % 60000;
    const unsigned server_port = flow.protocol == Protocol::kTcp ? (flow.id % 3 ? 443 : 80) : flow.id % 4 ? 53 : 4500;
    if (flow.protocol == Protocol::kTcp) {
        u16(reverse ? server_port : client_port);
        u16(reverse ? client_port : server_port);
        u32(flow.id + ordinal * 1000);
        u32(ordinal ? flow.id + ordinal * 1000 - 500 : 0);
        const bool last = ordinal + 1 == flow.packets && flow.packets > 4;
        const unsigned flags = ordinal == 0 ? 0x02 : ordinal == 1 ? 0x12 : last ? 0x11 : payload ? 0x18 : 0x10;
        u8((20 + options) / 4 << 4);
        u8(flags);
        u16((flow.id + ordinal) % 97 == 0 ? 0 : 29200);
        u16(0);
        u16(0);
        if (flow.options == Options::kTimes) {
            u32(0x0101080a);
            u32(flow.id + ordinal);
            u32(flow.id);
        } else if (options) {
            u32(0x020405b4); // MSS 1460
        }
    } else if (flow.protocol == Protocol::kUdp) {
        u16(reverse ? server_port : client_port);
        u16(reverse ? client_port : server_port);
        u16(8 + payload);
        u16(0);
    } else {
        u8(flow.protocol == Protocol::kIcmp ? (flow.ipv6 ? (reverse ? 129 : 128) : (reverse ? 0 : 8)) : 1);
        u8(0);
        u16(0);
        u32(flow.id);
    }
    const std::uint32_t wire_len = std::max<std::uint32_t>(at_ + payload, 60);
    const std::uint32_t content =
        std::min<std::uint32_t>(wire_len - at_, static_cast<std::uint32_t>(bytes_.size()) - at_);
    std::memset(bytes_.data() + at_, 0, content);
    at_ += content;
    return wire_len;
}

std::vector<Event> schedule(const std::vector<Flow>& flows, std::uint32_t end_us, Random* random)
{
    std::size_t packets = 0;
    for (const Flow& flow : flows)
        packets += flow.packets;
    std::vector<Event> events;
    events.reserve(packets);
    for (std::uint32_t f = 0; f < flows.size(); f++) {
        std::uint64_t at = flows[f].start_us;
        for (std::uint32_t i = 0; i < flows[f].packets; i++) {
            events.push_back({static_cast<std::uint32_t>(std::min<std::uint64_t>(at, end_us)), f, i});
            at += 1 + random->below(2ull * flows[f].gap_us);
        }
    }
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
        if (a.time_us != b.time_us)
            return a.time_us < b.time_us;
        return a.flow != b.flow ? a.flow < b.flow : a.ordinal < b.ordinal;
    });
    return events;
}

} // namespace

TrafficSize write_many(const std::string& path, unsigned divisor)
{
    constexpr std::uint32_t kSpanUs = 192000000;
    Random random(1);
    std::vector<Flow> flows(1000000 / divisor);
    for (std::uint32_t i = 0; i < flows.size(); i++) {
        Flow& f = flows[i];
        f = {};
        f.id = i;
        f.packets = i % 10 < 5 ? 2 : i % 10 < 8 ? 4 : 9;
        f.start_us = static_cast<std::uint32_t>(random.below(kSpanUs - 72000000));
        f.gap_us = 2000000 + static_cast<std::uint32_t>(random.below(2000000));
        f.protocol = random.below(100) < 52 ? Protocol::kTcp : Protocol::kUdp;
        f.ipv6 = random.one_in(10);
    }
    PcapWriter out(path, 65535);
    Frame frame;
    for (const Event& e : schedule(flows, kSpanUs, &random)) {
        const Flow& f = flows[e.flow];
        const std::uint32_t wire_len = frame.make(f, e.ordinal, f.protocol == Protocol::kUdp ? 4 + e.ordinal % 8 : 0);
        out.add(e.time_us, frame.bytes(), frame.captured(), wire_len);
    }
    return out.finish(flows.size());
}

TrafficSize write_mix(const std::string& path, unsigned divisor)
{
    constexpr std::uint32_t kSpanUs = 600000000;
    // Packets of a flow as two thousand merged public captures have them: in 1,000 flows so many of up to that size.
    struct Class {
        unsigned share;
        std::uint32_t low, high;
    };
    static constexpr Class kClasses[] = {{374, 1, 1},   {193, 2, 3},    {190, 4, 10},
                                         {218, 11, 40}, {22, 101, 400}, {3, 1000, 4000}};
    Random random(2);
    std::vector<Flow> flows;
    std::uint64_t left = 5000000 / divisor;
    while (left) {
        Flow f = {};
        f.id = static_cast<std::uint32_t>(flows.size());
        std::uint64_t pick = random.below(1000);
        const Class* c = kClasses;
        while (pick >= c->share)
            pick -= c++->share;
        f.packets =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(left, c->low + random.below(c->high - c->low + 1)));
        left -= f.packets;
        f.start_us = static_cast<std::uint32_t>(random.below(kSpanUs));
        const std::uint32_t length_us =
            1000 + static_cast<std::uint32_t>(random.below(random.one_in(4) ? 60000000 : 2000000));
        f.gap_us = length_us / f.packets + 1;
        const std::uint64_t protocol = random.below(1000);
        // Flows of one packet are mostly datagrams.
        f.protocol = protocol < (f.packets == 1 ? 300u : 760u) ? Protocol::kTcp
                     : protocol < 960                          ? Protocol::kUdp
                     : protocol < 985                          ? Protocol::kIcmp
                     : protocol < 992                          ? Protocol::kEsp
                                                               : Protocol::kArp;
        f.ipv6 = random.one_in(8);
        f.options = random.one_in(4) ? Options::kMss : Options::kTimes;
        f.wrap = random.one_in(12) ? Wrap::kVlan : random.one_in(50) ? Wrap::kGre : Wrap::kNone;
        f.fragments = f.protocol == Protocol::kUdp && !f.ipv6 && f.wrap == Wrap::kNone && random.one_in(100);
        flows.push_back(f);
    }
    PcapWriter out(path, 96);
    Frame frame;
    static constexpr std::uint32_t kPayloads[] = {0, 0, 0, 1400, 1400, 1400, 120, 260, 517, 64, 900, 31};
    for (const Event& e : schedule(flows, kSpanUs, &random)) {
        const Flow& f = flows[e.flow];
        const std::uint32_t payload = f.protocol == Protocol::kTcp && e.ordinal < 3
                                          ? 0
                                          : kPayloads[(f.id * 31u + e.ordinal * 7u) % std::size(kPayloads)];
        const std::uint32_t wire_len = frame.make(f, e.ordinal, payload);
        out.add(e.time_us, frame.bytes(), frame.captured(), wire_len);
    }
    return out.finish(flows.size());
}

} // namespace flowxdp::bench
