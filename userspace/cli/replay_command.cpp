// SPDX-License-Identifier: BSD-2-Clause
#include "cli/replay_command.h"

#include <signal.h>
#include <sys/signalfd.h>

#include <fmt/format.h>

#include "capture/filter.h"
#include "cli/progress.h"
#include "cli/run_setup.h"
#include "core/unique_fd.h"
#include "kernel/bpf_engine.h"
#include "replay/replay.h"

namespace flowxdp {
namespace {

std::unique_ptr<Capture> open_input(const ReplayOptions& options, const std::function<bool()>& stop)
{
    CaptureOptions capture_options;
    capture_options.stop = stop;
    if (!options.series.empty()) {
        auto series = open_capture_series(options.series, capture_options);
        if (!series.ok())
            throw StartupError(series.error().message);
        return series.take();
    }
    std::vector<std::string> files = options.files;
    if (!options.list_file.empty()) {
        auto list = read_capture_list(options.list_file);
        if (!list.ok())
            throw StartupError(list.error().message);
        files = list.take();
    }
    auto capture = open_captures(files, capture_options);
    if (!capture.ok())
        throw StartupError(capture.error().message);
    return capture.take();
}

// Stop signals as a descriptor to look at between batches. Blocked before the first thread starts, so every thread
// inherits the mask. The first one drains and reports; a second one takes its default way.
class StopSignals {
  public:
    StopSignals()
    {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
        signal(SIGPIPE, SIG_IGN);
        fd_ = UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    }
    bool stopped()
    {
        signalfd_siginfo info;
        if (!stopped_ && read(fd_.get(), &info, sizeof info) == sizeof info) {
            stopped_ = true;
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGINT);
            sigaddset(&set, SIGTERM);
            pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        }
        return stopped_;
    }

  private:
    UniqueFd fd_;
    bool stopped_ = false;
};

} // namespace

ExitCode run_replay_command(const ReplayOptions& options, const std::string& command_line, Log* log)
{
    StopSignals signals;
    auto stop = [&signals] { return signals.stopped(); };
    // Input first: a file that cannot be read must not leave empty output files behind.
    std::unique_ptr<PacketFilter> filter;
    if (!options.run.filter.empty()) {
        auto compiled = PacketFilter::compile(options.run.filter);
        if (!compiled.ok())
            throw StartupError(compiled.error().message, ExitCode::kUsage);
        filter = compiled.take();
    }
    const std::unique_ptr<Capture> capture = open_input(options, stop);
    const std::string input_name = !options.files.empty()       ? options.files.front()
                                   : !options.list_file.empty() ? options.list_file
                                                                : options.series.substr(0, options.series.find(':'));

    RunSetup setup(options.run, input_name, command_line, nullptr, log);
    engine_options engine_setup{};
    engine_setup.flow = setup.flow();
    engine_setup.max_flows = setup.max_flows();
    engine_setup.out = setup.pipeline().writer();
    const std::unique_ptr<ReplayEngine> engine =
        options.engine == "bpf" ? make_bpf_replay_engine(setup.bundle().bpf_object, engine_setup)
                                : make_native_replay_engine(*setup.bundle().descriptor, engine_setup);
    setup.run().engine = options.engine;
    setup.say_start();

    Progress progress(!options.run.quiet);
    ReplayControl control;
    control.stop = stop;
    control.interfaces = &setup.interfaces();
    if (progress.active())
        control.progress = [&progress](std::uint64_t packets, const Capture& input) {
            progress.update(packets, input.bytes_read(), input.bytes_total());
        };
    setup.pipeline().start();
    const double started = steady_seconds();
    run_replay(*capture, filter.get(), {options.run.max_packets, options.run.snap_len}, *engine, control, &setup.run());
    const double processed = steady_seconds();
    progress.clear();
    return setup.finish(started, processed);
}

} // namespace flowxdp
