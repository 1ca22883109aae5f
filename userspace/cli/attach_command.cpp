// SPDX-License-Identifier: BSD-2-Clause
#include "cli/attach_command.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/live_options.h"
#include "cli/run_setup.h"
#include "cli/state_publisher.h"
#include "core/unique_fd.h"
#include "kernel/privileges.h"
#include "live/daemon.h"

namespace flowxdp {
namespace {

// Signals as a descriptor; blocked before the first thread starts, so every thread inherits the mask.
UniqueFd block_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1})
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC));
}

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

// "run.pcapng", "eth0" -> "run_eth0.pcapng"; each interface is an observation point, and a capture, of its own.
std::string name_beside(const std::string& path, const std::string& interface)
{
    const std::size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
    const std::size_t dot = std::min(path.find('.', name + 1), path.size());
    return path.substr(0, dot) + "_" + interface + path.substr(dot);
}

} // namespace

ExitCode run_attach_command(const AttachOptions& options, const std::string& command_line, Log* log)
{
    // For its mistakes, and for Ethernet; raw IP knows no word that Ethernet does not.
    const FrameFilter filter = compile_frame_filter(options.run.filter, kLinkTypeEthernet, options.interfaces.back());
    need_sensor_capabilities("attach");
    const std::optional<UserIdentity> user =
        options.user.empty() ? std::nullopt : std::optional(find_user(options.user));
    const UniqueFd signals = block_signals();
    std::vector<std::unique_ptr<LiveSensor>> sensors;
    auto give_back = [&sensors, log] {
        for (auto& sensor : sensors) {
            if (sensor->adopted())
                continue; // it counted before we came and goes on counting
            for (const Result<void>& undone : {sensor->detach(), sensor->remove_pins()})
                if (!undone.ok())
                    log->write(LogLevel::kError, undone.error().message);
        }
    };
    auto shares = [&sensors] {
        return std::ranges::any_of(sensors, [](const auto& sensor) { return sensor->in_dispatcher(); });
    };
    DaemonOptions daemon_options;
    daemon_options.max_packets = options.run.max_packets;
    auto attach = [&](const RunPlan& plan) {
        const std::size_t sensors_wanted = options.merge ? 1 : options.interfaces.size();
        for (std::size_t i = 0; i < sensors_wanted; i++) {
            const std::string& interface = options.interfaces[i];
            // What is wrong with the interface itself is said by the sensor.
            const auto info = read_interface(interface);
            const std::uint32_t link_type =
                info.ok() && info.value().link_type ? info.value().link_type : kLinkTypeEthernet;
            LiveSensorOptions sensor = live_sensor_options(
                options.run, compile_frame_filter(options.run.filter, link_type, options.interfaces.back()), plan);
            sensor.interface = interface;
            if (options.merge)
                sensor.merged.assign(options.interfaces.begin() + 1, options.interfaces.end());
            sensor.object.egress = options.direction == "both";
            sensor.mode = options.mode == "native"    ? AttachMode::kNative
                          : options.mode == "generic" ? AttachMode::kGeneric
                                                      : AttachMode::kAuto;
            sensor.object.shared_sensor_fd = sensors.empty() ? -1 : sensors.front()->object().map_fd("sensor");
            sensor.fix_offloads = options.fix_offloads;
            if (options.dispatcher)
                sensor.dispatcher_priority = options.priority;
            sensors.push_back(std::make_unique<LiveSensor>(sensor));
        }
        if (user && shares())
            throw StartupError(
                "a sensor in libxdp's dispatcher cannot become another user: when it leaves, it builds the "
                "dispatcher anew for all others, and that must be root's; leave --user out",
                ExitCode::kUsage);
        // Files are opened as the user who will write them.
        if (user) {
            for (auto& sensor : sensors)
                if (auto given = sensor->give_to(user->uid, user->gid); !given.ok())
                    throw StartupError(given.error().message);
            become_user(*user);
            limit_capabilities({CAP_BPF, CAP_NET_ADMIN});
        }
        const journal_slot left = sensors.front()->left_behind();
        if (!plan.outputs.capture.empty()) {
            daemon_options.wall_offset_ns = left.wall_offset_ns ? left.wall_offset_ns : wall_offset_ns();
            for (auto& sensor : sensors)
                sensor->open_capture(sensors.size() > 1 ? name_beside(plan.outputs.capture, sensor->interface())
                                                        : plan.outputs.capture,
                                     resume_points(sensor->left_behind()));
        }
        return resume_points(left);
    };

    std::unique_ptr<RunSetup> setup;
    std::vector<StatePublisher::Target> states;
    try {
        setup = std::make_unique<RunSetup>(options.run, fmt::format("{}", fmt::join(options.interfaces, "_")),
                                           command_line, attach, log);
        for (const auto& sensor : sensors)
            states.push_back({sensor->state(), sensor->describe()});
        if (!user)
            drop_privileges(setup->outputs().prefix, shares(), log);
    } catch (...) {
        give_back();
        throw;
    }
    setup->run().engine = "live";
    setup->say_start();
    for (const auto& sensor : sensors)
        for (const InterfaceInfo& info : sensor->interfaces())
            setup->interfaces().name(info.index, info.name);
    setup->pipeline().start();
    const double started = steady_seconds();
    const std::int64_t since_ns = boot_clock_ns() + wall_offset_ns();
    Daemon daemon(&sensors, &setup->pipeline(), log, daemon_options);
    std::optional<StatePublisher> publisher(std::in_place, std::move(states), setup->sinks(),
                                            [&daemon] { return daemon.last_round_ns(); });
    // Said last: who reads it finds the sensor's state, even if the daemon is killed the next moment.
    for (const auto& sensor : sensors) {
        std::string names;
        for (const InterfaceInfo& info : sensor->interfaces())
            names += (names.empty() ? "" : "+") + info.name;
        log->write(LogLevel::kInformation,
                   fmt::format("{}: XDP program {} in {} mode{}{}{}; {}", names, sensor->program_id(), sensor->mode(),
                               sensor->in_dispatcher() ? ", in libxdp's dispatcher" : "",
                               sensor->adopted() ? ", taken over" : "",
                               filter.empty() ? "" : fmt::format(", filter '{}'", filter.expression),
                               sensor->sees_egress() ? "leaving frames are counted too, at the egress hook"
                                                     : "XDP sees received packets only"));
        for (const InterfaceInfo& info : sensor->interfaces())
            if (const std::string hidden = hidden_tags_text(info); !hidden.empty())
                log->write(LogLevel::kInformation, fmt::format("{}: {}", info.name, hidden));
    }
    auto fill = [&] {
        RunSummary& run = setup->run();
        daemon.read_counts(&run.counts);
        run.packets_before = daemon.packets_before();
        run.frames = run.counts.counter[COUNTER_PACKETS_SEEN];
        run.captured_bytes = run.wire_bytes = run.counts.totals.wire_bytes;
        run.has_time = true;
        run.first_ns = since_ns;
        run.last_ns = boot_clock_ns() + wall_offset_ns();
        run.captures = daemon.captures();
    };
    daemon.run(signals.get(), [&] {
        fill();
        setup->say_monitoring();
    });
    const double processed = steady_seconds();
    fill();
    publisher.reset();
    ExitCode code = setup->finish(started, processed);
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
