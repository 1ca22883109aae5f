// SPDX-License-Identifier: BSD-2-Clause
#include "live/pinned_sensor.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "core/printable.h"
#include "flowxdp/record_slots.h"
#include "kernel/pin.h"
#include "kernel/ring_reader.h"
#include "kernel/sensor_object.h"
#include "live/dispatcher.h"
#include "live/egress_hook.h"
#include "live/lock_holder.h"
#include "live/pin_folder.h"

namespace flowxdp {
namespace {

UniqueFd open_program(const PinnedSensor& sensor)
{
    return open_pin(sensor.folder + "/flowxdp_ingress");
}

// As read_link(), from libxdp's pins: in a dispatcher every change makes another link.
void read_place(PinnedSensor* sensor)
{
    const UniqueFd program = open_program(*sensor);
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (!program || !is_extension(program.get()) || bpf_obj_get_info_by_fd(program.get(), &info, &size))
        return;
    sensor->in_dispatcher = true;
    sensor->program_id = info.id;
    sensor->index = dispatched_to(info.id).value_or(0);
    if (sensor->here && !is_dispatched(sensor->index, info.id))
        sensor->index = 0;
}

// Where the link is attached; index 0 when it is not any more.
void read_link(PinnedSensor* sensor)
{
    const UniqueFd link = open_pin(sensor->folder + "/link");
    if (!link)
        read_place(sensor);
    bpf_link_info info{};
    __u32 size = sizeof info;
    if (!link || bpf_obj_get_info_by_fd(link.get(), &info, &size) || info.type != BPF_LINK_TYPE_XDP)
        return;
    sensor->index = info.xdp.ifindex;
    sensor->program_id = info.prog_id;
}

PinnedSensor read_pinned_sensor(const std::filesystem::path& folder)
{
    PinnedSensor sensor;
    sensor.folder = folder;
    sensor.id = folder.filename();
    const std::string pinned_as = folder.parent_path().filename();
    sensor.interface = pinned_as.substr(0, pinned_as.find('@'));
    sensor.owner = pin_owner(sensor.folder);
    sensor.state = read_sensor_state(sensor.folder);
    sensor.here = !sensor.state || sensor.state->network_namespace == own_network_namespace();
    read_link(&sensor);
    std::error_code error;
    sensor.egress = std::filesystem::exists(folder / "flowxdp_egress", error);
    for (const auto& pin : std::filesystem::directory_iterator(folder, error))
        if (const std::string name = pin.path().filename(); name.starts_with(kLegPin))
            sensor.merged.push_back(static_cast<unsigned>(std::strtoul(name.c_str() + kLegPin.size(), nullptr, 10)));
    std::ranges::sort(sensor.merged);
    char name[IF_NAMESIZE] = {};
    // Without a state the index may mean another namespace's interface: the pinned name is more reliable.
    if (sensor.state && sensor.here && sensor.index && if_indextoname(sensor.index, name))
        sensor.interface = printable(name);
    sensor.served = is_served(sensor.folder);
    if (sensor.served)
        if (const auto holder = find_lock_holder(open_below_bpf(sensor.folder, O_RDONLY | O_DIRECTORY).get()))
            sensor.daemon = static_cast<std::uint32_t>(holder->pid);
    return sensor;
}

// A real folder, not a link, with a name as PinFolder gives it: anything else is not ours.
bool is_folder(const std::filesystem::directory_entry& entry)
{
    std::error_code error;
    const std::string name = entry.path().filename();
    return printable(name) == name && entry.symlink_status(error).type() == std::filesystem::file_type::directory;
}

bool may_not_look(const std::error_code& error)
{
    return error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
}

} // namespace

std::vector<std::string> PinnedSensor::merged_names() const
{
    std::vector<std::string> names;
    for (const unsigned number : merged) {
        char name[IF_NAMESIZE] = {};
        names.push_back(here && if_indextoname(number, name) ? printable(name) : fmt::format("interface {}", number));
    }
    return names;
}

bool PinnedSensor::is_named(const std::string& name) const
{
    const unsigned wanted = here ? if_nametoindex(name.c_str()) : 0;
    return interface == printable(name) || std::filesystem::path(folder).parent_path().filename() == name ||
           (wanted && std::ranges::find(merged, wanted) != merged.end());
}

std::vector<PinnedSensor> find_pinned_sensors(const std::string& operation)
{
    need_bpf_file_system(operation);
    need_own_pin_root(operation);
    std::vector<std::filesystem::path> folders;
    std::error_code error;
    for (const auto& interface : std::filesystem::directory_iterator(kPinRoot, error)) {
        if (!is_folder(interface))
            continue;
        std::error_code inner; // an interface whose folder vanishes meanwhile has no sensor
        for (const auto& folder : std::filesystem::directory_iterator(interface.path(), inner))
            if (is_folder(folder))
                folders.push_back(folder.path());
        if (may_not_look(inner))
            error = inner;
    }
    if (error && error != std::errc::no_such_file_or_directory)
        throw StartupError(fmt::format("cannot {}: {}: {}; run it with sudo", operation, kPinRoot, error.message()),
                           may_not_look(error) ? ExitCode::kPermission : ExitCode::kRuntime);
    std::ranges::sort(folders);
    std::vector<PinnedSensor> found;
    for (const auto& folder : folders)
        found.push_back(read_pinned_sensor(folder));
    return found;
}

std::vector<PinnedSensor> find_pinned_sensors(const std::string& operation, const std::vector<std::string>& interfaces)
{
    std::vector<PinnedSensor> all = find_pinned_sensors(operation);
    if (interfaces.empty())
        return all;
    for (const std::string& name : interfaces) {
        if (std::ranges::any_of(all, [&](const PinnedSensor& s) { return s.is_named(name); }))
            continue;
        std::string known;
        for (const PinnedSensor& s : all)
            known += (known.empty() ? "" : ", ") + s.interface;
        throw StartupError(fmt::format("cannot {}: interface '{}' has no sensor; {}", operation, name,
                                       known.empty() ? "no interface has one" : "these have one: " + known));
    }
    std::erase_if(all, [&](const PinnedSensor& s) {
        return std::ranges::none_of(interfaces, [&](const std::string& name) { return s.is_named(name); });
    });
    return all;
}

Result<void> remove_pinned_sensor(const PinnedSensor& sensor)
{
    // A tcx link is removed with its pin; a clsact filter is not.
    if (!sensor.owner)
        return Error{
            fmt::format("cannot remove the sensor of '{}': '{}' and the folder above belong to different users; "
                        "look what it is, then: sudo rm -r '{}'",
                        sensor.interface, sensor.folder, sensor.folder)};
    if (const UniqueFd program = open_pin(sensor.folder + "/flowxdp_egress"); program) {
        std::vector<unsigned> indexes = sensor.merged;
        indexes.push_back(sensor.index);
        for (const unsigned index : indexes)
            if (auto hook = EgressHook::adopt(program.get(), index, sensor.interface, egress_pin(sensor.folder, index));
                hook.ok())
                if (auto detached = hook->detach(); !detached.ok())
                    return detached;
    }
    PinFolder pins = PinFolder::take(sensor.folder, sensor.owner->uid);
    if (sensor.in_dispatcher) {
        // A dispatcher can be replaced only from its own namespace. When that is gone, there is no dispatcher left.
        if (const std::string file = sensor.here ? "" : network_namespace_file(sensor.state->network_namespace);
            !file.empty())
            return Error{fmt::format("cannot remove the sensor of '{}': it is in a dispatcher of another network "
                                     "namespace; do it there: nsenter --net={} flowxdp detach {}",
                                     sensor.interface, file, sensor.interface)};
        if (auto left = leave_dispatcher(sensor.index, open_program(sensor).get()); !left.ok())
            return left;
    }
    return pins.remove();
}

bool is_remnant(const PinnedSensor& sensor)
{
    const auto is_missing = [&sensor](const char* name) {
        return !open_pin(sensor.folder + "/" + name) && errno == ENOENT;
    };
    if (is_missing("flows"))
        return true;
    // The state is there before the first packet; without another map it is a sensor that somebody has damaged.
    if (!is_missing(kStatePin))
        return false;
    const UniqueFd flows = open_pin(sensor.folder + "/flows");
    bpf_map_info info{};
    flow_key first{};
    return flows && check_map(flows.get(), sensor_map("flows"), &info).ok() &&
           bpf_map_get_next_key(flows.get(), nullptr, &first) != 0;
}

std::uint64_t packets_in_flows(const engine_counts& counts)
{
    return counts.totals.direction[0].packets + counts.totals.direction[1].packets;
}

std::uint64_t packets_without_flow(const engine_counts& counts)
{
    return counted_without_flow(counts.counter);
}

std::uint64_t flows_alive(const engine_counts& counts)
{
    const __u64* c = counts.counter;
    const std::uint64_t ended = c[COUNTER_FLOWS_ENDED_IDLE] + c[COUNTER_FLOWS_ENDED_ACTIVE] +
                                c[COUNTER_FLOWS_ENDED_FORCED] + c[COUNTER_FLOWS_ENDED_RESOURCES] +
                                c[COUNTER_FLOWS_ENDED_INPUT];
    // Each CPU's set is read at another moment: an end may be seen before its start.
    return c[COUNTER_FLOWS_STARTED] > ended ? c[COUNTER_FLOWS_STARTED] - ended : 0;
}

SensorView::SensorView(const PinnedSensor& sensor)
{
    if (!sensor.owner)
        throw StartupError(
            fmt::format("cannot read '{}': it and the folder above belong to different users", sensor.folder),
            ExitCode::kPermission);
    auto open_map = [&sensor](const char* name, bpf_map_info* info) {
        const std::string path = sensor.folder + "/" + name;
        UniqueFd map = open_pin(path);
        if (!map)
            throw StartupError(
                fmt::format("cannot read '{}': {}{}", path, std::strerror(errno),
                            errno == ENOENT && !sensor.served
                                ? fmt::format("; a daemon that was killed while it started or stopped left this: "
                                              "'flowxdp detach {}' removes it",
                                              sensor.interface)
                                : ""),
                errno == EPERM || errno == EACCES ? ExitCode::kPermission : ExitCode::kRuntime);
        if (auto checked = check_map(map.get(), sensor_map(name), info); !checked.ok())
            throw StartupError(fmt::format("the sensor in '{}' was started by another version of flowxdp: {}; use that "
                                           "version",
                                           sensor.folder, checked.error().message));
        return map;
    };
    bpf_map_info info{};
    const UniqueFd records = open_map("records", &info);
    const std::uint32_t stride = info.value_size;
    capacity_ = info.max_entries;
    record_size_ = sensor.state ? sensor.state->record_size : stride; // no state: no packet yet
    if (record_size_ < sizeof(flow_record) || record_size_ > FLOW_RECORD_MAX || record_size_ % 8 ||
        record_stride(record_size_) != stride)
        throw StartupError(fmt::format("the sensor in '{}' was started by another version of flowxdp: its records have "
                                       "{} bytes; use that version",
                                       sensor.folder, record_size_));
    const UniqueFd free_slots = open_map("free_slots", &info);
    slot_levels levels{};
    slot_levels_from(&levels, std::min(capacity_, SLOTS_MAX));
    if (!capacity_ || capacity_ > SLOTS_MAX || info.max_entries != levels.words)
        throw StartupError(fmt::format("the sensor in '{}' was started by another version of flowxdp: {} words name "
                                       "the free ones of {} slots; use that version",
                                       sensor.folder, info.max_entries, capacity_));
    table_.emplace(records.get(), free_slots.get(), capacity_, stride);
    counts_ = open_map("counts", &info);
    ring_ = open_map("ring", &info);
    ring_bytes_ = info.max_entries;
    journal_ = open_map("journal", &info);
    evict_request_ = open_map("evict_request", &info);
    evict_out_ = open_map("evict_out", &info);
}

engine_counts SensorView::counts() const
{
    engine_counts counts{};
    read_sensor_counts(counts_.get(), &counts);
    return counts;
}

journal_slot SensorView::journal() const
{
    struct journal whole {};
    const __u32 zero = 0;
    if (bpf_map_lookup_elem(journal_.get(), &zero, &whole))
        throw StartupError(fmt::format("cannot read the sensor's journal: {}", std::strerror(errno)));
    return whole.slot[whole.generation & 1];
}

std::uint64_t SensorView::ring_used() const
{
    const RingReader ring(ring_.get(), ring_bytes_, {record_size_, sizeof(packet_record), false});
    // The two positions are read one after the other, and pins are input from outside.
    return std::min<std::uint64_t>(ring.used(), ring_bytes_);
}

evict_request SensorView::last_eviction() const
{
    evict_request request{};
    const __u32 zero = 0;
    if (bpf_map_lookup_elem(evict_request_.get(), &zero, &request))
        throw StartupError(fmt::format("cannot read the sensor's eviction call: {}", std::strerror(errno)));
    return request;
}

SensorView::Books SensorView::read_books() const
{
    Books books;
    const engine_counts before = counts();
    const journal_slot safe = journal();
    const evict_request request = last_eviction();
    auto packets_of = [](const flow_record& r) { return r.dir[0].packets + r.dir[1].packets; };
    table_->each([&](const flow_record& r) {
        if (holds_flow(r))
            books.alive += packets_of(r);
    });
    RingReader ring(ring_.get(), ring_bytes_, {record_size_, sizeof(packet_record), false});
    ring.skip_to(safe.ring_position);
    ring.read([&](const stream_header& header) {
        const auto& record = reinterpret_cast<const ended_record&>(header);
        if (header.kind == STREAM_ENDED &&
            (ring.position() >= safe.ring_read_position || record.end_clock_ns >= safe.released_clock_ns))
            books.waiting += packets_of(record.record);
    });
    if (request.done == request.sequence && request.sequence != safe.evict_sequence) {
        evict_slot slot{};
        for (__u32 i = 0; i < request.keys && i < EVICT_SLOTS; i++)
            if (!bpf_map_lookup_elem(evict_out_.get(), &i, &slot) && slot.outcome == EVICT_RECORD)
                books.waiting += packets_of(slot.ended.record);
    }
    const engine_counts after = counts();
    const journal_slot then = journal();
    books.seen = after.counter[COUNTER_PACKETS_SEEN];
    books.without_flow = packets_without_flow(after);
    books.exported = then.packets;
    books.at_rest = before.counter[COUNTER_PACKETS_SEEN] == books.seen && safe.packets == then.packets &&
                    request.sequence == last_eviction().sequence && safe.evict_sequence == then.evict_sequence &&
                    packets_in_flows(before) == packets_in_flows(after);
    return books;
}

SensorView::Books SensorView::books() const
{
    Books books = read_books();
    for (int tries = 1; tries < 3 && !(books.at_rest && !books.difference()); tries++)
        books = read_books();
    return books;
}

} // namespace flowxdp
