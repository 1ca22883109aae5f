// SPDX-License-Identifier: BSD-2-Clause
#include "cli/detach_command.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/live_options.h"
#include "cli/run_setup.h"
#include "cli/sensor_bundle.h"
#include "cli/state_publisher.h"
#include "core/printable.h"
#include "core/unique_fd.h"
#include "kernel/pin.h"
#include "kernel/privileges.h"
#include "live/daemon.h"
#include "live/lock_holder.h"
#include "live/shared_commit.h"

namespace flowxdp {
namespace {

void say(const std::string& line)
{
    fmt::print("{}\n", printable(line));
}

// Sends the interrupt that its terminal would send, then waits until it has exported everything and ended. Reads the
// folder's lock again: it must still be the process that the messages named.
void stop_daemon(std::uint32_t pid, const std::string& folder, const std::vector<std::string>& interfaces)
{
    const std::string names = fmt::format("{}", fmt::join(interfaces, ", "));
    auto holder = find_lock_holder(open_below_bpf(folder, O_RDONLY | O_DIRECTORY).get());
    if (!holder || static_cast<std::uint32_t>(holder->pid) != pid)
        return; // it has just ended
    const UniqueFd process = std::move(holder->process);
    if (syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0)) {
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
    say(fmt::format("{}: daemon {} stopped; it has exported its flows", names, pid));
}

// Stops the daemons of the sensors chosen. One that serves others too is not touched.
void stop_daemons(const std::vector<PinnedSensor>& chosen)
{
    std::map<std::uint32_t, std::vector<std::string>> daemons;
    std::map<std::uint32_t, std::string> folders;
    for (const PinnedSensor& sensor : chosen) {
        if (!sensor.served)
            continue;
        if (!sensor.daemon)
            throw StartupError(fmt::format(
                "cannot stop the daemon of '{}': which process of the pins' owner has locked '{}' is not to be "
                "seen from here (it has just started, or lives in another pid namespace); stop it by its "
                "pid (pgrep flowxdp)",
                sensor.interface, sensor.folder));
        daemons[sensor.daemon].push_back(sensor.interface);
        folders[sensor.daemon] = sensor.folder;
    }
    if (daemons.empty())
        return;
    for (const PinnedSensor& sensor : find_pinned_sensors("detach")) {
        if (!sensor.served || !daemons.contains(sensor.daemon))
            continue;
        if (std::ranges::none_of(chosen, [&](const PinnedSensor& s) { return s.folder == sensor.folder; }))
            throw StartupError(fmt::format("the daemon of '{}' (pid {}) observes '{}' too: name every interface of it, "
                                           "or stop it: kill {}",
                                           daemons[sensor.daemon].front(), sensor.daemon, sensor.interface,
                                           sensor.daemon));
    }
    for (const auto& [pid, interfaces] : daemons)
        stop_daemon(pid, folders[pid], interfaces);
}

// Exports everything that a dead daemon's sensor holds, then removes the sensor. as_owner: this process has become the
// pins' owner. That user may not enter the pins' folders; root's remaining rights open them once.
ExitCode export_sensor(const PinnedSensor& pinned, const DetachOptions& options, const std::string& command_line,
                       bool as_owner, Log* log)
{
    RunOptions run = options.run;
    if (pinned.state)
        recall_options(*pinned.state, &run);
    auto reach = [as_owner] {
        return as_owner ? std::make_unique<Raised>(std::vector<int>{CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH}) : nullptr;
    };
    if (run.filter.empty()) {
        const auto raised = reach();
        run.filter = read_filter_text(pinned.folder);
    }
    // The program is loaded already, with what --extract-filter said.
    const SensorFilters filters = {compile_frame_filter(run.filter, pinned.link_type(), pinned.interface), {}};
    std::vector<std::unique_ptr<LiveSensor>> sensors;
    DaemonOptions daemon_options;
    auto take_over = [&](const RunPlan& plan) -> RunOrigin {
        std::vector<std::uint64_t> ids = plan.output_ids;
        if (!plan.outputs.capture.empty()) {
            plan.claims.add_output({plan.outputs.capture}, "-e");
            ids.push_back(capture_id(plan.outputs.capture));
        }
        LeftOutputs left;
        {
            const auto raised = reach();
            sensors.push_back(std::make_unique<LiveSensor>(live_sensor_options(run, filters, plan), pinned));
            left = take_over_outputs(sensors, ids);
        }
        if (as_owner)
            limit_capabilities({CAP_BPF, CAP_NET_ADMIN});
        cut_left_files(left.files, &daemon_options, log);
        if (!plan.outputs.capture.empty()) {
            const std::int64_t offset_ns = sensors.front()->predecessor_journal().wall_offset_ns;
            daemon_options.wall_offset_ns = offset_ns ? offset_ns : wall_offset_ns();
            sensors.front()->open_capture(plan.outputs.capture, left.resume);
        }
        return {std::move(left.resume), sensors.front()->boot(), sensors.front()->describe().attached_ns};
    };
    RunSetup setup(run, RunInput{pinned.interface, {}, bundle_of(pinned, run)}, command_line, RunKind::kLive, log);
    setup.open_outputs(take_over(setup.plan()));
    setup.run().engine = "live";
    setup.say_start();
    setup.pipeline().start();
    const double started = steady_seconds();
    Daemon daemon(&sensors, &setup.pipeline(), log, daemon_options);
    const DaemonHealth health(setup.sinks(), [&daemon] { return daemon.last_round_ns(); });
    std::optional<StatePublisher> publisher(
        std::in_place,
        std::vector<StatePublisher::Target>{
            {sensors.front()->state(), describe_with_files(*sensors.front(), setup, log)}},
        setup.sinks(), health);
    daemon.export_all();
    publisher.reset();
    const double processed = steady_seconds();
    RunSummary& summary = setup.run();
    daemon.read_counts(&summary.counts);
    summary.packets_before = daemon.packets_before();
    summary.input.frames = summary.counts.counter[COUNTER_PACKETS_SEEN];
    summary.captures = daemon.captures();
    summary.records_damaged = daemon.records_damaged();
    summary.input.captured_bytes = summary.input.wire_bytes = summary.counts.totals.wire_bytes;
    const ExitCode code = setup.finish(started, processed);
    if (auto removed = sensors.front()->remove_pins(); !removed.ok())
        throw StartupError(removed.error().message);
    log->write(LogLevel::kInformation, fmt::format("{}: flows exported, sensor removed", pinned.interface));
    return code;
}

// The owner of the pins may have written anything into them, paths too. So a child becomes this user before it reads
// any of it for the export: it can open, write or remove only what that user could.
ExitCode export_as_owner(const PinnedSensor& pinned, const DetachOptions& options, const std::string& command_line,
                         Log* log)
{
    if (!pinned.owner)
        throw StartupError(
            fmt::format("cannot export the sensor of '{}': '{}' and the folder above belong to different "
                        "users",
                        pinned.interface, pinned.folder));
    if (pinned.owner->uid == geteuid())
        return export_sensor(pinned, options, command_line, false, log);
    const UserIdentity owner = user_of(pinned.owner->uid, pinned.owner->gid);
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0)
        throw StartupError(fmt::format("cannot start a process for user '{}': {}", owner.name, std::strerror(errno)));
    if (child == 0) {
        ExitCode code = ExitCode::kRuntime;
        try {
            become_user(owner);
            limit_capabilities({CAP_BPF, CAP_NET_ADMIN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH});
            set_effective({CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH}, false);
            log->write(LogLevel::kInformation, fmt::format("{}: the sensor is user '{}'s: so are the files that are "
                                                           "written, in a folder that is open to this user",
                                                           pinned.interface, owner.name));
            code = export_sensor(pinned, options, command_line, true, log);
        } catch (const StartupError& error) {
            log->write(LogLevel::kError, error.what());
            code = error.code();
        } catch (const std::exception& error) {
            log->write(LogLevel::kError, fmt::format("unexpected error: {}", error.what()));
        }
        std::fflush(nullptr);
        _exit(static_cast<int>(code));
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status)) {
        log->write(LogLevel::kError,
                   fmt::format("the export of '{}' was ended by signal {}", pinned.interface, WTERMSIG(status)));
        return ExitCode::kRuntime;
    }
    return static_cast<ExitCode>(WEXITSTATUS(status));
}

// What is lost with a sensor; unknown for another version's.
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
        if (options.export_flows && is_remnant(sensor)) {
            if (auto removed = remove_pinned_sensor(sensor); !removed.ok())
                throw StartupError(removed.error().message);
            log->write(LogLevel::kInformation,
                       fmt::format("{}: nothing to export: a daemon that was killed while it started or stopped left "
                                   "parts of a sensor without a flow; they are removed",
                                   sensor.interface));
            continue;
        }
        if (options.export_flows) {
            const ExitCode exported = export_as_owner(sensor, options, command_line, log);
            code = code == ExitCode::kOk ? exported : code;
            continue;
        }
        const std::string lost = lost_text(sensor);
        if (auto removed = remove_pinned_sensor(sensor); !removed.ok())
            throw StartupError(removed.error().message);
        say(fmt::format("{}: sensor removed{}", sensor.interface, lost));
    }
    return code;
}

} // namespace flowxdp
