// SPDX-License-Identifier: BSD-2-Clause
// pipeline.h - records to rows to sinks: the second half of a packet's path.
//
// Stage 1 writes to writer(): an engine, on the caller's thread. Stage 2 is this pipeline's thread: it orders ended
// flows, lets the plugins' user halves fill rows, and pushes batches to every sink's queue. It does not know which
// engine feeds it. A full chunk queue makes stage 1 wait, a full sink queue stage 2.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine.h"
#include "pipeline/flow_order.h"
#include "pipeline/flow_tally.h"
#include "pipeline/row_pool.h"
#include "plugin/plugin_host.h"
#include "sink/run_end.h"
#include "sink/sink_runner.h"

namespace flowxdp {

// Which flows reach the sinks (T2's alarm mode).
enum class AlarmMode {
    kOff, // all
    kAny, // directions in which some plugin raised an alarm
    kAll, // directions in which every plugin that can raise alarms raised one
};

class Pipeline {
  public:
    // end: what the sinks' contexts ask when the run began to end.
    Pipeline(PluginHost* plugins, std::vector<std::unique_ptr<SinkRunner>>* sinks, RunEnd* end, AlarmMode alarm_mode);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    // Where stage 1 writes. Stable address.
    stream_writer* writer() { return &writer_; }
    void start();
    // From stage 1: hands over the records written so far, without waiting for a full chunk (live, idle).
    void hand_over();
    // From stage 1: returns when every record written so far that a watermark has released is a row, and every sink has
    // written and flushed those rows (live: before the ring's position moves). A sink with policy drop that is late is
    // not waited for: positions() tells of its rows.
    void sync();
    // After sync(): where the sinks' files can be resumed after a crash, and what would be lost.
    [[nodiscard]] ResumePoints positions() const;
    // No more input: sinks wait for their receivers no longer than at the end of a run. finish() begins it, too.
    void begin_end() { end_->begin(); }
    // From stage 1, after the engine's finish(): everything is written, every sink has flushed.
    void finish();

    // Copies of stage 2's sums; any thread.
    [[nodiscard]] FlowTally tally() const;
    [[nodiscard]] std::uint64_t packet_rows() const;

  private:
    static constexpr std::size_t kChunkBytes = 256u << 10; // fits into a cache: one stage reads what the other wrote
    static constexpr std::size_t kChunksInFlight = 16;
    static constexpr std::size_t kBatchRows = 256;
    static constexpr std::int64_t kTickNs = 250000000;
    static constexpr std::size_t kTickRows = 16; // a tick caused by a row waits for so many rows

    // Records on their way from stage 1 to stage 2; 8-aligned. No vector: it would clear the memory.
    struct Chunk {
        Chunk() = default;
        explicit Chunk(std::size_t n) : bytes(new std::uint8_t[n]), capacity(n) {}
        std::unique_ptr<std::uint8_t[]> bytes;
        std::size_t capacity = 0, used = 0;
    };

    void fill(Chunk chunk);
    void hand_over_chunk(std::uint32_t need);
    void run();
    void consume(const std::uint8_t* at, const std::uint8_t* end);
    void emit(const ended_record& record);
    // The clock of rows and, live, of watermarks: sinks get a tick every kTickNs of it.
    void move_clock(std::int64_t now_ns);
    void push_flows();
    void push_packets();
    void publish();

    PluginHost* plugins_;
    std::vector<std::unique_ptr<SinkRunner>>* sinks_;
    RunEnd* end_;
    AlarmMode alarm_mode_;

    // Stage 1
    stream_writer writer_{};
    Chunk filling_;
    // Between the stages
    std::mutex mutex_;
    std::condition_variable not_empty_, not_full_;
    std::deque<Chunk> full_;
    std::vector<Chunk> empty_;
    bool ended_ = false;
    std::uint64_t handed_over_ = 0, consumed_ = 0; // chunks
    std::condition_variable all_consumed_;
    // Stage 2
    std::thread thread_;
    FlowOrder order_;
    RowPool flow_pool_, packet_pool_;
    std::shared_ptr<RowBatch> flow_rows_, packet_rows_;
    std::int64_t last_tick_ns_ = 0;
    FlowTally working_;
    std::uint64_t packet_row_count_ = 0;
    // Published by stage 2 after each chunk
    mutable std::mutex tally_mutex_;
    FlowTally published_;
    std::uint64_t published_packet_rows_ = 0;
};

} // namespace flowxdp
