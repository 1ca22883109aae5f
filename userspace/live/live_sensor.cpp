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

#include "core/printable.h"
#include "kernel/pin.h"
#include "kernel/privileges.h"
#include "link/link_header.h"
#include "live/dispatcher.h"
#include "live/own_traffic.h"

namespace flowxdp {
namespace {

constexpr const char* kIngress = "flowxdp_ingress";
constexpr std::uint32_t kLinkHeaderMax = 14 + 3 * 4; // which an MTU does not count: Ethernet and three tags

std::int64_t clock_ns(clockid_t clock)
{
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// How far a container's time namespace puts this process' boot clock ahead of the kernel's, which the XDP program uses.
// Never changes: a namespace with a process in it keeps its offsets.
std::int64_t time_namespace_ns()
{
    namespace fs = std::filesystem;
    std::error_code none;
    // The offsets are those of children; they are ours when our namespace is the same. No such file: no time
    // namespaces.
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

// "filter 'udp'" of a pinned sensor.
std::string filter_of(const std::string& folder)
{
    const std::string text = read_filter_text(folder);
    return text.empty() ? "no filter" : fmt::format("filter '{}'", text);
}

// The flowxdp whose records cannot be read here, for a message.
std::string maker_text(const PinnedSensor& pinned, std::uint64_t layout_id)
{
    if (!pinned.state)
        return "another version of flowxdp";
    if (pinned.state->layout_id != layout_id)
        return fmt::format("flowxdp {} with other plugins built in (layout {:016x}, here {:016x})",
                           pinned.state->program, pinned.state->layout_id, layout_id);
    return fmt::format("plugins or options that differ from those given (plugins {})", pinned.state->plugins);
}

// For a message: who serves the sensor, and what to do.
std::string holder_text(const PinnedSensor& pinned)
{
    if (pinned.served)
        return fmt::format("served by a running daemon (pid {}): stop it first: sudo flowxdp detach {}", pinned.daemon,
                           pinned.interface);
    return fmt::format(
        "whose daemon is gone: attach with the same plugins and options to take it over, 'flowxdp detach "
        "--export {} -w PREFIX' to export its flows, or 'flowxdp detach {}' to remove it with them",
        pinned.interface, pinned.interface);
}

// For a message: the XDP program that occupies the interface, and what to do.
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

// FNV-1a. The filter is in options.identity as text, not as code: another libpcap may write other instructions for it.
std::uint64_t sensor_id(const LiveSensorOptions& options, const std::vector<unsigned>& merged)
{
    std::uint64_t h = 0xcbf29ce484222325ULL;
    auto add = [&h](const void* data, std::size_t n) {
        const auto* p = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < n; i++)
            h = (h ^ p[i]) * 0x100000001b3ULL;
    };
    add(&options.object.layout_id, sizeof options.object.layout_id);
    add(options.identity.data(), options.identity.size());
    // The plan: which halves run, where their slots lie, what their options are.
    flow_config config = options.object.flow;
    // Drawn at random by each daemon; an adopting one keeps the pinned program's.
    config.table_secret = {};
    config.fragment_seed = 0;
    add(&config, sizeof config);
    add(options.object.plugin_options.data(), options.object.plugin_options.size());
    add(&options.object.start_kind, sizeof options.object.start_kind);
    const bool egress = options.object.egress;
    add(&egress, sizeof egress);
    for (const unsigned index : merged)
        add(&index, sizeof index);
    return h;
}

std::int64_t boot_clock_ns()
{
    static const std::int64_t ahead_ns = time_namespace_ns();
    return clock_ns(CLOCK_BOOTTIME) - ahead_ns;
}
std::int64_t wall_offset_ns()
{
    return clock_ns(CLOCK_REALTIME) - boot_clock_ns();
}

UniqueFd find_left_numbers(const std::vector<std::string>& interfaces, std::uint64_t layout_id)
{
    for (const PinnedSensor& pinned : find_pinned_sensors("attach")) {
        if (!pinned.here || pinned.served || !pinned.owner || !pinned.state || pinned.state->layout_id != layout_id)
            continue;
        if (std::ranges::none_of(interfaces, [&](const std::string& name) {
                return pinned.index && pinned.index == if_nametoindex(name.c_str());
            }))
            continue;
        UniqueFd map = open_pin(pinned.folder + "/sensor");
        if (map && check_map(map.get(), sensor_map("sensor")).ok())
            return map;
    }
    return UniqueFd();
}

LiveSensor::LiveSensor(const LiveSensorOptions& options) : options_(options)
{
    check_interfaces();
    std::string pin_name = options_.interface;
    if (const auto left = find_left(&pin_name)) {
        left_by_ = left->owner->uid;
        pins_ = PinFolder::take(left->folder, left_by_);
        adopted_ = true;
        adopt(pins_->path());
        // Killed between attaching and pinning the link: the kernel has detached the program.
        if (!link_ && !in_dispatcher_)
            link_ = attach_xdp(info_, pins_->path() + "/link", &mode_);
        adopt_others();
        renew_hooks();
        if (auto renamed = rename(options_.interface); !renamed.ok())
            throw StartupError(renamed.error().message);
    } else {
        choose_direction(nullptr);
        start(pin_name);
    }
    open_maps();
}

std::string LiveSensor::foresee(LiveSensorOptions options)
{
    options.dry_run = true;
    LiveSensor sensor(options, DryRun{});
    sensor.check_interfaces();
    std::string pin_name = options.interface;
    const auto left = sensor.find_left(&pin_name);
    if (left && left->served)
        return fmt::format("{}: a daemon (pid {}) serves the sensor; once it has handed over (SIGUSR2) or was killed, "
                           "this attach takes it over",
                           sensor.names(), left->daemon);
    if (left)
        return fmt::format("{}: the sensor is taken over", sensor.names());
    for (const InterfaceInfo& info : sensor.interfaces())
        if (info.xdp_program_id && !options.dispatcher_priority)
            throw StartupError(occupied_text(info));
    return fmt::format("{}: a new sensor is attached", sensor.names());
}

// The sensor of a killed daemon that these options adopt, with its direction chosen; none: a new one begins, below
// *pin_name. Throws StartupError when another one stands in the way.
std::optional<PinnedSensor> LiveSensor::find_left(std::string* pin_name)
{
    std::optional<PinnedSensor> left;
    for (PinnedSensor& pinned : find_pinned_sensors("attach")) {
        if (!pinned.here) {
            // An interface of this name in another namespace keeps the plain name.
            if (pinned.is_named(*pin_name))
                *pin_name += fmt::format("@{}", own_network_namespace());
            continue;
        }
        if (!(pinned.state && pinned.index == info_.index) && pinned.interface != printable(options_.interface))
            continue;
        choose_direction(&pinned);
        if (remove_remnant(pinned))
            continue;
        const bool is_served = pinned.served && !options_.dry_run;
        if (left || is_served || pinned.id != fmt::format("{:016x}", id()))
            throw StartupError(fmt::format("interface '{}' has a sensor ('{}', {}), {}", options_.interface,
                                           pinned.folder, filter_of(pinned.folder), holder_text(pinned)));
        if (pinned.index != info_.index)
            throw StartupError(
                fmt::format("an earlier interface '{}' left a sensor ('{}') that nothing feeds any more: 'flowxdp "
                            "detach --export {} -w PREFIX' exports its flows, 'flowxdp detach {}' removes it",
                            options_.interface, pinned.folder, options_.interface, options_.interface));
        if (const auto& whose = pinned.owner; !whose || (whose->uid && whose->uid != options_.owner))
            throw StartupError(
                fmt::format("interface '{}' has a sensor ('{}') of user '{}', who may have written anything into it: "
                            "--user {} takes it over, 'flowxdp detach' removes it",
                            options_.interface, pinned.folder, whose ? user_name(whose->uid) : "?",
                            whose ? user_name(whose->uid) : "NAME"),
                ExitCode::kPermission);
        left = std::move(pinned);
    }
    return left;
}

// Removes what a daemon left that was killed while it made or removed its pins: nothing is in it. A service manager
// starts the next daemon without asking anybody. Not another user's, which may be anything.
bool LiveSensor::remove_remnant(const PinnedSensor& pinned)
{
    if (pinned.served || !pinned.owner || (pinned.owner->uid && pinned.owner->uid != options_.owner))
        return false;
    // Whole, but never attached.
    const auto counted_nothing = [&] {
        return pinned.id == fmt::format("{:016x}", id()) && !SensorView(pinned).counts().counter[COUNTER_PACKETS_SEEN];
    };
    if (!is_remnant(pinned) && (pinned.index || !counted_nothing()))
        return false;
    if (options_.dry_run)
        return true;
    if (auto removed = remove_pinned_sensor(pinned); !removed.ok())
        throw StartupError(removed.error().message);
    removed_remnant_ = true;
    return true;
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
                                       pinned.interface, maker_text(pinned, options_.object.layout_id),
                                       pinned.interface));
    left_by_ = pinned.owner ? pinned.owner->uid : options_.owner;
    pins_ = PinFolder::take(pinned.folder, options_.owner);
    adopted_ = true;
    adopt(pins_->path());
    for (const unsigned index : pinned.merged) {
        char name[IF_NAMESIZE] = {};
        merged_.push_back({});
        merged_.back().info.index = index;
        merged_.back().info.link_type = info_.link_type;
        merged_.back().info.name = if_indextoname(index, name) ? name : fmt::format("interface {}", index);
    }
    adopt_others();
    open_maps();
}

void LiveSensor::open_maps()
{
    ring_ = std::make_unique<RingReader>(object_->map_fd("ring"), object_->ring_bytes(), object_->bounds());
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
    SensorStateRecord before = state_->last();
    make_readable(&before); // a killed daemon's, or somebody else's
    SensorStateRecord record = options_.state;
    record.version = kSensorStateVersion;
    record.pid = static_cast<std::uint32_t>(getpid());
    record.uid = geteuid();
    record.interface_index = info_.index;
    record.network_namespace = own_network_namespace();
    record.layout_id = options_.object.layout_id;
    record.daemon_started_ns = boot_clock_ns() + wall_offset_ns();
    record.attached_ns = before.version == kSensorStateVersion ? before.attached_ns : record.daemon_started_ns;
    record.link_type = info_.link_type;
    record.record_size = options_.object.flow.record_size;
    set_text(record.interface, options_.interface);
    set_text(record.mode, mode_);
    return record;
}

std::vector<InterfaceInfo> LiveSensor::interfaces() const
{
    std::vector<InterfaceInfo> all = {info_};
    for (const MergedInterface& merged : merged_)
        all.push_back(merged.info);
    return all;
}

void LiveSensor::check_interfaces()
{
    info_ = check_interface(options_.interface, &offload_changed_);
    for (const std::string& name : options_.merged) {
        MergedInterface merged;
        merged.info = check_interface(name, &merged.offload_changed);
        if (merged.info.link_type != info_.link_type)
            throw StartupError(
                fmt::format("interfaces '{}' and '{}' cannot be merged: one has Ethernet frames, the other "
                            "IP packets; attach to them without --merge",
                            info_.name, name));
        merged_.push_back(std::move(merged));
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
        if (options_.dry_run)
            return info;
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
    if (link && make_pin(link.get(), pin))
        return link;
    if (link)
        reasons = fmt::format("cannot pin '{}': {}", pin, std::strerror(errno));
    throw StartupError(fmt::format("cannot attach to interface '{}' (MTU {}, driver {}): {}{}", info.name, info.mtu,
                                   info.driver.empty() ? "unknown" : info.driver, reasons,
                                   options_.mode == AttachMode::kNative ? "; try --mode auto" : ""));
}

// From here on program, maps and state outlive a killed daemon.
void LiveSensor::pin_and_say()
{
    if (auto pinned = object_->pin(pins_->path()); !pinned.ok())
        throw StartupError(pinned.error().message);
    state_ = std::make_shared<SensorState>(pins_->path());
    state_->publish(describe());
}

std::uint64_t LiveSensor::id() const
{
    std::vector<unsigned> indexes;
    for (const MergedInterface& merged : merged_)
        indexes.push_back(merged.info.index);
    std::ranges::sort(indexes);
    return sensor_id(options_, indexes);
}

std::string LiveSensor::names() const
{
    std::string all;
    for (const InterfaceInfo& info : interfaces())
        all += (all.empty() ? "" : "+") + info.name;
    return all;
}

// left: the sensor to adopt. It keeps its direction, whatever addresses the interface has now.
void LiveSensor::choose_direction(const PinnedSensor* left)
{
    direction_reason_.clear();
    direction_hint_.clear();
    options_.object.egress = options_.direction == DirectionWish::kBoth;
    if (options_.direction != DirectionWish::kAuto)
        return;
    if (options_.object.flow.flags & FLOW_CONFIG_FRAMES) {
        direction_reason_ = "-e writes what is received";
        return;
    }
    if (left) {
        options_.object.egress = left->egress;
        direction_reason_ = "as before";
        return;
    }
    auto devices = read_network_devices();
    if (!devices.ok()) {
        direction_reason_ = devices.error().message;
        return;
    }
    std::vector<unsigned> indexes;
    for (const InterfaceInfo& info : interfaces())
        indexes.push_back(info.index);
    const OwnTraffic own = own_traffic(devices.value(), indexes);
    options_.object.egress = own.sends;
    direction_reason_ = own.reason;
    if (own.sends)
        direction_hint_ = ": --direction ingress for a mirror port";
    else if (!own.twice)
        direction_hint_ = ": --direction both if the host sends by it";
}

std::string LiveSensor::direction_text() const
{
    const std::string why = direction_reason_.empty() ? "" : fmt::format(" ({})", direction_reason_);
    if (!sees_egress())
        return fmt::format("{}: received frames alone are observed, by XDP{}{}", names(), why, direction_hint_);
    return fmt::format("{}: received and sent frames are observed, by XDP and {}{}{}", names(),
                       egress_.front().is_tcx() ? "tcx" : "clsact", why, direction_hint_);
}

// Loads, pins and attaches. When kAuto chose both directions and the egress hook is not available, observes ingress
// only.
void LiveSensor::start(const std::string& interface_folder)
{
    try {
        load_and_attach(interface_folder);
        return;
    } catch (const EgressUnavailable& error) {
        if (options_.direction != DirectionWish::kAuto)
            throw;
        options_.object.egress = false;
        direction_reason_ = error.what();
        direction_hint_.clear();
    }
    merged_.clear();
    check_interfaces();
    load_and_attach(interface_folder);
}

// Pins first and attaches then, so that the record of a counted packet can always be found.
void LiveSensor::load_and_attach(const std::string& interface_folder)
{
    std::optional<DispatcherEntry> entry;
    SensorObjectOptions object = options_.object;
    for (const InterfaceInfo& info : interfaces())
        object.longest_frame = std::max(object.longest_frame, info.mtu ? info.mtu + kLinkHeaderMax : 0);
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
        pins_.emplace(interface_folder, id(), options_.owner);
        pin_and_say();
        in_dispatcher_ = entry.has_value();
        if (entry)
            mode_ = entry->join() == AttachMode::kNative ? "native" : "generic";
        else
            link_ = attach_xdp(info_, pins_->path() + "/link", &mode_);
        attach_others();
    } catch (const StartupError&) {
        // The message of the failure itself names what cannot be undone here.
        (void)detach();
        if (pins_)
            (void)remove_pins();
        pins_.reset();
        throw;
    }
}

// Attaches to the merged interfaces, then to the egress hook of each interface.
void LiveSensor::attach_others()
{
    const std::string folder = pins_->path();
    for (MergedInterface& merged : merged_)
        merged.link = attach_xdp(merged.info, leg_pin(folder, merged.info.index), &mode_);
    if (!options_.object.egress)
        return;
    for (const InterfaceInfo& info : interfaces()) {
        auto hook = EgressHook::attach(object_->egress_fd(), info.index, info.name, egress_pin(folder, info.index));
        if (!hook.ok())
            throw EgressUnavailable(hook.error().message);
        egress_.push_back(hook.take());
    }
}

void LiveSensor::adopt_others()
{
    for (MergedInterface& merged : merged_) {
        merged.link = open_pin(leg_pin(pins_->path(), merged.info.index));
        if (!merged.link)
            throw StartupError(fmt::format("cannot adopt the sensor of '{}': the link of '{}' is gone ({}); 'flowxdp "
                                           "detach {}' removes the rest",
                                           info_.name, merged.info.name, std::strerror(errno), info_.name));
    }
    if (!options_.object.egress)
        return;
    // An interface that is gone has no hook to adopt; nothing is lost.
    for (const InterfaceInfo& info : interfaces())
        if (auto hook =
                EgressHook::adopt(object_->egress_fd(), info.index, info.name, egress_pin(pins_->path(), info.index));
            hook.ok())
            egress_.push_back(hook.take());
}

// Attaches missing egress hooks: the daemon was killed before it did so, or somebody has removed one.
void LiveSensor::renew_hooks()
{
    if (!options_.object.egress)
        return;
    std::erase_if(egress_, [](const EgressHook& hook) { return !hook.attached(); });
    for (const InterfaceInfo& info : interfaces()) {
        if (std::ranges::find(egress_, info.index, &EgressHook::interface_index) != egress_.end())
            continue;
        const std::string pin = egress_pin(pins_->path(), info.index);
        remove_pin(pin);
        auto hook = EgressHook::attach(object_->egress_fd(), info.index, info.name, pin);
        if (!hook.ok())
            throw StartupError(fmt::format("cannot adopt the sensor of '{}': {}; 'flowxdp detach {}' removes the rest",
                                           info_.name, hook.error().message, info_.name));
        egress_.push_back(hook.take());
    }
}

void LiveSensor::adopt(const std::string& folder)
{
    object_ = SensorObject::adopt(folder, options_.object);
    mode_ = info_.xdp_mode.empty() ? "native" : info_.xdp_mode;
    in_dispatcher_ = is_extension(object_->ingress_fd());
    if (in_dispatcher_)
        return;
    link_ = open_pin(folder + "/link");
}

InterfaceCondition LiveSensor::interface_condition() const
{
    InterfaceCondition condition;
    bpf_link_info link{};
    __u32 size = sizeof link;
    const bool attached = in_dispatcher_ ? is_dispatched(info_.index, program_id())
                                         : !bpf_obj_get_info_by_fd(link_.get(), &link, &size) && link.xdp.ifindex;
    char name[IF_NAMESIZE] = {};
    const bool here = if_indextoname(info_.index, name) != nullptr;
    if (!attached)
        condition.gone = here             ? "somebody detached its XDP program"
                         : in_dispatcher_ ? "it was removed, or moved to another network namespace"
                                          : "it was removed";
    else if (!here)
        condition.gone = "it was moved to another network namespace";
    condition.name = here ? name : options_.interface;
    condition.up = here && is_interface_up(condition.name);
    for (const MergedInterface& merged : merged_) {
        bpf_link_info info{};
        size = sizeof info;
        if (bpf_obj_get_info_by_fd(merged.link.get(), &info, &size) || !info.xdp.ifindex)
            condition.lost += (condition.lost.empty() ? "" : ",") + merged.info.name;
    }
    return condition;
}

Result<void> LiveSensor::rename(const std::string& name)
{
    if (printable(name) == pins_->interface())
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

std::uint64_t LiveSensor::boot() const
{
    bpf_map_info info{};
    __u32 size = sizeof info;
    std::string since_boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> since_boot;
    if (since_boot.empty() || bpf_obj_get_info_by_fd(object_->map_fd("sensor"), &info, &size) != 0)
        return 0;
    // The kernel reuses the id of a map only after two thousand million others.
    return output_id(fmt::format("{} {}", since_boot, info.id));
}

void LiveSensor::mark_adopted(flow_record* record) const
{
    if (!taken_over_ns_ || record->first_clock_ns > taken_over_ns_)
        return;
    for (flow_dir& direction : record->dir)
        if (direction.packets)
            FX_SET(direction.sensor_status, FXS(ADOPTED));
}

Result<void> LiveSensor::detach()
{
    // A detached link no longer runs its program; drivers wait for packets under way (veth, virtio: NAPI is stopped).
    Result<void> left;
    if (link_)
        bpf_link_detach(link_.get());
    link_.reset();
    for (MergedInterface& merged : merged_)
        if (merged.link)
            bpf_link_detach(merged.link.get());
    for (EgressHook& hook : egress_)
        if (auto detached = hook.detach(); !detached.ok())
            left = detached;
    egress_.clear();
    // In generic mode and at the egress hook the kernel does not wait: wait for a grace period. Kernels with nohz_full
    // refuse; there detaching is as good as without it.
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
    for (MergedInterface& merged : merged_)
        restore(merged.info, &merged.offload_changed);
    return left;
}

} // namespace flowxdp
