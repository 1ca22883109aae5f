// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/bpf_engine.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "flowxdp/clock.h"
#include "kernel/evictor.h"
#include "kernel/ring_reader.h"
#include "kernel/sensor_object.h"
#include "order_turn.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kRingBytes = 1u << 24;
constexpr std::uint32_t kFrameMin = 14;     // test-run refuses shorter frames (EINVAL)
constexpr std::uint32_t kScanEvery = 16384; // packets between scans of the table, unless it fills
// After a step back of the clock this engine scans the whole table; the native engine has an index. Files in a wrong
// order step back a few times, but a capture of steps would scan at every other packet. So the records scanned for
// steps are bounded: a fixed number, and more for each packet.
constexpr std::uint64_t kStepRecords = 1u << 24, kStepTables = 16, kStepRecordsPerPacket = 16;
constexpr std::uint64_t kSlotsPerRecord = 16; // slots that a scan passes in the time of one record

class BpfReplayEngine final : public ReplayEngine {
  public:
    BpfReplayEngine(const bundle_descriptor& bundle, const std::string& object, const engine_options& options)
        : out_(options.out), sensor_(sensor_options(bundle, object, options)),
          ring_(sensor_.map_fd("ring"), kRingBytes, sensor_.bounds()), evictor_(sensor_),
          frame_(sizeof(frame_meta) + FRAME_MAX_VISIBLE)
    {
        // Counters and scratch are per CPU; the packet number is one of them, so packets must stay on one CPU.
        cpu_set_t cpu;
        CPU_ZERO(&cpu);
        CPU_SET(static_cast<std::size_t>(sched_getcpu()), &cpu);
        sched_getaffinity(0, sizeof old_affinity_, &old_affinity_);
        sched_setaffinity(0, sizeof cpu, &cpu);
    }
    ~BpfReplayEngine() override { sched_setaffinity(0, sizeof old_affinity_, &old_affinity_); }

    void feed(const engine_frame* frames, std::uint32_t n, void* /*parsed*/) override
    {
        for (std::uint32_t i = 0; i < n; i++)
            run_packet(frames[i]);
    }

    void settle() override { drain(); }

    void advance(std::int64_t clock_ns) override
    {
        if (clock_ns > clock_.now_ns)
            clock_.now_ns = clock_ns;
    }

    void finish() override
    {
        drain();
        evict(EVICT_DUE);
        watermark(std::numeric_limits<std::int64_t>::max());
        era_++;
        evict(EVICT_ALL);
        watermark(std::numeric_limits<std::int64_t>::max());
        if (const std::uint64_t damaged = ring_.damaged() + evictor_.damaged())
            throw StartupError(fmt::format("{} records of the kernel's program are damaged (this is a defect of "
                                           "flowxdp, please report it)",
                                           damaged));
    }

    const engine_counts& counts() override
    {
        sensor_.read_counts(&counts_);
        counts_.counter[COUNTER_CLOCK_STEPS] = clock_steps_;
        counts_.peak_directions = peak_;
        return counts_;
    }

  private:
    static SensorObjectOptions sensor_options(const bundle_descriptor& bundle, const std::string& object,
                                              const engine_options& options)
    {
        SensorObjectOptions s;
        s.path = object;
        s.layout_id = bundle.layout_id;
        s.flow = options.flow;
        const auto* block = static_cast<const std::uint8_t*>(options.plugin_options);
        s.plugin_options.assign(block, block + options.plugin_options_size);
        s.max_flows = options.max_flows;
        s.ring_bytes = kRingBytes;
        s.use_metadata = true;
        return s;
    }

    void run_packet(const engine_frame& frame)
    {
        frame_meta meta = frame.meta;
        __s64 before = 0;
        const std::int64_t clock_before_ns = clock_.now_ns;
        if (packet_clock_advance(&clock_, meta.ts_ns, &before))
            step_back(before);
        meta.clock_ns = clock_.now_ns;
        // cap_len stays the captured length: the program trusts it and reads no further than what it sees.
        const std::uint32_t visible = meta.cap_len < FRAME_MAX_VISIBLE ? meta.cap_len : FRAME_MAX_VISIBLE;
        const std::uint32_t length = visible < kFrameMin ? kFrameMin : visible;
        std::memcpy(frame_.data(), &meta, sizeof meta);
        std::memcpy(frame_.data() + sizeof meta, frame.bytes, visible);
        std::memset(frame_.data() + sizeof meta + visible, 0, length - visible);
        packet_number(frame.packet_no);

        xdp_md context{};
        context.data = sizeof meta;
        context.data_end = sizeof meta + length;
        bpf_test_run_opts run{};
        run.sz = sizeof run;
        run.data_in = frame_.data();
        run.data_size_in = sizeof meta + length;
        run.ctx_in = &context;
        run.ctx_size_in = sizeof context;
        run.repeat = 1;
        if (bpf_prog_test_run_opts(sensor_.ingress_fd(), &run))
            throw StartupError(
                fmt::format("the kernel refused to run packet {}: {}", frame.packet_no, std::strerror(errno)));
        // While the clock stands still a new era may begin at any packet, so each packet's ends are read at once.
        if (ring_.used() > kRingBytes / 2 || (ring_.used() && clock_.now_ns == clock_before_ns))
            drain();
        if (turn_.over())
            begin_turn();
        if (++since_scan_ >= kScanEvery) {
            drain();
            evict(EVICT_DUE);
            watermark(clock_.now_ns);
        }
    }

    // The program numbers rows by its own packet count. Frames that it never sees (filtered, unknown link type) leave
    // gaps, which are kept here: renumbering in the program would need a map.
    void packet_number(std::uint64_t packet_no)
    {
        fed_++;
        const std::uint64_t gap = packet_no - fed_;
        if (gaps_.empty() || gaps_.back().gap != gap)
            gaps_.push_back({fed_, gap});
    }

    void drain()
    {
        ring_.read([this](const stream_header& header) {
            void* to = stream_reserve(out_, header.size);
            std::memcpy(to, &header, header.size);
            if (header.kind == STREAM_ENDED) {
                auto* ended = static_cast<ended_record*>(to);
                ended->era = era_;
                turn_.ended(ended->reason, ended->end_clock_ns);
            } else if (header.kind == STREAM_PACKET) {
                auto* row = static_cast<packet_record*>(to);
                while (gap_ + 1 < gaps_.size() && gaps_[gap_ + 1].from <= row->packet_no)
                    gap_++;
                row->packet_no += gaps_[gap_].gap;
            }
            return true;
        });
        ring_.acknowledge();
    }

    // Returns how many records it scanned.
    std::uint64_t evict(evict_mode mode)
    {
        since_scan_ = 0;
        const Evictor::Scan scan = evictor_.scan(mode, clock_.now_ns);
        peak_ = std::max(peak_, scan.seen);
        for (std::span rest(scan.chosen); !rest.empty();
             rest = rest.subspan(std::min<std::size_t>(rest.size(), EVICT_SLOTS)))
            evictor_.evict(rest, mode, clock_.now_ns, [this](const ended_record& record) {
                auto* to = static_cast<ended_record*>(stream_reserve(out_, record.header.size));
                std::memcpy(static_cast<void*>(to), &record, record.header.size);
                to->era = era_;
            });
        return scan.seen;
    }

    void watermark(std::int64_t clock_ns)
    {
        auto* mark = static_cast<watermark_record*>(stream_reserve(out_, sizeof(watermark_record)));
        *mark = {{sizeof(watermark_record), STREAM_WATERMARK, 0}, clock_ns, era_, 0, 0};
    }

    void begin_turn()
    {
        turn_.begin();
        evict(EVICT_DUE);
        watermark(std::numeric_limits<std::int64_t>::max());
        era_++;
    }

    void step_back(std::int64_t before_ns)
    {
        const packet_clock now = clock_;
        clock_.now_ns = before_ns;
        drain();
        step_records_ += evict(EVICT_DUE) + sensor_.max_flows() / kSlotsPerRecord;
        watermark(std::numeric_limits<std::int64_t>::max());
        era_++;
        clock_steps_++;
        clock_ = now;
        const std::uint64_t most = std::max<std::uint64_t>(kStepRecords, kStepTables * sensor_.max_flows());
        if (step_records_ > most + kStepRecordsPerPacket * fed_)
            throw StartupError(
                fmt::format("the capture's clock stepped back {} times in {} packets, and the bpf engine "
                            "scans its whole table each time: use --engine native, whose rows are the "
                            "same, or a smaller --max-flows",
                            clock_steps_, fed_));
    }

    struct Gap {
        std::uint64_t from, gap;
    };

    stream_writer* out_;
    SensorObject sensor_;
    RingReader ring_;
    Evictor evictor_;
    std::vector<std::uint8_t> frame_;
    packet_clock clock_{};
    OrderTurn turn_;
    std::uint32_t era_ = 0, since_scan_ = 0;
    std::uint64_t fed_ = 0, clock_steps_ = 0, step_records_ = 0, peak_ = 0;
    std::vector<Gap> gaps_;
    std::size_t gap_ = 0;
    engine_counts counts_{};
    cpu_set_t old_affinity_{};
};

} // namespace

std::unique_ptr<ReplayEngine> make_bpf_replay_engine(const bundle_descriptor& bundle, const std::string& object,
                                                     const engine_options& options)
{
    if (object.empty())
        throw StartupError("the engine bundle has no BPF object flowxdp.bpf.o: rebuild it");
    return std::make_unique<BpfReplayEngine>(bundle, object, options);
}

} // namespace flowxdp
