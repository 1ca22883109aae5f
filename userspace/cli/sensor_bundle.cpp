// SPDX-License-Identifier: BSD-2-Clause
#include "cli/sensor_bundle.h"

#include <algorithm>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "core/printable.h"

namespace flowxdp {
namespace {

// The folder that the pins name. Error: why its bundle cannot read the records.
Result<std::string> named_bundle(const SensorStateRecord& state)
{
    const std::string folder = state.bundle;
    if (folder.empty())
        return Error{"the pins do not name it"};
    if (folder.front() != '/')
        return Error{fmt::format("'{}' is no absolute path: the record is damaged", folder)};
    const auto bundle = open_bundle(folder);
    if (!bundle.ok())
        return bundle.error();
    if (bundle->descriptor->layout_id != state.layout_id)
        return Error{fmt::format("in '{}' is one with layout {:016x} now", folder, bundle->descriptor->layout_id)};
    return folder;
}

} // namespace

std::string bundle_of(const PinnedSensor& pinned, const RunOptions& run)
{
    const ModuleFolders folders = ModuleFolders::of(run.library_folder, ModuleUse::kLive);
    if (!pinned.state || folders.has_choice())
        return "";
    const SensorStateRecord& state = *pinned.state;
    const auto named = named_bundle(state);
    if (named.ok())
        return named.value();
    std::vector<BrokenModule> ignored;
    const Bundle own = find_bundle(folders, &ignored);
    if (own.descriptor->layout_id == state.layout_id)
        return "";
    throw StartupError(fmt::format(
        "cannot export the sensor of '{}': its records were made by the bundle '{}' of flowxdp {}, with layout "
        "{:016x}, "
        "and this is not there to read them: {}; the bundle '{}' has layout {:016x}. Name a bundle with that layout "
        "(--lib), or remove sensor and flows: flowxdp detach {}",
        pinned.interface, state.bundle, state.program, state.layout_id, named.error().message, own.folder,
        own.descriptor->layout_id, pinned.interface));
}

std::string bundle_left(const AttachOptions& options, uid_t owner)
{
    if (ModuleFolders::of(options.run.library_folder, ModuleUse::kLive).has_choice())
        return "";
    try {
        for (const PinnedSensor& pinned : find_pinned_sensors("attach")) {
            if (!pinned.here || pinned.served || !pinned.state || !pinned.owner)
                continue;
            if (pinned.owner->uid && pinned.owner->uid != owner)
                continue;
            if (std::ranges::none_of(options.interfaces,
                                     [&](const std::string& name) { return pinned.is_named(name); }))
                continue;
            if (const auto named = named_bundle(*pinned.state); named.ok())
                return named.value();
        }
    } catch (const StartupError&) {
        // Attaching meets the same obstacle, and says what was to be done.
    }
    return "";
}

} // namespace flowxdp
