// SPDX-License-Identifier: BSD-2-Clause
// sink_runner.h - one sink with its queue and its thread.
//
// The queue is bounded in bytes. Full under kBlock: push waits, which slows the pipeline and, through it, the reader
// (live: eviction). Full under kDrop: the rows are counted as dropped, and nobody waits for the sink. An error of the
// sink is counted and kept for the report.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "flowxdp/sink.hpp"
#include "row/row_batch.h"
#include "sink/resume_points.h"

namespace flowxdp {

// One sink as reports show it.
struct SinkState {
    std::string label;
    std::uint64_t rows = 0, sent = 0, retried = 0, dropped = 0, dropped_queue_full = 0, skipped = 0, errors = 0;
    std::uint64_t unread = 0; // rows for a standard output whose reader closed it
    SinkPolicy policy = SinkPolicy::kBlock;
    std::uint64_t queued_bytes = 0, queue_peak_bytes = 0, queue_limit_bytes = 0;
    std::string last_error;
    std::vector<std::string> lines; // Sink::report(), at most a second old while the sink is not stuck
};

class SinkRunner {
  public:
    struct Limits {
        std::size_t queue_bytes = 32u << 20;
        SinkPolicy policy = SinkPolicy::kBlock;
    };

    // id: output_id() of its output; 0: no daemon will resume it.
    SinkRunner(std::string label, std::unique_ptr<Sink> sink, Limits limits, std::uint64_t id = 0);
    // Drains and joins, unless finish() was called.
    ~SinkRunner();
    SinkRunner(const SinkRunner&) = delete;
    SinkRunner& operator=(const SinkRunner&) = delete;

    // Before start(): opens the sink on the caller's thread.
    Result<void> open(const SinkContext& context) { return sink_->open(context); }
    void start();

    // From the pipeline's thread.
    void push(std::shared_ptr<const RowBatch> rows, bool packet_rows);
    void tick(std::int64_t clock_ns);
    // Lets the sink commit every row pushed so far (Sink::commit()). kDrop: one that is under way stands for it.
    void begin_commit();
    // Returns when that is done. kDrop: after a moment, and at once while a commit is late.
    void wait_for_commit();
    // Where the sink could be resumed at the last commit that is done.
    [[nodiscard]] std::vector<std::uint64_t> positions() const;
    // Rows pushed since then. Under kBlock none, after wait_for_commit().
    [[nodiscard]] std::uint64_t uncommitted_rows() const;
    // Before start(): a predecessor was killed and had so many. They are lost, and counted.
    void lose(std::uint64_t rows);
    // Replaces files that were renamed by new ones (Sink::reopen()), after everything pushed so far.
    void reopen();
    // No more rows: the sink's thread writes what is queued, flushes and ends. Does not wait for it.
    void end();
    // end(), and waits.
    void finish();

    [[nodiscard]] const std::string& label() const { return label_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] const Sink& sink() const { return *sink_; }
    // Any thread, any time.
    [[nodiscard]] SinkState state() const;

  private:
    struct Item {
        std::shared_ptr<const RowBatch> rows; // null: a tick
        bool packet_rows;
        std::int64_t clock_ns;
        std::optional<std::uint64_t> commit; // of so many rows in all
        bool reopen = false;
    };
    void run();
    void note(const Result<void>& result);
    void publish_lines();

    std::string label_;
    std::unique_ptr<Sink> sink_;
    Limits limits_;
    std::uint64_t id_;
    mutable std::mutex mutex_;
    std::condition_variable not_empty_, not_full_, committed_;
    std::deque<Item> queue_;
    std::size_t queued_bytes_ = 0, queue_peak_bytes_ = 0;
    bool stopping_ = false;
    std::string last_error_;
    std::vector<std::string> lines_;
    std::vector<std::uint64_t> positions_;
    std::uint64_t pushed_rows_ = 0, committed_rows_ = 0;
    bool committing_ = false, late_ = false;           // late: somebody has waited for it in vain
    std::chrono::steady_clock::time_point lines_at_{}; // sink's thread
    std::thread thread_;
};

} // namespace flowxdp
