// SPDX-License-Identifier: BSD-2-Clause
#include "cli/detach_command.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/live_options.h"
#include "cli/run_setup.h"
#include "core/unique_fd.h"
#include "kernel/privileges.h"
#include "live/daemon.h"

namespace flowxdp {
namespace {

// As an interrupt from its terminal would, then waits until it has exported everything and is gone.
void stop_daemon(std::uint32_t pid, const std::vector<std::string>& interfaces)
{
    const std::string names = fmt::format("{}", fmt::join(interfaces, ", "));
    // By descriptor: the number may belong to somebody else as soon as the daemon has ended.
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process || syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0)) {
        const int error = errno;
        if (error == ESRCH)
            return;
        throw StartupError(fmt::format("cannot stop the daemon of {} (pid {}): {}{}", names, pid, std::strerror(error),
                                       error == EPERM ? "; it is another user's: sudo flowxdp detach" : ""),
                           error == EPERM ? ExitCode::kPermission : ExitCode::kRuntime);
    }
    pollfd ended = {process.get(), POLLIN, 0};
    while (poll(&ended, 1, -1) < 0 && errno == EINTR)
        ;
    fmt::print("{}: daemon {} stopped; it has exported its flows\n", names, pid);
}

// Stops the daemons of the sensors chosen. One that serves others too is not touched.
void stop_daemons(const std::vector<PinnedSensor>& chosen)
{
    std::map<std::uint32_t, std::vector<std::string>> daemons;
    for (const PinnedSensor& sensor : chosen) {
        if (!sensor.served)
            continue;
        if (!sensor.state)
            throw StartupError(
                fmt::format("cannot stop the daemon of '{}': it has not said who it is yet, or is another "
                            "version of flowxdp; stop it by its pid (pgrep flowxdp)",
                            sensor.interface));
        daemons[sensor.state->pid].push_back(sensor.interface);
    }
    if (daemons.empty())
        return;
    for (const PinnedSensor& sensor : find_pinned_sensors("detach")) {
        if (!sensor.served || !sensor.state || !daemons.contains(sensor.state->pid))
            continue;
        if (std::ranges::none_of(chosen, [&](const PinnedSensor& s) { return s.folder == sensor.folder; }))
            throw StartupError(fmt::format("the daemon of '{}' (pid {}) observes '{}' too: name every interface of it, "
                                           "or stop it: kill {}",
                                           daemons[sensor.state->pid].front(), sensor.state->pid, sensor.interface,
                                           sensor.state->pid));
    }
    for (const auto& [pid, interfaces] : daemons)
        stop_daemon(pid, interfaces);
}

// Everything a dead daemon's sensor holds goes to the sinks, then the sensor is removed.
ExitCode export_sensor(const PinnedSensor& pinned, const DetachOptions& options, const std::string& command_line,
                       Log* log)
{
    RunOptions run = options.run;
    if (pinned.state)
        recall_options(*pinned.state, &run);
    if (run.filter.empty())
        run.filter = read_filter_text(pinned.folder);
    const FrameFilter filter = compile_frame_filter(run.filter, pinned.link_type(), pinned.interface);
    std::vector<std::unique_ptr<LiveSensor>> sensors;
    DaemonOptions daemon_options;
    auto take_over = [&](const RunPlan& plan) {
        sensors.push_back(std::make_unique<LiveSensor>(live_sensor_options(run, filter, plan), pinned));
        const journal_slot left = sensors.front()->left_behind();
        if (!plan.outputs.capture.empty()) {
            daemon_options.wall_offset_ns = left.wall_offset_ns ? left.wall_offset_ns : wall_offset_ns();
            sensors.front()->open_capture(plan.outputs.capture, resume_points(left));
        }
        return resume_points(left);
    };
    RunSetup setup(run, pinned.interface, command_line, take_over, log);
    setup.run().engine = "live";
    setup.say_start();
    setup.pipeline().start();
    const double started = steady_seconds();
    Daemon daemon(&sensors, &setup.pipeline(), log, daemon_options);
    daemon.export_all();
    const double processed = steady_seconds();
    RunSummary& summary = setup.run();
    daemon.read_counts(&summary.counts);
    summary.packets_before = daemon.packets_before();
    summary.frames = summary.counts.counter[COUNTER_PACKETS_SEEN];
    summary.captures = daemon.captures();
    summary.captured_bytes = summary.wire_bytes = summary.counts.totals.wire_bytes;
    const ExitCode code = setup.finish(started, processed);
    if (auto removed = sensors.front()->remove_pins(); !removed.ok())
        throw StartupError(removed.error().message);
    log->write(LogLevel::kInformation, fmt::format("{}: flows exported, sensor removed", pinned.interface));
    return code;
}

// What is lost with a sensor; of another version's nothing is known.
std::string lost_text(const PinnedSensor& sensor)
{
    try {
        const SensorView::Books books = SensorView(sensor).books();
        if (books.alive + books.waiting)
            return fmt::format(" with {} packets in flows that were not exported ('detach --export' would have)",
                               books.alive + books.waiting);
        return "; it held no flows";
    } catch (const StartupError& error) {
        return fmt::format(" (what it held is not known: {})", error.what());
    }
}

} // namespace

ExitCode run_detach_command(const DetachOptions& options, const std::string& command_line, Log* log)
{
    const std::vector<PinnedSensor> chosen = find_pinned_sensors("detach", options.interfaces);
    if (chosen.empty()) {
        fmt::print("no sensor of flowxdp is pinned\n");
        return ExitCode::kOk;
    }
    const auto orphans = std::ranges::count_if(chosen, [](const PinnedSensor& sensor) { return !sensor.served; });
    std::error_code ignored;
    if (options.export_flows && orphans > 1 && !std::filesystem::is_directory(options.run.write_prefix, ignored))
        throw StartupError(fmt::format("{} sensors are to be exported: name one, or give a folder with -w", orphans),
                           ExitCode::kUsage);
    stop_daemons(chosen);
    ExitCode code = ExitCode::kOk;
    for (const PinnedSensor& sensor : chosen) {
        if (sensor.served)
            continue;
        if (options.export_flows) {
            const ExitCode exported = export_sensor(sensor, options, command_line, log);
            code = code == ExitCode::kOk ? exported : code;
            continue;
        }
        const std::string lost = lost_text(sensor);
        if (auto removed = remove_pinned_sensor(sensor); !removed.ok())
            throw StartupError(removed.error().message);
        fmt::print("{}: sensor removed{}\n", sensor.interface, lost);
    }
    return code;
}

} // namespace flowxdp
