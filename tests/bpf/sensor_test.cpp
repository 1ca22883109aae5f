// SPDX-License-Identifier: BSD-2-Clause
// The shipped program, packet by packet: what is counted where, when a flow leaves, and what happens when table, ring
// or both are full.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <set>

#include "bpf/sensor_bench.h"
#include "flowxdp/fragment.h"
#include "flowxdp/record_slots.h"
#include "support/packet_builder.h"
#include "tcp_win/tcp_win_state.h"

namespace flowxdp::test {
namespace {

// Whatever the verifier of a kernel thinks of the program, it must stay far from the limit of a million: newer kernels
// are not looser.
constexpr std::uint64_t kBudget = 300'000;
const std::vector<std::string> kAllPlugins = {
    "basic_flow",   "flow_export", "dedup:leave_out=1",
    "mac_recorder", "basic_stats", "tcp_flags",
    "tcp_states",   "tcp_rtt",     "tcp_win:threshold=1000,force_at=3,alarm_at=2"};

// Client 10.0.0.1:40000 to 10.0.0.2:80; 40 + payload IP octets.
Bytes to_server(std::uint32_t window = 1000, std::size_t payload = 0, const std::string& client = "10.0.0.1")
{
    return Packet().eth().ipv4(client, "10.0.0.2").tcp(40000, 80, window, TCP_ACK).payload(payload).bytes();
}
Bytes to_client(std::uint32_t window = 1000)
{
    return Packet().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 40000, window, TCP_ACK).bytes();
}
std::string client(unsigned n)
{
    return "10.1." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1);
}

std::uint64_t packets_in(const std::vector<Ended>& flows)
{
    std::uint64_t n = 0;
    for (const Ended& flow : flows)
        n += flow.packets();
    return n;
}

class Sensor : public BpfTest {};

void expect_budget(const BenchSetup& setup)
{
    const SensorBench bench(setup);
    std::vector<const char*> programs = {"flowxdp_ingress", "flowxdp_evict"};
    if (setup.egress)
        programs.push_back("flowxdp_egress");
    for (const char* program : programs) {
        const std::string& log = bench.sensor->verifier_log(program);
        const std::uint64_t n = verified_instructions(log);
        std::printf("%s: %" PRIu64 " verified instructions, stack %s\n", program, n, stack_depth(log).c_str());
        EXPECT_GT(n, 0u) << log;
        EXPECT_LE(n, kBudget) << program;
    }
}

TEST_F(Sensor, LoadsWithTheDefaultPlugins)
{
    BenchSetup setup;
    setup.default_plugins = true;
    expect_budget(setup);
}

TEST_F(Sensor, LoadsWithAllPluginsForceAndPacketMode)
{
    BenchSetup setup;
    setup.plugins = kAllPlugins;
    setup.packet_mode = true;
    expect_budget(setup);
}

TEST_F(Sensor, LoadsWithoutPlugins)
{
    expect_budget({});
}

// The clock of a live sensor instead of the test's.
TEST_F(Sensor, LoadsForLiveTraffic)
{
    BenchSetup setup;
    setup.default_plugins = true;
    setup.packet_mode = true;
    setup.active_timeout_ns = kSecond;
    setup.use_metadata = false;
    expect_budget(setup);
}

TEST_F(Sensor, LoadsForBothDirections)
{
    BenchSetup setup;
    setup.default_plugins = true;
    setup.egress = true;
    setup.use_metadata = false;
    expect_budget(setup);
}

TEST_F(Sensor, LoadsForBothDirectionsWithEverything)
{
    BenchSetup setup;
    setup.plugins = kAllPlugins;
    setup.packet_mode = true;
    setup.extraction = true;
    setup.egress = true;
    setup.use_metadata = false;
    expect_budget(setup);
}

// A plugin that wants packets, without packet mode and with everything.
TEST_F(Sensor, LoadsWithANeed)
{
    BenchSetup setup;
    setup.library = needs_folder();
    setup.default_plugins = true;
    setup.plugins = {"first_payload"};
    setup.egress = true;
    setup.use_metadata = false;
    expect_budget(setup);
}

// As many needs of user halves as there may be.
TEST_F(Sensor, LoadsWithAFullTableOfNeeds)
{
    BenchSetup setup;
    setup.default_plugins = true;
    setup.full_needs = true;
    setup.egress = true;
    setup.use_metadata = false;
    expect_budget(setup);
}

TEST_F(Sensor, LoadsWithANeedAndEverything)
{
    BenchSetup setup;
    setup.library = needs_folder();
    setup.plugins = kAllPlugins;
    setup.plugins.emplace_back("first_payload");
    setup.full_needs = true;
    setup.packet_mode = true;
    setup.extraction = true;
    setup.egress = true;
    setup.use_metadata = false;
    expect_budget(setup);
}

TEST_F(Sensor, CountsBothDirectionsInOneRecord)
{
    SensorBench bench({});
    bench.run(to_server(1000, 100), kSecond);
    bench.run(to_client(), 2 * kSecond);
    bench.run(to_server(), 3 * kSecond);
    EXPECT_EQ(bench.table_size(), 1u);
    const auto flows = bench.evict(EVICT_ALL, 3 * kSecond);
    ASSERT_EQ(flows.size(), 1u);
    const flow_record& r = flows[0].record();
    EXPECT_EQ(r.flow_id, 1u);
    EXPECT_EQ(r.dir[0].packets, 2u);
    EXPECT_EQ(r.dir[0].octets, 140u + 40u);
    EXPECT_EQ(r.dir[1].packets, 1u);
    EXPECT_EQ(r.dir[1].octets, 40u);
    EXPECT_EQ(r.dir[0].first_ns, kSecond);
    EXPECT_EQ(r.dir[0].last_ns, 3 * kSecond);
    EXPECT_EQ(flows[0]->reason, static_cast<__u32>(FLOW_END_FORCED));
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_SEEN), 3u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_STARTED), 1u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_INPUT), 1u);
    EXPECT_EQ(bench.table_size(), 0u);
    EXPECT_TRUE(bench.drain().empty());
}

TEST_F(Sensor, PassesWhatItCannotParse)
{
    SensorBench bench({});
    bench.run(Bytes(13, 0xff), kSecond);
    bench.run(Bytes(60, 0xff), kSecond);
    bench.run(Packet().eth().ipv4().bytes(), kSecond);
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_SEEN), 3u);
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_SHORT_FRAME), 1u);
    EXPECT_EQ(packets_in(bench.evict(EVICT_ALL, kSecond)), 2u);
}

TEST_F(Sensor, EndsAnIdleFlowAtThePacketThatFindsItDue)
{
    SensorBench bench({});
    bench.run(to_server(), kSecond);
    bench.run(to_server(), 183 * kSecond - 1); // a nanosecond early
    EXPECT_TRUE(bench.drain().empty());
    bench.run(to_client(), (183 + 182) * kSecond - 1);
    const auto ended = bench.drain();
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0]->reason, static_cast<__u32>(FLOW_END_IDLE));
    EXPECT_EQ(ended[0]->end_clock_ns, (183 + 182) * kSecond - 1);
    EXPECT_EQ(ended[0].packets(), 2u);
    const auto alive = bench.evict(EVICT_ALL, 400 * kSecond);
    ASSERT_EQ(alive.size(), 1u);
    EXPECT_EQ(alive[0].record().flow_id, 2u);
    EXPECT_EQ(alive[0].packets(), 1u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_IDLE), 1u);
}

TEST_F(Sensor, CutsAFlowAtTheActiveTimeout)
{
    BenchSetup setup;
    setup.active_timeout_ns = 10 * kSecond;
    SensorBench bench(setup);
    for (int i = 0; i <= 10; i++)
        bench.run(to_server(), (100 + i) * kSecond);
    const auto ended = bench.drain();
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0]->reason, static_cast<__u32>(FLOW_END_ACTIVE));
    EXPECT_EQ(ended[0].packets(), 10u);
    EXPECT_TRUE(ended[0].record().dir[0].status & FS(DURATION_LIMIT));
    EXPECT_EQ(packets_in(bench.evict(EVICT_ALL, 200 * kSecond)), 1u);
}

TEST_F(Sensor, ForceModeEndsTheFlowAtTheTrigger)
{
    BenchSetup setup;
    setup.plugins = {"tcp_win:threshold=1,force_at=2"};
    SensorBench bench(setup);
    bench.run(to_server(0), kSecond);
    bench.run(to_client(), kSecond);
    bench.run(to_server(5), kSecond);
    EXPECT_TRUE(bench.drain().empty());
    bench.run(to_server(0), 2 * kSecond);
    const auto ended = bench.drain();
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0]->reason, static_cast<__u32>(FLOW_END_DETECTED));
    EXPECT_EQ(ended[0]->end_clock_ns, 2 * kSecond);
    EXPECT_EQ(ended[0].record().dir[0].packets, 3u);
    EXPECT_EQ(ended[0].record().dir[1].packets, 1u);
    EXPECT_TRUE(ended[0].record().dir[0].status & FS(FORCED));
    EXPECT_FALSE(ended[0].record().dir[1].status & FS(FORCED));
    // What is left is vacant: no packets, no flow; a due scan removes it.
    EXPECT_EQ(bench.table_size(), 1u);
    EXPECT_TRUE(bench.evict(EVICT_DUE, 2 * kSecond).empty());
    EXPECT_EQ(bench.table_size(), 0u);
}

TEST_F(Sensor, AVacantRecordStartsAFreshFlow)
{
    BenchSetup setup;
    setup.plugins = {"tcp_win:threshold=1,force_at=1"};
    SensorBench bench(setup);
    bench.run(to_server(0), kSecond);
    bench.run(to_client(), 2 * kSecond); // decides the direction anew: from a well-known port, so it is B
    ASSERT_EQ(bench.drain().size(), 1u);
    const auto flows = bench.evict(EVICT_ALL, 2 * kSecond);
    ASSERT_EQ(flows.size(), 1u);
    EXPECT_EQ(flows[0].record().flow_id, 2u);
    EXPECT_EQ(flows[0].record().dir[0].packets, 0u);
    EXPECT_EQ(flows[0].record().dir[1].packets, 1u);
    EXPECT_EQ(flows[0].record().first_clock_ns, 2 * kSecond);
    EXPECT_EQ(static_cast<const tcp_win_state*>(bench.slot(flows[0], "tcp_win"))->dir[0].below, 0u);
}

TEST_F(Sensor, EvictsWhatIsDueAndNothingElse)
{
    SensorBench bench({});
    for (unsigned i = 0; i < 300; i++) // more than one call's slots
        bench.run(to_server(1000, 0, client(i)), kSecond + i);
    bench.run(to_server(1000, 0, client(300)), 100 * kSecond);
    EXPECT_TRUE(bench.evict(EVICT_DUE, 183 * kSecond - 1).empty());
    EXPECT_EQ(bench.seen, 301u);
    const auto due = bench.evict(EVICT_DUE, 183 * kSecond + 299);
    EXPECT_EQ(due.size(), 300u);
    for (const Ended& flow : due) {
        EXPECT_EQ(flow->reason, static_cast<__u32>(FLOW_END_IDLE));
        EXPECT_EQ(flow->end_clock_ns, flow.record().first_clock_ns + 182 * kSecond);
    }
    EXPECT_EQ(bench.table_size(), 1u);
    EXPECT_EQ(bench.evict(EVICT_EARLY, 184 * kSecond).size(), 1u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_RESOURCES), 1u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_IDLE), 300u);
    EXPECT_TRUE(bench.evict(EVICT_ALL, 184 * kSecond).empty());
}

// No ring memory: the end comes late, its flow goes on with the packet, nothing is lost.
TEST_F(Sensor, AFullRingMovesBoundaries)
{
    BenchSetup setup;
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 100; i++)
            bench.run(to_server(0, 0, client(i)), (1 + 200 * static_cast<std::int64_t>(round)) * kSecond);
    EXPECT_GT(bench.counter(COUNTER_BOUNDARIES_MOVED), 0u);
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_UNATTRIBUTED), 0u);
    const auto ended = bench.drain();
    EXPECT_GE(ended.size(), 5u);
    EXPECT_LT(ended.size(), 20u);
    const auto alive = bench.evict(EVICT_ALL, 700 * kSecond);
    EXPECT_EQ(packets_in(ended) + packets_in(alive), bench.sent);
    const auto marked = std::count_if(alive.begin(), alive.end(), [](const Ended& flow) {
        return (flow.record().dir[0].sensor_status & FXS(BOUNDARY_MOVED)) != 0;
    });
    EXPECT_GT(marked, 80);
}

// A flow says that a row of it was lost, and only such a flow.
TEST_F(Sensor, ALostPacketRowIsSaidOfItsFlow)
{
    BenchSetup setup;
    setup.packet_mode = true;
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    for (unsigned i = 0; i < 100; i++)
        bench.run(to_server(0, 0, client(i)), kSecond + i);
    const std::uint64_t lost = bench.counter(COUNTER_PACKET_ROWS_LOST);
    EXPECT_GT(lost, 50u);
    EXPECT_EQ(bench.counter(COUNTER_BYTES_UNREADABLE), 0u);
    bench.drain();
    EXPECT_EQ(bench.packet_rows + lost, 100u);
    bench.run(to_server(0, 0, client(99)), 2 * kSecond); // its second row is not lost, its first one was
    bench.run(to_server(0, 0, client(100)), 2 * kSecond);
    std::uint64_t marked = 0;
    const auto flows = bench.evict(EVICT_ALL, 3 * kSecond);
    for (const Ended& flow : flows)
        marked += (flow.record().dir[0].sensor_status & FXS(PACKET_ROWS_LOST)) != 0;
    EXPECT_EQ(flows.size(), 101u);
    EXPECT_EQ(marked, lost);
    // The row of a packet that ends its flow goes before the end.
    BenchSetup forcing;
    forcing.packet_mode = true;
    forcing.plugins = {"tcp_win:threshold=1,force_at=1"};
    forcing.ring_bytes = 4096;
    SensorBench ends(forcing);
    for (unsigned i = 0; i < 30; i++)
        ends.run(to_server(0, 0, client(i)), kSecond + i);
    const std::uint64_t rows_lost = ends.counter(COUNTER_PACKET_ROWS_LOST);
    EXPECT_GT(rows_lost, 0u);
    marked = 0;
    for (const auto& some : {ends.drain(), ends.evict(EVICT_ALL, 3 * kSecond)})
        for (const Ended& flow : some)
            marked += (flow.record().dir[0].sensor_status & FXS(PACKET_ROWS_LOST)) != 0;
    EXPECT_EQ(marked, rows_lost);
}

// A flow says that a packet of it that a plugin wanted was lost, and only such a flow. Without packet mode there are no
// rows to lose.
TEST_F(Sensor, ALostWantedPacketIsSaidOfItsFlow)
{
    BenchSetup setup;
    setup.library = needs_folder();
    setup.plugins = {"first_payload:packets=1"};
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    const auto with_payload = [](unsigned n) {
        return Packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(20000 + n, 9).payload(20).bytes();
    };
    for (unsigned i = 0; i < 100; i++)
        bench.run(with_payload(i), kSecond + i);
    for (unsigned i = 0; i < 100; i++)
        bench.run(with_payload(i), kSecond + 100 + i); // nobody wants the second one
    const std::uint64_t lost = bench.counter(COUNTER_WANTED_PACKETS_LOST);
    EXPECT_GT(lost, 50u);
    EXPECT_EQ(bench.counter(COUNTER_PACKET_ROWS_LOST), 0u);
    bench.drain();
    EXPECT_EQ(bench.wanted, bench.packet_rows);
    EXPECT_EQ(bench.wanted + lost, 100u);
    std::uint64_t marked = 0, packets = 0;
    const auto flows = bench.evict(EVICT_ALL, 3 * kSecond);
    for (const Ended& flow : flows) {
        marked += flow.record().dir[0].sensor_status == FXS(WANTED_PACKETS_LOST);
        packets += flow.packets();
    }
    EXPECT_EQ(flows.size(), 100u);
    EXPECT_EQ(marked, lost);
    EXPECT_EQ(packets, 200u);
    // A packet without a place in the table is wanted as any other: its record goes before its flow's.
    BenchSetup full = setup;
    full.ring_bytes = 1u << 20;
    full.max_flows = 8;
    SensorBench alone(full);
    for (unsigned i = 0; i < 20; i++)
        alone.run(with_payload(i), kSecond + i);
    EXPECT_EQ(alone.drain().size(), 12u);
    EXPECT_EQ(alone.wanted, 20u);
    EXPECT_EQ(alone.counter(COUNTER_WANTED_PACKETS_LOST), 0u);
}

// Packets that force nothing take nothing from the ring, forcing halves or not.
TEST_F(Sensor, ForceModeReservesOnlyForFlowsThatItEnds)
{
    BenchSetup setup;
    setup.plugins = {"tcp_win:threshold=1,force_at=2"};
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    for (unsigned i = 0; i < 200; i++)
        bench.run(to_server(1000, 0, client(i % 20)), kSecond + i);
    EXPECT_EQ(bench.ring->used(), 0u);
    EXPECT_EQ(bench.counter(COUNTER_BOUNDARIES_MOVED), 0u);
    for (unsigned i = 0; i < 4; i++)
        bench.run(to_server(0, 0, client(0)), 2 * kSecond + i);
    EXPECT_EQ(bench.drain().size(), 2u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_FORCED), 2u);
}

// A forced end without ring memory comes later, but it is the same end: no later packet belongs to the flow.
TEST_F(Sensor, ALateForceIsMadeUpFor)
{
    BenchSetup setup;
    setup.plugins = {"tcp_win:threshold=1,force_at=1"};
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    for (unsigned i = 0; i < 100; i++)
        bench.run(to_server(0, 0, client(i)), kSecond);
    const std::uint64_t in_time = bench.drain().size();
    ASSERT_LT(in_time, 20u);
    EXPECT_EQ(bench.counter(COUNTER_BOUNDARIES_MOVED), 100u - in_time);
    bench.run(to_server(1000, 0, client(99)), 2 * kSecond);
    const auto late = bench.drain();
    ASSERT_EQ(late.size(), 1u);
    EXPECT_EQ(late[0]->reason, static_cast<__u32>(FLOW_END_DETECTED));
    EXPECT_EQ(late[0].packets(), 1u);
    EXPECT_TRUE(late[0].record().dir[0].sensor_status & FXS(FORCE_LATE));
    // A scan ends the others, whatever their timeout; the flow of the late packet is not due.
    const auto scanned = bench.evict(EVICT_DUE, 2 * kSecond);
    EXPECT_EQ(scanned.size(), 100u - in_time - 1);
    for (const Ended& flow : scanned)
        EXPECT_EQ(flow->reason, static_cast<__u32>(FLOW_END_DETECTED));
    EXPECT_EQ(packets_in(bench.evict(EVICT_ALL, 2 * kSecond)), 1u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_FORCED), 100u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_STARTED), 101u);
}

// A flow with a pending end goes on when the ring is still full at its next packet.
TEST_F(Sensor, AForceThatFindsNoRingMemoryTwiceMovesTheBoundary)
{
    BenchSetup setup;
    setup.plugins = {"tcp_win:threshold=1,force_at=1"};
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 100; i++)
            bench.run(to_server(0, 0, client(i)), kSecond + round);
    const auto ended = bench.drain();
    const auto rest = bench.evict(EVICT_ALL, 2 * kSecond);
    EXPECT_EQ(packets_in(ended) + packets_in(rest), bench.sent);
    const auto moved = std::ranges::count_if(rest, [](const Ended& flow) {
        return flow.packets() == 2 && (flow.record().dir[0].sensor_status & FXS(BOUNDARY_MOVED)) != 0;
    });
    EXPECT_EQ(static_cast<std::size_t>(moved) + ended.size(), 100u);
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_UNATTRIBUTED), 0u);
}

// What an inserter leaves behind that could not lock its own embryo: packets of the flow leave as records of their own,
// and a scan removes it.
TEST_F(Sensor, AnAbandonedEmbryoIsRemoved)
{
    SensorBench bench({});
    bench.run(to_server(), kSecond);
    auto flows = bench.evict(EVICT_ALL, kSecond);
    ASSERT_EQ(flows.size(), 1u);
    std::vector<std::uint64_t> embryo(record_stride(bench.flow().record_size) / 8);
    auto* record = reinterpret_cast<flow_record*>(embryo.data());
    record->state = FLOW_STATE_EMBRYO;
    record->flow_id = 1;
    record->key = flows[0].record().key;
    const record_place place = {70, 0}; // bit 6 of the second word
    const std::uint64_t others = ~(1ULL << 6);
    const __u32 word = 1;
    ASSERT_EQ(bpf_map_update_elem(bench.sensor->map_fd("free_slots"), &word, &others, BPF_ANY), 0);
    ASSERT_EQ(bpf_map_update_elem(bench.sensor->map_fd("records"), &place.slot, record, BPF_ANY), 0);
    ASSERT_EQ(bpf_map_update_elem(bench.sensor->map_fd("flows"), &record->key, &place, BPF_NOEXIST), 0);
    bench.run(to_server(), 2 * kSecond);
    const auto alone = bench.drain();
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_TRUE(alone[0].record().dir[0].sensor_status & FXS(ONE_PACKET_RECORD));
    EXPECT_EQ(bench.table_size(), 1u);
    EXPECT_TRUE(bench.evict(EVICT_DUE, 2 * kSecond).empty());
    EXPECT_EQ(bench.table_size(), 0u);
    EXPECT_EQ(bench.free_slots(), bench.sensor->max_flows());
    bench.run(to_server(), 3 * kSecond);
    flows = bench.evict(EVICT_ALL, 3 * kSecond);
    ASSERT_EQ(flows.size(), 1u);
    EXPECT_EQ(flows[0].packets(), 1u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_STARTED), 3u);
    EXPECT_EQ(bench.counter(COUNTER_FLOWS_ENDED_INPUT), 2u);
}

// An evicted record whose key could not be deleted, because its bucket was busy: a later call deletes it and frees its
// slot.
TEST_F(Sensor, AnUndeletedKeyIsDeletedLater)
{
    SensorBench bench({});
    bench.run(to_server(), kSecond);
    std::vector<std::uint64_t> bytes(record_stride(bench.flow().record_size) / 8);
    auto* record = reinterpret_cast<flow_record*>(bytes.data());
    const auto used = bench.used_slots();
    ASSERT_EQ(used.size(), 1u);
    const __u32 slot = used.begin()->first;
    const int records = bench.sensor->map_fd("records");
    ASSERT_EQ(bpf_map_lookup_elem(records, &slot, record), 0);
    ASSERT_EQ(record->state, static_cast<__u32>(FLOW_STATE_BORN));
    record->state = FLOW_STATE_DEAD;
    record->flow_id = 0;
    ASSERT_EQ(bpf_map_update_elem(records, &slot, record, BPF_ANY), 0);
    EXPECT_EQ(bench.free_slots(), bench.sensor->max_flows() - 1);
    EXPECT_TRUE(bench.evict(EVICT_EARLY, kSecond).empty());
    EXPECT_EQ(bench.table_size(), 1u);
    EXPECT_TRUE(bench.evict(EVICT_DUE, kSecond).empty());
    EXPECT_EQ(bench.table_size(), 0u);
    EXPECT_EQ(bench.free_slots(), bench.sensor->max_flows());
}

// A table of any size holds that many flows, and its slots are free again when they have left.
TEST_F(Sensor, EverySlotIsTakenOnceAndFreedOnce)
{
    for (const unsigned slots : {16u, 63u, 64u, 65u, 100u, 4096u, 4097u, 5000u}) {
        SCOPED_TRACE(slots);
        BenchSetup setup;
        setup.max_flows = slots;
        setup.ring_bytes = 1u << 22;
        SensorBench bench(setup);
        EXPECT_EQ(bench.free_slots(), slots);
        for (int round = 0; round < 2; round++) {
            for (unsigned i = 0; i < slots + 10; i++)
                bench.run(to_server(0, 0, client(i)), kSecond);
            EXPECT_EQ(bench.table_size(), slots);
            EXPECT_EQ(bench.free_slots(), 0u);
            EXPECT_EQ(bench.counter(COUNTER_TABLE_FULL), 10u * static_cast<unsigned>(round + 1));
            EXPECT_EQ(bench.drain().size(), 10u);
            EXPECT_EQ(bench.evict(EVICT_ALL, kSecond).size(), slots);
            EXPECT_EQ(bench.table_size(), 0u);
            EXPECT_EQ(bench.free_slots(), slots);
        }
    }
}

// A record lies in its key's home, unless another flow was there first; also after the table was full, however it was
// evicted.
TEST_F(Sensor, RecordsLieInTheirHomes)
{
    SensorBench bench({});
    const unsigned slots = bench.sensor->max_flows();
    for (unsigned i = 0; i < slots; i++) // ends in another order than the slots have
        bench.run(to_server(0, 0, client(i)), kSecond + i * 7919 % slots);
    EXPECT_EQ(bench.evict(EVICT_ALL, 2 * kSecond).size(), slots);
    for (unsigned i = 0; i < slots / 4; i++)
        bench.run(to_server(0, 0, client(i)), 3 * kSecond);
    slot_levels levels{};
    slot_levels_from(&levels, slots);
    const auto used = bench.used_slots();
    ASSERT_EQ(used.size(), slots / 4);
    unsigned elsewhere = 0;
    for (const auto& [slot, key] : used) {
        const std::uint32_t home = home_slot(&levels, flow_key_tag(&key, &bench.flow().table_secret));
        if (home == slot)
            continue;
        elsewhere++;
        EXPECT_TRUE(used.contains(home)) << "slot " << slot << ", home " << home;
    }
    // A quarter of the slots drawn at random: a flow finds its home taken with a chance of 0 to 1/4, 1/8 in the mean.
    EXPECT_GT(elsewhere, 0u);
    EXPECT_LT(elsewhere, slots / 4 / 5);
}

// While a flood begins, lasts and ends, each packet is counted in its own flow, wherever its record lies.
TEST_F(Sensor, AFloodMisleadsNoPacket)
{
    constexpr unsigned kFlows = 400, kRounds = 7;
    BenchSetup setup;
    setup.max_flows = 512;
    setup.flood_from = 800; // from the 200th new flow on, until 800 packets of known flows came
    SensorBench bench(setup);
    for (unsigned round = 0; round < kRounds; round++)
        for (unsigned i = 0; i < kFlows; i++) // in another order in each round
            bench.run(to_server(0, 0, client(i * (10 * round + 1) % kFlows)), kSecond);
    EXPECT_EQ(bench.table_size(), kFlows);
    EXPECT_EQ(bench.free_slots(), setup.max_flows - kFlows);
    EXPECT_EQ(bench.counter(COUNTER_TABLE_FULL), 0u);
    EXPECT_EQ(bench.counter(COUNTER_IDENTITY_MISSED), 0u);
    const auto flows = bench.evict(EVICT_ALL, 3 * kSecond);
    ASSERT_EQ(flows.size(), kFlows);
    for (const Ended& flow : flows)
        EXPECT_EQ(flow.packets(), kRounds);
    EXPECT_TRUE(bench.drain().empty());
    EXPECT_EQ(bench.free_slots(), setup.max_flows);
}

// In a flood, a full table still knows the flows that it has.
TEST_F(Sensor, AFloodOfAFullTableMisleadsNoPacket)
{
    BenchSetup setup;
    setup.max_flows = 64;
    setup.flood_from = 0;
    SensorBench bench(setup);
    for (int round = 0; round < 3; round++)
        for (unsigned i = 0; i < setup.max_flows; i++)
            bench.run(to_server(0, 0, client(i)), kSecond);
    EXPECT_EQ(bench.counter(COUNTER_TABLE_FULL), 0u);
    for (unsigned i = 0; i < 10; i++) {
        bench.run(to_server(0, 0, client(1000 + i)), kSecond);
        EXPECT_EQ(bench.counter(COUNTER_TABLE_FULL), i + 1);
        bench.run(to_server(0, 0, client(i)), kSecond);
    }
    EXPECT_EQ(bench.drain().size(), 10u);
    const auto flows = bench.evict(EVICT_ALL, 3 * kSecond);
    ASSERT_EQ(flows.size(), setup.max_flows);
    EXPECT_EQ(packets_in(flows), 3u * setup.max_flows + 10u);
    for (const Ended& flow : flows)
        EXPECT_TRUE(flow.packets() == 3 || flow.packets() == 4) << flow.packets();
    // What left makes room for what comes.
    for (unsigned i = 0; i < setup.max_flows; i++)
        bench.run(to_server(0, 0, client(2000 + i)), 4 * kSecond);
    EXPECT_EQ(bench.table_size(), setup.max_flows);
    EXPECT_EQ(bench.counter(COUNTER_TABLE_FULL), 10u);
}

// The front is a hint: a packet that it leads to another flow's record, or to none, is counted in its own flow.
TEST_F(Sensor, AWrongFrontMisleadsNoPacket)
{
    constexpr unsigned kFlows = 40; // in 64 slots: some find their home taken
    BenchSetup setup;
    setup.max_flows = 64;
    SensorBench bench(setup);
    for (unsigned i = 0; i < kFlows; i++)
        for (int n = 0; n < 3; n++)
            bench.run(to_server(0, 0, client(i)), kSecond + n);
    EXPECT_EQ(bench.counter(COUNTER_FRONT_MISSED), 0u);
    const int front = bench.sensor->map_fd("front");
    std::map<__u32, front_set> sets;
    unsigned named = 0;
    for (__u32 at = 0; at < front_sets(bench.sensor->max_flows()); at++) {
        front_set set{};
        ASSERT_EQ(bpf_map_lookup_elem(front, &at, &set), 0);
        sets[at] = set;
        named += static_cast<unsigned>(std::ranges::count_if(set.entry, [](__u64 entry) { return entry != 0; }));
    }
    ASSERT_GT(named, 1u) << "flows that are not in their homes";
    const std::uint32_t lies[] = {1, 2, 64, 65, 0xffffffff}; // slot + 1: two flows' or free ones, the last, none, none
    for (const std::uint32_t lie : lies) {
        for (auto [at, set] : sets) {
            for (__u64& entry : set.entry)
                entry = entry ? entry >> 32 << 32 | lie : 0;
            ASSERT_EQ(bpf_map_update_elem(front, &at, &set, BPF_ANY), 0);
        }
        for (unsigned i = 0; i < kFlows; i++)
            bench.run(to_server(0, 0, client(i)), 2 * kSecond);
    }
    EXPECT_GE(bench.counter(COUNTER_FRONT_MISSED), (std::size(lies) - 1) * named)
        << "at most one lie names a flow's own slot";
    EXPECT_EQ(bench.counter(COUNTER_IDENTITY_MISSED), 0u);
    const auto flows = bench.evict(EVICT_ALL, 3 * kSecond);
    ASSERT_EQ(flows.size(), kFlows);
    for (const Ended& flow : flows)
        EXPECT_EQ(flow.packets(), 3u + std::size(lies));
    EXPECT_TRUE(bench.drain().empty());
}

// The ladder of a full table: a record of its own, and when the ring is full too, counted without a flow.
TEST_F(Sensor, AFullTableLosesNoCount)
{
    BenchSetup setup;
    setup.max_flows = 64;
    SensorBench bench(setup);
    for (unsigned i = 0; i < 1000; i++)
        bench.run(to_server(1000, 10, client(i)), kSecond);
    EXPECT_EQ(bench.table_size(), 64u);
    EXPECT_EQ(bench.counter(COUNTER_TABLE_FULL), 1000u - 64u);
    EXPECT_EQ(bench.counter(COUNTER_ONE_PACKET_RECORDS), 1000u - 64u);
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_UNATTRIBUTED), 0u);
    const auto alone = bench.drain();
    EXPECT_EQ(alone.size(), 1000u - 64u);
    std::set<std::uint64_t> ids;
    for (const Ended& flow : alone) {
        ids.insert(flow.record().flow_id);
        EXPECT_EQ(flow->reason, static_cast<__u32>(FLOW_END_RESOURCES));
        EXPECT_EQ(flow.packets(), 1u);
        EXPECT_EQ(flow.record().dir[0].octets, 50u);
        EXPECT_TRUE(flow.record().dir[0].sensor_status & FXS(ONE_PACKET_RECORD));
        EXPECT_TRUE(flow.record().dir[0].status & FS(TABLE_FULL));
    }
    for (const Ended& flow : bench.evict(EVICT_ALL, kSecond))
        ids.insert(flow.record().flow_id);
    EXPECT_EQ(ids.size(), 1000u);
}

TEST_F(Sensor, AFullTableAndRingCountWhatHasNoFlow)
{
    BenchSetup setup;
    setup.max_flows = 64;
    setup.ring_bytes = 4096;
    SensorBench bench(setup);
    std::uint64_t wire = 0;
    for (unsigned i = 0; i < 1000; i++) {
        const Bytes frame = to_server(1000, i % 50, client(i));
        wire += frame.size();
        bench.run(frame, kSecond);
    }
    std::uint64_t octets = 0, in_flows = 0;
    for (const auto& flows : {bench.drain(), bench.evict(EVICT_ALL, kSecond)})
        for (const Ended& flow : flows) {
            in_flows += flow.packets();
            octets += flow.record().dir[0].octets + 14 * flow.packets();
        }
    EXPECT_GT(bench.counter(COUNTER_PACKETS_UNATTRIBUTED), 800u);
    EXPECT_EQ(in_flows + bench.counter(COUNTER_PACKETS_UNATTRIBUTED), bench.sent);
    EXPECT_EQ(octets + bench.counter(COUNTER_OCTETS_UNATTRIBUTED), wire);
    EXPECT_EQ(bench.counter(COUNTER_PACKETS_SEEN), bench.sent);
}

Bytes fragment(unsigned id, unsigned offset_units, bool more)
{
    Packet p = Packet().eth().ipv4().fragment4(id, offset_units, more);
    return offset_units ? p.set8(9, 17).payload(64).bytes() : p.udp(5000, 6000).payload(56).bytes();
}

TEST_F(Sensor, LaterFragmentsFollowTheirFirst)
{
    SensorBench bench({});
    bench.run(fragment(7, 0, true), kSecond);
    bench.run(fragment(7, 8, true), kSecond);
    bench.run(fragment(7, 16, false), kSecond);
    const auto flows = bench.evict(EVICT_ALL, kSecond);
    ASSERT_EQ(flows.size(), 1u);
    EXPECT_EQ(flows[0].packets(), 3u);
    EXPECT_EQ(flows[0].record().key.lo_port, 5000u);
    EXPECT_FALSE(flows[0].record().dir[0].status & FS(FRAGMENT_NO_FIRST));
    EXPECT_EQ(bench.counter(COUNTER_FRAGMENTS_UNMATCHED), 0u);
}

TEST_F(Sensor, AFragmentWithoutItsFirstHasAFlowOfItsOwn)
{
    SensorBench bench({});
    bench.run(fragment(7, 8, true), kSecond); // before its first
    bench.run(fragment(7, 0, true), kSecond);
    bench.run(fragment(7, 16, false), 31 * kSecond); // thirty seconds later the slot is dead
    const auto flows = bench.evict(EVICT_ALL, 31 * kSecond);
    ASSERT_EQ(flows.size(), 2u);
    EXPECT_EQ(bench.counter(COUNTER_FRAGMENTS_UNMATCHED), 2u);
    for (const Ended& flow : flows) {
        const bool portless = !flow.record().key.lo_port && !flow.record().key.hi_port;
        EXPECT_EQ(flow.packets(), portless ? 2u : 1u);
        EXPECT_EQ((flow.record().dir[0].status & FS(FRAGMENT_NO_FIRST)) != 0, portless);
    }
}

TEST_F(Sensor, ATakenFragmentSlotIsCounted)
{
    SensorBench bench({});
    // More open datagrams than slots: by the pigeonhole some must meet.
    for (unsigned id = 1; id <= 2 * FRAGMENT_SLOTS; id++)
        bench.run(fragment(id, 0, true), kSecond);
    EXPECT_GE(bench.counter(COUNTER_FRAGMENT_COLLISIONS), FRAGMENT_SLOTS);
    EXPECT_EQ(packets_in(bench.evict(EVICT_ALL, kSecond)), bench.sent);
}

TEST_F(Sensor, PacketModeSendsARowForEveryPacketWithAFlow)
{
    BenchSetup setup;
    setup.plugins = kAllPlugins;
    setup.packet_mode = true;
    SensorBench bench(setup);
    for (unsigned i = 0; i < 50; i++)
        bench.run(to_server(i % 7 ? 5000 : 0, 1 + 29 * i, client(i % 5)), kSecond + i);
    bench.run(Bytes(13, 0xff), kSecond + 50);
    bench.drain();
    EXPECT_EQ(bench.packet_rows, 50u);
    EXPECT_EQ(bench.counter(COUNTER_PACKET_ROWS_LOST), 0u);
}

} // namespace
} // namespace flowxdp::test
