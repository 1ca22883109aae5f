// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/sensor_object.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "core/result.h"
#include "cpu_counts.h"
#include "kernel/filter_patch.h"
#include "kernel/privileges.h"

namespace flowxdp {
namespace {

constexpr std::size_t kLogBytes = 1u << 22;
constexpr const char* kIngress = "flowxdp_ingress";
constexpr const char* kEvict = "flowxdp_evict";
constexpr const char* kEgress = "flowxdp_egress";

bpf_map* find_map(bpf_object* object, const char* name)
{
    bpf_map* map = bpf_object__find_map_by_name(object, name);
    if (!map)
        throw StartupError(fmt::format("the BPF object has no map '{}': rebuild the bundle", name));
    return map;
}

// Sets a const volatile section before load; the sizes must agree, they are the ABI.
template <typename T>
void set_rodata(bpf_object* object, const char* section, const T& value)
{
    std::size_t size = 0;
    bpf_map* map = find_map(object, section);
    if (!bpf_map__initial_value(map, &size) || size != sizeof(T) || bpf_map__set_initial_value(map, &value, sizeof(T)))
        throw StartupError(
            fmt::format("BPF object and program disagree on section {} ({} against {} bytes): rebuild the "
                        "bundle",
                        section, size, sizeof(T)));
}

// The filter_text map: a string with its NUL.
std::string read_text(int fd)
{
    bpf_map_info info{};
    __u32 size = sizeof info;
    const __u32 zero = 0;
    std::vector<char> text;
    if (!bpf_obj_get_info_by_fd(fd, &info, &size)) {
        text.resize(info.value_size + 8u); // the kernel rounds up
        if (!bpf_map_lookup_elem(fd, &zero, text.data()))
            return text.data();
    }
    throw StartupError(fmt::format("cannot read the sensor's filter: {}", std::strerror(errno)));
}

// The verifier's last lines say why; what comes before them is thousands of instructions.
std::string last_lines(const std::string& log)
{
    std::size_t at = log.size();
    for (int lines = 0; at > 0 && lines < 12; at--)
        lines += log[at - 1] == '\n';
    return log.substr(at);
}

} // namespace

bool may_load_bpf()
{
    const bpf_insn program[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "flowxdp_probe", "GPL", program, 2, nullptr);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

SensorObject::SensorObject(const SensorObjectOptions& options) : options_(options)
{
    // libbpf's own lines would come between ours; what matters of them is in the verifier log.
    libbpf_set_print(nullptr);
    std::optional<FilterPatch> patch; // before the object is opened: then libbpf looks for handlers
    if (!options_.filter.empty())
        patch.emplace(options_.filter);
    object_.reset(bpf_object__open_file(options_.path.c_str(), nullptr));
    if (!object_)
        throw StartupError(fmt::format("cannot open BPF object '{}': {}", options_.path, std::strerror(errno)));
    set_rodata(object_.get(), ".rodata.flow_config", options_.flow);
    set_rodata(object_.get(), ".rodata.load_config",
               load_config{options_.use_metadata, options_.start_kind, options_.link_header, !options_.filter.empty(),
                           options_.snap_len});
    bpf_map__set_value_size(find_map(object_.get(), "filter_text"),
                            static_cast<__u32>(options_.filter.expression.size() + 1));
    bpf_map__set_value_size(find_map(object_.get(), "flows"), options_.flow.record_size);
    bpf_map__set_max_entries(find_map(object_.get(), "flows"), options_.max_flows);
    bpf_map__set_max_entries(find_map(object_.get(), "ring"), options_.ring_bytes);
    if (options_.shared_sensor_fd >= 0 &&
        bpf_map__reuse_fd(find_map(object_.get(), "sensor"), options_.shared_sensor_fd))
        throw StartupError(
            fmt::format("cannot share the flowInd counter between interfaces: {}", std::strerror(errno)));

    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get())
    {
        const std::string_view name = bpf_program__name(program);
        if (std::ranges::none_of(programs(), [name](const char* wanted) { return name == wanted; })) {
            bpf_program__set_autoload(program, false);
            continue;
        }
        std::string& log = logs_[std::string(name)];
        log.resize(kLogBytes);
        bpf_program__set_log_buf(program, log.data(), log.size());
        bpf_program__set_log_level(program, 4); // statistics; errors come with any level
    }
    if (patch)
        patch->use(object_.get());
    const int error = options_.load ? options_.load(object_.get()) : bpf_object__load(object_.get());
    options_.load = nullptr; // it may hold on to what ends with this
    for (auto& [name, log] : logs_)
        log.resize(std::strlen(log.c_str()));
    if (!error && patch && !patch->programs())
        throw StartupError(fmt::format("BPF object '{}' has no place for a filter: rebuild the bundle", options_.path));
    if (!error) {
        const __u32 zero = 0;
        if (bpf_map_update_elem(map_fd("filter_text"), &zero, options_.filter.expression.c_str(), BPF_ANY))
            throw StartupError(fmt::format("cannot store the filter's text: {}", std::strerror(errno)));
        return;
    }
    if (patch && !patch->problem().empty())
        throw StartupError(
            fmt::format("cannot load BPF object '{}' with a filter: {}", options_.path, patch->problem()));
    // The verifier allows less without CAP_PERFMON: EACCES; on 6.1 also EINVAL, "infinite loop detected" (6.1.0-56).
    if (error == -EPERM || error == -EACCES || error == -EINVAL || error == -E2BIG)
        need_sensor_capabilities("load a BPF program");
    if (error == -EPERM && !may_load_bpf())
        throw StartupError("cannot load a BPF program: this kernel or container does not permit it, whatever the "
                           "capabilities say; run as root of the machine itself",
                           ExitCode::kPermission);
    // Statistics stand in the log of every program; words before them in that of the one that was refused.
    std::string why;
    for (const auto& [name, log] : logs_)
        if (!log.empty() && log.find("verification time") != 0)
            why = name + ": " + last_lines(log);
    if (why.empty())
        why = last_lines(logs_[kIngress]);
    throw StartupError(
        fmt::format("cannot load BPF object '{}': {}{}{}{}", options_.path, std::strerror(-error),
                    patch ? "; with the filter it may be too large for this kernel: try a shorter one" : "",
                    why.empty() ? "" : "; the verifier's last words:\n", why));
}

SensorObject::~SensorObject() = default;

std::unique_ptr<SensorObject> SensorObject::adopt(const std::string& folder, const SensorObjectOptions& options)
{
    std::unique_ptr<SensorObject> sensor(new SensorObject());
    sensor->options_ = options;
    auto open_pin = [&](const char* name) {
        const std::string path = folder + "/" + name;
        UniqueFd fd(bpf_obj_get(path.c_str()));
        if (!fd)
            throw StartupError(
                fmt::format("cannot adopt '{}': {}; 'flowxdp detach' removes what is left of that sensor", path,
                            std::strerror(errno)));
        sensor->adopted_[name] = std::move(fd);
    };
    for (const char* name : kSensorMaps)
        open_pin(name);
    for (const char* name : sensor->programs())
        open_pin(name);
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(sensor->map_fd("flows"), &info, &size) || info.value_size != options.flow.record_size)
        throw StartupError(fmt::format("cannot adopt '{}': its records have {} bytes, these plugins need {}", folder,
                                       info.value_size, options.flow.record_size));
    sensor->options_.max_flows = info.max_entries;
    info = {};
    size = sizeof info;
    if (bpf_obj_get_info_by_fd(sensor->map_fd("ring"), &info, &size))
        throw StartupError(fmt::format("cannot adopt '{}': {}", folder, std::strerror(errno)));
    sensor->options_.ring_bytes = info.max_entries;
    return sensor;
}

Result<void> SensorObject::pin(const std::string& folder) const
{
    auto pin_fd = [&](int fd, const char* name) -> Result<void> {
        const std::string path = folder + "/" + name;
        if (bpf_obj_pin(fd, path.c_str()))
            return Error{fmt::format("cannot pin '{}': {}; is a BPF file system mounted there? (mount -t bpf bpf "
                                     "/sys/fs/bpf)",
                                     path, std::strerror(errno))};
        return {};
    };
    for (const char* name : kSensorMaps)
        if (auto pinned = pin_fd(map_fd(name), name); !pinned.ok())
            return pinned;
    for (const char* name : programs())
        if (auto pinned = pin_fd(program_fd(name), name); !pinned.ok())
            return pinned;
    return {};
}

std::vector<const char*> SensorObject::programs() const
{
    std::vector<const char*> names = {kIngress, kEvict};
    if (options_.egress)
        names.push_back(kEgress);
    return names;
}

int SensorObject::program_fd(const char* name) const
{
    if (!object_)
        return adopted_.at(name).get();
    return bpf_program__fd(bpf_object__find_program_by_name(object_.get(), name));
}

int SensorObject::ingress_fd() const
{
    return program_fd(kIngress);
}

int SensorObject::evict_fd() const
{
    return program_fd(kEvict);
}

int SensorObject::egress_fd() const
{
    return program_fd(kEgress);
}

int SensorObject::map_fd(const char* name) const
{
    return object_ ? bpf_map__fd(find_map(object_.get(), name)) : adopted_.at(name).get();
}

std::string SensorObject::filter_expression() const
{
    return read_text(map_fd("filter_text"));
}

std::string read_filter_text(const std::string& folder)
{
    const UniqueFd fd(bpf_obj_get((folder + "/filter_text").c_str()));
    return fd ? read_text(fd.get()) : "";
}

const std::string& SensorObject::verifier_log(const char* program) const
{
    return logs_.at(program);
}

void SensorObject::read_counts(engine_counts* out) const
{
    read_sensor_counts(map_fd("counts"), out);
}

void read_sensor_counts(int map_fd, engine_counts* out)
{
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(map_fd, &info, &size) || info.value_size != sizeof(cpu_counts) ||
        info.max_entries != PROGRAM_ROLES)
        throw StartupError(fmt::format("cannot read the sensor's counters: they have {} bytes for each of {} programs, "
                                       "this flowxdp knows {} for {}; the sensor was started by another version",
                                       info.value_size, info.max_entries, sizeof(cpu_counts),
                                       static_cast<unsigned>(PROGRAM_ROLES)));
    const int cpus = libbpf_num_possible_cpus();
    std::vector<cpu_counts> values(static_cast<std::size_t>(cpus > 0 ? cpus : 1));
    std::memset(out->counter, 0, sizeof out->counter);
    out->totals = {};
    for (__u32 role = 0; role < PROGRAM_ROLES; role++) {
        if (cpus <= 0 || bpf_map_lookup_elem(map_fd, &role, values.data()))
            throw StartupError(fmt::format("cannot read the sensor's counters: {}", std::strerror(errno)));
        for (const cpu_counts& value : values) {
            for (unsigned i = 0; i < COUNTER_COUNT; i++)
                out->counter[i] += value.counter[i];
            totals_merge(&out->totals, &value.totals);
        }
    }
}

} // namespace flowxdp
