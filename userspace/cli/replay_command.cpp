// SPDX-License-Identifier: BSD-2-Clause
#include "cli/replay_command.h"

#include <atomic>
#include <optional>

#include <fmt/format.h>

#include "cli/progress.h"
#include "cli/replay_input.h"
#include "cli/run_monitor.h"
#include "cli/run_setup.h"
#include "cli/run_signals.h"
#include "extract/capture_writer.h"
#include "kernel/bpf_engine.h"
#include "replay/frame_extraction.h"
#include "replay/replay.h"

namespace flowxdp {
namespace {

// -e: every frame, or those of extracted flows, into a file of its own.
class ReplayCapture {
  public:
    // flow: what the engine is opened with. Throws StartupError.
    ReplayCapture(const Extraction& wanted, RunSetup* setup, flow_config* flow) : setup_(setup)
    {
        if (auto opened = file_.open(setup->outputs().capture, {}, {}); !opened.ok())
            throw StartupError("extraction: " + opened.error().message);
        if (wanted.of_flows())
            of_flows_.emplace(
                FrameExtraction::Hooks{
                    .wants = [](const packet_record& packet) { return (packet.status & FS(LIVE_EXTRACT)) != 0; },
                    .frame = [this](std::uint64_t, const Frame& frame) { write(frame); }},
                setup->pipeline().writer(), flow);
    }
    // Where the engine writes.
    stream_writer* writer() { return of_flows_ ? of_flows_->writer() : setup_->pipeline().writer(); }
    void take(const FrameBlock& block)
    {
        if (of_flows_)
            return of_flows_->take(block);
        for (const Frame& frame : block.originals)
            write(frame);
    }
    void finish()
    {
        if (of_flows_)
            of_flows_->finish();
        file_.close();
        setup_->run().captures = {file_.state()};
    }

  private:
    void write(const Frame& frame) { file_.write(frame, setup_->interfaces().find(frame.if_id).value_or("")); }

    RunSetup* setup_;
    CaptureWriter file_;
    std::optional<FrameExtraction> of_flows_;
};

} // namespace

ExitCode run_replay_command(const ReplayOptions& options, const std::string& command_line, Log* log)
{
    RunSignals signals;
    return run_replay_command(options, command_line, signals, log);
}

ExitCode run_replay_command(const ReplayOptions& options, const std::string& command_line, RunSignals& signals,
                            Log* log)
{
    std::function<void()> report;  // as soon as there is something to say
    std::function<void()> publish; // likewise
    std::function<void()> figures; // likewise
    const RunSetup* run = nullptr; // likewise
    auto stop = [&signals, &report, &publish, &figures, &run] {
        if (publish)
            publish();
        if (figures)
            figures();
        for (RunSignal signal = signals.next(); signal != RunSignal::kNone; signal = signals.next())
            if (signal == RunSignal::kReport && report)
                report();
            else if (signal == RunSignal::kReopen)
                signals.stop(); // a replay ends anyway: it has no files to be rotated
        return signals.stopped() || (run && run->nobody_reads());
    };
    // Input first: a file that cannot be read must not leave empty output files behind.
    std::atomic<bool> stop_reading = false;
    const ReplayInput input = open_replay_input(options, stop, stop_reading);
    Capture* const capture = input.capture.get();
    RunSetup setup(options.run, input.files, command_line, RunKind::kReplay, log);
    std::unique_ptr<HttpServer> server = bind_monitor(options.run, log);
    setup.listen_to(signals);
    setup.open_outputs({});
    engine_options engine_setup{};
    engine_setup.flow = setup.flow();
    engine_setup.plugin_options = setup.plugin_options().data();
    engine_setup.plugin_options_size = static_cast<__u32>(setup.plugin_options().size());
    engine_setup.max_flows = setup.max_flows();
    std::optional<ReplayCapture> extracted;
    if (options.run.extract)
        extracted.emplace(*options.run.extract, &setup, &engine_setup.flow);
    engine_setup.out = extracted ? extracted->writer() : setup.pipeline().writer();
    const std::unique_ptr<ReplayEngine> engine =
        options.engine == EngineChoice::kBpf
            ? make_bpf_replay_engine(*setup.bundle().descriptor, setup.bundle().bpf_object, engine_setup)
            : make_native_replay_engine(*setup.bundle().descriptor, engine_setup);
    setup.run().engine = word_of(kEngineWords, options.engine);
    setup.say_start();

    Progress progress(!options.run.quiet);
    ReplayControl control;
    control.stop = stop;
    control.stop_reading = &stop_reading;
    control.interfaces = &setup.interfaces();
    if (progress.active())
        control.progress = [&progress](std::uint64_t packets, const Capture& from) {
            progress.update(packets, from.bytes_read(), from.bytes_total());
        };
    if (extracted)
        control.taken = [&extracted](const FrameBlock& block) { extracted->take(block); };
    setup.pipeline().start();
    const double started = steady_seconds();
    run = &setup;
    figures = [&] {
        if (!setup.monitoring_due())
            return;
        setup.run().counts = engine->counts();
        setup.monitor(started);
    };
    report = [&] {
        setup.run().counts = engine->counts();
        setup.run().running = RunningBooks::of_replay(setup.run(), setup.pipeline().tally());
        setup.run().input_bytes_read = capture->bytes_read();
        setup.run().input_bytes_total = capture->bytes_total();
        setup.say_monitoring(started);
        setup.run().running.reset();
    };
    std::optional<ReplayMonitor> monitor;
    if (server) {
        monitor.emplace(std::move(server), &setup);
        publish = [&] { monitor->publish([&engine] { return engine->counts(); }); };
    }
    run_replay(*capture, {input.filter.get(), input.extract_filter.get()},
               {options.run.max_packets, options.run.snap_len, extracted.has_value()}, *engine, control, &setup.run());
    if (extracted)
        extracted->finish();
    const double processed = steady_seconds();
    progress.clear();
    report = nullptr;
    figures = nullptr;
    publish = nullptr;
    if (setup.run().interrupted && !signals.stopped()) {
        setup.run().interrupted = false;
        setup.run().unread = true;
    }
    return setup.finish(started, processed);
}

} // namespace flowxdp
