// SPDX-License-Identifier: BSD-2-Clause
// sink.h - where rows go.
//
// A sink never knows a plugin: it reads typed columns by index. It names the columns it needs, and the plugins that
// fill them are enabled with it. Each sink has a queue and a thread of its own (sink_runner.h): one that is slow or
// dead never stops another. All members but counts() are called on that thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/interface_directory.h"
#include "core/result.h"
#include "row/row_batch.h"

namespace flowxdp {

// What a sink is told before the first row.
struct SinkContext {
    std::shared_ptr<const Schema> flow_schema;
    std::shared_ptr<const Schema> packet_schema; // null without packet mode
    std::string output_prefix;                   // of -w; empty when rows go to stdout
    bool rows_to_stdout = false;
    std::uint32_t sensor_id = 666;
    bool live = false;
    // Names of the interface ids in row headers; outlives the sink. Null: nobody knows any.
    const InterfaceDirectory* interfaces = nullptr;
    std::vector<std::string> header_lines; // '#' lines of the headers file, without '# '
    // Taking over after a crash: what Sink::positions() said when everything before was safe; what lies behind is cut
    // off and comes again. Empty or zeros = a fresh start.
    std::vector<std::uint64_t> resume;
};

// One --sink NAME[:TARGET][,key=value...].
struct SinkSpec {
    std::string name;
    std::string target;
    std::map<std::string, std::string> options;
};

// What every sink counts; read by any thread.
struct SinkCounts {
    std::atomic<std::uint64_t> rows{0};               // accepted
    std::atomic<std::uint64_t> sent{0};               // rows written or sent
    std::atomic<std::uint64_t> retried{0};            // attempts repeated
    std::atomic<std::uint64_t> dropped{0};            // rows given up, of any cause
    std::atomic<std::uint64_t> dropped_queue_full{0}; // of those: the queue was full under policy drop
    std::atomic<std::uint64_t> skipped{0}; // rows the format has no place for (e.g. L2 flows in a v9 exporter)
    std::atomic<std::uint64_t> errors{0};
};

enum class SinkPolicy {
    kBlock, // a full queue makes the pipeline wait: replay slows down, live delays eviction
    kDrop,  // a full queue drops the rows and counts them
};

class Sink {
  public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // Columns this sink cannot do without; empty = takes whatever there is.
    [[nodiscard]] virtual std::vector<std::string> required_columns() const { return {}; }
    [[nodiscard]] virtual SinkPolicy default_policy() const { return SinkPolicy::kBlock; }
    // An error here is a start-up error.
    virtual Result<void> open(const SinkContext& context) = 0;
    // Flow rows in DESIGN's order: A, then its B. An error is counted and remembered; the sink goes on.
    virtual Result<void> write(const RowBatch& rows) = 0;
    // Packet rows in input order; only when the run has packet mode. A format without a place for them skips them.
    virtual Result<void> write_packets(const RowBatch& rows)
    {
        counts_.skipped += rows.size();
        return {};
    }
    // Called when the packet clock has moved, at least every 250 ms of it or, live, of real time. ns since the epoch.
    virtual Result<void> tick(std::int64_t clock_ns)
    {
        (void)clock_ns;
        return {};
    }
    // Nothing is waiting: send what is buffered if it has waited long enough. Also the end of input (final).
    virtual Result<void> flush(bool final)
    {
        (void) final;
        return {};
    }
    // After flush(), live: where open() goes on after a crash, as many words as after open(), at most a handful (the
    // journal has JOURNAL_WORDS for all sinks); lengths of files and the like, 0 where there is no going on. Empty for
    // sinks that cannot. Any thread, after flush().
    [[nodiscard]] virtual std::vector<std::uint64_t> positions() const { return {}; }
    // Lines for the end report and for status.
    [[nodiscard]] virtual std::vector<std::string> report() const { return {}; }

    SinkCounts& counts() { return counts_; }
    [[nodiscard]] const SinkCounts& counts() const { return counts_; }

  protected:
    SinkCounts counts_;
};

} // namespace flowxdp
