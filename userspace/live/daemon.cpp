// SPDX-License-Identifier: BSD-2-Clause
#include "live/daemon.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>

#include <fmt/format.h>

namespace flowxdp {
namespace {

void add_counts(const engine_counts& one, engine_counts* sum)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        sum->counter[i] += one.counter[i];
    totals_merge(&sum->totals, &one.totals);
}

std::int64_t thread_cpu_ns()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

// A packet takes its time stamp before it is counted. A round's clock lies so far back that none from before it is
// still under way: rows of what ended earlier cannot come later.
constexpr std::int64_t kUnderWayNs = 10000000;

} // namespace

Daemon::Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options)
    : sensors_(sensors), pipeline_(pipeline), log_(log), options_(options)
{
    for (const auto& sensor : *sensors_)
        handed_[sensor.get()] = {};
}

void Daemon::run(int stop_fd, const std::function<void()>& report)
{
    for (auto& sensor : *sensors_)
        if (sensor->adopted())
            recover(*sensor);
    LinkWatch links;
    std::int64_t next_round_ns = 0;
    while (!sensors_->empty()) {
        if (boot_clock_ns() >= next_round_ns || ring_fills()) {
            const std::int64_t started = thread_cpu_ns();
            look_after_interfaces();
            round(boot_clock_ns() - kUnderWayNs);
            last_round_ns_ = boot_clock_ns();
            // A scan that takes long (a big table) must not eat a core: at most a tenth of the time. Of CPU time, not
            // counting how long a sink was waited for: that would put off the next round by ten times as much.
            next_round_ns = last_round_ns_ +
                            std::max<std::int64_t>(options_.round_ms * 1000000LL, 10 * (thread_cpu_ns() - started));
        }
        const Woken woken = wait(stop_fd, links, next_round_ns);
        if (woken.stop) {
            signalfd_siginfo info{};
            if (read(stop_fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1)
                report();
            else
                break;
        }
        if (woken.links) {
            links.clear();
            look_after_interfaces();
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

void Daemon::export_all()
{
    for (auto& sensor : *sensors_)
        recover(*sensor);
    stop();
}

// Once a round, and at once when the kernel says that some interface has changed.
void Daemon::look_after_interfaces()
{
    bool lost = false;
    for (auto& sensor : *sensors_) {
        const InterfaceLook look = sensor->look();
        if (!look.gone.empty()) {
            log_->write(LogLevel::kWarning,
                        fmt::format("{} (interface {}): {}; its flows are exported, it is no longer "
                                    "observed",
                                    sensor->interface(), sensor->index(), look.gone));
            lost = true;
            continue;
        }
        if (look.name != sensor->interface()) {
            log_->write(LogLevel::kInformation, fmt::format("{}: renamed to {}", sensor->interface(), look.name));
            if (auto renamed = sensor->rename(look.name); !renamed.ok())
                log_->write(LogLevel::kError, renamed.error().message);
        }
        Handed& handed = handed_[sensor.get()];
        if (look.up != handed.up)
            log_->write(LogLevel::kInformation,
                        fmt::format("{} {}", sensor->interface(),
                                    look.up ? "is up again" : "is down; it is observed when it is up again"));
        handed.up = look.up;
        if (look.lost != handed.lost)
            log_->write(LogLevel::kWarning, fmt::format("{}: merged interfaces are gone: {}; the others are observed "
                                                        "further",
                                                        sensor->interface(), look.lost));
        handed.lost = look.lost;
    }
    if (lost)
        let_go([](const LiveSensor& sensor) { return !sensor.look().gone.empty(); });
}

// Interfaces that are gone: everything they hold leaves now, their pins with it.
void Daemon::let_go(const std::function<bool(const LiveSensor&)>& gone)
{
    std::vector<LiveSensor*> lost;
    for (auto& sensor : *sensors_)
        if (gone(*sensor)) {
            lost.push_back(sensor.get());
            detach(*sensor);
        }
    const std::int64_t clock = boot_clock_ns() - kUnderWayNs;
    round(clock);
    export_rest(lost, clock);
    for (LiveSensor* sensor : lost) {
        engine_counts counts{};
        sensor->object().read_counts(&counts);
        add_counts(counts, &gone_counts_);
        if (const CaptureWriter* capture = sensor->capture())
            gone_captures_.push_back(capture->state());
        gone_++;
        if (auto removed = sensor->remove_pins(); !removed.ok())
            log_->write(LogLevel::kError, removed.error().message);
        handed_.erase(sensor);
        std::erase_if(*sensors_, [sensor](const auto& s) { return s.get() == sensor; });
    }
}

// Ends at packets, rows and frames come by the ring, between rounds: one that fills calls for a round.
bool Daemon::ring_fills() const
{
    return std::ranges::any_of(
        *sensors_, [](const auto& sensor) { return sensor->ring().used() > sensor->object().ring_bytes() / 4; });
}

Daemon::Woken Daemon::wait(int stop_fd, const LinkWatch& links, std::int64_t until_ns)
{
    constexpr std::int64_t kLookNs = 20000000;
    const std::int64_t left_ns = std::clamp<std::int64_t>(until_ns - boot_clock_ns(), 0, kLookNs);
    pollfd polled[] = {{stop_fd, POLLIN, 0}, {links.fd(), POLLIN, 0}};
    poll(polled, 2, static_cast<int>((left_ns + 999999) / 1000000));
    return {polled[0].revents != 0, polled[1].revents != 0};
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
        sensor.evictor().evict(slice, mode, clock_ns, [&](const ended_record& record) { write_ended(sensor, record); });
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
    const ResumePoints points = pipeline_->positions();
    entry.wall_offset_ns = options_.wall_offset_ns.value_or(0);
    for (auto& sensor : *sensors_) {
        const Handed& handed = handed_[sensor.get()];
        entry.flows = handed.flows;
        entry.packets = handed.packets;
        entry.ring_position = sensor->ring().position();
        entry.evict_sequence = sensor->evictor().sequence();
        ResumePoints all = points;
        if (CaptureWriter* capture = sensor->capture()) {
            capture->flush();
            all.merge(capture->positions());
        }
        const bool fits = set_resume_points(all, &entry);
        if (!fits && !journal_short_)
            log_->write(LogLevel::kWarning,
                        "the journal has no place for so many outputs: a daemon that takes over after "
                        "a kill will begin some of their files anew");
        journal_short_ = journal_short_ || !fits;
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
            write_ended(sensor, record);
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

std::int64_t Daemon::wall_offset() const
{
    return options_.wall_offset_ns ? *options_.wall_offset_ns : wall_offset_ns();
}

void Daemon::keep_frame(LiveSensor& sensor, const frame_record& frame)
{
    if (CaptureWriter* capture = sensor.capture())
        capture->write(frame.if_id, frame.ts_ns + wall_offset(), frame.wire_len,
                       {reinterpret_cast<const std::uint8_t*>(&frame) + sizeof frame, frame.cap_len});
}

void Daemon::write_ended(LiveSensor& sensor, const ended_record& record)
{
    Handed& handed = handed_[&sensor];
    handed.flows++;
    handed.packets += record.record.dir[0].packets + record.record.dir[1].packets;
    auto* to = static_cast<ended_record*>(stream_reserve(pipeline_->writer(), record.header.size));
    std::memcpy(static_cast<void*>(to), &record, record.header.size);
    to->wall_offset_ns = wall_offset();
    to->era = era_;
}

void Daemon::watermark(std::int64_t clock_ns)
{
    auto* mark = static_cast<watermark_record*>(stream_reserve(pipeline_->writer(), sizeof(watermark_record)));
    *mark = {{sizeof(watermark_record), STREAM_WATERMARK, 0}, clock_ns, era_, 0, wall_offset_ns()};
}

// A predecessor was killed: what it had evicted but not made safe is still in the outbox.
void Daemon::recover(LiveSensor& sensor)
{
    const journal_slot safe = sensor.journal().last();
    sensor.ring().skip_to(safe.ring_position);
    const std::uint64_t records =
        sensor.evictor().recover(safe.evict_sequence, [&](const ended_record& record) { write_ended(sensor, record); });
    Handed& handed = handed_[&sensor];
    handed.flows += safe.flows;
    handed.packets += safe.packets;
    packets_before_ += safe.packets;
    log_->write(
        LogLevel::kInformation,
        fmt::format("{}: took over a running sensor: {} biflows with {} packets were exported before, {} more were in "
                    "the eviction outbox",
                    sensor.interface(), safe.flows, safe.packets, records));
    const std::int64_t clock = boot_clock_ns() - kUnderWayNs;
    drain(sensor, clock);
    commit(clock);
}

void Daemon::detach(LiveSensor& sensor)
{
    if (auto detached = sensor.detach(); !detached.ok())
        log_->write(LogLevel::kError, detached.error().message);
}

// Detached sensors: what the ring still holds, then, in an era of its own, every flow that is alive.
void Daemon::export_rest(const std::vector<LiveSensor*>& sensors, std::int64_t clock_ns)
{
    for (LiveSensor* sensor : sensors)
        drain(*sensor, std::numeric_limits<std::int64_t>::max());
    commit(std::numeric_limits<std::int64_t>::max());
    era_++; // the rest leaves by its last clock, behind everything that ended by itself
    for (LiveSensor* sensor : sensors)
        evict_in_order(*sensor, sensor->evictor().scan(EVICT_ALL, clock_ns), EVICT_ALL, clock_ns);
    commit(std::numeric_limits<std::int64_t>::max());
    era_++; // what others observe further
    for (LiveSensor* sensor : sensors)
        finish_capture(*sensor, clock_ns);
}

// The capture says until when the sensor observed: replay ends what fell due until then, as it ended here.
void Daemon::finish_capture(LiveSensor& sensor, std::int64_t clock_ns)
{
    if (!sensor.capture())
        return;
    engine_counts counts{};
    sensor.object().read_counts(&counts);
    sensor.capture()->finish(clock_ns + wall_offset(), counts.counter[COUNTER_PACKETS_SEEN],
                             counts.counter[COUNTER_FRAMES_LOST]);
}

void Daemon::stop()
{
    for (auto& sensor : *sensors_)
        detach(*sensor);
    const std::int64_t end = boot_clock_ns();
    round(end);
    std::vector<LiveSensor*> all;
    for (auto& sensor : *sensors_)
        all.push_back(sensor.get());
    export_rest(all, end);
}

void Daemon::read_counts(engine_counts* out) const
{
    *out = gone_counts_;
    for (const auto& sensor : *sensors_) {
        engine_counts one{};
        sensor->object().read_counts(&one);
        add_counts(one, out);
    }
    out->peak_directions = peak_;
}

std::vector<CaptureState> Daemon::captures() const
{
    std::vector<CaptureState> all = gone_captures_;
    for (const auto& sensor : *sensors_)
        if (const CaptureWriter* capture = sensor->capture())
            all.push_back(capture->state());
    return all;
}

} // namespace flowxdp
