// SPDX-License-Identifier: BSD-2-Clause
#include "cli/plugin_command.h"

#include <sys/auxv.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "cli/json_object.h"
#include "cli/module_listing.h"
#include "core/printable.h"
#include "plugin_build/plugin_build.h"
#include "plugin_build/plugin_template.h"

namespace flowxdp {
namespace {

constexpr unsigned kFirstNumber = 800, kLastNumber = 899; // for plugins that nobody has numbered

// What of a folder is not usable: broken, or hidden by another folder.
std::vector<BrokenModule> left_out(const ModuleListing& listing)
{
    std::vector<BrokenModule> all = listing.broken;
    all.insert(all.end(), listing.plugins.hidden.begin(), listing.plugins.hidden.end());
    return all;
}

bool is_below(const std::string& path, const std::string& folder)
{
    return path == folder || path.starts_with(folder + "/");
}

std::string plugin_json(const PluginLibrary& library)
{
    const fx_plugin& p = *library.descriptor;
    return JsonObject()
        .add("name", p.name)
        .add("number", p.number)
        .add("version", p.version)
        .add("kernel_half", has_kernel_half(p))
        .add("default", p.default_on != 0)
        .add("path", library.path)
        .text();
}

void print_folder(const ModuleListing& listing, const ModuleFolder& folder)
{
    std::string bundle;
    if (listing.bundle && listing.bundle->folder == folder.path)
        bundle = fmt::format("; its bundle is used, layout {:016x}", listing.bundle->descriptor->layout_id);
    const std::string whose =
        folder.kind == FolderKind::kChosen ? "chosen" : fmt::format("the {}'s", name_of(folder.kind));
    fmt::print("{}: {}{}\n", printable(folder.path), whose, bundle);
    for (const PluginLibrary& library : listing.plugins.usable) {
        const fx_plugin& p = *library.descriptor;
        if (is_below(library.path, folder.path))
            fmt::print("    {:03} {} {}{}{}\n", p.number, printable(p.name), printable(p.version),
                       has_kernel_half(p) ? ", kernel half" : "", p.default_on ? ", on by default" : "");
    }
    for (const BrokenModule& broken : left_out(listing))
        if (is_below(broken.path, folder.path))
            fmt::print("    left out: {}\n", printable(broken.reason));
}

std::string folder_json(const ModuleListing& listing, const ModuleFolder& folder)
{
    JsonObject object;
    object.add("folder", folder.path).add("kind", name_of(folder.kind));
    const bool used = listing.bundle && listing.bundle->folder == folder.path;
    object.add("bundle", used);
    if (used)
        object.add("layout", fmt::format("{:016x}", listing.bundle->descriptor->layout_id));
    std::vector<std::string> plugins, not_usable;
    for (const PluginLibrary& library : listing.plugins.usable)
        if (is_below(library.path, folder.path))
            plugins.push_back(plugin_json(library));
    for (const BrokenModule& broken : left_out(listing))
        if (is_below(broken.path, folder.path))
            not_usable.push_back(JsonObject().add("path", broken.path).add("reason", broken.reason).text());
    object.add("plugins", plugins).add("left_out", not_usable);
    return object.text();
}

ExitCode run_list(const PluginOptions& options)
{
    const ModuleListing listing = list_modules(options.library_folder);
    // With a chosen bundle the installation's plugins are not used: nothing of it is listed.
    std::vector<ModuleFolder> folders = listing.folders.all();
    if (listing.folders.has_choice())
        std::erase_if(folders, [](const ModuleFolder& f) { return f.kind == FolderKind::kInstallation; });
    if (options.json) {
        std::vector<std::string> objects;
        for (const ModuleFolder& folder : folders)
            objects.push_back(folder_json(listing, folder));
        fmt::print("{}\n", JsonObject::list(objects));
        return ExitCode::kOk;
    }
    for (const ModuleFolder& folder : folders)
        print_folder(listing, folder);
    for (const BrokenModule& refused : listing.folders.refused())
        fmt::print("{}\n", printable(refused.reason));
    return ExitCode::kOk;
}

ExitCode run_new(const PluginOptions& options)
{
    // A number that no plugin has that can be found from here.
    const ModuleListing listing = list_modules("");
    NewPlugin plugin{options.name, kFirstNumber, options.folder};
    while (plugin.number < kLastNumber &&
           std::ranges::any_of(listing.plugins.usable, [&](const PluginLibrary& library) {
               return library.descriptor->number == plugin.number;
           }))
        plugin.number++;
    const auto written = write_new_plugin(installed_template(), plugin);
    if (!written.ok())
        throw StartupError(written.error().message);
    for (const std::string& file : written.value())
        fmt::print("{}\n", printable(std::filesystem::path(file).lexically_normal().string()));
    return ExitCode::kOk;
}

ExitCode run_build(const PluginOptions& options)
{
    // What is built is loaded, too, to ask it for its number.
    if (getauxval(AT_SECURE) != 0)
        throw StartupError("plugin build: this program has rights that its user has not (setcap), and a build runs the "
                           "user's code; use a copy without rights",
                           ExitCode::kPermission);
    const auto sources = installed_sources();
    if (!sources.ok())
        throw StartupError(sources.error().message);
    const auto built = build_bundle(sources.value(), options.folders, options.output,
                                    [](const std::string& step) { fmt::print(stderr, "{}\n", step); });
    if (!built.ok())
        throw StartupError(built.error().message);
    std::string names;
    std::size_t halves = 0;
    for (const BuiltPlugin& plugin : built->plugins) {
        halves += plugin.has_half;
        if (plugin.is_new)
            names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", plugin.name, plugin.number);
    }
    fmt::print("{}: {} with {} plugins, {} kernel halves, layout {:016x}\n", printable(built->folder), names,
               built->plugins.size(), halves, built->layout_id);
    return ExitCode::kOk;
}

} // namespace

ExitCode run_plugin_command(const PluginOptions& options)
{
    switch (options.action) {
    case PluginOptions::Action::kBuild:
        return run_build(options);
    case PluginOptions::Action::kNew:
        return run_new(options);
    case PluginOptions::Action::kList:
        return run_list(options);
    }
    return ExitCode::kUsage;
}

} // namespace flowxdp
