// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a capture behind any options: a whole run in this process, from the reader to rows of every plugin in a
// sink. Checks more than memory: every packet that was read is in a row, or has a cause of its own why it is not.
//
// The first eight bytes choose options, the rest is the capture.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bundle_loader.h"
#include "capture/byte_source.h"
#include "capture/capture_stream.h"
#include "capture/filter.h"
#include "pipeline/pipeline.h"
#include "plugin/plugin_host.h"
#include "replay/replay.h"
#include "row/cell_text.h"

namespace {

using namespace flowxdp; // NOLINT(google-build-using-namespace)

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "replay_fuzz: %s\n", what);
    std::abort();
}

// The program's own parts, opened once.
struct Parts {
    Bundle bundle = load_bundle(library_folder(""));
    std::vector<PluginLibrary> libraries = load_plugin_libraries(library_folder("") + "/plugins");
};

constexpr std::size_t kOptionBytes = 8;

// What the first bytes of an input choose.
struct Choice {
    bool packet_mode, force, filtered, all_plugins;
    std::uint32_t idle_timeout_ms, max_flows, snap_len;
    std::int64_t active_timeout_ns;
    std::uint64_t max_packets;
    std::size_t piece;
    AlarmMode alarm;

    explicit Choice(const std::uint8_t* bytes)
        : packet_mode(bytes[0] & 1), force(bytes[0] & 2), filtered(bytes[0] & 4), all_plugins(!(bytes[0] & 8)),
          idle_timeout_ms(std::vector<std::uint32_t>{182000, 1, 100, 2000, 5000000}[bytes[1] % 5]),
          max_flows(16U << bytes[2] % 8), snap_len(bytes[3]),
          active_timeout_ns(std::vector<std::int64_t>{0, 1, 1000000, 5000000000}[bytes[4] % 4]), max_packets(bytes[5]),
          piece(bytes[6] ? bytes[6] : SIZE_MAX), alarm(static_cast<AlarmMode>(bytes[7] % 3))
    {
    }
};

// One capture in memory.
class MemoryCapture final : public CaptureStream {
  public:
    explicit MemoryCapture(std::unique_ptr<CaptureFile> file) : CaptureStream(0) { begin_file(std::move(file)); }

    std::size_t read(std::span<Frame> out) override
    {
        if (current() == nullptr)
            return 0;
        const std::size_t frames = read_current(out);
        if (frames == 0) {
            current()->finish();
            end_file();
        }
        return frames;
    }
};

// Sums of the rows that arrived, each of them printed as the text files have it.
struct Arrived {
    std::uint64_t flow_rows = 0, packet_rows = 0, packets = 0;
};

class MemorySink final : public Sink {
  public:
    explicit MemorySink(Arrived* arrived) : arrived_(arrived) {}

    Result<void> open(const SinkContext& context) override
    {
        packets_ = context.flow_schema->find("pktsSnt");
        return {};
    }
    Result<void> write(const Rows& rows) override
    {
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            arrived_->flow_rows++;
            if (packets_)
                arrived_->packets += row.get<std::uint64_t>(row.schema().columns()[*packets_]);
            print(row);
        }
        return {};
    }
    Result<void> write_packets(const Rows& rows) override
    {
        for (std::size_t i = 0; i < rows.size(); i++) {
            arrived_->packet_rows++;
            print(rows.row(i));
        }
        return {};
    }

  private:
    void print(const RowView& row)
    {
        std::string text;
        for (const Column& column : row.schema().columns())
            append_cell_text(row, column, StringStyle::kQuoted, &text);
        require(!text.empty(), "a row without text");
    }

    Arrived* arrived_;
    std::optional<std::size_t> packets_;
};

PluginChoice plugins_of(const Choice& choice)
{
    PluginChoice plugins;
    if (!choice.all_plugins)
        return plugins;
    for (const char* spec : {"mac_recorder", "flow_export", "tcp_flags", "tcp_geo_win", "dedup", "tcp_rtt", "conn_stat",
                             "nfrst_pkts", "pkt_siat_histo", "descriptive_stats", "entropy"})
        plugins.add.push_back(parse_plugin_spec(spec).take());
    plugins.add.push_back(
        parse_plugin_spec(choice.force ? "tcp_win:threshold=4000,force_at=1,alarm_at=2" : "tcp_win").take());
    return plugins;
}

void replay(const Parts& parts, const Choice& choice, std::unique_ptr<CaptureFile> file)
{
    flow_config flow{};
    flow.idle_timeout_ms = choice.idle_timeout_ms;
    flow.active_timeout_ns = choice.active_timeout_ns;
    PluginHost plugins(parts.libraries, plugins_of(choice), *parts.bundle.descriptor, choice.packet_mode, {}, &flow);
    Arrived arrived;
    std::vector<std::unique_ptr<SinkRunner>> sinks;
    sinks.push_back(
        std::make_unique<SinkRunner>("memory", std::make_unique<MemorySink>(&arrived), SinkRunner::Limits{}));
    SinkContext context;
    context.flow_schema = plugins.flow_schema();
    context.packet_schema = plugins.packet_schema();
    require(sinks[0]->open(context).ok(), "the sink does not open");
    RunEnd end;
    Pipeline pipeline(&plugins, &sinks, &end, choice.alarm);

    engine_options options{};
    options.flow = flow;
    options.plugin_options = plugins.plugin_options().data();
    options.plugin_options_size = static_cast<__u32>(plugins.plugin_options().size());
    options.max_flows = choice.max_flows;
    options.out = pipeline.writer();
    const std::unique_ptr<ReplayEngine> engine = make_native_replay_engine(*parts.bundle.descriptor, options);
    std::unique_ptr<PacketFilter> filter;
    if (choice.filtered)
        filter = PacketFilter::compile("tcp or len < 100").take();

    MemoryCapture capture(std::move(file));
    InterfaceDirectory interfaces;
    ReplayControl control;
    control.interfaces = &interfaces;
    RunSummary run;
    run.max_flows = choice.max_flows;
    pipeline.start();
    run_replay(capture, {filter.get()}, {choice.max_packets, choice.snap_len}, *engine, control, &run);
    pipeline.finish();
    run.tally = pipeline.tally();
    run.packet_rows = pipeline.packet_rows();

    // The ledger: packets read, and where each of them is.
    require(run.ledger_difference() == 0, "the ledger does not balance");
    const auto count = [&run](counter c) { return run.counts.counter[c]; };
    require(count(COUNTER_FLOWS_STARTED) == run.tally.biflows, "a flow started and did not leave, or left twice");
    require(count(COUNTER_FLOWS_STARTED) == count(COUNTER_FLOWS_ENDED_IDLE) + count(COUNTER_FLOWS_ENDED_ACTIVE) +
                                                count(COUNTER_FLOWS_ENDED_FORCED) +
                                                count(COUNTER_FLOWS_ENDED_RESOURCES) + count(COUNTER_FLOWS_ENDED_INPUT),
            "the ends of flows do not add up");
    require(run.counts.live_flows == 0 && run.counts.live_directions == 0, "flows are alive at the end");
    require(run.counts.peak_directions <= 2ULL * choice.max_flows, "more flows were alive than the table holds");
    if (choice.alarm == AlarmMode::kOff) {
        require(arrived.flow_rows == run.tally.directions(), "not every direction is a row");
        require(arrived.packets == run.tally.packets, "the packets of the rows are not those of the flows");
    }
    require(arrived.packet_rows == (choice.packet_mode ? run.tally.packets : 0), "not every packet is a row");
    require(!end_lines(run).empty() && !summary_json(run).empty(), "no report");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const Parts parts;
    if (size < kOptionBytes)
        return 0;
    const Choice choice(data);
    const std::span<const std::uint8_t> bytes(data + kOptionBytes, size - kOptionBytes);
    auto file =
        std::make_unique<CaptureFile>("fuzz", std::make_unique<MemorySource>(bytes, choice.piece), bytes.size());
    const Result<bool> header = file->read_header();
    if (header.ok() && *header)
        replay(parts, choice, std::move(file));
    return 0;
}
