// SPDX-License-Identifier: BSD-2-Clause
// daemon.h - the live sensor's loop: at each turn of a timer flows that fell due are evicted, the ring is read up to
// the eviction's clock, rows are written and flushed, and only then is the ring acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.h"
#include "live/live_sensor.h"
#include "pipeline/pipeline.h"
#include "report/end_report.h"

namespace flowxdp {

struct DaemonOptions {
    std::uint32_t round_ms = 250;
    std::uint64_t max_packets = 0; // stop after so many (-c); 0 = never
    // One wall offset for all records of the run (with extraction); none: sampled for each.
    std::optional<std::int64_t> wall_offset_ns;
    std::uint64_t outputs = 0; // hash of the outputs' names, for the journal
};

class Daemon {
  public:
    Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options);

    // Runs until SIGINT or SIGTERM (blocked by the caller, read from stop_fd, a signalfd): then detaches, exports every
    // flow and removes pins. SIGUSR1 calls report().
    void run(int stop_fd, const std::function<void()>& report);

    // Sums over all interfaces, as they stand.
    void read_counts(engine_counts* out) const;

    // Packets of flows that predecessors of this daemon exported (adoption): the ledger's share of the past.
    [[nodiscard]] std::uint64_t packets_before() const { return packets_before_; }

    // Why frames could not be written; empty = all were.
    [[nodiscard]] const std::string& capture_error() const { return capture_error_; }

  private:
    // Waits for a signal, at most `ms`, less when a ring fills; true when stop_fd is readable.
    bool wait(int stop_fd, std::int64_t ms);
    void round(std::int64_t clock_ns);
    void evict_in_order(LiveSensor& sensor, const Evictor::Scan& scan, evict_mode mode, std::int64_t clock_ns);
    void drain(LiveSensor& sensor, std::int64_t until_clock_ns);
    void commit(std::int64_t clock_ns);
    void keep_frame(LiveSensor& sensor, const frame_record& frame);
    void note(const Result<void>& written);
    [[nodiscard]] std::int64_t wall_offset() const;
    void recover(LiveSensor& sensor);
    void watermark(std::int64_t clock_ns);
    void write_ended(const ended_record& record);
    void stop();

    std::vector<std::unique_ptr<LiveSensor>>* sensors_;
    Pipeline* pipeline_;
    Log* log_;
    DaemonOptions options_;
    std::uint32_t era_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t flows_before_ = 0, packets_before_ = 0;
    std::string capture_error_;
};

} // namespace flowxdp
