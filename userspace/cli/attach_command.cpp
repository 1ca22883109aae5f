// SPDX-License-Identifier: BSD-2-Clause
#include "cli/attach_command.h"

#include <linux/capability.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/live_options.h"
#include "cli/observation.h"
#include "cli/run_monitor.h"
#include "cli/run_setup.h"
#include "cli/run_signals.h"
#include "cli/sensor_bundle.h"
#include "cli/service_manager.h"
#include "cli/state_publisher.h"
#include "core/printable.h"
#include "kernel/privileges.h"
#include "live/daemon.h"

namespace flowxdp {
namespace {

// From here on a fault in parser or sink gains little: ownership and capabilities that only the start needed are gone.
// Files that come later (-W, summaries) are opened by ownership alone, unless their folder is somebody else's.
void drop_privileges(const std::string& output_prefix, bool shares, Log* log)
{
    const std::string folder =
        output_prefix.empty() ? "" : std::filesystem::path(absolute_path(output_prefix)).parent_path().string();
    const bool keeps_override = !folder.empty() && !is_writable_folder(folder);
    std::vector<int> kept = {CAP_BPF, CAP_NET_ADMIN};
    if (shares)
        kept.push_back(CAP_SYS_ADMIN); // programs are found by their ids when a dispatcher is built without one of them
    if (keeps_override)
        kept.push_back(CAP_DAC_OVERRIDE);
    limit_capabilities(kept);
    std::string text = "keeps cap_bpf and cap_net_admin";
    if (shares)
        text += ", cap_sys_admin to leave the dispatcher at the end";
    if (keeps_override)
        text += fmt::format(
            ", cap_dac_override because '{}' belongs to another user (--user NAME with a folder of that user "
            "avoids it)",
            folder);
    log->write(shares || keeps_override ? LogLevel::kInformation : LogLevel::kDetail, text + ", no other");
}

// Where every packet of the sensors is now, read from the pins as any process would. An unreadable pin is reported; it
// does not end the run.
Result<RunningBooks> running_books(const std::vector<std::unique_ptr<LiveSensor>>& sensors)
{
    std::vector<std::string> interfaces; // by their names of today; those that are gone were exported
    for (const auto& sensor : sensors)
        interfaces.push_back(sensor->interface());
    RunningBooks all;
    try {
        for (const PinnedSensor& sensor : find_pinned_sensors("report", interfaces)) {
            const SensorView view(sensor);
            const SensorView::Books books = view.books();
            all.seen += books.seen;
            all.exported += books.exported;
            all.alive += books.alive;
            all.waiting += books.waiting;
            all.without_flow += books.without_flow;
            all.flows_alive += flows_alive(view.counts());
            all.at_rest = all.at_rest && books.at_rest;
        }
    } catch (const StartupError& error) {
        return Error{fmt::format("no report: {}", error.what())};
    }
    return all;
}

// How the links differ from what their frames look like, then the programs and their modes. The program is said last: a
// user who reads it finds the sensor's state, even if the daemon is killed the next moment.
void say_attached(const std::vector<std::unique_ptr<LiveSensor>>& sensors, const FrameFilter& filter, Log* log)
{
    for (const auto& sensor : sensors)
        for (const InterfaceInfo& info : sensor->interfaces())
            for (const std::string& differs :
                 {hidden_tags_text(info), sensor->mode() == "generic" ? merged_frames_text(info) : ""})
                if (!differs.empty())
                    log->write(LogLevel::kInformation, fmt::format("{}: {}", info.name, differs));
    for (const auto& sensor : sensors) {
        std::string names;
        for (const InterfaceInfo& info : sensor->interfaces())
            names += (names.empty() ? "" : "+") + info.name;
        log->write(LogLevel::kInformation,
                   fmt::format("{}: XDP program {} in {} mode{}{}{}", names, sensor->program_id(), sensor->mode(),
                               sensor->in_dispatcher() ? ", in libxdp's dispatcher" : "",
                               sensor->adopted()           ? ", taken over"
                               : sensor->removed_remnant() ? ", what a killed daemon left of another was removed"
                                                           : "",
                               filter.empty() ? "" : fmt::format(", filter '{}'", filter.expression)));
    }
}

// What the daemon counted, for the report. since_ns: the start, ns since the epoch.
void read_daemon(const Daemon& daemon, std::int64_t since_ns, RunSummary* run)
{
    daemon.read_counts(&run->counts);
    run->packets_before = daemon.packets_before();
    run->input.frames = run->counts.counter[COUNTER_PACKETS_SEEN];
    run->input.captured_bytes = run->input.wire_bytes = run->counts.totals.wire_bytes;
    run->input.has_time = true;
    run->input.first_ns = since_ns;
    run->input.last_ns = boot_clock_ns() + wall_offset_ns();
    run->captures = daemon.captures();
    run->records_damaged = daemon.records_damaged();
}

// A line of -M.
void monitor_now(const Daemon& daemon, const std::vector<std::unique_ptr<LiveSensor>>& sensors, std::int64_t since_ns,
                 double started_s, RunSetup* setup)
{
    read_daemon(daemon, since_ns, &setup->run());
    if (const Result<RunningBooks> books = running_books(sensors); books.ok())
        setup->run().running = books.value();
    setup->monitor(started_s);
    setup->run().running.reset();
}

// SIGUSR1.
void report_now(const Daemon& daemon, const std::vector<std::unique_ptr<LiveSensor>>& sensors, std::int64_t since_ns,
                double started_s, RunSetup* setup, Log* log)
{
    read_daemon(daemon, since_ns, &setup->run());
    const Result<RunningBooks> books = running_books(sensors);
    if (!books.ok()) {
        log->write(LogLevel::kError, books.error().message);
        return;
    }
    setup->run().running = books.value();
    setup->say_monitoring(started_s);
    setup->run().running.reset();
}

// SIGUSR2: ends at a commit. All rows that left are safe and in the journal, and the next daemon reads the others from
// ring and outbox, as after a kill. Ending the run would write flows early that are not over, and write what is pending
// here a second time.
[[noreturn]] void hand_over(const std::vector<std::unique_ptr<LiveSensor>>& sensors, const ServiceManager& manager,
                            Log* log)
{
    std::string names;
    for (const auto& sensor : sensors)
        names += (names.empty() ? "" : ", ") + sensor->interface();
    manager.tell("STOPPING=1");
    log->write(
        LogLevel::kInformation,
        fmt::format("{}: handed over: the kernel goes on counting, attach with the same plugins and options takes "
                    "it over",
                    names));
    std::fflush(nullptr);
    _exit(static_cast<int>(ExitCode::kOk));
}

} // namespace

ExitCode run_attach_command(const AttachOptions& options, const std::string& command_line, Log* log)
{
    // For its mistakes, and for Ethernet; raw IP knows no word that Ethernet does not.
    const FrameFilter filter = compile_frame_filter(options.run.filter, kLinkTypeEthernet, options.interfaces.back());
    compile_extract_filter(options.run.extract_filter, kLinkTypeEthernet);
    need_sensor_capabilities("attach");
    const std::optional<UserIdentity> user =
        options.user.empty() ? std::nullopt : std::optional(find_user(options.user));
    RunSignals signals(MayHandOver::kYes);
    const ServiceManager manager;

    Observation observation(options, user, log);
    std::vector<std::unique_ptr<LiveSensor>>& sensors = observation.sensors();
    const RunInput input{
        fmt::format("{}", fmt::join(options.interfaces, "_")), {}, bundle_left(options, user ? user->uid : geteuid())};
    RunSetup setup(options.run, input, command_line, RunKind::kLive, log);
    if (options.dry_run) {
        for (const std::string& line : observation.foresee(setup.plan()))
            fmt::print("{}\n", printable(line));
        return ExitCode::kOk;
    }
    std::unique_ptr<HttpServer> server = bind_monitor(options.run, log);
    setup.listen_to(signals);
    setup.open_outputs(observation.attach(setup.plan()));
    std::vector<StatePublisher::Target> states;
    for (const auto& sensor : sensors)
        states.push_back({sensor->state(), describe_with_files(*sensor, setup, log)});
    if (!user)
        drop_privileges(setup.outputs().prefix, observation.in_dispatcher(), log);
    observation.begin();

    setup.run().engine = "live";
    setup.say_start();
    for (const auto& sensor : sensors)
        for (const InterfaceInfo& info : sensor->interfaces())
            setup.interfaces().name(info.index, info.name);
    setup.pipeline().start();
    const double started = steady_seconds();
    const std::int64_t since_ns = boot_clock_ns() + wall_offset_ns();
    Daemon daemon(&sensors, &setup.pipeline(), log, observation.daemon_options());
    DaemonHealth health(setup.sinks(), [&daemon] { return daemon.last_round_ns(); });
    std::optional<StatePublisher> publisher(std::in_place, std::move(states), setup.sinks(), health, &manager);
    std::optional<LiveMonitor> monitor;
    if (server)
        monitor.emplace(std::move(server), &setup, daemon, health, observation.take_seen());
    say_attached(sensors, filter, log);
    manager.tell(fmt::format("READY=1\nSTATUS=observes {}", fmt::join(options.interfaces, ", ")));
    daemon.run(signals.fd(), [&] {
        for (RunSignal signal = signals.next(); signal != RunSignal::kNone; signal = signals.next()) {
            if (signal == RunSignal::kReport)
                report_now(daemon, sensors, since_ns, started, &setup, log);
            else if (signal == RunSignal::kReopen) {
                setup.reopen_files();
                daemon.enter_outputs();
            } else if (signal == RunSignal::kHandOver) {
                hand_over(sensors, manager, log);
            }
        }
        if (monitor)
            monitor->publish(sensors);
        if (setup.monitoring_due())
            monitor_now(daemon, sensors, since_ns, started, &setup);
        const bool stops = signals.stopped() || setup.nobody_reads();
        if (stops) {
            manager.tell("STOPPING=1"); // to export what is left may take longer than a round
            health.ends();
        }
        return stops;
    });
    const double processed = steady_seconds();
    read_daemon(daemon, since_ns, &setup.run());
    publisher.reset();
    ExitCode code = setup.finish(started, processed);
    monitor.reset();
    for (auto& sensor : sensors)
        if (auto removed = sensor->remove_pins(); !removed.ok())
            log->write(LogLevel::kError, removed.error().message);
    if (sensors.empty()) {
        log->write(LogLevel::kError, "every interface is gone: nothing left to observe");
        code = code == ExitCode::kOk ? ExitCode::kRuntime : code;
    }
    return code;
}

} // namespace flowxdp
