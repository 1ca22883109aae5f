// SPDX-License-Identifier: BSD-2-Clause
#include "live/daemon.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace flowxdp {

Daemon::Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options)
    : sensors_(sensors), pipeline_(pipeline), log_(log), options_(options)
{
}

void Daemon::run(int stop_fd, const std::function<void()>& report)
{
    for (auto& sensor : *sensors_)
        if (sensor->adopted())
            recover(*sensor, wall_offset_ns());
    for (;;) {
        const std::int64_t started = boot_clock_ns();
        round();
        const std::int64_t took_ms = (boot_clock_ns() - started) / 1000000;
        // A scan that takes long (a big table) must not eat a core: at most a tenth of the time.
        const int wait_ms = static_cast<int>(std::max<std::int64_t>(options_.round_ms, 10 * took_ms));
        pollfd poll_fd = {stop_fd, POLLIN, 0};
        if (poll(&poll_fd, 1, wait_ms) > 0) {
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

void Daemon::round()
{
    const std::int64_t offset = wall_offset_ns();
    const std::int64_t clock = boot_clock_ns();
    for (auto& sensor : *sensors_) {
        auto take = [&](const ended_record& record) { write_ended(record, offset); };
        const Evictor::Pass pass = sensor->evictor().run(EVICT_DUE, clock, take);
        peak_ = std::max(peak_, pass.seen);
        // Before the table is full the least recently active leave, an eighth of it at a time.
        const std::uint64_t room = sensor->object().max_flows();
        if (pass.seen - pass.evicted - pass.vacant > room / 8 * 7)
            sensor->evictor().run_early(room / 8, clock, take);
        drain(*sensor, clock, offset);
    }
    watermark(clock);
    pipeline_->sync();
    for (auto& sensor : *sensors_)
        sensor->ring().acknowledge();
}

// Records up to the round's clock. What ended later waits in the ring: its order among flows that fall due meanwhile is
// not known yet, and unacknowledged it survives a crash.
void Daemon::drain(LiveSensor& sensor, std::int64_t until_clock_ns, std::int64_t offset_ns)
{
    sensor.ring().read([&](const stream_header& header) {
        if (header.kind == STREAM_ENDED) {
            const auto& record = reinterpret_cast<const ended_record&>(header);
            if (record.end_clock_ns >= until_clock_ns)
                return false;
            write_ended(record, offset_ns);
        } else if (header.kind == STREAM_PACKET) {
            auto* to = static_cast<packet_record*>(stream_reserve(pipeline_->writer(), header.size));
            std::memcpy(static_cast<void*>(to), &header, header.size);
            to->wall_offset_ns = offset_ns;
        }
        return true;
    });
}

void Daemon::write_ended(const ended_record& record, std::int64_t offset_ns)
{
    auto* to = static_cast<ended_record*>(stream_reserve(pipeline_->writer(), record.header.size));
    std::memcpy(static_cast<void*>(to), &record, record.header.size);
    to->wall_offset_ns = offset_ns;
}

void Daemon::watermark(std::int64_t clock_ns)
{
    auto* mark = static_cast<watermark_record*>(stream_reserve(pipeline_->writer(), sizeof(watermark_record)));
    *mark = {{sizeof(watermark_record), STREAM_WATERMARK, 0}, clock_ns, 0, 0};
}

// A predecessor was killed: what it had evicted but not acknowledged is still in the outbox.
void Daemon::recover(LiveSensor& sensor, std::int64_t offset_ns)
{
    const std::uint64_t records =
        sensor.evictor().recover([&](const ended_record& record) { write_ended(record, offset_ns); });
    log_->write(LogLevel::kInformation,
                fmt::format("{}: took over a running sensor, {} flows from the eviction outbox", sensor.interface(), records));
}

void Daemon::stop()
{
    const std::int64_t offset = wall_offset_ns();
    for (auto& sensor : *sensors_)
        sensor->detach();
    const std::int64_t clock = boot_clock_ns();
    for (auto& sensor : *sensors_) {
        auto take = [&](const ended_record& record) { write_ended(record, offset); };
        sensor->evictor().run(EVICT_DUE, clock, take);
        drain(*sensor, std::numeric_limits<std::int64_t>::max(), offset);
    }
    watermark(std::numeric_limits<std::int64_t>::max());
    for (auto& sensor : *sensors_) {
        sensor->evictor().run(EVICT_ALL, clock, [&](const ended_record& record) {
            write_ended(record, offset);
        });
    }
    watermark(std::numeric_limits<std::int64_t>::max());
    pipeline_->sync();
    for (auto& sensor : *sensors_)
        sensor->ring().acknowledge();
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
