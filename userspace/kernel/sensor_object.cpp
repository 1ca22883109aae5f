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
#include "flowxdp/cpu_counts.h"
#include "flowxdp/fragment.h"
#include "flowxdp/record_slots.h"
#include "kernel/filter_patch.h"
#include "kernel/mapped_array.h"
#include "kernel/pin.h"
#include "kernel/privileges.h"
#include "record_layout.h"

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

// Sets a const volatile section before load; the sizes must agree: they are the ABI.
void set_rodata(bpf_object* object, const char* section, const void* value, std::size_t bytes)
{
    std::size_t size = 0;
    bpf_map* map = find_map(object, section);
    if (!bpf_map__initial_value(map, &size) || size != bytes || bpf_map__set_initial_value(map, value, bytes))
        throw StartupError(
            fmt::format("BPF object and program disagree on section {} ({} against {} bytes): rebuild the "
                        "bundle",
                        section, size, bytes));
}

// Library and object of a bundle come from one source; an object of another build would be misread. The kernel does not
// need the section that describes the layout.
void check_layout(bpf_object* object, const SensorObjectOptions& options)
{
    const auto id = record_layout_id(bpf_object__btf(object));
    if (!id.ok() || id.value() != options.layout_id)
        throw StartupError(fmt::format(
            "BPF object '{}' does not belong to the engine library beside it: {}; rebuild "
            "the bundle",
            options.path,
            id.ok() ? fmt::format("its record layout is {:016x}, the library's {:016x}", id.value(), options.layout_id)
                    : id.error().message));
    bpf_map__set_autocreate(find_map(object, ".rodata.bundle_layout"), false);
}

// Before the first packet.
void free_all_slots(int free_slots_fd, std::uint32_t slots)
{
    slot_levels levels{};
    slot_levels_from(&levels, slots);
    std::size_t bytes = 0;
    auto* words = map_array<std::uint64_t>(free_slots_fd, "free_slots", levels.words * sizeof(std::uint64_t),
                                           PROT_READ | PROT_WRITE, &bytes);
    std::uint32_t bits = slots;
    for (std::uint32_t level = 0; level <= levels.top; level++) {
        for (std::uint32_t bit = 0; bit < bits; bit++)
            words[levels.first[level] + bit / SLOT_WORD_BITS] |= 1ULL << bit % SLOT_WORD_BITS;
        bits = (bits + SLOT_WORD_BITS - 1) / SLOT_WORD_BITS;
    }
    munmap(words, bytes);
}

// The filter_text map: a string with its NUL.
std::string read_text(int fd)
{
    constexpr std::uint32_t kMost = 1u << 20; // far above a command line's
    bpf_map_info info{};
    const __u32 zero = 0;
    if (auto is_text = check_map(fd, sensor_map("filter_text"), &info); !is_text.ok())
        throw StartupError("cannot read the sensor's filter: " + is_text.error().message);
    if (info.value_size > kMost)
        throw StartupError(fmt::format("cannot read the sensor's filter: it has {} bytes", info.value_size));
    std::vector<char> text(info.value_size + 9u); // the kernel rounds up; a NUL whatever it holds
    if (bpf_map_lookup_elem(fd, &zero, text.data()))
        throw StartupError(fmt::format("cannot read the sensor's filter: {}", std::strerror(errno)));
    text[info.value_size] = 0;
    return text.data();
}

// Checks that a pinned program is the one its name says. Its type decides what it may do and how it is run.
Result<void> check_program(int fd, const std::string& name)
{
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &size))
        return Error{fmt::format("'{}' is no program ({})", name, std::strerror(errno))};
    const bool type = name == kEgress  ? info.type == BPF_PROG_TYPE_SCHED_CLS
                      : name == kEvict ? info.type == BPF_PROG_TYPE_XDP
                                       : info.type == BPF_PROG_TYPE_XDP || info.type == BPF_PROG_TYPE_EXT;
    const std::string own(info.name, strnlen(info.name, sizeof info.name));
    if (!type || own != name.substr(0, BPF_OBJ_NAME_LEN - 1))
        return Error{fmt::format("'{}' is another program ('{}', type {})", name, own, info.type)};
    return {};
}

// The verifier's last lines give the reason; thousands of instructions precede them.
std::string last_lines(const std::string& log)
{
    std::size_t at = log.size();
    for (int lines = 0; at > 0 && lines < 5; at--)
        lines += log[at - 1] == '\n';
    return log.substr(at);
}

// The verifier gives up at its limit of a million instructions: E2BIG, "Argument list too long".
bool is_too_complex(const std::string& log, int error)
{
    return error == E2BIG || log.find("BPF program is too large") != std::string::npos;
}

// The program's parts, the limit that it met or the verifier's words, and the way out.
std::string refusal_text(const std::string& program, const std::string& log, int error,
                         const std::vector<std::string>& plugin_names, bool filtered)
{
    std::string plugins;
    for (const std::string& name : plugin_names)
        plugins += (plugins.empty() ? " with the plugins " : ", ") + name;
    const std::string with = plugins + (filtered ? " and a filter" : "");
    const std::string way_out = fmt::format("leave a plugin{} out (--no-plugin NAME), or use a newer kernel",
                                            filtered ? ", or the filter," : "");
    if (is_too_complex(log, error))
        return fmt::format("program {}{} is too complex for this kernel: its verifier gave up after the 1,000,000 "
                           "instructions that are its limit; {}",
                           program, with, way_out);
    return fmt::format("program {}{}: {}{}; {}", program, with, std::strerror(error),
                       log.empty() ? "" : "; the verifier's last words:\n" + last_lines(log), way_out);
}

} // namespace

MapShape sensor_map(std::string_view name)
{
    static constexpr MapShape kShapes[] = {
        {"flows", BPF_MAP_TYPE_HASH, sizeof(flow_key), sizeof(record_place), 0},
        {"records", BPF_MAP_TYPE_ARRAY, 4, 0, 0},
        {"free_slots", BPF_MAP_TYPE_ARRAY, 4, 8, 0},
        {"front", BPF_MAP_TYPE_ARRAY, 4, sizeof(front_set), 0},
        {"fragments", BPF_MAP_TYPE_ARRAY, 4, sizeof(fragment_slot), FRAGMENT_SLOTS},
        {"ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 0},
        {"counts", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(cpu_counts), PROGRAM_ROLES},
        {"sensor", BPF_MAP_TYPE_ARRAY, 4, 0, 1},
        {"evict_request", BPF_MAP_TYPE_ARRAY, 4, sizeof(evict_request), 1},
        {"evict_keys", BPF_MAP_TYPE_ARRAY, 4, sizeof(flow_key), EVICT_SLOTS},
        {"evict_out", BPF_MAP_TYPE_ARRAY, 4, sizeof(evict_slot), EVICT_SLOTS},
        {"journal", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct journal), 1},
        {"filter_text", BPF_MAP_TYPE_ARRAY, 4, 0, 1},
    };
    static_assert(std::size(kShapes) == std::size(kSensorMaps));
    const auto* found = std::ranges::find(kShapes, name, [](const MapShape& s) { return std::string_view(s.name); });
    return found == std::end(kShapes) ? MapShape{} : *found;
}

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
    std::optional<FilterPatch> patch; // before the object is opened: libbpf looks up handlers then
    if (!options_.filter.empty() || !options_.extract_filter.empty())
        patch.emplace(options_.filter, options_.extract_filter);
    object_.reset(bpf_object__open_file(options_.path.c_str(), nullptr));
    if (!object_)
        throw StartupError(fmt::format("cannot open BPF object '{}': {}", options_.path, std::strerror(errno)));
    check_layout(object_.get(), options_);
    slot_levels slots{};
    slot_levels_from(&slots, options_.max_flows);
    const load_config load = {options_.use_metadata,
                              options_.start_kind,
                              options_.link_header,
                              !options_.filter.empty(),
                              options_.snap_len,
                              options_.frame_max,
                              options_.longest_frame,
                              options_.ordered_stores,
                              !options_.extract_filter.empty(),
                              front_sets(options_.max_flows) - 1,
                              options_.flood_from,
                              slots};
    set_rodata(object_.get(), ".rodata.flow_config", &options_.flow, sizeof options_.flow);
    set_rodata(object_.get(), ".rodata.plugin_options", options_.plugin_options.data(), options_.plugin_options.size());
    set_rodata(object_.get(), ".rodata.load_config", &load, sizeof load);
    bpf_map__set_value_size(find_map(object_.get(), "filter_text"),
                            static_cast<__u32>(options_.filter.expression.size() + 1));
    bpf_map__set_max_entries(find_map(object_.get(), "flows"), options_.max_flows);
    bpf_map__set_value_size(find_map(object_.get(), "records"), record_stride(options_.flow.record_size));
    bpf_map__set_max_entries(find_map(object_.get(), "records"), options_.max_flows);
    bpf_map__set_max_entries(find_map(object_.get(), "free_slots"), slots.words);
    bpf_map__set_max_entries(find_map(object_.get(), "front"), front_sets(options_.max_flows));
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
    options_.load = nullptr; // it may refer to objects that end with this constructor
    for (auto& [name, log] : logs_)
        log.resize(std::strlen(log.c_str()));
    if (!error && patch && !patch->programs())
        throw StartupError(fmt::format("BPF object '{}' has no place for a filter: rebuild the bundle", options_.path));
    if (!error) {
        free_all_slots(map_fd("free_slots"), options_.max_flows);
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
    // Each program's log has statistics; the refused program's log has other text before them.
    std::string refused = kIngress;
    for (const auto& [name, log] : logs_)
        if (!log.empty() && log.find("verification time") != 0)
            refused = name;
    throw StartupError(fmt::format("cannot load BPF object '{}': {}", options_.path,
                                   refusal_text(refused, logs_[refused], -error, options_.plugins, patch.has_value())));
}

SensorObject::~SensorObject() = default;

std::unique_ptr<SensorObject> SensorObject::adopt(const std::string& folder, const SensorObjectOptions& options)
{
    std::unique_ptr<SensorObject> sensor(new SensorObject());
    sensor->options_ = options;
    auto open_pin = [&](const char* name) {
        const std::string path = folder + "/" + name;
        UniqueFd fd = flowxdp::open_pin(path);
        if (!fd)
            throw StartupError(
                fmt::format("cannot adopt '{}': {}; 'flowxdp detach' removes what is left of that sensor", path,
                            std::strerror(errno)));
        return sensor->adopted_.insert_or_assign(name, std::move(fd)).first->second.get();
    };
    auto need = [&](const Result<void>& checked) {
        if (!checked.ok())
            throw StartupError(fmt::format("cannot adopt '{}': {}; 'flowxdp detach' removes that sensor", folder,
                                           checked.error().message));
    };
    bpf_map_info info{};
    for (const char* name : kSensorMaps) {
        need(check_map(open_pin(name), sensor_map(name), &info));
        const std::string_view map = name;
        if (map == "flows")
            sensor->options_.max_flows = info.max_entries;
        if (map == "flows" && (!info.max_entries || info.max_entries > SLOTS_MAX))
            need(Error{fmt::format("its table has room for {} flows", info.max_entries)});
        if (map == "records" && info.value_size != record_stride(options.flow.record_size))
            throw StartupError(fmt::format("cannot adopt '{}': its records have {} bytes, these plugins need {}",
                                           folder, info.value_size, record_stride(options.flow.record_size)));
        if (map == "records" || map == "free_slots" || map == "front") {
            slot_levels slots{};
            slot_levels_from(&slots, sensor->options_.max_flows);
            const std::uint32_t entries = map == "records"      ? sensor->options_.max_flows
                                          : map == "free_slots" ? slots.words
                                                                : front_sets(sensor->options_.max_flows);
            if (info.max_entries != entries)
                need(Error{fmt::format("map '{}' has {} entries, a table of {} flows needs {}", map, info.max_entries,
                                       sensor->options_.max_flows, entries)});
        }
        if (std::string_view(name) == "ring")
            sensor->options_.ring_bytes = info.max_entries;
    }
    for (const char* name : sensor->programs())
        need(check_program(open_pin(name), name));
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
    const UniqueFd fd = open_pin(folder + "/filter_text");
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
    if (auto is_counts = check_map(map_fd, sensor_map("counts")); !is_counts.ok())
        throw StartupError(
            fmt::format("cannot read the sensor's counters: {}; the sensor was started by another version",
                        is_counts.error().message));
    const int cpus = libbpf_num_possible_cpus();
    std::vector<cpu_counts> values(static_cast<std::size_t>(cpus > 0 ? cpus : 1));
    std::memset(out->counter, 0, sizeof out->counter);
    out->totals = {};
    for (__u32 role = 0; role < PROGRAM_ROLES; role++) {
        if (cpus <= 0 || bpf_map_lookup_elem(map_fd, &role, values.data()))
            throw StartupError(fmt::format("cannot read the sensor's counters: {}", std::strerror(errno)));
        for (cpu_counts& value : values) {
            // pad_bytes, the one signed sum (padding minus missing bytes), must fit over all CPUs, whoever wrote it.
            constexpr std::int64_t kMostPadBytes = 1LL << 48;
            if (value.totals.pad_bytes < -kMostPadBytes || value.totals.pad_bytes > kMostPadBytes)
                value.totals.pad_bytes = 0;
            for (unsigned i = 0; i < COUNTER_COUNT; i++)
                out->counter[i] += value.counter[i];
            totals_merge(&out->totals, &value.totals);
        }
    }
}

} // namespace flowxdp
