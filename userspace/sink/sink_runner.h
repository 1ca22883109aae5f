// SPDX-License-Identifier: BSD-2-Clause
// sink_runner.h - one sink with its queue and its thread.
//
// The queue is bounded in bytes. Full under kBlock: push waits, which slows the pipeline and, behind it, the reader
// (live: eviction). Full under kDrop: the rows are counted as dropped. An error of the sink is counted and kept for the
// report.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "sink/sink.h"

namespace flowxdp {

class SinkRunner {
  public:
    struct Limits {
        std::size_t queue_bytes = 32u << 20;
        SinkPolicy policy = SinkPolicy::kBlock;
    };

    SinkRunner(std::string label, std::unique_ptr<Sink> sink, Limits limits);
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
    // Returns when everything pushed so far has been written and flushed (or given up by the sink).
    void sync();
    // Writes everything queued, flushes, stops the thread.
    void finish();

    [[nodiscard]] const std::string& label() const { return label_; }
    [[nodiscard]] const Sink& sink() const { return *sink_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] std::size_t queued_bytes() const;
    [[nodiscard]] std::string last_error() const;

  private:
    struct Item {
        std::shared_ptr<const RowBatch> rows; // null: a tick
        bool packet_rows;
        std::int64_t clock_ns;
        std::promise<void>* written; // sync(): set once the sink has flushed
    };
    void run();
    void note(const Result<void>& result);

    std::string label_;
    std::unique_ptr<Sink> sink_;
    Limits limits_;
    mutable std::mutex mutex_;
    std::condition_variable not_empty_, not_full_;
    std::deque<Item> queue_;
    std::size_t queued_bytes_ = 0;
    bool stopping_ = false;
    std::string last_error_;
    std::thread thread_;
};

} // namespace flowxdp
