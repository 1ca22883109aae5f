// SPDX-License-Identifier: BSD-2-Clause
#include "live/shared_commit.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "kernel/pin.h"
#include "live/pinned_sensor.h"
#include "live/sensor_state.h"

namespace flowxdp {
namespace {

// The journal of a pinned sensor as it stands; nothing when it cannot be read or is another version's.
std::optional<journal> read_journal(const PinnedSensor& sensor)
{
    const UniqueFd map = open_pin(sensor.folder + "/journal");
    if (!map || !check_map(map.get(), sensor_map("journal")).ok())
        return std::nullopt;
    struct journal whole {};
    const __u32 zero = 0;
    if (bpf_map_lookup_elem(map.get(), &zero, &whole))
        return std::nullopt;
    return whole;
}

struct Neighbour {
    PinnedSensor sensor;
    journal_slot last;
};

// Pinned sensors that are not among those given. Another user's are left out: their journals may name any output.
std::vector<Neighbour> neighbours_of(const std::vector<std::unique_ptr<LiveSensor>>& sensors)
{
    std::vector<Neighbour> found;
    for (PinnedSensor& pinned : find_pinned_sensors("read the journals")) {
        if (std::ranges::any_of(sensors, [&](const auto& own) { return own->pin_path() == pinned.folder; }))
            continue;
        if (!pinned.owner || (pinned.owner->uid && std::ranges::none_of(sensors, [&](const auto& own) {
                                  return own->owner() == pinned.owner->uid;
                              })))
            continue;
        if (const std::optional<journal> read = read_journal(pinned))
            found.push_back({std::move(pinned), read->slot[read->generation & 1]});
    }
    return found;
}

// Whether the rows of an output lie in a file that a sensor's daemon resumes: only those could be cut off or
// overwritten. Standard output and receivers take rows from any number of daemons.
bool is_file_of(const PinnedSensor& sensor, std::uint64_t output)
{
    if (!sensor.state)
        return true; // unknown: assume so
    const auto& files = sensor.state->files;
    return std::ranges::any_of(files, [&](const OutputFileRecord& f) { return f.output == output; }) ||
           std::ranges::all_of(files, [](const OutputFileRecord& f) { return f.output != 0; }); // not all have a place
}

} // namespace

void commit_together(const std::vector<std::unique_ptr<LiveSensor>>& sensors, std::vector<journal_slot> entries)
{
    std::uint64_t stamp = static_cast<std::uint64_t>(boot_clock_ns());
    for (const auto& sensor : sensors)
        stamp = std::max<std::uint64_t>(stamp, sensor->journal().last().stamp_ns + 1);
    for (std::size_t i = 0; i < entries.size(); i++) {
        entries[i].stamp_ns = stamp;
        sensors[i]->journal().prepare(entries[i]);
    }
    for (const auto& sensor : sensors)
        sensor->journal().raise();
}

LeftOutputs take_over_outputs(const std::vector<std::unique_ptr<LiveSensor>>& sensors,
                              const std::vector<std::uint64_t>& outputs)
{
    const std::vector<Neighbour> neighbours = neighbours_of(sensors);
    for (const auto& sensor : sensors) {
        const std::uint64_t prepared = sensor->journal().other().stamp_ns;
        if (!sensor->adopted() || prepared <= sensor->journal().last().stamp_ns)
            continue;
        // A daemon raises the first journal after it has prepared all of them.
        if (std::ranges::any_of(sensors, [&](const auto& s) { return s->journal().last().stamp_ns == prepared; }) ||
            std::ranges::any_of(neighbours, [&](const Neighbour& n) { return n.last.stamp_ns == prepared; }))
            sensor->journal().raise();
    }
    for (const Neighbour& neighbour : neighbours)
        for (const auto& [id, words] : resume_points(neighbour.last))
            if (std::ranges::find(outputs, id) != outputs.end() && is_file_of(neighbour.sensor, id))
                throw StartupError(fmt::format(
                    "an output of this run also belongs to the sensor of '{0}', {1}; name its interface too, or "
                    "export it to another file first: sudo flowxdp detach --export {0} -w PREFIX",
                    neighbour.sensor.interface,
                    neighbour.sensor.served ? "whose daemon writes to it" : "whose daemon was killed"));
    LeftOutputs left;
    std::vector<journal_slot> slots;
    for (const auto& sensor : sensors) {
        if (!sensor->adopted())
            continue;
        slots.push_back(sensor->journal().last());
        SensorStateRecord state = sensor->state()->last(); // a copy: its owner may still write there
        make_readable(&state);
        if (state.version != kSensorStateVersion)
            continue;
        for (LeftFile& file : left_files(state, slots.back(), sensor->left_by(), wall_offset_ns()))
            left.files.push_back(std::move(file));
    }
    std::ranges::sort(slots, {}, &journal_slot::stamp_ns);
    for (const journal_slot& slot : slots)
        for (const auto& [id, words] : resume_points(slot))
            left.resume[id] = words;
    return left;
}

} // namespace flowxdp
