// SPDX-License-Identifier: BSD-2-Clause
#include "cli/attach_command.h"

#include <bpf/bpf.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/run_setup.h"
#include "core/unique_fd.h"
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

// Counters of a pinned sensor, without disturbing it.
engine_counts read_pinned_counts(const PinnedSensor& sensor)
{
    SensorObjectOptions options;
    options.path = sensor.folder;
    const UniqueFd flows(bpf_obj_get((sensor.folder + "/flows").c_str()));
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (!flows || bpf_obj_get_info_by_fd(flows.get(), &info, &size))
        throw StartupError(fmt::format("cannot read '{}/flows': {}", sensor.folder, std::strerror(errno)),
                           errno == EPERM || errno == EACCES ? ExitCode::kPermission : ExitCode::kRuntime);
    options.flow.record_size = info.value_size;
    engine_counts counts{};
    SensorObject::adopt(sensor.folder, options)->read_counts(&counts);
    return counts;
}

// "run.pcapng", "eth0" -> "run_eth0.pcapng"; each interface is an observation point, and a capture, of its own.
std::string name_beside(const std::string& path, const std::string& interface)
{
    const std::size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
    const std::size_t dot = std::min(path.find('.', name + 1), path.size());
    return path.substr(0, dot) + "_" + interface + path.substr(dot);
}

bool wanted(const std::vector<std::string>& interfaces, const std::string& name)
{
    return interfaces.empty() || std::ranges::find(interfaces, name) != interfaces.end();
}

} // namespace

ExitCode run_attach_command(const AttachOptions& options, const std::string& command_line, Log* log)
{
    // Refused rather than ignored: rows of packets that were to be left out would be wrong.
    if (!options.run.filter_file.empty())
        throw StartupError("attach does not filter: leave -F out, or record and replay with the filter",
                           ExitCode::kUsage);
    if (options.run.snap_len && options.run.extract.empty())
        throw StartupError("attach sees whole frames: leave -S out, or add -e all, whose frames it cuts",
                           ExitCode::kUsage);
    const UniqueFd signals = block_signals();
    std::vector<std::unique_ptr<LiveSensor>> sensors;
    auto give_back = [&sensors] {
        for (auto& sensor : sensors) {
            if (sensor->adopted())
                continue; // it counted before we came and goes on counting
            sensor->detach();
            sensor->remove_pins();
        }
    };
    DaemonOptions daemon_options;
    daemon_options.max_packets = options.run.max_packets;
    auto attach = [&](const Bundle& bundle, const flow_config& flow, const RunOutputs& outputs) {
        std::vector<std::uint64_t> safe_lengths;
        daemon_options.outputs = outputs.names;
        for (const std::string& interface : options.interfaces) {
            LiveSensorOptions sensor;
            sensor.interface = interface;
            sensor.mode = options.mode == "native"    ? AttachMode::kNative
                          : options.mode == "generic" ? AttachMode::kGeneric
                                                      : AttachMode::kAuto;
            sensor.object.path = bundle.bpf_object;
            sensor.object.flow = flow;
            sensor.object.max_flows = options.run.max_flows;
            sensor.object.ring_bytes = static_cast<std::uint32_t>(options.ring_bytes);
            sensor.object.shared_sensor_fd = sensors.empty() ? -1 : sensors.front()->object().map_fd("sensor");
            sensor.layout_id = bundle.descriptor->layout_id;
            sensor.fix_offloads = options.fix_offloads;
            sensor.outputs = outputs.names;
            if (!outputs.capture.empty())
                sensor.capture =
                    options.interfaces.size() > 1 ? name_beside(outputs.capture, interface) : outputs.capture;
            sensors.push_back(std::make_unique<LiveSensor>(sensor));
            if (sensors.back()->adopted() && safe_lengths.empty())
                for (const std::uint64_t word : sensors.back()->resume().position)
                    safe_lengths.push_back(word);
        }
        if (!outputs.capture.empty()) {
            const std::int64_t before = sensors.front()->resume().wall_offset_ns;
            daemon_options.wall_offset_ns = before ? before : wall_offset_ns();
        }
        return safe_lengths;
    };

    std::unique_ptr<RunSetup> setup;
    try {
        setup = std::make_unique<RunSetup>(options.run, fmt::format("{}", fmt::join(options.interfaces, "_")),
                                           command_line, attach, log);
    } catch (...) {
        give_back();
        throw;
    }
    setup->run().engine = "live";
    setup->say_start();
    for (const auto& sensor : sensors)
        log->write(LogLevel::kInformation,
                   fmt::format("{}: XDP program {} in {} mode{}; XDP sees received packets only", sensor->interface(),
                               sensor->program_id(), sensor->mode(), sensor->adopted() ? ", taken over" : ""));
    setup->pipeline().start();
    const double started = steady_seconds();
    const std::int64_t since_ns = boot_clock_ns() + wall_offset_ns();
    Daemon daemon(&sensors, &setup->pipeline(), log, daemon_options);
    auto fill = [&] {
        RunSummary& run = setup->run();
        daemon.read_counts(&run.counts);
        run.packets_before = daemon.packets_before();
        run.frames = run.counts.counter[COUNTER_PACKETS_SEEN];
        run.captured_bytes = run.wire_bytes = run.counts.totals.wire_bytes;
        run.has_time = true;
        run.first_ns = since_ns;
        run.last_ns = boot_clock_ns() + wall_offset_ns();
        run.captures.clear();
        for (const auto& sensor : sensors)
            if (const CaptureWriter* capture = sensor->capture())
                run.captures.push_back(
                    {capture->path(), capture->frames(), capture->dropped(), daemon.capture_error()});
    };
    daemon.run(signals.get(), [&] {
        fill();
        setup->say_monitoring();
    });
    const double processed = steady_seconds();
    fill();
    const ExitCode code = setup->finish(started, processed);
    for (auto& sensor : sensors)
        sensor->remove_pins();
    return code;
}

ExitCode run_detach_command(const std::vector<std::string>& interfaces)
{
    bool found = false;
    for (const PinnedSensor& sensor : find_pinned_sensors()) {
        if (!wanted(interfaces, sensor.interface))
            continue;
        found = true;
        if (auto removed = remove_pinned_sensor(sensor); !removed.ok())
            throw StartupError(removed.error().message);
        fmt::print("{}: sensor removed\n", sensor.interface);
    }
    if (!found) {
        fmt::print("no sensor of flowxdp is pinned{}\n",
                   interfaces.empty() ? "" : fmt::format(" for {}", fmt::join(interfaces, ", ")));
        return interfaces.empty() ? ExitCode::kOk : ExitCode::kRuntime;
    }
    return ExitCode::kOk;
}

ExitCode run_status_command(const std::vector<std::string>& interfaces, bool json)
{
    static constexpr const char* kNames[] = {
#define X(name, text, help) text,
        FX_COUNTERS(X)
#undef X
    };
    bool first = true;
    if (json)
        fmt::print("[");
    for (const PinnedSensor& sensor : find_pinned_sensors()) {
        if (!wanted(interfaces, sensor.interface))
            continue;
        const engine_counts counts = read_pinned_counts(sensor);
        const __u64* c = counts.counter;
        const std::uint64_t ended = c[COUNTER_FLOWS_ENDED_IDLE] + c[COUNTER_FLOWS_ENDED_ACTIVE] +
                                    c[COUNTER_FLOWS_ENDED_FORCED] + c[COUNTER_FLOWS_ENDED_RESOURCES] +
                                    c[COUNTER_FLOWS_ENDED_INPUT];
        const std::uint64_t live = c[COUNTER_FLOWS_STARTED] - ended;
        const auto info = read_interface(sensor.interface);
        const std::string mode = info.ok() ? info.value().xdp_mode : "interface is gone";
        const std::uint32_t program = info.ok() ? info.value().xdp_program_id : 0;
        if (json) {
            std::string counters;
            for (unsigned i = 0; i < COUNTER_COUNT; i++)
                counters += fmt::format("{}\"{}\":{}", i ? "," : "", kNames[i], c[i]);
            fmt::print(
                "{}{{\"interface\":\"{}\",\"mode\":\"{}\",\"program_id\":{},\"live_flows\":{},\"counters\":{{{}}}}}",
                first ? "" : ",", sensor.interface, mode, program, live, counters);
        } else {
            fmt::print("{}: program {}, mode {}, {} biflows alive\n", sensor.interface, program, mode, live);
            for (unsigned i = 0; i < COUNTER_COUNT; i++)
                if (c[i])
                    fmt::print("    {:<26} {}\n", kNames[i], c[i]);
        }
        first = false;
    }
    if (json)
        fmt::print("]\n");
    else if (first)
        fmt::print("no sensor is attached\n");
    return ExitCode::kOk;
}

ExitCode run_interfaces_command(bool json)
{
    bool first = true;
    if (json)
        fmt::print("[");
    for (const InterfaceInfo& i : list_interfaces()) {
        if (json)
            fmt::print("{}{{\"name\":\"{}\",\"index\":{},\"up\":{},\"mtu\":{},\"driver\":\"{}\",\"rx_vlan_offload\":{},"
                       "\"lro\":{},\"xdp_program_id\":{},\"xdp_program\":\"{}\",\"xdp_mode\":\"{}\"}}",
                       first ? "" : ",", i.name, i.index, i.up, i.mtu, i.driver, i.rx_vlan_offload, i.lro,
                       i.xdp_program_id, i.xdp_program_name, i.xdp_mode);
        else
            fmt::print("{:<16} {:<5} mtu {:<6} driver {:<12} {}{}\n", i.name, i.up ? "up" : "down", i.mtu,
                       i.driver.empty() ? "-" : i.driver,
                       i.xdp_program_id
                           ? fmt::format("XDP program {} '{}' ({})", i.xdp_program_id, i.xdp_program_name, i.xdp_mode)
                           : "no XDP program",
                       i.rx_vlan_offload ? ", rx-vlan offload on (attach with --fix-offloads)" : "");
        first = false;
    }
    if (json)
        fmt::print("]\n");
    return ExitCode::kOk;
}

} // namespace flowxdp
