// SPDX-License-Identifier: BSD-2-Clause
#include "cli/replay_command.h"

#include <atomic>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "capture/filter.h"
#include "cli/progress.h"
#include "cli/run_monitor.h"
#include "cli/run_setup.h"
#include "cli/run_signals.h"
#include "kernel/bpf_engine.h"
#include "replay/replay.h"

namespace flowxdp {
namespace {

// files: captures that were named, or a list's; empty for a series.
std::unique_ptr<Capture> open_input(const ReplayOptions& options, const std::vector<std::string>& files,
                                    const std::function<bool()>& stop)
{
    CaptureOptions capture_options;
    capture_options.stop = stop;
    if (!options.series.empty()) {
        auto series = open_capture_series(options.series, capture_options);
        if (!series.ok())
            throw StartupError(series.error().message);
        return series.take();
    }
    auto capture = open_captures(files, capture_options);
    if (!capture.ok())
        throw StartupError(capture.error().message);
    return capture.take();
}

} // namespace

ExitCode run_replay_command(const ReplayOptions& options, const std::string& command_line, Log* log)
{
    RunSignals signals;
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
    std::unique_ptr<PacketFilter> filter;
    if (!options.run.filter.empty()) {
        auto compiled = PacketFilter::compile(options.run.filter);
        if (!compiled.ok())
            throw StartupError(compiled.error().message, ExitCode::kUsage);
        filter = compiled.take();
    }
    std::vector<std::string> files = options.files;
    if (!options.list_file.empty()) {
        auto list = read_capture_list(options.list_file);
        if (!list.ok())
            throw StartupError(list.error().message);
        files = list.take();
    }
    // While packets are read ahead, signals are taken in this thread alone.
    std::atomic<bool> stop_reading = false;
    const std::thread::id opener = std::this_thread::get_id();
    const std::unique_ptr<Capture> capture = open_input(options, files, [&stop, &stop_reading, opener] {
        return std::this_thread::get_id() == opener ? stop() : stop_reading.load();
    });
    const std::string input_name = !options.files.empty()       ? options.files.front()
                                   : !options.list_file.empty() ? options.list_file
                                                                : options.series.substr(0, options.series.find(':'));

    RunInput read_files{input_name, files};
    if (!options.list_file.empty())
        read_files.files.push_back(options.list_file);
    if (!options.series.empty())
        for (const CaptureFileInfo& file : capture->files())
            read_files.files.push_back(file.name);
    RunSetup setup(options.run, read_files, command_line, RunKind::kReplay, log);
    std::unique_ptr<HttpServer> server = bind_monitor(options.run, log);
    setup.open_outputs({});
    engine_options engine_setup{};
    engine_setup.flow = setup.flow();
    engine_setup.plugin_options = setup.plugin_options().data();
    engine_setup.plugin_options_size = static_cast<__u32>(setup.plugin_options().size());
    engine_setup.max_flows = setup.max_flows();
    engine_setup.out = setup.pipeline().writer();
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
        control.progress = [&progress](std::uint64_t packets, const Capture& input) {
            progress.update(packets, input.bytes_read(), input.bytes_total());
        };
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
    run_replay(*capture, filter.get(), {options.run.max_packets, options.run.snap_len}, *engine, control, &setup.run());
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
