// SPDX-License-Identifier: BSD-2-Clause
// A buffer that leaves for segmentation is filtered and counted as the frames that it becomes. Those are written here
// as the wire has them (RFC 9293, net/ipv4/tcp_offload.c), libpcap's interpreter gives each its verdict, and the
// program for received frames counts them one by one.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bpf/sensor_bench.h"
#include "capture/filter.h"
#include "support/packet_builder.h"

namespace flowxdp::test {
namespace {

constexpr std::uint32_t kSegment = 600;
constexpr std::size_t kPayload = 2 * kSegment + 345; // three frames, the last one shorter
constexpr std::uint32_t kCwr = 0x80, kAck = 0x10, kPush = 0x08, kFin = 0x01;
constexpr std::uint32_t kSequence = 1'000'000, kId = 0xfffe; // the id wraps

struct Buffer {
    std::string name;
    Bytes bytes;
    std::vector<Bytes> frames; // that it becomes
};

// Payload byte n is n.
void number(Bytes* frame, std::size_t payload, std::size_t from)
{
    for (std::size_t n = 0; n < payload; n++)
        (*frame)[frame->size() - payload + n] = static_cast<std::uint8_t>(from + n);
}

Bytes tcp(int version, std::size_t at, std::size_t bytes, std::uint32_t flags, std::uint32_t id)
{
    Packet packet;
    packet.eth();
    if (version == 4)
        packet.ipv4().set16(4, id);
    else
        packet.ipv6();
    packet.tcp(80, 40000, 512, flags).set32(4, static_cast<std::uint32_t>(kSequence + at)).payload(bytes);
    Bytes frame = packet.bytes();
    number(&frame, bytes, at);
    return frame;
}

Bytes udp(std::size_t at, std::size_t bytes, std::uint32_t id)
{
    Bytes frame = Packet().eth().ipv4().set16(4, id).udp(4000, 443).payload(bytes).bytes();
    number(&frame, bytes, at);
    return frame;
}

std::vector<Buffer> buffers()
{
    std::vector<Buffer> out;
    for (const int version : {4, 6}) {
        Buffer b{"TCP over IPv" + std::to_string(version), {}, {}};
        b.bytes = tcp(version, 0, kPayload, kCwr | kAck | kPush | kFin, kId);
        b.frames = {tcp(version, 0, kSegment, kCwr | kAck, kId), tcp(version, kSegment, kSegment, kAck, kId + 1),
                    tcp(version, 2 * kSegment, kPayload - 2 * kSegment, kAck | kPush | kFin, (kId + 2) & 0xffff)};
        out.push_back(b);
    }
    Buffer b{"UDP", udp(0, kPayload, kId), {}};
    b.frames = {udp(0, kSegment, kId), udp(kSegment, kSegment, kId + 1),
                udp(2 * kSegment, kPayload - 2 * kSegment, (kId + 2) & 0xffff)};
    out.push_back(b);
    return out;
}

void leave(const SensorBench& bench, const Bytes& bytes, std::uint32_t segment)
{
    __sk_buff context{};
    context.gso_size = segment;
    EXPECT_EQ(run_buffer(bench.sensor->egress_fd(), bytes, context), -1); // TC_ACT_UNSPEC
}

// Packets and octets of each flow in a sensor, both directions: who has port 80 answers (T2's rule).
std::vector<std::pair<std::uint64_t, std::uint64_t>> held(SensorBench* bench)
{
    std::vector<std::pair<std::uint64_t, std::uint64_t>> flows;
    for (const Ended& flow : bench->evict(EVICT_ALL, INT64_MAX / 2))
        flows.emplace_back(flow.packets(), flow.record().dir[0].octets + flow.record().dir[1].octets);
    std::ranges::sort(flows);
    return flows;
}

class Leaving : public BpfTest {};

TEST_F(Leaving, EachSegmentGetsItsOwnVerdict)
{
    struct Case {
        const char* expression;
        std::uint64_t matching; // of the nine frames that leave
    };
    const Case cases[] = {
        {"greater 600", 6},                                       // a segment's length, not the buffer's
        {"ip[2:2] = 640 or ip6[4:2] = 620 or udp[4:2] = 608", 6}, // what their headers say of it
        {"ip[4:2] = 0", 2},                                       // the id of the third; libpcap's ip and tcp are IPv4
        {"tcp[4:4] = 1000600 and tcp[20] = 88", 1},               // where the second begins, payload byte 600
        {"tcp[13] & 0x80 != 0 or tcp[tcpflags] & tcp-fin != 0", 2}, // CWR in the first, FIN in the last
        // Behind the head, in the second frames: payload bytes 600 + 560 - 54, - 74, - 42.
        {"ether[560] = 82 or ether[560] = 62 or ether[560] = 94", 3},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.expression);
        BenchSetup setup;
        auto program = compile_filter_program(c.expression, kLinkTypeEthernet);
        ASSERT_TRUE(program.ok()) << program.error().message;
        setup.filter = {c.expression, program.take()};
        setup.egress = true;
        setup.use_metadata = false;
        SensorBench leaving(setup);
        // Each load takes an emulated verifier its time: two expressions show that the same is counted.
        std::optional<SensorBench> received;
        if (&c - cases < 2)
            received.emplace(setup);
        auto filter = PacketFilter::compile(c.expression).take();
        std::uint64_t matching = 0, frames = 0;
        for (const Buffer& buffer : buffers()) {
            leave(leaving, buffer.bytes, kSegment);
            for (const Bytes& frame : buffer.frames) {
                const auto size = static_cast<std::uint32_t>(frame.size());
                matching += filter->matches({frame.data(), size, size, 0, 0, kLinkTypeEthernet});
                if (received)
                    received->run(frame, kSecond);
                frames++;
            }
            EXPECT_EQ(leaving.counter(COUNTER_PACKETS_SEEN), frames) << buffer.name;
            EXPECT_EQ(leaving.counter(COUNTER_PACKETS_FILTERED), frames - matching) << buffer.name;
        }
        EXPECT_EQ(matching, c.matching);
        const auto flows = held(&leaving);
        std::uint64_t in_flows = 0;
        for (const auto& [packets, octets] : flows)
            in_flows += packets;
        EXPECT_EQ(leaving.counter(COUNTER_PACKETS_SEEN), in_flows + leaving.counter(COUNTER_PACKETS_FILTERED));
        if (received) {
            EXPECT_EQ(flows, held(&*received));
        }
    }
}

// The snap length holds for each frame, as it does for received ones.
TEST_F(Leaving, TheSnapLengthCutsEachSegment)
{
    for (const std::uint32_t snap_len : {68u, 67u}) {
        BenchSetup setup;
        setup.filter = {"tcp[tcpflags] != 0 and ether[64:4] != 0", {}};
        setup.filter.program = compile_filter_program(setup.filter.expression, kLinkTypeEthernet).take();
        setup.snap_len = snap_len;
        setup.egress = true;
        setup.use_metadata = false;
        SensorBench bench(setup);
        leave(bench, buffers().front().bytes, kSegment);
        EXPECT_EQ(bench.counter(COUNTER_PACKETS_SEEN), 3u);
        EXPECT_EQ(bench.counter(COUNTER_PACKETS_FILTERED), snap_len == 68 ? 0u : 3u);
    }
}

} // namespace
} // namespace flowxdp::test
