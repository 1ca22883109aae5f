// SPDX-License-Identifier: BSD-2-Clause
// Records and rings that somebody else wrote: what the check lets through goes through every plugin and every file
// format without a step outside of its memory, what it does not let through is counted, and no reader goes on without
// end.
#include <gtest/gtest.h>

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/unique_fd.h"
#include "flowxdp/evict.h"
#include "flowxdp/journal.h"
#include "flowxdp/program_role.h"
#include "kernel/record_check.h"
#include "kernel/ring_reader.h"
#include "pipeline/pipeline.h"
#include "sink/module_sink.h"
#include "support/temp_folder.h"
#include "trust/hostile_records.h"

namespace flowxdp {
namespace {

constexpr int kTries = 10000;

using test::Chance;
using test::make_packet;
using test::make_record;

using Names = std::vector<std::string_view>;

// All plugins but some, and every sink that writes files.
class WholeRun {
  public:
    explicit WholeRun(const Names& left_out)
        : bundle_(flowxdp_bundle()), libraries_(load_plugin_libraries(FLOWXDP_PLUGIN_DIR))
    {
        PluginChoice choice;
        choice.replace_default = true;
        for (const PluginLibrary& library : libraries_)
            if (std::ranges::find(left_out, library.descriptor->name) == left_out.end())
                choice.add.push_back({library.descriptor->name, {}});
        plugins_ = std::make_unique<PluginHost>(libraries_, choice, *bundle_, true, PluginHost::Services{}, &flow_);
        SinkContext context;
        context.output_prefix = folder_ / "run";
        context.flow_schema = plugins_->flow_schema();
        context.packet_schema = plugins_->packet_schema();
        for (const char* spec : {"text", "json:%.json", "csv:%.csv", "ipfix:file:%.ipfix"}) {
            std::string text = spec;
            if (const std::size_t place = text.find('%'); place != std::string::npos)
                text.replace(place, 1, folder_ / "run");
            const SinkSpec parsed = parse_sink_spec(text).take();
            const auto module = SinkLibrary(FLOWXDP_SINK_DIR).load(parsed.name);
            if (!module.ok())
                continue; // not built
            auto runner =
                std::make_unique<SinkRunner>(text, make_sink(module.value(), parsed).take(), SinkRunner::Limits{});
            EXPECT_TRUE(runner->open(context).ok()) << text;
            sinks_.push_back(std::move(runner));
        }
        pipeline_ = std::make_unique<Pipeline>(plugins_.get(), &sinks_, &end_, AlarmMode::kOff);
        pipeline_->start();
    }

    [[nodiscard]] RecordBounds bounds() const { return {flow_.record_size, flow_.packet_record_size, false}; }
    void take(const stream_header& record)
    {
        std::memcpy(stream_reserve(pipeline_->writer(), record.size), &record, record.size);
    }
    void finish() { pipeline_->finish(); }
    [[nodiscard]] std::string file(const std::string& name) const { return test::read_file(folder_ / name); }
    [[nodiscard]] std::uint64_t biflows() const { return pipeline_->tally().biflows; }
    [[nodiscard]] std::uint64_t packet_rows() const { return pipeline_->packet_rows(); }

  private:
    const bundle_descriptor* bundle_;
    test::TempFolder folder_;
    std::vector<PluginLibrary> libraries_;
    flow_config flow_{};
    std::unique_ptr<PluginHost> plugins_;
    std::vector<std::unique_ptr<SinkRunner>> sinks_;
    RunEnd end_;
    std::unique_ptr<Pipeline> pipeline_;
};

// Rows of a table file: the same number of tabs in each, no other character that a terminal would obey.
void expect_clean_table(const std::string& text, const char* what)
{
    ASSERT_FALSE(text.empty()) << what;
    std::size_t tabs = 0, first = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        ASSERT_TRUE(byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7f)) << what << ": byte " << +byte;
        tabs += c == '\t';
        if (c != '\n')
            continue;
        first = first ? first : tabs;
        ASSERT_EQ(tabs, first) << what;
        tabs = 0;
    }
}

void everything_that_passes_is_safe(const Names& left_out)
{
    Chance chance;
    WholeRun run(left_out);
    const RecordBounds bounds = run.bounds();
    evict_slot slot{};
    std::vector<std::uint64_t> packet(4096 / 8);
    auto* packet_bytes = reinterpret_cast<std::uint8_t*>(packet.data());
    std::uint64_t ended = 0, packets = 0, refused = 0;
    for (int i = 0; i < kTries; i++) {
        make_record(&chance, bounds, &slot.ended);
        chance.damage(&slot.ended, offsetof(ended_record, record) + sizeof(flow_record));
        if (slot.ended.header.kind == STREAM_ENDED &&
            is_whole(slot.ended.header, sizeof slot - offsetof(evict_slot, ended), bounds)) {
            slot.ended.wall_offset_ns = 1'700'000'000'000'000'000; // as the daemon does
            slot.ended.era = 0;
            run.take(slot.ended.header);
            ended++;
        } else {
            refused++;
        }
        make_packet(&chance, bounds, packet_bytes);
        chance.damage(packet_bytes, sizeof(packet_record));
        const auto& header = *reinterpret_cast<const stream_header*>(packet_bytes);
        if (header.kind == STREAM_PACKET && is_whole(header, packet.size() * 8, bounds)) {
            reinterpret_cast<packet_record*>(packet_bytes)->wall_offset_ns = 1'700'000'000'000'000'000;
            run.take(header);
            packets++;
        } else {
            refused++;
        }
    }
    run.finish();
    EXPECT_EQ(run.biflows(), ended);
    EXPECT_EQ(run.packet_rows(), packets);
    // Most single damages are counts or slots, which nobody can tell from real ones.
    EXPECT_GT(ended, kTries / 2);
    EXPECT_GT(packets, kTries / 2);
    EXPECT_GT(refused, kTries / 10);
    expect_clean_table(run.file("run_flows.txt"), "flows");
    expect_clean_table(run.file("run_packets.txt"), "packets");
}

TEST(HostileRecord, WhatPassesIsSafeInEveryPluginAndSink)
{
    everything_that_passes_is_safe({"export_basics"});
    everything_that_passes_is_safe({"basic_flow", "basic_stats"}); // in whose place it runs
}

TEST(HostileRecord, EachFieldOfTheCheckIsLookedAt)
{
    Chance chance;
    const RecordBounds bounds = {512, 256, false};
    evict_slot slot{};
    make_record(&chance, bounds, &slot.ended);
    const auto room = sizeof slot - offsetof(evict_slot, ended);
    ASSERT_TRUE(is_whole(slot.ended.header, room, bounds));
    auto refused = [&](auto change) {
        evict_slot other = slot;
        change(other.ended);
        return !is_whole(other.ended.header, room, bounds);
    };
    EXPECT_TRUE(refused([](ended_record& e) { e.header.size = 0; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.header.size = 0xfffffff8; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.header.size += 8; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.header.kind = STREAM_WATERMARK; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.reason = 6; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.record.key.kind = 200; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.record.lo_direction = 2; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.record.flow_id = 0; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.record.dir[0].packets = e.record.dir[1].packets = 0; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.record.dir[1].last_ns = INT64_MIN; }));
    EXPECT_TRUE(refused([](ended_record& e) { e.end_clock_ns = INT64_MAX; }));
}

// Memory that looks like a ring map to its reader: the consumer's page, the producer's page, the data twice.
class FakeRing {
  public:
    static constexpr std::uint32_t kBytes = 1u << 14;

    FakeRing() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), fd_(memfd_create("ring", MFD_CLOEXEC))
    {
        const std::size_t bytes = 2 * page_ + 2 * kBytes;
        EXPECT_EQ(ftruncate(fd_.get(), static_cast<off_t>(bytes)), 0);
        memory_ = static_cast<std::uint8_t*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
        EXPECT_NE(memory_, MAP_FAILED);
    }
    ~FakeRing() { munmap(memory_, 2 * page_ + 2 * kBytes); }
    FakeRing(const FakeRing&) = delete;
    FakeRing& operator=(const FakeRing&) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    std::uint64_t& consumer() { return *reinterpret_cast<std::uint64_t*>(memory_); }
    std::uint64_t& producer() { return *reinterpret_cast<std::uint64_t*>(memory_ + page_); }
    std::uint8_t* data() { return memory_ + 2 * page_; }
    void mirror() { std::memcpy(data() + kBytes, data(), kBytes); }
    // A record of the ring behind the last one.
    void add(const void* record, std::uint32_t bytes, std::uint32_t flags = 0)
    {
        std::uint8_t* at = data() + producer() % kBytes;
        const std::uint32_t head[2] = {bytes | flags, 0};
        std::memcpy(at, head, sizeof head);
        std::memcpy(at + sizeof head, record, bytes);
        producer() += sizeof head + ((bytes + 7) & ~7u);
    }

  private:
    std::size_t page_;
    UniqueFd fd_;
    std::uint8_t* memory_;
};

TEST(HostileRing, DamagedRecordsAreCountedAndTheOthersRead)
{
    Chance chance;
    const RecordBounds bounds = {256, sizeof(packet_record), false};
    FakeRing ring;
    evict_slot slot{};
    make_record(&chance, bounds, &slot.ended);
    const std::uint32_t size = slot.ended.header.size;
    ring.add(&slot.ended, size);
    slot.ended.header.size = 1u << 30;
    ring.add(&slot.ended, size);
    ring.add(&slot.ended, size, BPF_RINGBUF_DISCARD_BIT);
    slot.ended.header.size = size;
    slot.ended.header.kind = 77;
    ring.add(&slot.ended, size);
    slot.ended.header.kind = STREAM_ENDED;
    ring.add(&slot.ended, size);
    ring.mirror();
    RingReader reader(ring.fd(), FakeRing::kBytes, bounds);
    EXPECT_EQ(reader.read([](const stream_header&) { return true; }), 2U);
    EXPECT_EQ(reader.damaged(), 2U);
    EXPECT_EQ(reader.position(), ring.producer());
}

TEST(HostileRing, PositionsThatCannotBeAreNotBelieved)
{
    Chance chance;
    const RecordBounds bounds = {256, sizeof(packet_record), false};
    evict_slot slot{};
    make_record(&chance, bounds, &slot.ended);
    auto read_from = [&](std::uint64_t consumer, std::uint64_t journal) {
        FakeRing ring;
        ring.add(&slot.ended, slot.ended.header.size);
        ring.mirror();
        ring.consumer() = consumer;
        RingReader reader(ring.fd(), FakeRing::kBytes, bounds);
        reader.skip_to(journal);
        const std::uint64_t n = reader.read([](const stream_header&) { return true; });
        EXPECT_EQ(reader.position(), ring.producer());
        return std::pair(n, reader.damaged());
    };
    EXPECT_EQ(read_from(0, 0), std::pair(std::uint64_t{1}, std::uint64_t{0}));
    EXPECT_EQ(read_from(0, 1ULL << 40), std::pair(std::uint64_t{1}, std::uint64_t{1}));
    EXPECT_EQ(read_from(0, 4), std::pair(std::uint64_t{1}, std::uint64_t{1}));
    EXPECT_EQ(read_from(1ULL << 40, 0), std::pair(std::uint64_t{0}, std::uint64_t{1}));
    EXPECT_EQ(read_from(3, 0), std::pair(std::uint64_t{0}, std::uint64_t{1}));
}

TEST(HostileRing, AnythingEnds)
{
    Chance chance;
    const RecordBounds bounds = {256, sizeof(packet_record), false};
    FakeRing ring;
    evict_slot slot{};
    std::uint64_t taken = 0, damaged = 0;
    for (int i = 0; i < kTries; i++) {
        if (i % 10 == 0)
            chance.fill(ring.data(), FakeRing::kBytes);
        ring.consumer() = ring.producer() = chance.below(1ULL << 20) * 8;
        for (std::uint64_t n = chance.below(8); n > 0; n--) {
            make_record(&chance, bounds, &slot.ended);
            if (ring.producer() % FakeRing::kBytes + 1024 < FakeRing::kBytes)
                ring.add(&slot.ended, slot.ended.header.size);
        }
        chance.damage(ring.data(), FakeRing::kBytes / 8);
        ring.mirror();
        if (chance.below(4) == 0)
            chance.damage(&ring.consumer(), 8);
        if (chance.below(4) == 0)
            ring.producer() += chance.below(FakeRing::kBytes);
        RingReader reader(ring.fd(), FakeRing::kBytes, bounds);
        reader.skip_to(chance.below(4) ? 0 : chance.word());
        std::uint64_t calls = 0;
        reader.read([&](const stream_header& header) {
            // Every byte that it says is its own is there.
            std::uint8_t sum = 0;
            for (std::uint32_t byte = 0; byte < header.size; byte++)
                sum = static_cast<std::uint8_t>(sum + reinterpret_cast<const std::uint8_t*>(&header)[byte]);
            EXPECT_LE(header.size, FakeRing::kBytes) << sum;
            return ++calls < 10000;
        });
        EXPECT_LE(calls, FakeRing::kBytes / sizeof(ended_record));
        taken += calls;
        damaged += reader.damaged();
    }
    EXPECT_GT(taken, 1000U);
    EXPECT_GT(damaged, 1000U);
}

} // namespace
} // namespace flowxdp
