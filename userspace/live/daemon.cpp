// SPDX-License-Identifier: BSD-2-Clause
#include "live/daemon.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>

#include <fmt/format.h>

namespace flowxdp {
namespace {

// A packet takes its time stamp before it is counted. A round's clock lies so far back that none from before it is
// still under way: rows of what ended earlier cannot come later.
constexpr std::int64_t kUnderWayNs = 10000000;

} // namespace

Daemon::Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options)
    : sensors_(sensors), pipeline_(pipeline), log_(log), options_(options)
{
}

void Daemon::run(int stop_fd, const std::function<void()>& report)
{
    for (auto& sensor : *sensors_)
        if (sensor->adopted())
            recover(*sensor);
    for (;;) {
        const std::int64_t started = boot_clock_ns();
        round(started - kUnderWayNs);
        const std::int64_t took_ms = (boot_clock_ns() - started) / 1000000;
        // A scan that takes long (a big table) must not eat a core: at most a tenth of the time.
        if (wait(stop_fd, std::max<std::int64_t>(options_.round_ms, 10 * took_ms))) {
            signalfd_siginfo info{};
            if (read(stop_fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1)
                report();
            else
                break;
        }
        if (options_.max_packets) {
            engine_counts counts{};
            read_counts(&counts);
            if (counts.counter[COUNTER_PACKETS_SEEN] >= options_.max_packets)
                break;
        }
    }
    stop();
}

// Ends at packets, rows and frames come by the ring, between rounds: one that fills calls for a round now.
bool Daemon::wait(int stop_fd, std::int64_t ms)
{
    constexpr std::int64_t kLookMs = 20;
    for (; ms > 0; ms -= kLookMs) {
        pollfd poll_fd = {stop_fd, POLLIN, 0};
        if (poll(&poll_fd, 1, static_cast<int>(std::min(ms, kLookMs))) > 0)
            return true;
        for (const auto& sensor : *sensors_)
            if (sensor->ring().used() > sensor->object().ring_bytes() / 4)
                return false;
    }
    return false;
}

// One turn: whatever fell due by the clock, in order, in slices of one eviction call. A slice is safe in the sinks
// before the next call may overwrite the outbox.
void Daemon::round(std::int64_t clock)
{
    for (auto& sensor : *sensors_) {
        Evictor::Scan scan = sensor->evictor().scan(EVICT_DUE, clock);
        peak_ = std::max(peak_, scan.seen);
        evict_in_order(*sensor, scan, EVICT_DUE, clock);
        // Before the table is full the least recently active leave, an eighth of it at a time.
        const std::uint64_t room = sensor->object().max_flows();
        if (scan.seen - scan.chosen.size() > room / 8 * 7) {
            scan = sensor->evictor().scan(EVICT_EARLY, clock, room / 8);
            evict_in_order(*sensor, scan, EVICT_EARLY, clock);
        }
    }
    for (auto& sensor : *sensors_)
        drain(*sensor, clock);
    commit(clock);
}

void Daemon::evict_in_order(LiveSensor& sensor, const Evictor::Scan& scan, evict_mode mode, std::int64_t clock_ns)
{
    for (std::span rest(scan.chosen); !rest.empty();) {
        const auto slice = rest.first(std::min<std::size_t>(rest.size(), EVICT_SLOTS));
        rest = rest.subspan(slice.size());
        sensor.evictor().evict(slice, mode, clock_ns, [this](const ended_record& record) { write_ended(record); });
        if (rest.empty())
            break; // the caller commits
        // With several interfaces the other ones' flows of this time are not evicted yet: rows of one interface are in
        // order then, rows of all are in order by turns.
        const std::int64_t reached = mode == EVICT_DUE ? rest.front().end_clock_ns : clock_ns;
        drain(sensor, reached);
        commit(reached);
    }
}

// Everything up to clock_ns is handed to the sinks, flushed, and then let go of in the kernel.
void Daemon::commit(std::int64_t clock_ns)
{
    watermark(clock_ns);
    pipeline_->sync();
    journal_slot entry{};
    entry.outputs = options_.outputs;
    entry.wall_offset_ns = options_.wall_offset_ns.value_or(0);
    std::size_t word = 0;
    for (const std::uint64_t position : pipeline_->positions())
        if (word < JOURNAL_WORDS)
            entry.position[word++] = position;
    const FlowTally tally = pipeline_->tally();
    entry.flows = flows_before_ + tally.biflows;
    entry.packets = packets_before_ + tally.packets;
    for (auto& sensor : *sensors_) {
        entry.ring_position = sensor->ring().position();
        entry.evict_sequence = sensor->evictor().sequence();
        if (CaptureWriter* capture = sensor->capture()) {
            note(capture->flush());
            entry.capture_bytes = capture->position();
        }
        sensor->journal().commit(entry);
        sensor->ring().acknowledge();
    }
}

// Records up to the round's clock. What ended later waits in the ring: its order among flows that fall due meanwhile is
// not known yet, and unacknowledged it survives a crash.
void Daemon::drain(LiveSensor& sensor, std::int64_t until_clock_ns)
{
    const std::int64_t offset_ns = wall_offset();
    sensor.ring().read([&](const stream_header& header) {
        if (header.kind == STREAM_ENDED) {
            const auto& record = reinterpret_cast<const ended_record&>(header);
            if (record.end_clock_ns >= until_clock_ns)
                return false;
            write_ended(record);
        } else if (header.kind == STREAM_PACKET) {
            auto* to = static_cast<packet_record*>(stream_reserve(pipeline_->writer(), header.size));
            std::memcpy(static_cast<void*>(to), &header, header.size);
            to->wall_offset_ns = offset_ns;
        } else if (header.kind == STREAM_FRAME) {
            keep_frame(sensor, reinterpret_cast<const frame_record&>(header));
        }
        return true;
    });
}

void Daemon::keep_frame(LiveSensor& sensor, const frame_record& frame)
{
    note(sensor.capture()->write(frame.ts_ns + wall_offset(), frame.wire_len,
                                 {reinterpret_cast<const std::uint8_t*>(&frame) + sizeof frame, frame.cap_len}));
}

void Daemon::note(const Result<void>& written)
{
    if (!written.ok())
        capture_error_ = written.error().message;
}

std::int64_t Daemon::wall_offset() const
{
    return options_.wall_offset_ns ? *options_.wall_offset_ns : wall_offset_ns();
}

void Daemon::write_ended(const ended_record& record)
{
    auto* to = static_cast<ended_record*>(stream_reserve(pipeline_->writer(), record.header.size));
    std::memcpy(static_cast<void*>(to), &record, record.header.size);
    to->wall_offset_ns = wall_offset();
    to->era = era_;
}

void Daemon::watermark(std::int64_t clock_ns)
{
    auto* mark = static_cast<watermark_record*>(stream_reserve(pipeline_->writer(), sizeof(watermark_record)));
    *mark = {{sizeof(watermark_record), STREAM_WATERMARK, 0}, clock_ns, era_, 0};
}

// A predecessor was killed: what it had evicted but not made safe is still in the outbox.
void Daemon::recover(LiveSensor& sensor)
{
    const journal_slot safe = sensor.journal().last();
    sensor.ring().skip_to(safe.ring_position);
    const std::uint64_t records =
        sensor.evictor().recover(safe.evict_sequence, [this](const ended_record& record) { write_ended(record); });
    flows_before_ = safe.flows;
    packets_before_ = safe.packets;
    log_->write(
        LogLevel::kInformation,
        fmt::format("{}: took over a running sensor: {} biflows with {} packets were exported before, {} more were in "
                    "the eviction outbox",
                    sensor.interface(), safe.flows, safe.packets, records));
    const std::int64_t clock = boot_clock_ns() - kUnderWayNs;
    drain(sensor, clock);
    commit(clock);
}

void Daemon::stop()
{
    for (auto& sensor : *sensors_)
        sensor->detach();
    const std::int64_t end = boot_clock_ns();
    round(end);
    for (auto& sensor : *sensors_)
        drain(*sensor, std::numeric_limits<std::int64_t>::max());
    commit(std::numeric_limits<std::int64_t>::max());
    era_++; // the rest leaves by its last clock, behind everything that ended by itself
    for (auto& sensor : *sensors_)
        evict_in_order(*sensor, sensor->evictor().scan(EVICT_ALL, end), EVICT_ALL, end);
    commit(std::numeric_limits<std::int64_t>::max());
    for (auto& sensor : *sensors_) {
        if (!sensor->capture())
            continue;
        engine_counts counts{};
        sensor->object().read_counts(&counts);
        note(sensor->capture()->finish(end + wall_offset(), counts.counter[COUNTER_PACKETS_SEEN],
                                       counts.counter[COUNTER_FRAMES_LOST]));
    }
}

void Daemon::read_counts(engine_counts* out) const
{
    *out = {};
    for (const auto& sensor : *sensors_) {
        engine_counts one{};
        sensor->object().read_counts(&one);
        for (unsigned i = 0; i < COUNTER_COUNT; i++)
            out->counter[i] += one.counter[i];
        totals_merge(&out->totals, &one.totals);
    }
    out->peak_directions = peak_;
}

} // namespace flowxdp
