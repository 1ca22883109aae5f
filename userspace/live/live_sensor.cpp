// SPDX-License-Identifier: BSD-2-Clause
#include "live/live_sensor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/membarrier.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>

namespace flowxdp {
namespace {

constexpr long kBpfFsMagic = 0xcafe4a11;

std::int64_t clock_ns(clockid_t clock)
{
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// FNV-1a over the layout and every byte of the configuration: what a pinned program was built and told.
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
    return h;
}

void make_folder(const std::string& path)
{
    if (mkdir(path.c_str(), 0700) && errno != EEXIST)
        throw StartupError(fmt::format("cannot make pin folder '{}': {}{}", path, std::strerror(errno),
                                       errno == EPERM || errno == EACCES ? "; run as root" : ""),
                           errno == EPERM || errno == EACCES ? ExitCode::kPermission : ExitCode::kRuntime);
}

void need_bpf_file_system()
{
    struct statfs fs {};
    if (statfs("/sys/fs/bpf", &fs) || fs.f_type != kBpfFsMagic)
        throw StartupError(
            "/sys/fs/bpf is not a BPF file system: mount -t bpf bpf /sys/fs/bpf (inside 'ip netns exec' it "
            "is hidden; use nsenter --net=)");
}

} // namespace

std::int64_t boot_clock_ns()
{
    return clock_ns(CLOCK_BOOTTIME);
}
std::int64_t wall_offset_ns()
{
    return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

LiveSensor::LiveSensor(const LiveSensorOptions& options) : options_(options)
{
    check_interface();
    need_bpf_file_system();
    make_folder(kPinRoot);
    make_folder(fmt::format("{}/{}", kPinRoot, options_.interface));
    folder_ = fmt::format("{}/{}/{:016x}", kPinRoot, options_.interface, sensor_id(options_));
    std::error_code error;
    for (const PinnedSensor& pinned : find_pinned_sensors()) {
        if (pinned.interface != options_.interface)
            continue;
        if (pinned.folder != folder_)
            throw StartupError(fmt::format(
                "interface '{}' has a sensor of other plugins or options, whose daemon is gone or running ('{}'): "
                "attach "
                "with the same options to take it over, or 'flowxdp detach {}' to remove it with its live flows",
                options_.interface, pinned.folder, options_.interface));
        adopted_ = true;
    }
    if (adopted_)
        adopt(folder_);
    else
        load_and_attach(folder_);
    ring_ = std::make_unique<RingReader>(object_->map_fd("ring"), object_->ring_bytes());
    evictor_ = std::make_unique<Evictor>(*object_);
    journal_ = std::make_unique<Journal>(*object_);
    if (!options_.capture.empty())
        open_capture();
}

LiveSensor::~LiveSensor() = default;

journal_slot LiveSensor::resume() const
{
    const journal_slot last = adopted_ ? journal_->last() : journal_slot{};
    return last.outputs == options_.outputs ? last : journal_slot{};
}

void LiveSensor::open_capture()
{
    capture_ = std::make_unique<CaptureWriter>();
    const CaptureWriter::Interface interface = {info_.name, info_.index, 1, options_.object.flow.snap_len};
    auto opened = capture_->open(options_.capture, interface, {true, resume().capture_bytes});
    if (opened.ok())
        return;
    if (!adopted_) {
        detach();
        remove_pins();
    }
    throw StartupError("extraction: " + opened.error().message);
}

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

void LiveSensor::load_and_attach(const std::string& folder)
{
    if (info_.xdp_program_id)
        throw StartupError(fmt::format(
            "interface '{}' already has XDP program {} ('{}', {}): remove it (ip link set dev {} xdp off; for a pinned "
            "sensor of ours: flowxdp detach {})",
            info_.name, info_.xdp_program_id, info_.xdp_program_name, info_.xdp_mode, info_.name, info_.name));
    object_ = std::make_unique<SensorObject>(options_.object);
    make_folder(folder);
    if (auto pinned = object_->pin(folder); !pinned.ok()) {
        remove_pins();
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
        remove_pins();
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

std::uint32_t LiveSensor::program_id() const
{
    bpf_prog_info info{};
    __u32 size = sizeof info;
    return bpf_obj_get_info_by_fd(object_->ingress_fd(), &info, &size) ? 0 : info.id;
}

void LiveSensor::detach()
{
    // A detached link no longer runs its program; drivers wait for packets under way (veth, virtio: NAPI is stopped).
    if (link_)
        bpf_link_detach(link_.get());
    link_.reset();
    // In generic mode nobody waits: a grace period does. Kernels with nohz_full refuse; there detaching is as good as
    // before.
    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
    if (offload_changed_) {
        if (auto set = set_rx_vlan_offload(info_.name, true); !set.ok())
            throw StartupError(set.error().message);
        offload_changed_ = false;
    }
}

void LiveSensor::remove_pins()
{
    std::error_code error; // what is not there need not be removed
    std::filesystem::remove_all(folder_, error);
    std::filesystem::remove(fmt::format("{}/{}", kPinRoot, options_.interface), error);
    std::filesystem::remove(kPinRoot, error);
}

std::vector<PinnedSensor> find_pinned_sensors()
{
    std::vector<PinnedSensor> found;
    std::error_code error;
    for (const auto& interface : std::filesystem::directory_iterator(kPinRoot, error))
        for (const auto& folder : std::filesystem::directory_iterator(interface.path(), error))
            found.push_back({interface.path().filename(), folder.path()});
    return found;
}

Result<void> remove_pinned_sensor(const PinnedSensor& sensor)
{
    std::error_code error;
    std::filesystem::remove_all(sensor.folder, error);
    if (error)
        return Error{fmt::format("cannot remove '{}': {}", sensor.folder, error.message())};
    std::filesystem::remove(std::filesystem::path(sensor.folder).parent_path(), error);
    std::filesystem::remove(kPinRoot, error);
    return {};
}

} // namespace flowxdp
