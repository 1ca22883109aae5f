// SPDX-License-Identifier: BSD-2-Clause
#include "live/checkup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "capture/frame.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "kernel/privileges.h"
#include "kernel/sensor_object.h"
#include "live/dispatcher.h"
#include "live/interface.h"
#include "live/own_traffic.h"
#include "live/pin_folder.h"
#include "live/pinned_sensor.h"

namespace flowxdp {
namespace {

constexpr std::uint64_t kLowDiskBytes = 1ULL << 30;
constexpr std::uint32_t kLinearFrame = 3520; // what one page holds after XDP's headroom; more needs fragments
constexpr std::uint32_t kOldMemlockMajor = 5, kOldMemlockMinor = 11;

Finding ok(std::string check, std::string detail)
{
    return {Verdict::kOk, std::move(check), std::move(detail), ""};
}

Finding check_kernel()
{
    utsname name{};
    uname(&name);
    unsigned major = 0, minor = 0;
    std::sscanf(name.release, "%u.%u", &major, &minor); // NOLINT(cert-err34-c): 0.0 is too old as well
    const std::string detail = fmt::format("{} {}", name.sysname, name.release);
    if (major < 6 || (major == 6 && minor < 1))
        return {Verdict::kWarning, "kernel", detail, "6.1 is the oldest kernel that flowxdp is tested on"};
    return ok("kernel", detail);
}

Finding check_capabilities()
{
    const std::string missing = missing_sensor_capabilities();
    if (!missing.empty())
        return {Verdict::kFailure, "capabilities", "missing " + missing, privilege_cure()};
    return ok("capabilities", "cap_bpf, cap_net_admin, cap_perfmon");
}

Finding check_memlock()
{
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    utsname name{};
    uname(&name);
    unsigned major = 0, minor = 0;
    std::sscanf(name.release, "%u.%u", &major, &minor); // NOLINT(cert-err34-c): as above
    const bool counts = major < kOldMemlockMajor || (major == kOldMemlockMajor && minor < kOldMemlockMinor);
    if (counts && limit.rlim_cur != RLIM_INFINITY)
        return {Verdict::kWarning, "memlock", fmt::format("{} bytes", limit.rlim_cur), "ulimit -l unlimited"};
    return ok("memlock", counts ? "unlimited" : "not needed: BPF memory is the control group's since 5.11");
}

Finding check_bpf_file_system()
{
    try {
        need_bpf_file_system("pin");
        return ok("bpffs", "/sys/fs/bpf");
    } catch (const StartupError& error) {
        return {Verdict::kFailure, "bpffs", error.what(),
                error.code() == ExitCode::kPermission ? privilege_cure() : "mount -t bpf bpf /sys/fs/bpf"};
    }
}

Finding check_btf()
{
    if (!access("/sys/kernel/btf/vmlinux", R_OK))
        return ok("btf", "/sys/kernel/btf/vmlinux");
    return {Verdict::kWarning, "btf", std::strerror(errno),
            "the program needs none of the kernel's types; tools that show maps do: CONFIG_DEBUG_INFO_BTF=y"};
}

// libbpf's probes say 0 for no and a negative number for "could not ask".
Finding probed(const std::string& check, int answer, const std::string& what)
{
    if (answer > 0)
        return ok(check, what);
    const bool denied = answer == -EPERM || answer == -EACCES || !missing_sensor_capabilities().empty();
    return {Verdict::kFailure, check, denied ? "not permitted to ask" : what + " is not there",
            denied ? privilege_cure() : "a kernel from 6.1 on, with CONFIG_BPF_SYSCALL"};
}

// A frame with 32 bytes of metadata before it, as --engine bpf gives every packet.
Finding check_test_run()
{
    const bpf_insn program[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const UniqueFd fd(bpf_prog_load(BPF_PROG_TYPE_XDP, "flowxdp_probe", "GPL", program, 2, nullptr));
    if (!fd)
        return probed("test-run", -errno, "XDP test-run with metadata");
    std::array<std::uint8_t, 96> frame{};
    xdp_md context{};
    context.data = 32;
    context.data_end = frame.size();
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = frame.data();
    run.data_size_in = frame.size();
    run.ctx_in = &context;
    run.ctx_size_in = sizeof context;
    run.repeat = 1;
    const bool passed = !bpf_prog_test_run_opts(fd.get(), &run) && run.retval == XDP_PASS;
    return probed("test-run", passed ? 1 : 0, "XDP test-run with metadata");
}

Finding check_program(const bundle_descriptor& bundle, const std::string& bpf_object)
{
    if (bpf_object.empty())
        return {Verdict::kFailure, "program", "the engine bundle has no flowxdp.bpf.o", "build flowxdp again"};
    try {
        SensorObjectOptions options;
        options.path = bpf_object;
        options.layout_id = bundle.layout_id;
        options.plugin_options.resize(bundle.plugin_options_size);
        options.flow.idle_timeout_ms = 182000;
        options.flow.tunnels = tunnel_config_default();
        options.flow.record_size = sizeof(flow_record);
        options.flow.packet_record_size = sizeof(packet_record);
        options.max_flows = 16;
        options.ring_bytes = 1u << 16;
        const SensorObject object(options);
        return ok("program", "the sensor's program passes this kernel's verifier");
    } catch (const StartupError& error) {
        return {Verdict::kFailure, "program", error.what(),
                error.code() == ExitCode::kPermission ? privilege_cure()
                                                      : "please report kernel version and this message"};
    }
}

Finding check_dispatcher()
{
    const std::string problem = dispatcher_problem();
    if (problem.empty())
        return ok("dispatcher", "libxdp's works here: attach --dispatcher runs beside other XDP programs");
    return {Verdict::kWarning, "dispatcher", problem, "only attach --dispatcher, beside other XDP programs, needs it"};
}

Finding check_jit()
{
    std::ifstream file("/proc/sys/net/core/bpf_jit_enable");
    int enabled = -1;
    if (file >> enabled && !enabled)
        return {Verdict::kWarning, "jit", "off: the program is interpreted, several times slower",
                "sysctl -w net.core.bpf_jit_enable=1"};
    return ok("jit", enabled > 0 ? "on" : "not said to this user; on by default");
}

Finding check_clock()
{
    timex state{};
    const int answer = adjtimex(&state);
    if (answer < 0 || answer == TIME_ERROR || (state.status & STA_UNSYNC))
        return {Verdict::kWarning, "clock", "not synchronised: times in rows may be off, durations are not",
                "run chrony or systemd-timesyncd"};
    return ok("clock", fmt::format("synchronised, estimated error {} ms", state.esterror / 1000));
}

bool ethtool_value_of(const std::string& name, std::uint32_t command)
{
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value value{};
    value.cmd = command;
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    return socket && !ioctl(socket.get(), SIOCETHTOOL, &request) && value.data;
}

Finding check_other_xdp(const InterfaceInfo& info)
{
    if (!info.xdp_program_id)
        return ok("xdp program", "none");
    const std::optional<Dispatcher> dispatcher = read_dispatcher(info);
    const std::string what =
        dispatcher
            ? fmt::format("libxdp's dispatcher {} in {} mode with {}", dispatcher->id, info.xdp_mode,
                          dispatcher->text())
            : fmt::format("program {} {}in {} mode", info.xdp_program_id,
                          info.xdp_program_name.empty() ? "" : "'" + info.xdp_program_name + "' ", info.xdp_mode);
    try {
        for (const PinnedSensor& sensor : find_pinned_sensors("look for sensors"))
            if (sensor.here && sensor.index == info.index)
                return {Verdict::kWarning, "xdp program", what + ": a sensor of flowxdp",
                        fmt::format("'flowxdp status {}' says whose; flowxdp detach {} ends it", info.name, info.name)};
    } catch (const StartupError&) {
        // This user may not read the pins: report the program as not ours.
    }
    if (dispatcher)
        return {Verdict::kWarning, "xdp program", what,
                fmt::format("attach with --dispatcher to run beside them, or remove them: xdp-loader unload {} --all",
                            info.name)};
    return {Verdict::kFailure, "xdp program", what + " is in the way",
            fmt::format("remove it: ip link set dev {} xdp off (or stop what pinned it), or load it by xdp-loader and "
                        "attach with --dispatcher: both run then",
                        info.name)};
}

// tcx programs (6.6). Classic TC filters run after XDP and change nothing that it sees.
Finding check_tc(const InterfaceInfo& info)
{
    constexpr int kTcxIngress = 46; // BPF_TCX_INGRESS, linux/bpf.h of 6.6
    std::array<std::uint32_t, 64> ids{};
    std::uint32_t count = ids.size(), flags = 0;
    if (bpf_prog_query(static_cast<int>(info.index), static_cast<bpf_attach_type>(kTcxIngress), 0, &flags, ids.data(),
                       &count))
        return ok("tc programs", "not said by this kernel or to this user; they run after the sensor");
    return ok("tc programs", fmt::format("{} tcx at ingress; they run after the sensor", count));
}

// What attach observes without --direction.
Finding check_direction(const InterfaceInfo& info)
{
    auto devices = read_network_devices();
    if (!devices.ok())
        return {Verdict::kWarning, "direction", devices.error().message, "give attach --direction both or ingress"};
    const OwnTraffic own = own_traffic(devices.value(), {info.index});
    return ok("direction", fmt::format("{}: attach observes {}", own.reason,
                                       own.sends ? "received and sent frames" : "received frames alone"));
}

} // namespace

std::vector<Finding> check_machine(const bundle_descriptor& bundle, const std::string& bpf_object)
{
    std::vector<Finding> findings = {check_kernel(), check_capabilities(), check_memlock(), check_bpf_file_system(),
                                     check_btf()};
    findings.push_back(probed("bpf", may_load_bpf() ? 1 : -errno, "XDP programs"));
    findings.push_back(probed("ring buffer", libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr), "the BPF ring"));
    findings.push_back(
        probed("bpf_loop", libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_loop, nullptr), "bpf_loop in XDP"));
    findings.push_back(check_test_run());
    findings.push_back(check_program(bundle, bpf_object));
    findings.push_back(check_dispatcher());
    findings.push_back(check_jit());
    findings.push_back(check_clock());
    return findings;
}

std::vector<Finding> check_interface(const std::string& name)
{
    auto read = read_interface(name);
    if (!read.ok())
        return {{Verdict::kFailure, "interface", read.error().message, "ip link lists them"}};
    const InterfaceInfo info = read.take();
    std::vector<Finding> findings;
    findings.push_back(info.up
                           ? ok("interface", fmt::format("{}, ifindex {}, up", name, info.index))
                           : Finding{Verdict::kWarning, "interface", name + " is down", "ip link set " + name + " up"});
    if (info.link_type)
        findings.push_back(
            ok("link", info.link_type == kLinkTypeRaw ? "IP packets without a link header" : "Ethernet frames"));
    else
        findings.push_back({Verdict::kFailure, "link", unknown_link_text(info),
                            "attach to the interface that carries them, or "
                            "capture with tcpdump and use replay"});
    if (info.driver.empty())
        findings.push_back({Verdict::kWarning, "driver", "none: XDP works only in generic mode, after the stack's copy",
                            "attach as usual; --mode native would be refused"});
    else
        findings.push_back(ok("driver", info.driver +
                                            "; --mode auto tries XDP in the driver, then generic, and says which" +
                                            (merged_frames_text(info).empty() ? "" : "; " + merged_frames_text(info))));
    findings.push_back(
        info.mtu > kLinearFrame
            ? ok("mtu", fmt::format("{}: frames of several buffers; the driver must support them (the sensor does), "
                                    "else generic mode is taken",
                                    info.mtu))
            : ok("mtu", fmt::format("{}", info.mtu)));
    if (info.lro)
        findings.push_back({Verdict::kFailure, "lro", "on: hardware merges frames before XDP sees them",
                            fmt::format("ethtool -K {} lro off", name)});
    else
        findings.push_back(ok("lro", "off"));
    const bool gro = ethtool_value_of(name, ETHTOOL_GGRO);
    findings.push_back(
        // netif_elide_gro(): no GRO where a generic program is attached (6.1, 6.18).
        ok("gro", gro ? "on; frames are merged after XDP, and not at all while a program is attached in generic mode"
                      : "off"));
    if (const std::string hidden = hidden_tags_text(info); !hidden.empty())
        findings.push_back({Verdict::kWarning, "rx-vlan offload", hidden, "where VLANs are used, do so; else nothing"});
    else if (info.rx_vlan_offload)
        findings.push_back({Verdict::kFailure, "rx-vlan offload", "on: VLAN tags are stripped before XDP sees them",
                            fmt::format("attach with --fix-offloads, or ethtool -K {} rxvlan off", name)});
    else
        findings.push_back(ok("rx-vlan offload", "off"));
    findings.push_back(check_direction(info));
    findings.push_back(check_other_xdp(info));
    findings.push_back(check_tc(info));
    return findings;
}

Finding check_disk(const std::string& output_prefix)
{
    std::filesystem::path folder(output_prefix.empty() ? "." : output_prefix);
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
        folder = folder.parent_path();
    if (folder.empty())
        folder = ".";
    struct statvfs fs {};
    if (statvfs(folder.c_str(), &fs))
        return {Verdict::kFailure, "disk", fmt::format("'{}': {}", folder.string(), std::strerror(errno)),
                "give -w a prefix in a folder that exists"};
    if (access(folder.c_str(), W_OK | X_OK))
        return {Verdict::kFailure, "disk", fmt::format("'{}' is not writable for this user", folder.string()),
                "give -w another folder, or run with sudo"};
    const std::uint64_t room = static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
    const std::string detail = fmt::format("{:.1f} GB free in '{}'", static_cast<double>(room) / 1e9, folder.string());
    if (room < kLowDiskBytes)
        return {Verdict::kWarning, "disk", detail,
                "a busy link writes gigabytes an hour: more room, or a network sink"};
    return ok("disk", detail);
}

} // namespace flowxdp
