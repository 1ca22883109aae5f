// SPDX-License-Identifier: BSD-2-Clause
#include "live/live_sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace flowxdp {
namespace {

std::int64_t clock_ns(clockid_t clock)
{
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// How far the time namespace of a container puts this process' boot clock ahead of the kernel's, by which the XDP
// program counts. Never changes: a namespace with a process in it keeps its offsets.
std::int64_t time_namespace_ns()
{
    namespace fs = std::filesystem;
    std::error_code none;
    // The offsets are those of children; ours as well if their namespace is ours. No such file: no time namespaces.
    const fs::path own = fs::read_symlink("/proc/self/ns/time", none);
    if (own.empty() || own != fs::read_symlink("/proc/self/ns/time_for_children", none))
        return 0;
    std::ifstream file("/proc/self/timens_offsets");
    std::string clock;
    std::int64_t seconds = 0, ns = 0;
    while (file >> clock >> seconds >> ns)
        if (clock == "boottime")
            return seconds * 1000000000 + ns;
    return 0;
}

// FNV-1a over the layout, every byte of the configuration, filter and snap length: what a pinned program was built and
// told.
std::uint64_t sensor_id(const LiveSensorOptions& options)
{
    std::uint64_t h = 0xcbf29ce484222325ULL;
    auto add = [&h](const void* data, std::size_t n) {
        const auto* p = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < n; i++)
            h = (h ^ p[i]) * 0x100000001b3ULL;
    };
    add(&options.layout_id, sizeof options.layout_id);
    flow_config config = options.object.flow;
    config.hash_seed = 0; // drawn at random by each daemon; an adopting one keeps the pinned program's
    add(&config, sizeof config);
    // The running program keeps its filter: a daemon that wants another one must not take it over. The text, not the
    // code: another libpcap may write other instructions for it.
    add(options.object.filter.expression.data(), options.object.filter.expression.size());
    add(&options.object.snap_len, sizeof options.object.snap_len);
    return h;
}

// "filter 'udp'" of a pinned sensor.
std::string filter_of(const std::string& folder)
{
    const std::string text = read_filter_text(folder);
    return text.empty() ? "no filter" : fmt::format("filter '{}'", text);
}

// Whose records cannot be read here.
std::string maker_text(const PinnedSensor& pinned, std::uint64_t layout_id)
{
    if (!pinned.state)
        return "another version of flowxdp";
    if (pinned.state->layout_id != layout_id)
        return fmt::format("flowxdp {} with other plugins built in (layout {:016x}, here {:016x})",
                           pinned.state->program, pinned.state->layout_id, layout_id);
    return fmt::format("plugins or options that differ from those given (plugins {})", pinned.state->plugins);
}

// Who has the sensor, for a message, and what to do.
std::string holder_text(const PinnedSensor& pinned)
{
    if (pinned.served)
        return fmt::format("served by a running daemon (pid {}): stop it first: sudo flowxdp detach {}",
                           pinned.state ? pinned.state->pid : 0, pinned.interface);
    return fmt::format(
        "whose daemon is gone: attach with the same plugins and options to take it over, 'flowxdp detach "
        "--export {} -w PREFIX' to export its flows, or 'flowxdp detach {}' to remove it with them",
        pinned.interface, pinned.interface);
}

} // namespace

std::int64_t boot_clock_ns()
{
    static const std::int64_t ahead_ns = time_namespace_ns();
    return clock_ns(CLOCK_BOOTTIME) - ahead_ns;
}
std::int64_t wall_offset_ns()
{
    return clock_ns(CLOCK_REALTIME) - boot_clock_ns();
}

LiveSensor::LiveSensor(const LiveSensorOptions& options) : options_(options)
{
    check_interface();
    const std::uint64_t id = sensor_id(options_);
    std::string pin_name = options_.interface;
    for (const PinnedSensor& pinned : find_pinned_sensors("attach")) {
        if (!pinned.here) {
            // One of this name in another namespace keeps the plain name.
            if (pinned.is_named(pin_name))
                pin_name += fmt::format("@{}", own_network_namespace());
            continue;
        }
        if (!(pinned.state && pinned.index == info_.index) && pinned.interface != options_.interface)
            continue;
        if (pinned.served || pinned.id != fmt::format("{:016x}", id))
            throw StartupError(fmt::format("interface '{}' has a sensor ('{}', {}), {}", options_.interface,
                                           pinned.folder, filter_of(pinned.folder), holder_text(pinned)));
        if (pinned.index != info_.index)
            throw StartupError(
                fmt::format("an earlier interface '{}' left a sensor ('{}') that nothing feeds any more: 'flowxdp "
                            "detach --export {} -w PREFIX' exports its flows, 'flowxdp detach {}' removes it",
                            options_.interface, pinned.folder, options_.interface, options_.interface));
        pins_ = PinFolder::take(pinned.folder);
        adopted_ = true;
    }
    if (adopted_) {
        adopt(pins_->path());
        if (auto renamed = rename(options_.interface); !renamed.ok())
            throw StartupError(renamed.error().message);
    } else {
        load_and_attach(pin_name, id);
    }
    open_maps();
}

LiveSensor::LiveSensor(const LiveSensorOptions& options, const PinnedSensor& pinned) : options_(options)
{
    options_.interface = info_.name = pinned.interface;
    info_.index = pinned.index;
    if (pinned.id != fmt::format("{:016x}", sensor_id(options_)))
        throw StartupError(fmt::format("cannot export the sensor of '{}': its records were made by {}; run that, or "
                                       "remove sensor and flows: flowxdp detach {}",
                                       pinned.interface, maker_text(pinned, options_.layout_id), pinned.interface));
    pins_ = PinFolder::take(pinned.folder);
    adopted_ = true;
    adopt(pins_->path());
    open_maps();
}

void LiveSensor::open_maps()
{
    ring_ = std::make_unique<RingReader>(object_->map_fd("ring"), object_->ring_bytes());
    evictor_ = std::make_unique<Evictor>(*object_);
    journal_ = std::make_unique<Journal>(*object_);
    state_ = std::make_shared<SensorState>(pins_->path());
}

LiveSensor::~LiveSensor() = default;

void LiveSensor::check_interface()
{
    auto info = read_interface(options_.interface);
    if (!info.ok())
        throw StartupError(info.error().message);
    info_ = info.take();
    if (info_.lro)
        throw StartupError(
            fmt::format("interface '{}' merges frames in hardware (LRO): XDP would not see wire frames; turn "
                        "it off: ethtool -K {} lro off",
                        info_.name, info_.name));
    if (info_.rx_vlan_offload && info_.driver != "veth") {
        if (!options_.fix_offloads)
            throw StartupError(
                fmt::format("interface '{}' strips VLAN tags in hardware before XDP sees them: attach with "
                            "--fix-offloads, or: ethtool -K {} rxvlan off",
                            info_.name, info_.name));
        if (auto set = set_rx_vlan_offload(info_.name, false); !set.ok())
            throw StartupError(set.error().message);
        offload_changed_ = true;
    }
}

void LiveSensor::load_and_attach(const std::string& interface_folder, std::uint64_t id)
{
    if (info_.xdp_program_id)
        throw StartupError(fmt::format(
            "interface '{}' already has XDP program {} ('{}', {}): remove it (ip link set dev {} xdp off; for a pinned "
            "sensor of ours: flowxdp detach {})",
            info_.name, info_.xdp_program_id, info_.xdp_program_name, info_.xdp_mode, info_.name, info_.name));
    object_ = std::make_unique<SensorObject>(options_.object);
    pins_.emplace(interface_folder, id);
    const std::string folder = pins_->path();
    // What cannot be removed here is named by the message of the failure itself.
    if (auto pinned = object_->pin(folder); !pinned.ok()) {
        (void)remove_pins();
        throw StartupError(pinned.error().message);
    }
    struct Try {
        std::uint32_t flags;
        const char* name;
    };
    std::vector<Try> tries;
    if (options_.mode != AttachMode::kGeneric)
        tries.push_back({XDP_FLAGS_DRV_MODE, "native"});
    if (options_.mode != AttachMode::kNative)
        tries.push_back({XDP_FLAGS_SKB_MODE, "generic"});
    std::string reasons;
    for (const Try& t : tries) {
        bpf_link_create_opts link_options{};
        link_options.sz = sizeof link_options;
        link_options.flags = t.flags;
        link_ = UniqueFd(bpf_link_create(object_->ingress_fd(), static_cast<int>(info_.index), BPF_XDP, &link_options));
        if (link_) {
            mode_ = t.name;
            break;
        }
        reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", t.name, std::strerror(errno));
    }
    const std::string pin = folder + "/link";
    if (!link_ || bpf_obj_pin(link_.get(), pin.c_str())) {
        if (link_)
            reasons = fmt::format("cannot pin '{}': {}", pin, std::strerror(errno));
        link_.reset();
        (void)remove_pins();
        throw StartupError(fmt::format("cannot attach to interface '{}' (MTU {}, driver {}): {}{}", info_.name,
                                       info_.mtu, info_.driver.empty() ? "unknown" : info_.driver, reasons,
                                       options_.mode == AttachMode::kNative ? "; try --mode auto" : ""));
    }
}

void LiveSensor::adopt(const std::string& folder)
{
    object_ = SensorObject::adopt(folder, options_.object);
    link_ = UniqueFd(bpf_obj_get((folder + "/link").c_str()));
    if (!link_)
        throw StartupError(
            fmt::format("cannot adopt the sensor of '{}': its link is gone ({}); 'flowxdp detach {}' removes "
                        "the rest",
                        info_.name, std::strerror(errno), info_.name));
    mode_ = info_.xdp_mode.empty() ? "native" : info_.xdp_mode;
}

InterfaceLook LiveSensor::look() const
{
    InterfaceLook look;
    bpf_link_info link{};
    __u32 size = sizeof link;
    const bool attached = !bpf_obj_get_info_by_fd(link_.get(), &link, &size) && link.xdp.ifindex;
    char name[IF_NAMESIZE] = {};
    const bool here = if_indextoname(info_.index, name) != nullptr;
    if (!attached)
        look.gone = here ? "somebody detached its XDP program" : "it was removed";
    else if (!here)
        look.gone = "it was moved to another network namespace";
    look.name = here ? name : options_.interface;
    look.up = here && is_interface_up(look.name);
    return look;
}

Result<void> LiveSensor::rename(const std::string& name)
{
    if (name == pins_->interface())
        return {};
    if (auto moved = pins_->rename(name); !moved.ok())
        return moved;
    options_.interface = info_.name = name;
    return {};
}

std::uint32_t LiveSensor::program_id() const
{
    bpf_prog_info info{};
    __u32 size = sizeof info;
    return bpf_obj_get_info_by_fd(object_->ingress_fd(), &info, &size) ? 0 : info.id;
}

Result<void> LiveSensor::detach()
{
    // A detached link no longer runs its program; drivers wait for packets under way (veth, virtio: NAPI is stopped).
    if (link_)
        bpf_link_detach(link_.get());
    link_.reset();
    if (!offload_changed_ || !read_interface(info_.name).ok())
        return {};
    offload_changed_ = false;
    return set_rx_vlan_offload(info_.name, true);
}

} // namespace flowxdp
