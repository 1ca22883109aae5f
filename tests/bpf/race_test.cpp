// SPDX-License-Identifier: BSD-2-Clause
// The shipped program under contention: an updater on each CPU runs it by test-run on flows that all share, a thread
// evicts without pause by the daemon's own Evictor, another reads the ring by the daemon's own RingReader. Every packet
// must come out exactly once: in one ended record, or as unattributed. Counted per flow, so a packet credited to
// another flow is found as well; no flowInd leaves twice.
//
// FLOWXDP_RACE_MS: how long each case runs (default 1500).
#include <linux/bpf.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <span>
#include <thread>

#include "bpf/sensor_bench.h"
#include "support/packet_builder.h"

namespace flowxdp::test {
namespace {

constexpr std::uint32_t kBigRing = 1u << 24, kPage = 4096, kNever = 182'000;

struct Race {
    const char* name;
    unsigned flows;
    bool evict;
    std::uint32_t force_at;        // tcp_win; 0 = off
    std::uint32_t idle_timeout_ms; // short ones end flows at the packet
    std::uint32_t ring_bytes;
    std::uint32_t max_flows;
    bool ordered_stores = kOrderedStores;  // how the records' locks are released
    std::uint32_t flood_from = FLOOD_FROM; // 0: keys are inserted before they are looked for

    friend void PrintTo(const Race& race, std::ostream* out) { *out << race.name; }
};

std::vector<int> usable_cpus()
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    std::vector<int> cpus;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(static_cast<std::size_t>(i), &set))
            cpus.push_back(i);
    return cpus;
}

std::chrono::milliseconds duration()
{
    const char* text = std::getenv("FLOWXDP_RACE_MS"); // NOLINT(concurrency-mt-unsafe): before the threads
    return std::chrono::milliseconds(text ? std::strtol(text, nullptr, 10) : 1500);
}

// Sums per flow; one per collecting thread.
struct Tally {
    explicit Tally(unsigned flows) : packets(flows), octets(flows) {}
    std::vector<std::uint64_t> packets, octets;
    std::vector<std::uint64_t> flow_ids;
    std::uint64_t foreign = 0, wrong_threshold = 0, moved = 0, one_packet = 0;

    void add(const ended_record& ended, const Race& race)
    {
        const flow_record& r = ended.record;
        // The client's address is 10.x.y.z, x.y.z the flow's number; either end of the key may be the client.
        // v4-mapped.
        const auto* address = reinterpret_cast<const std::uint8_t*>(r.key.lo_addr) + 12;
        if (address[0] != 10)
            address = reinterpret_cast<const std::uint8_t*>(r.key.hi_addr) + 12;
        const unsigned n =
            static_cast<unsigned>(address[1]) << 16 | static_cast<unsigned>(address[2]) << 8 | address[3];
        flow_ids.push_back(r.flow_id);
        if (address[0] != 10 || n >= packets.size()) {
            foreign++;
            return;
        }
        packets[n] += r.dir[0].packets + r.dir[1].packets;
        octets[n] += r.dir[0].octets + r.dir[1].octets;
        const unsigned sensor_status = r.dir[0].sensor_status | r.dir[1].sensor_status;
        one_packet += (sensor_status & FXS(ONE_PACKET_RECORD)) != 0;
        if (!race.force_at)
            return;
        // Every packet has a zero window, so a direction's count of them is its packets.
        const std::uint64_t most = std::max(r.dir[0].packets, r.dir[1].packets);
        if (sensor_status & FXS(BOUNDARY_MOVED))
            moved++; // the ring was full at the trigger and at the next packet
        else if (ended.reason == FLOW_END_DETECTED ? most != race.force_at : most >= race.force_at)
            wrong_threshold++;
    }
};

class RaceTest : public ::testing::TestWithParam<Race> {
  protected:
    void SetUp() override
    {
        if (!may_load_bpf())
            GTEST_SKIP() << "SKIP: no right to load BPF programs (CAP_BPF and CAP_NET_ADMIN, or root)";
        if (usable_cpus().size() < 2)
            GTEST_SKIP() << "SKIP: one CPU, a race needs two";
    }
};

TEST_P(RaceTest, LosesNothing)
{
    const Race& race = GetParam();
    BenchSetup setup;
    setup.plugins = {"basic_stats", "tcp_states"};
    if (race.force_at)
        setup.plugins.push_back("tcp_win:threshold=1,force_at=" + std::to_string(race.force_at));
    setup.idle_timeout_ms = race.idle_timeout_ms;
    setup.ring_bytes = race.ring_bytes;
    setup.max_flows = race.max_flows;
    setup.ordered_stores = race.ordered_stores;
    setup.flood_from = race.flood_from;
    if (race.idle_timeout_ms < 1000)
        setup.plugins.erase(setup.plugins.begin() + 1); // tcp_states sets timeouts of its own
    SensorBench bench(setup);

    const Bytes forward = Packet().eth().ipv4("10.0.0.0", "11.0.0.1").tcp(40000, 80, 0, TCP_ACK).payload(100).bytes();
    const Bytes backward = Packet().eth().ipv4("11.0.0.1", "10.0.0.0").tcp(80, 40000, 0, TCP_ACK).payload(37).bytes();
    const auto cpus = usable_cpus();
    const unsigned updaters = static_cast<unsigned>(std::min<std::size_t>(cpus.size(), 3));
    std::atomic<bool> stop{false}, stop_helpers{false};
    std::vector<Tally> sent(updaters, Tally(race.flows));
    std::vector<std::uint64_t> refused(updaters);

    auto update = [&](unsigned me) {
        cpu_set_t cpu;
        CPU_ZERO(&cpu);
        CPU_SET(static_cast<std::size_t>(cpus[me]), &cpu);
        sched_setaffinity(0, sizeof cpu, &cpu); // counters and scratch are per CPU and role: one updater each
        std::array<Bytes, 2> frames = {forward, backward};
        frame_meta meta{};
        meta.start_kind = HEADER_KIND_ETHERNET;
        std::uint32_t random = 12345 + me;
        for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); i++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            const unsigned n = random % race.flows, direction = (random >> 24) & 1;
            Bytes& frame = frames[direction];
            std::uint8_t* address = frame.data() + (direction ? 31 : 27); // last three bytes of the client's
            address[0] = static_cast<std::uint8_t>(n >> 16);
            address[1] = static_cast<std::uint8_t>(n >> 8);
            address[2] = static_cast<std::uint8_t>(n);
            meta.ts_ns = meta.clock_ns = kSecond + static_cast<std::int64_t>(i) * 10'000;
            meta.wire_len = meta.cap_len = static_cast<__u32>(frame.size());
            if (run_frame(bench.sensor->ingress_fd(), frame.data(), meta.cap_len, meta) != XDP_PASS) {
                refused[me]++;
                continue;
            }
            sent[me].packets[n]++;
            sent[me].octets[n] += frame.size() - 14;
        }
    };
    Tally ringed(race.flows), evicted(race.flows);
    auto drain = [&] {
        bench.ring->read([&](const stream_header& header) {
            ringed.add(reinterpret_cast<const ended_record&>(header), race);
            return true;
        });
        bench.ring->acknowledge();
    };
    std::uint64_t passes = 0;
    auto evict = [&](evict_mode mode) {
        // Due at the end of time: all are, so that every way of asking races alike.
        constexpr std::int64_t kEnd = INT64_MAX / 2;
        const Evictor::Scan scan = bench.evictor->scan(mode, kEnd, UINT64_MAX);
        for (std::span rest(scan.chosen); !rest.empty();
             rest = rest.subspan(std::min<std::size_t>(rest.size(), EVICT_SLOTS)))
            bench.evictor->evict(rest, mode, kEnd, [&](const ended_record& ended) { evicted.add(ended, race); });
        passes++;
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < updaters; i++)
        threads.emplace_back(update, i);
    std::thread drainer([&] {
        while (!stop_helpers.load()) {
            drain();
            std::this_thread::sleep_for(std::chrono::microseconds(100)); // leaves the CPU to those who race
        }
    });
    std::thread remover([&] {
        while (race.evict && !stop_helpers.load())
            evict(passes % 3 == 0 ? EVICT_DUE : passes % 3 == 1 ? EVICT_EARLY : EVICT_ALL);
    });
    std::this_thread::sleep_for(duration());
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
    stop_helpers = true;
    drainer.join();
    remover.join();
    const std::size_t evicted_while_running = evicted.flow_ids.size();
    drain();
    evict(EVICT_ALL);
    EXPECT_EQ(bench.table_size(), 0u) << "records that nobody can evict";
    EXPECT_EQ(bench.free_slots(), race.max_flows) << "slots that nobody has, or that two have";

    engine_counts counts{};
    bench.sensor->read_counts(&counts);
    const std::uint64_t unattributed = counts.counter[COUNTER_PACKETS_UNATTRIBUTED];
    std::uint64_t all_sent = 0, all_found = 0, wrong_flows = 0, missing = 0;
    for (unsigned n = 0; n < race.flows; n++) {
        std::uint64_t packets = 0, octets = 0;
        for (const Tally& tally : sent) {
            packets += tally.packets[n];
            octets += tally.octets[n];
        }
        const std::uint64_t found = ringed.packets[n] + evicted.packets[n];
        all_sent += packets;
        all_found += found;
        missing += packets - found;
        wrong_flows += found > packets || (found == packets && octets != ringed.octets[n] + evicted.octets[n]);
    }
    for (unsigned i = 0; i < updaters; i++)
        EXPECT_EQ(refused[i], 0u);
    std::vector<std::uint64_t> ids = ringed.flow_ids;
    ids.insert(ids.end(), evicted.flow_ids.begin(), evicted.flow_ids.end());
    std::ranges::sort(ids);
    const auto twice = std::ranges::adjacent_find(ids);
    std::printf("%s: sent %" PRIu64 ", records from the ring %zu (%" PRIu64
                " of one packet), evicted while running %zu, "
                "unattributed %" PRIu64 ", lost %" PRId64
                "; contended %llu, identity missed %llu, front missed %llu, boundaries "
                "moved %llu\n",
                race.name, all_sent, ringed.flow_ids.size(), ringed.one_packet, evicted_while_running, unattributed,
                static_cast<std::int64_t>(all_sent - all_found - unattributed), counts.counter[COUNTER_LOCK_CONTENDED],
                counts.counter[COUNTER_IDENTITY_MISSED], counts.counter[COUNTER_FRONT_MISSED],
                counts.counter[COUNTER_BOUNDARIES_MOVED]);
    EXPECT_GT(all_sent, 1000u);
    EXPECT_TRUE(twice == ids.end()) << "flowInd " << *twice << " left twice";
    EXPECT_EQ(all_sent, all_found + unattributed);
    EXPECT_EQ(missing, unattributed);
    EXPECT_EQ(counts.counter[COUNTER_PACKETS_SEEN], all_sent);
    EXPECT_EQ(wrong_flows, 0u) << "flows credited with packets that are not theirs";
    EXPECT_EQ(ringed.foreign + evicted.foreign, 0u);
    EXPECT_EQ(ringed.wrong_threshold + evicted.wrong_threshold, 0u)
        << "force mode did not cut exactly at the threshold";
    EXPECT_EQ(counts.counter[COUNTER_FLOWS_STARTED], ids.size());
    std::uint64_t ends = 0;
    for (const enum counter end : {COUNTER_FLOWS_ENDED_IDLE, COUNTER_FLOWS_ENDED_ACTIVE, COUNTER_FLOWS_ENDED_FORCED,
                                   COUNTER_FLOWS_ENDED_RESOURCES, COUNTER_FLOWS_ENDED_INPUT})
        ends += counts.counter[end];
    EXPECT_EQ(ends, ids.size());
    EXPECT_TRUE(race.ring_bytes == kPage || ringed.moved + evicted.moved == 0)
        << "boundaries moved, yet the ring had room";
}

INSTANTIATE_TEST_SUITE_P(
    Shipped, RaceTest,
    ::testing::Values(Race{"OneFlow", 1, false, 100, kNever, kBigRing, 4096},
                      Race{"ThousandFlowsEvicted", 1024, true, 0, kNever, kBigRing, 4096},
                      Race{"ThousandFlowsForceEvicted", 1024, true, 100, kNever, kBigRing, 4096},
                      Race{"ReleasedByExchange", 1024, true, 100, kNever, kBigRing, 4096, false},
                      Race{"ManyFlowsForceEvicted", 65536, true, 10, kNever, kBigRing, 131072},
                      Race{"FlowsDueAtThePacket", 1024, true, 0, 5, kBigRing, 4096},
                      Race{"RingOfOnePage", 1024, false, 5, kNever, kPage, 4096},
                      Race{"TableFull", 4096, true, 0, kNever, kBigRing, 64},
                      Race{"TableAndRingFull", 4096, true, 3, kNever, kPage, 64},
                      Race{"Flood", 1024, true, 100, kNever, kBigRing, 4096, kOrderedStores, 0},
                      Race{"FloodOfManyFlows", 65536, true, 0, kNever, kBigRing, 131072, kOrderedStores, 0},
                      Race{"FloodInAFullTable", 4096, true, 0, kNever, kBigRing, 64, kOrderedStores, 0}),
    [](const auto& race) { return std::string(race.param.name); });

} // namespace
} // namespace flowxdp::test
