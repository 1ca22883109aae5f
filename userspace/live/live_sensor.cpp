// SPDX-License-Identifier: BSD-2-Clause
#include "live/live_sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "link/link_header.h"
#include "live/dispatcher.h"

namespace flowxdp {
namespace {

constexpr const char* kIngress = "flowxdp_ingress";

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

// FNV-1a over the layout, every byte of the configuration, filter, snap length, directions and the indexes of merged
// interfaces: what a pinned program was built and told.
std::uint64_t sensor_id(const LiveSensorOptions& options, const std::vector<unsigned>& merged)
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
    add(&options.object.start_kind, sizeof options.object.start_kind);
    const bool egress = options.object.egress;
    add(&egress, sizeof egress);
    for (const unsigned index : merged)
        add(&index, sizeof index);
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

// Who stands where the sensor wants to, and what can be done.
std::string occupied_text(const InterfaceInfo& info)
{
    if (const auto dispatcher = read_dispatcher(info))
        return fmt::format(
            "interface '{}' already has XDP programs, in libxdp's dispatcher: {}; attach with --dispatcher "
            "to run beside them, or remove them: xdp-loader unload {} --all",
            info.name, dispatcher->text(), info.name);
    return fmt::format(
        "interface '{}' already has XDP program {} ('{}', {}): remove it (ip link set dev {} xdp off; for "
        "a pinned sensor of ours: flowxdp detach {}), or load it by xdp-loader and attach with "
        "--dispatcher: both run then",
        info.name, info.xdp_program_id, info.xdp_program_name, info.xdp_mode, info.name, info.name);
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
    check_interfaces();
    std::vector<unsigned> merged;
    for (const Leg& leg : further_)
        merged.push_back(leg.info.index);
    std::ranges::sort(merged);
    const std::uint64_t id = sensor_id(options_, merged);
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
        adopt_others();
        if (auto renamed = rename(options_.interface); !renamed.ok())
            throw StartupError(renamed.error().message);
    } else {
        load_and_attach(pin_name, id);
    }
    if (!adopted_)
        attach_others();
    open_maps();
}

LiveSensor::LiveSensor(const LiveSensorOptions& options, const PinnedSensor& pinned) : options_(options)
{
    options_.interface = info_.name = pinned.interface;
    info_.index = pinned.index;
    options_.object.egress = pinned.egress;
    info_.link_type = pinned.link_type();
    set_link_type(info_.link_type);
    if (pinned.id != fmt::format("{:016x}", sensor_id(options_, pinned.merged)))
        throw StartupError(fmt::format("cannot export the sensor of '{}': its records were made by {}; run that, or "
                                       "remove sensor and flows: flowxdp detach {}",
                                       pinned.interface, maker_text(pinned, options_.layout_id), pinned.interface));
    pins_ = PinFolder::take(pinned.folder);
    adopted_ = true;
    adopt(pins_->path());
    for (const unsigned index : pinned.merged) {
        char name[IF_NAMESIZE] = {};
        further_.push_back({});
        further_.back().info.index = index;
        further_.back().info.link_type = info_.link_type;
        further_.back().info.name = if_indextoname(index, name) ? name : fmt::format("interface {}", index);
    }
    adopt_others();
    open_maps();
}

void LiveSensor::open_maps()
{
    ring_ = std::make_unique<RingReader>(object_->map_fd("ring"), object_->ring_bytes());
    evictor_ = std::make_unique<Evictor>(*object_);
    journal_ = std::make_unique<Journal>(*object_);
    if (!state_)
        state_ = std::make_shared<SensorState>(pins_->path());
}

LiveSensor::~LiveSensor() = default;

void LiveSensor::open_capture(const std::string& path, const ResumePoints& resume)
{
    auto capture = std::make_unique<CaptureWriter>();
    std::vector<CaptureWriter::Interface> described;
    for (const InterfaceInfo& info : interfaces())
        described.push_back({info.name, info.index, info.link_type, FRAME_SNAP_MAX});
    if (auto opened = capture->open(path, described, resume); !opened.ok())
        throw StartupError("extraction: " + opened.error().message);
    capture_ = std::move(capture);
}

SensorStateRecord LiveSensor::describe() const
{
    const SensorStateRecord& before = state_->last();
    SensorStateRecord record = options_.state;
    record.version = kSensorStateVersion;
    record.pid = static_cast<std::uint32_t>(getpid());
    record.uid = geteuid();
    record.interface_index = info_.index;
    record.network_namespace = own_network_namespace();
    record.layout_id = options_.layout_id;
    record.daemon_started_ns = boot_clock_ns() + wall_offset_ns();
    record.attached_ns = before.version == kSensorStateVersion ? before.attached_ns : record.daemon_started_ns;
    record.link_type = info_.link_type;
    set_text(record.interface, options_.interface);
    set_text(record.mode, mode_);
    return record;
}

std::vector<InterfaceInfo> LiveSensor::interfaces() const
{
    std::vector<InterfaceInfo> all = {info_};
    for (const Leg& leg : further_)
        all.push_back(leg.info);
    return all;
}

void LiveSensor::check_interfaces()
{
    info_ = check_interface(options_.interface, &offload_changed_);
    for (const std::string& name : options_.merged) {
        Leg leg;
        leg.info = check_interface(name, &leg.offload_changed);
        if (leg.info.link_type != info_.link_type)
            throw StartupError(
                fmt::format("interfaces '{}' and '{}' cannot be merged: one has Ethernet frames, the other "
                            "IP packets; attach to them without --merge",
                            info_.name, name));
        further_.push_back(std::move(leg));
    }
    set_link_type(info_.link_type);
}

void LiveSensor::set_link_type(std::uint32_t link_type)
{
    const frame_meta start = link_start(link_type);
    options_.object.start_kind = start.start_kind;
    options_.object.link_header = start.link_headers[0];
}

InterfaceInfo LiveSensor::check_interface(const std::string& name, bool* offload_changed) const
{
    auto read = read_interface(name);
    if (!read.ok())
        throw StartupError(read.error().message);
    InterfaceInfo info = read.take();
    if (!info.link_type)
        throw StartupError(
            fmt::format("interface '{}': {}; attach to the interface that carries them, or capture with tcpdump "
                        "and use replay",
                        info.name, unknown_link_text(info)));
    if (info.lro)
        throw StartupError(
            fmt::format("interface '{}' merges frames in hardware (LRO): XDP would not see wire frames; turn "
                        "it off: ethtool -K {} lro off",
                        info.name, info.name));
    if (info.rx_vlan_offload && hidden_tags_text(info).empty()) {
        if (!options_.fix_offloads)
            throw StartupError(
                fmt::format("interface '{}' strips VLAN tags in hardware before XDP sees them: attach with "
                            "--fix-offloads, or: ethtool -K {} rxvlan off",
                            info.name, info.name));
        if (auto set = set_rx_vlan_offload(info.name, false); !set.ok())
            throw StartupError(set.error().message);
        *offload_changed = true;
    }
    return info;
}

// Attaches the program to one interface and pins the link. Throws StartupError.
UniqueFd LiveSensor::attach_xdp(const InterfaceInfo& info, const std::string& pin, std::string* mode) const
{
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
    UniqueFd link;
    for (const Try& t : tries) {
        bpf_link_create_opts link_options{};
        link_options.sz = sizeof link_options;
        link_options.flags = t.flags;
        link = UniqueFd(bpf_link_create(object_->ingress_fd(), static_cast<int>(info.index), BPF_XDP, &link_options));
        if (link) {
            *mode = t.name;
            break;
        }
        reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", t.name, std::strerror(errno));
    }
    if (link && !bpf_obj_pin(link.get(), pin.c_str()))
        return link;
    if (link)
        reasons = fmt::format("cannot pin '{}': {}", pin, std::strerror(errno));
    throw StartupError(fmt::format("cannot attach to interface '{}' (MTU {}, driver {}): {}{}", info.name, info.mtu,
                                   info.driver.empty() ? "unknown" : info.driver, reasons,
                                   options_.mode == AttachMode::kNative ? "; try --mode auto" : ""));
}

// Program, maps and what is known of them outlive a daemon that is killed from here on.
void LiveSensor::pin_and_say()
{
    if (auto pinned = object_->pin(pins_->path()); !pinned.ok())
        throw StartupError(pinned.error().message);
    state_ = std::make_shared<SensorState>(pins_->path());
    state_->publish(describe());
}

// Pinned first and attached then: a packet that is counted has a record that somebody finds.
void LiveSensor::load_and_attach(const std::string& interface_folder, std::uint64_t id)
{
    std::optional<DispatcherEntry> entry;
    SensorObjectOptions object = options_.object;
    if (options_.dispatcher_priority) {
        entry.emplace(info_, kIngress, *options_.dispatcher_priority, options_.mode);
        object.load = [&entry](bpf_object* opened) { return entry->load(opened); };
    } else {
        for (const InterfaceInfo& info : interfaces())
            if (info.xdp_program_id)
                throw StartupError(occupied_text(info));
    }
    try {
        object_ = std::make_unique<SensorObject>(object);
        pins_.emplace(interface_folder, id);
        pin_and_say();
        in_dispatcher_ = entry.has_value();
        if (entry)
            mode_ = entry->join() == AttachMode::kNative ? "native" : "generic";
        else
            link_ = attach_xdp(info_, pins_->path() + "/link", &mode_);
    } catch (const StartupError&) {
        // What cannot be undone here is named by the message of the failure itself.
        (void)detach();
        if (pins_)
            (void)remove_pins();
        throw;
    }
}

// The merged interfaces, then what leaves by any of them.
void LiveSensor::attach_others()
{
    const std::string folder = pins_->path();
    try {
        for (Leg& leg : further_)
            leg.link = attach_xdp(leg.info, leg_pin(folder, leg.info.index), &mode_);
        if (!options_.object.egress)
            return;
        for (const InterfaceInfo& info : interfaces()) {
            auto hook = EgressHook::attach(object_->egress_fd(), info.index, info.name, egress_pin(folder, info.index));
            if (!hook.ok())
                throw StartupError(hook.error().message);
            egress_.push_back(hook.take());
        }
    } catch (const StartupError&) {
        (void)detach();
        (void)remove_pins();
        throw;
    }
}

void LiveSensor::adopt_others()
{
    for (Leg& leg : further_) {
        leg.link = UniqueFd(bpf_obj_get(leg_pin(pins_->path(), leg.info.index).c_str()));
        if (!leg.link)
            throw StartupError(fmt::format("cannot adopt the sensor of '{}': the link of '{}' is gone ({}); 'flowxdp "
                                           "detach {}' removes the rest",
                                           info_.name, leg.info.name, std::strerror(errno), info_.name));
    }
    if (!options_.object.egress)
        return;
    // Where an interface is gone meanwhile there is nothing to take over, and nothing is lost.
    for (const InterfaceInfo& info : interfaces())
        if (auto hook =
                EgressHook::adopt(object_->egress_fd(), info.index, info.name, egress_pin(pins_->path(), info.index));
            hook.ok())
            egress_.push_back(hook.take());
}

void LiveSensor::adopt(const std::string& folder)
{
    object_ = SensorObject::adopt(folder, options_.object);
    mode_ = info_.xdp_mode.empty() ? "native" : info_.xdp_mode;
    in_dispatcher_ = is_extension(object_->ingress_fd());
    if (in_dispatcher_)
        return;
    link_ = UniqueFd(bpf_obj_get((folder + "/link").c_str()));
    if (!link_)
        throw StartupError(
            fmt::format("cannot adopt the sensor of '{}': its link is gone ({}); 'flowxdp detach {}' removes "
                        "the rest",
                        info_.name, std::strerror(errno), info_.name));
}

InterfaceLook LiveSensor::look() const
{
    InterfaceLook look;
    bpf_link_info link{};
    __u32 size = sizeof link;
    const bool attached = in_dispatcher_ ? is_dispatched(info_.index, program_id())
                                         : !bpf_obj_get_info_by_fd(link_.get(), &link, &size) && link.xdp.ifindex;
    char name[IF_NAMESIZE] = {};
    const bool here = if_indextoname(info_.index, name) != nullptr;
    if (!attached)
        look.gone = here             ? "somebody detached its XDP program"
                    : in_dispatcher_ ? "it was removed, or moved to another network namespace"
                                     : "it was removed";
    else if (!here)
        look.gone = "it was moved to another network namespace";
    look.name = here ? name : options_.interface;
    look.up = here && is_interface_up(look.name);
    for (const Leg& leg : further_) {
        bpf_link_info info{};
        size = sizeof info;
        if (bpf_obj_get_info_by_fd(leg.link.get(), &info, &size) || !info.xdp.ifindex)
            look.lost += (look.lost.empty() ? "" : ",") + leg.info.name;
    }
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
    Result<void> left;
    if (link_)
        bpf_link_detach(link_.get());
    link_.reset();
    for (Leg& leg : further_)
        if (leg.link)
            bpf_link_detach(leg.link.get());
    for (EgressHook& hook : egress_)
        if (auto detached = hook.detach(); !detached.ok())
            left = detached;
    egress_.clear();
    // In generic mode and at the egress hook nobody waits: a grace period does. Kernels with nohz_full refuse; there
    // detaching is as good as before.
    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
    if (in_dispatcher_)
        if (auto gone = leave_dispatcher(info_.index, object_->ingress_fd()); !gone.ok())
            left = gone;
    in_dispatcher_ = false;
    auto restore = [&left](const InterfaceInfo& info, bool* changed) {
        if (*changed && read_interface(info.name).ok())
            if (auto restored = set_rx_vlan_offload(info.name, true); !restored.ok() && left.ok())
                left = restored;
        *changed = false;
    };
    restore(info_, &offload_changed_);
    for (Leg& leg : further_)
        restore(leg.info, &leg.offload_changed);
    return left;
}

} // namespace flowxdp
