// SPDX-License-Identifier: BSD-2-Clause
// daemon.h - the live sensor's loop: at each turn of a timer flows that fell due are evicted, the ring is read up to
// the eviction's clock, rows are written and flushed, and only then is the ring acknowledged. Between the turns it
// looks after the interfaces: one that is renamed is followed, one that is gone is exported and let go, the others go
// on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.h"
#include "live/link_watch.h"
#include "live/live_sensor.h"
#include "pipeline/pipeline.h"
#include "report/end_report.h"

namespace flowxdp {

struct DaemonOptions {
    std::uint32_t round_ms = 250;
    std::uint64_t max_packets = 0; // stop after so many (-c); 0 = never
    // One wall offset for all records of the run (with extraction); none: sampled for each.
    std::optional<std::int64_t> wall_offset_ns;
};

class Daemon {
  public:
    // sensors: those still observing stay in the list; the daemon takes out, and removes, what loses its interface.
    Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options);

    // Runs until SIGINT or SIGTERM (blocked by the caller, read from stop_fd, a signalfd), or until every interface is
    // gone: then detaches and exports every flow; the caller removes the pins. SIGUSR1 calls report().
    void run(int stop_fd, const std::function<void()>& report);
    // For sensors of dead daemons: exports everything they hold, without another packet.
    void export_all();

    // Sums over all interfaces, as they stand; those that are gone included.
    void read_counts(engine_counts* out) const;

    // Packets of flows that predecessors of this daemon exported (adoption): the ledger's share of the past.
    [[nodiscard]] std::uint64_t packets_before() const { return packets_before_; }
    // Interfaces lost under way.
    [[nodiscard]] unsigned gone() const { return gone_; }
    // Boot clock when the last round ended, ns; any thread. Long ago: a sink makes the daemon wait.
    [[nodiscard]] std::int64_t last_round_ns() const { return last_round_ns_; }

    // Extraction: the captures of all interfaces, those that are gone included.
    [[nodiscard]] std::vector<CaptureState> captures() const;

  private:
    // What is handed over of one sensor's flows, by predecessors too.
    struct Handed {
        std::uint64_t flows = 0, packets = 0;
        bool up = true;
        std::string lost; // merged interfaces that are gone
    };

    // Sleeps until something is readable, at most until a boot clock, less when a ring fills. Says what is readable.
    struct Woken {
        bool stop = false, links = false;
    };
    Woken wait(int stop_fd, const LinkWatch& links, std::int64_t until_ns);
    [[nodiscard]] bool ring_fills() const;
    void round(std::int64_t clock_ns);
    void evict_in_order(LiveSensor& sensor, const Evictor::Scan& scan, evict_mode mode, std::int64_t clock_ns);
    void drain(LiveSensor& sensor, std::int64_t until_clock_ns);
    void commit(std::int64_t clock_ns);
    void keep_frame(LiveSensor& sensor, const frame_record& frame);
    [[nodiscard]] std::int64_t wall_offset() const;
    void recover(LiveSensor& sensor);
    void watermark(std::int64_t clock_ns);
    void write_ended(LiveSensor& sensor, const ended_record& record);
    void look_after_interfaces();
    void let_go(const std::function<bool(const LiveSensor&)>& gone);
    void detach(LiveSensor& sensor);
    void export_rest(const std::vector<LiveSensor*>& sensors, std::int64_t clock_ns);
    void finish_capture(LiveSensor& sensor, std::int64_t clock_ns);
    void stop();

    std::vector<std::unique_ptr<LiveSensor>>* sensors_;
    Pipeline* pipeline_;
    Log* log_;
    DaemonOptions options_;
    std::map<const LiveSensor*, Handed> handed_;
    engine_counts gone_counts_{}; // of interfaces that are gone
    unsigned gone_ = 0;
    std::uint32_t era_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t packets_before_ = 0;
    bool journal_short_ = false; // said that not every output has a place in the journal
    std::vector<CaptureState> gone_captures_;
    std::atomic<std::int64_t> last_round_ns_{0};
};

} // namespace flowxdp
