// SPDX-License-Identifier: BSD-2-Clause
// daemon.h - the live sensor's loop. Each turn of a timer evicts the flows that are due, reads the ring and commits
// what ended up to the turn's clock: every sink writes it, the journal records it, then the kernel frees it. Flows that
// ended later stay pending, in the ring too, because flows that fall due meanwhile may come before them. Between turns
// the daemon watches the interfaces. It follows a rename. It exports and releases an interface that is gone; the others
// go on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/log.h"
#include "live/left_files.h"
#include "live/link_watch.h"
#include "live/live_sensor.h"
#include "live/round_times.h"
#include "pipeline/pipeline.h"
#include "report/end_report.h"

namespace flowxdp {

struct DaemonOptions {
    std::uint32_t round_ms = 250;
    std::uint64_t max_packets = 0; // stop after so many (-c); 0 = never
    // With -e all: one wall offset for all records of the run. None: sampled anew each time.
    std::optional<std::int64_t> wall_offset_ns;
    std::vector<CutFile> uncut; // files that may still hold rows that come again
};

class Daemon {
  public:
    // sensors: the daemon takes a sensor that loses its interface out of the list and removes it.
    Daemon(std::vector<std::unique_ptr<LiveSensor>>* sensors, Pipeline* pipeline, Log* log, DaemonOptions options);

    // Runs until stops() returns true or until every interface is gone; then detaches and exports every flow. The
    // caller removes the pins. stops() is called between rounds, at once when signal_fd is readable. During the call
    // everything that the kernel has freed is safe in the sinks.
    void run(int signal_fd, const std::function<bool()>& stops);
    // Exports everything that the sensors of dead daemons hold; no more packets are counted.
    void export_all();

    // Writes the outputs' present positions to the journals. Every row in the outputs must be safe by then. A later row
    // that is not committed is after a known position, so the next daemon can cut it off. run() and export_all()
    // begin with it; call it inside stops() after outputs were reopened (SIGHUP).
    void enter_outputs();

    // The present sums over all interfaces, lost ones included.
    void read_counts(engine_counts* out) const;

    // Packets of flows that earlier daemons of adopted sensors exported, for the ledger.
    [[nodiscard]] std::uint64_t packets_before() const { return packets_before_; }
    // Records that were skipped because the programs cannot have written them so.
    [[nodiscard]] std::uint64_t records_damaged() const;
    // Interfaces that were lost during the run.
    [[nodiscard]] unsigned lost_interfaces() const { return lost_interfaces_; }
    // Boot clock when the last round ended, ns; any thread. An old value means that a sink makes the daemon wait.
    [[nodiscard]] std::int64_t last_round_ns() const { return last_round_ns_; }
    // How long the rounds took; any thread.
    [[nodiscard]] RoundTimes::Figures round_times() const { return round_times_.figures(); }

    // Extraction: the captures of all interfaces, lost ones included.
    [[nodiscard]] std::vector<CaptureState> captures() const;

  private:
    // An ended flow in the pipeline that no watermark has released yet.
    struct Pending {
        std::uint32_t era;
        std::int64_t end_clock_ns;
        std::uint64_t packets;
        std::optional<std::uint64_t> ring_position; // none: it came from the outbox
    };
    // What the daemon knows of one sensor besides the sensor itself.
    struct Observed {
        std::uint64_t flows = 0, packets = 0; // committed, by predecessors too
        std::vector<Pending> pending;         // in the order they were read
        bool up = true;
        std::string lost;         // merged interfaces that are gone
        std::uint16_t source = 0; // in its records' stream_header
    };
    // What is still to evict from one sensor.
    struct Eviction {
        LiveSensor* sensor;
        std::span<const Evictor::Candidate> rest;
    };

    // Sleeps until something is readable, until the boot clock reaches until_ns, or until a ring fills. True: the links
    // may have changed.
    bool wait(int signal_fd, const LinkWatch& links, std::int64_t until_ns);
    [[nodiscard]] bool ring_fills() const;
    void round(std::int64_t clock_ns);
    [[nodiscard]] bool table_fills() const;
    void evict_in_order(std::vector<Eviction> evictions, evict_mode mode, std::int64_t clock_ns);
    std::uint64_t drain(LiveSensor& sensor, const journal_slot& safe = {});
    void commit(std::int64_t clock_ns);
    void enter(std::vector<journal_slot> entries);
    void say_uncut(std::uint64_t packet_rows);
    journal_slot committed(LiveSensor& sensor, std::int64_t clock_ns);
    void keep_frame(LiveSensor& sensor, const frame_record& frame);
    [[nodiscard]] std::int64_t wall_offset() const;
    void recover();
    void watermark(std::int64_t clock_ns);
    void write_ended(LiveSensor& sensor, const ended_record& record, std::optional<std::uint64_t> ring_position);
    void look_after_interfaces();
    void release_lost_sensors(const std::function<bool(const LiveSensor&)>& gone);
    void detach(LiveSensor& sensor);
    void export_rest(const std::vector<LiveSensor*>& sensors, std::int64_t clock_ns);
    void finish_capture(LiveSensor& sensor, std::int64_t clock_ns);
    void stop();

    std::vector<std::unique_ptr<LiveSensor>>* sensors_;
    Pipeline* pipeline_;
    Log* log_;
    DaemonOptions options_;
    std::map<const LiveSensor*, Observed> observed_;
    engine_counts lost_counts_{}; // of interfaces that are gone
    unsigned lost_interfaces_ = 0;
    std::uint64_t lost_damaged_ = 0;
    std::uint32_t era_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t packets_before_ = 0;
    bool journal_short_ = false; // a message has said that not every output fits the journal
    std::vector<CaptureState> lost_captures_;
    std::atomic<std::int64_t> last_round_ns_{0};
    RoundTimes round_times_;
    std::int64_t scan_cpu_ns_ = 0; // of the last round's scans
};

} // namespace flowxdp
