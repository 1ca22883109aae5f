// SPDX-License-Identifier: BSD-2-Clause
#include "cli/attach_command.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/signalfd.h>

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
void drop_privileges(const std::string& output_prefix, Log* log)
{
    const std::string folder =
        output_prefix.empty() ? "" : std::filesystem::path(absolute_prefix(output_prefix)).parent_path().string();
    const bool keeps_override = !folder.empty() && !is_writable_folder(folder);
    if (keeps_override)
        limit_capabilities({CAP_BPF, CAP_NET_ADMIN, CAP_DAC_OVERRIDE});
    else
        limit_capabilities({CAP_BPF, CAP_NET_ADMIN});
    log->write(keeps_override ? LogLevel::kInformation : LogLevel::kDetail,
               keeps_override ? fmt::format("keeps cap_bpf, cap_net_admin and, because '{}' belongs to another user, "
                                            "cap_dac_override (--user NAME with a folder of that user avoids it)",
                                            folder)
                              : "keeps cap_bpf and cap_net_admin alone");
}

} // namespace

ExitCode run_attach_command(const AttachOptions& options, const std::string& command_line, Log* log)
{
    const FrameFilter filter = compile_frame_filter(options.run.filter, options.interfaces.back());
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
    auto attach = [&](const Bundle& bundle, const flow_config& flow, const std::string& output_prefix) {
        std::vector<std::uint64_t> safe_lengths;
        for (const std::string& interface : options.interfaces) {
            LiveSensorOptions sensor = live_sensor_options(options.run, filter, bundle, flow);
            sensor.interface = interface;
            sensor.mode = options.mode == "native"    ? AttachMode::kNative
                          : options.mode == "generic" ? AttachMode::kGeneric
                                                      : AttachMode::kAuto;
            sensor.object.shared_sensor_fd = sensors.empty() ? -1 : sensors.front()->object().map_fd("sensor");
            sensor.fix_offloads = options.fix_offloads;
            sensors.push_back(std::make_unique<LiveSensor>(sensor));
            if (safe_lengths.empty())
                safe_lengths = resumable_lengths(*sensors.back(), output_prefix);
        }
        // Sinks open their files as the user who will write them.
        if (user) {
            for (auto& sensor : sensors)
                if (auto given = sensor->give_to(user->uid, user->gid); !given.ok())
                    throw StartupError(given.error().message);
            become_user(*user);
            limit_capabilities({CAP_BPF, CAP_NET_ADMIN});
        }
        return safe_lengths;
    };

    std::unique_ptr<RunSetup> setup;
    std::vector<StatePublisher::Target> states;
    try {
        setup = std::make_unique<RunSetup>(options.run, fmt::format("{}", fmt::join(options.interfaces, "_")),
                                           command_line, attach, log);
        for (const auto& sensor : sensors)
            states.push_back(
                {sensor->state(), describe_sensor(*sensor, options.run, setup->run(),
                                                  setup->bundle().descriptor->layout_id, setup->output_prefix())});
        if (!user)
            drop_privileges(setup->output_prefix(), log);
    } catch (...) {
        give_back();
        throw;
    }
    setup->run().engine = "live";
    setup->say_start();
    for (const auto& sensor : sensors)
        setup->interfaces().name(sensor->index(), sensor->interface());
    setup->pipeline().start();
    const double started = steady_seconds();
    const std::int64_t since_ns = boot_clock_ns() + wall_offset_ns();
    Daemon daemon(&sensors, &setup->pipeline(), log, {250, options.run.max_packets});
    std::optional<StatePublisher> publisher(std::in_place, std::move(states), setup->sinks(),
                                            [&daemon] { return daemon.last_round_ns(); });
    // Said last: who reads it finds the sensor's state, even if the daemon is killed the next moment.
    for (const auto& sensor : sensors)
        log->write(LogLevel::kInformation,
                   fmt::format("{}: XDP program {} in {} mode{}{}; XDP sees received packets only", sensor->interface(),
                               sensor->program_id(), sensor->mode(), sensor->adopted() ? ", taken over" : "",
                               filter.empty() ? "" : fmt::format(", filter '{}'", filter.expression)));
    auto fill = [&] {
        RunSummary& run = setup->run();
        daemon.read_counts(&run.counts);
        run.packets_before = daemon.packets_before();
        run.frames = run.counts.counter[COUNTER_PACKETS_SEEN];
        run.captured_bytes = run.wire_bytes = run.counts.totals.wire_bytes;
        run.has_time = true;
        run.first_ns = since_ns;
        run.last_ns = boot_clock_ns() + wall_offset_ns();
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
