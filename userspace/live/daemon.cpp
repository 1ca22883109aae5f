// SPDX-License-Identifier: BSD-2-Clause
#include "live/daemon.h"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "live/shared_commit.h"

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

// A packet takes its time stamp before it is counted. A round's clock is this much earlier than now, so every packet
// with an earlier time stamp has been counted, and no earlier row can follow.
constexpr std::int64_t kUnderWayNs = 10000000;

// Scans of a big table take a fiftieth of the time at most, not a core: a million silent flows are scanned in some 20
// ms, once a second. Only CPU time counts.
constexpr std::int64_t kScanShare = 50;

} // namespace

Daemon::Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options)
    : sensors_(sensors), pipeline_(pipeline), log_(log), options_(std::move(options))
{
    for (const auto& sensor : *sensors_)
        observed_[sensor.get()].source = static_cast<std::uint16_t>(observed_.size());
}

void Daemon::run(int signal_fd, const std::function<bool()>& stops)
{
    enter_outputs();
    if (std::ranges::any_of(*sensors_, [](const auto& sensor) { return sensor->adopted(); }))
        recover();
    LinkWatch links;
    std::int64_t next_round_ns = 0;
    while (!sensors_->empty()) {
        if (boot_clock_ns() >= next_round_ns || ring_fills() || table_fills()) {
            const std::int64_t began_ns = boot_clock_ns();
            look_after_interfaces();
            round(boot_clock_ns() - kUnderWayNs);
            last_round_ns_ = boot_clock_ns();
            round_times_.add(last_round_ns_ - began_ns);
            next_round_ns =
                last_round_ns_ + std::max<std::int64_t>(options_.round_ms * 1000000LL, kScanShare * scan_cpu_ns_);
        }
        const bool links_changed = wait(signal_fd, links, next_round_ns);
        if (stops())
            break;
        if (links_changed) {
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
    pipeline_->begin_end();
    enter_outputs();
    recover();
    stop();
}

// Once a round, and at once when the kernel says that some interface has changed.
void Daemon::look_after_interfaces()
{
    bool lost = false;
    for (auto& sensor : *sensors_) {
        const InterfaceCondition interface = sensor->interface_condition();
        if (!interface.gone.empty()) {
            log_->write(LogLevel::kWarning,
                        fmt::format("{} (interface {}): {}; its flows are exported, it is no longer "
                                    "observed",
                                    sensor->interface(), sensor->index(), interface.gone));
            lost = true;
            continue;
        }
        if (interface.name != sensor->interface()) {
            log_->write(LogLevel::kInformation, fmt::format("{}: renamed to {}", sensor->interface(), interface.name));
            if (auto renamed = sensor->rename(interface.name); !renamed.ok())
                log_->write(LogLevel::kError, renamed.error().message);
        }
        Observed& observed = observed_[sensor.get()];
        if (interface.up != observed.up)
            log_->write(LogLevel::kInformation,
                        fmt::format("{} {}", sensor->interface(),
                                    interface.up ? "is up again" : "is down; it is observed when it is up again"));
        observed.up = interface.up;
        if (interface.lost != observed.lost)
            log_->write(LogLevel::kWarning, fmt::format("{}: merged interfaces are gone: {}; the others are observed "
                                                        "further",
                                                        sensor->interface(), interface.lost));
        observed.lost = interface.lost;
    }
    if (lost)
        release_lost_sensors([](const LiveSensor& sensor) { return !sensor.interface_condition().gone.empty(); });
}

// Exports everything that lost interfaces hold and removes their pins.
void Daemon::release_lost_sensors(const std::function<bool(const LiveSensor&)>& gone)
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
        add_counts(counts, &lost_counts_);
        if (const CaptureWriter* capture = sensor->capture())
            lost_captures_.push_back(capture->state());
        lost_interfaces_++;
        lost_damaged_ += sensor->records_damaged();
        if (auto removed = sensor->remove_pins(); !removed.ok())
            log_->write(LogLevel::kError, removed.error().message);
        observed_.erase(sensor);
        std::erase_if(*sensors_, [sensor](const auto& s) { return s.get() == sensor; });
    }
}

// Ended flows, packet rows and frames reach the ring between rounds, too: a ring that fills starts a round.
bool Daemon::ring_fills() const
{
    return std::ranges::any_of(
        *sensors_, [](const auto& sensor) { return sensor->ring().used() > sensor->object().ring_bytes() / 4; });
}

// Half way from where a round evicts early to a full table: new flows come faster than rounds.
bool Daemon::table_fills() const
{
    return std::ranges::any_of(*sensors_, [](const auto& sensor) {
        const std::uint64_t room = sensor->object().max_flows();
        return sensor->evictor().taken() > room / 16 * 15;
    });
}

bool Daemon::wait(int signal_fd, const LinkWatch& links, std::int64_t until_ns)
{
    constexpr std::int64_t kLookNs = 20000000;
    const std::int64_t left_ns = std::clamp<std::int64_t>(until_ns - boot_clock_ns(), 0, kLookNs);
    pollfd polled[] = {{signal_fd, POLLIN, 0}, {links.fd(), POLLIN, 0}};
    poll(polled, 2, static_cast<int>((left_ns + 999999) / 1000000));
    return polled[1].revents != 0;
}

// One turn: evicts and commits what fell due by the clock, in order.
void Daemon::round(std::int64_t clock_ns)
{
    std::vector<Evictor::Scan> scans;
    std::vector<Eviction> evictions;
    const std::int64_t started = thread_cpu_ns();
    for (auto& sensor : *sensors_) {
        scans.push_back(sensor->evictor().scan(EVICT_DUE, clock_ns));
        peak_ = std::max(peak_, scans.back().seen);
    }
    scan_cpu_ns_ = thread_cpu_ns() - started;
    for (std::size_t i = 0; i < scans.size(); i++)
        evictions.push_back({(*sensors_)[i].get(), scans[i].chosen});
    evict_in_order(std::move(evictions), EVICT_DUE, clock_ns);
    // Before a table is full, evict an eighth of it, the least recently active flows.
    for (std::size_t i = 0; i < scans.size(); i++) {
        LiveSensor& sensor = *(*sensors_)[i];
        const std::uint64_t room = sensor.object().max_flows();
        if (scans[i].seen - scans[i].chosen.size() <= room / 8 * 7)
            continue;
        const Evictor::Scan early = sensor.evictor().scan(EVICT_EARLY, clock_ns, room / 8);
        evict_in_order({{&sensor, early.chosen}}, EVICT_EARLY, clock_ns);
    }
}

// Evicts candidates in the order of their rows, one call per sensor and step, and commits what ended up to the clock.
// Each step is committed before the next one, whose calls overwrite the outbox. A step takes what ends up to the same
// clock from all sensors, so that their rows are in order together.
void Daemon::evict_in_order(std::vector<Eviction> evictions, evict_mode mode, std::int64_t clock_ns)
{
    for (bool more = true; more;) {
        more = false;
        std::int64_t reached = mode == EVICT_ALL ? std::numeric_limits<std::int64_t>::max() - 1 : clock_ns;
        for (const Eviction& eviction : evictions)
            if (eviction.rest.size() > EVICT_SLOTS) {
                more = true;
                reached = std::min(reached, eviction.rest[EVICT_SLOTS - 1].end_clock_ns);
            }
        std::int64_t last = reached;
        bool taken = false;
        for (Eviction& eviction : evictions) {
            const auto end = std::ranges::upper_bound(eviction.rest, reached, {}, &Evictor::Candidate::end_clock_ns);
            const auto within = static_cast<std::size_t>(end - eviction.rest.begin());
            const auto slice = eviction.rest.first(std::min<std::size_t>(within, EVICT_SLOTS));
            eviction.rest = eviction.rest.subspan(slice.size());
            if (slice.empty())
                continue;
            taken = true;
            eviction.sensor->evictor().evict(slice, mode, clock_ns, [&](const ended_record& record) {
                // Everything that a call took must be released with it. A record may have changed since the scan.
                last = std::max<std::int64_t>(last, record.end_clock_ns);
                write_ended(*eviction.sensor, record, std::nullopt);
            });
        }
        for (auto& sensor : *sensors_)
            drain(*sensor);
        commit(last + 1);
        more = more && taken; // flows that end later than the clock belong to another round
    }
}

// Lets every sink write what ended before clock_ns, then enters it in the journals, then frees it in the kernel.
void Daemon::commit(std::int64_t clock_ns)
{
    watermark(clock_ns);
    pipeline_->sync();
    std::vector<journal_slot> entries;
    for (auto& sensor : *sensors_)
        entries.push_back(committed(*sensor, clock_ns));
    enter(entries);
    for (std::size_t i = 0; i < entries.size(); i++)
        (*sensors_)[i]->ring().acknowledge(entries[i].ring_position);
}

void Daemon::enter_outputs()
{
    pipeline_->sync();
    std::vector<journal_slot> entries;
    for (auto& sensor : *sensors_) {
        entries.push_back(sensor->journal().last());
        entries.back().wall_offset_ns = options_.wall_offset_ns.value_or(0);
    }
    enter(std::move(entries));
}

// Writes the journal entries of all sensors, with the outputs' positions after the sinks' commit.
void Daemon::enter(std::vector<journal_slot> entries)
{
    const ResumePoints points = pipeline_->positions();
    bool fits = true;
    for (std::size_t i = 0; i < entries.size(); i++) {
        ResumePoints all = points;
        if (CaptureWriter* capture = (*sensors_)[i]->capture()) {
            capture->commit();
            all.merge(capture->positions());
        }
        fits = set_resume_points(all, &entries[i]) && fits;
    }
    if (!fits && !journal_short_)
        log_->write(LogLevel::kWarning, "the journal has no place for so many outputs: a daemon that takes over after "
                                        "a kill will begin some of their files anew");
    journal_short_ = journal_short_ || !fits;
    commit_together(*sensors_, std::move(entries));
}

// A sensor's journal entry once everything that ended before clock_ns is written.
journal_slot Daemon::committed(LiveSensor& sensor, std::int64_t clock_ns)
{
    Observed& observed = observed_[&sensor];
    std::erase_if(observed.pending, [&](const Pending& pending) {
        if (std::tie(pending.era, pending.end_clock_ns) >= std::tie(era_, clock_ns))
            return false;
        observed.flows++;
        observed.packets += pending.packets;
        return true;
    });
    journal_slot entry{};
    entry.wall_offset_ns = options_.wall_offset_ns.value_or(0);
    entry.taken_over_ns = sensor.taken_over_ns();
    entry.flows = observed.flows;
    entry.packets = observed.packets;
    entry.released_clock_ns = clock_ns;
    entry.ring_read_position = entry.ring_position = sensor.ring().position();
    for (const Pending& pending : observed.pending)
        if (pending.ring_position)
            entry.ring_position = std::min<__u64>(entry.ring_position, *pending.ring_position);
    entry.evict_sequence = sensor.evictor().sequence();
    return entry;
}

// Reads everything in the ring, except what a predecessor committed of it (safe). Returns the number of packet rows.
std::uint64_t Daemon::drain(LiveSensor& sensor, const journal_slot& safe)
{
    const std::int64_t offset_ns = wall_offset();
    const std::uint16_t source = observed_[&sensor].source;
    std::uint64_t packet_rows = 0;
    sensor.ring().read([&](const stream_header& header) {
        const std::uint64_t position = sensor.ring().position();
        const bool committed = position < safe.ring_read_position;
        if (header.kind == STREAM_ENDED) {
            const auto& record = reinterpret_cast<const ended_record&>(header);
            if (!committed || record.end_clock_ns >= safe.released_clock_ns)
                write_ended(sensor, record, position);
        } else if (committed) {
            return;
        } else if (header.kind == STREAM_PACKET) {
            auto* to = static_cast<packet_record*>(stream_reserve(pipeline_->writer(), header.size));
            std::memcpy(static_cast<void*>(to), &header, header.size);
            to->wall_offset_ns = offset_ns;
            to->header.source = source;
            packet_rows += (sensor.object().flow().flags & FLOW_CONFIG_PACKET_RECORDS) != 0;
        } else if (header.kind == STREAM_FRAME) {
            keep_frame(sensor, reinterpret_cast<const frame_record&>(header));
        }
    });
    return packet_rows;
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

void Daemon::write_ended(LiveSensor& sensor, const ended_record& record, std::optional<std::uint64_t> ring_position)
{
    Observed& observed = observed_[&sensor];
    observed.pending.push_back(
        {era_, record.end_clock_ns, record.record.dir[0].packets + record.record.dir[1].packets, ring_position});
    auto* to = static_cast<ended_record*>(stream_reserve(pipeline_->writer(), record.header.size));
    std::memcpy(static_cast<void*>(to), &record, record.header.size);
    to->wall_offset_ns = wall_offset();
    to->era = era_;
    to->header.source = observed.source;
    sensor.mark_adopted(&to->record);
}

void Daemon::watermark(std::int64_t clock_ns)
{
    auto* mark = static_cast<watermark_record*>(stream_reserve(pipeline_->writer(), sizeof(watermark_record)));
    *mark = {{sizeof(watermark_record), STREAM_WATERMARK, 0}, clock_ns, era_, 0, wall_offset_ns()};
}

// A predecessor was killed: what it had evicted or read and not committed is still in the outbox and the ring.
void Daemon::recover()
{
    std::int64_t last = boot_clock_ns() - kUnderWayNs;
    std::uint64_t packet_rows = 0;
    for (auto& sensor : *sensors_) {
        if (!sensor->adopted())
            continue;
        const journal_slot safe = sensor->journal().last();
        Observed& observed = observed_[sensor.get()];
        observed.flows = safe.flows;
        observed.packets = safe.packets;
        packets_before_ += safe.packets;
        sensor->taken_over(safe.taken_over_ns);
        const std::uint64_t records = sensor->evictor().recover(safe.evict_sequence, [&](const ended_record& record) {
            last = std::max<std::int64_t>(last, record.end_clock_ns);
            write_ended(*sensor, record, std::nullopt);
        });
        sensor->ring().skip_to(safe.ring_position);
        packet_rows += drain(*sensor, safe);
        sensor->taken_over(boot_clock_ns());
        log_->write(
            LogLevel::kInformation,
            fmt::format("{}: took over a running sensor: {} biflows with {} packets were exported before, {} more "
                        "were in the eviction outbox",
                        sensor->interface(), safe.flows, safe.packets, records));
    }
    say_uncut(packet_rows);
    commit(last + 1);
}

// The last rows of a killed daemon come again, so its files hold at most that many of them.
void Daemon::say_uncut(std::uint64_t packet_rows)
{
    std::uint64_t flows = 0;
    for (const auto& [sensor, observed] : observed_)
        flows += observed.pending.size();
    for (const CutFile& file : options_.uncut)
        log_->write(LogLevel::kWarning,
                    fmt::format("'{}' could not be cut back to what was committed before the kill ({}): rows of up to "
                                "{} flows{} that are written again may stand in it",
                                file.path, file.problem, flows,
                                packet_rows ? fmt::format(" and up to {} rows of packets", packet_rows) : ""));
}

void Daemon::detach(LiveSensor& sensor)
{
    if (auto detached = sensor.detach(); !detached.ok())
        log_->write(LogLevel::kError, detached.error().message);
}

// Exports detached sensors: what the ring still holds, then every live flow, in an era of its own.
void Daemon::export_rest(const std::vector<LiveSensor*>& sensors, std::int64_t clock_ns)
{
    for (LiveSensor* sensor : sensors)
        drain(*sensor);
    commit(std::numeric_limits<std::int64_t>::max());
    era_++; // live flows are ordered by their last clock, after everything that ended by itself
    std::vector<Evictor::Scan> scans;
    for (LiveSensor* sensor : sensors)
        scans.push_back(sensor->evictor().scan(EVICT_ALL, clock_ns));
    std::vector<Eviction> evictions;
    for (std::size_t i = 0; i < scans.size(); i++)
        evictions.push_back({sensors[i], scans[i].chosen});
    evict_in_order(std::move(evictions), EVICT_ALL, clock_ns);
    era_++; // for what the other sensors observe from now on
    for (LiveSensor* sensor : sensors)
        finish_capture(*sensor, clock_ns);
}

// Records in the capture how long the sensor observed: replay then ends the flows that fell due by that time, as here.
void Daemon::finish_capture(LiveSensor& sensor, std::int64_t clock_ns)
{
    if (!sensor.capture())
        return;
    engine_counts counts{};
    sensor.object().read_counts(&counts);
    // In packet mode the counter also holds payloads that could not be read, so the sum is an upper bound.
    sensor.capture()->finish(clock_ns + wall_offset(), counts.counter[COUNTER_PACKETS_SEEN],
                             counts.counter[COUNTER_FRAMES_LOST] + counts.counter[COUNTER_BYTES_UNREADABLE]);
}

void Daemon::stop()
{
    pipeline_->begin_end();
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
    *out = lost_counts_;
    for (const auto& sensor : *sensors_) {
        engine_counts one{};
        sensor->object().read_counts(&one);
        add_counts(one, out);
    }
    out->peak_directions = peak_;
}

std::uint64_t Daemon::records_damaged() const
{
    std::uint64_t sum = lost_damaged_;
    for (const auto& sensor : *sensors_)
        sum += sensor->records_damaged();
    return sum;
}

std::vector<CaptureState> Daemon::captures() const
{
    std::vector<CaptureState> all = lost_captures_;
    for (const auto& sensor : *sensors_)
        if (const CaptureWriter* capture = sensor->capture())
            all.push_back(capture->state());
    return all;
}

} // namespace flowxdp
