// SPDX-License-Identifier: BSD-2-Clause
#include "plugin/plugin_library.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include <fmt/format.h>

#include "core/option_value.h"
#include "module/module_file.h"

namespace flowxdp {
namespace {

bool is_figure_name(const char* name)
{
    constexpr std::size_t kLongest = 48;
    const std::string_view text = name ? name : "";
    return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

const char* problem_of(const fx_plugin* p)
{
    if (!p->name || !*p->name || !p->version || !p->help)
        return "name, version or help is missing";
    if (!p->create || !p->destroy || !p->on_flow_end)
        return "create, destroy or on_flow_end is missing";
    if ((p->option_count && !p->options) || (p->column_count && !p->columns) ||
        (p->packet_column_count && (!p->packet_columns || !p->on_packet_row)))
        return "options or columns are announced but missing";
    for (std::size_t i = 0; i < p->option_count; i++)
        if (const char* problem = option_problem(p->options[i]))
            return problem;
    for (const auto& columns :
         {std::span(p->columns, p->column_count), std::span(p->packet_columns, p->packet_column_count)})
        for (const fx_column& c : columns)
            if (!c.name || !c.help || c.type < FX_U8 || c.type > FX_PAYLOAD || (c.bit_count && !c.bits))
                return "a column has no name or help, or a type that is not known";
    if (p->figure_count && (!p->figures || !p->figure_values))
        return "figures are announced but missing";
    for (const fx_figure& figure : std::span(p->figures, p->figure_count))
        if (!is_figure_name(figure.name) || !figure.help || figure.kind > FX_FIGURE_GAUGE)
            return "a figure has no help, a kind that is not known, or a name that is not 1 to 48 characters of lower "
                   "case, digits and _";
    if (p->state_size % 8 || p->cold_size % 8 || p->packet_state_size % 8 || p->config_size % 8 ||
        p->flow_memory_size % 8)
        return "a state, memory or configuration size is not a multiple of 8";
    return nullptr;
}

// Plugins with different names and numbers.
class Collection {
  public:
    // Why it cannot be added; empty: it was.
    std::string add(PluginLibrary library)
    {
        const fx_plugin& plugin = *library.descriptor;
        for (const PluginLibrary& other : libraries_)
            if (other.descriptor->number == plugin.number || std::string_view(other.descriptor->name) == plugin.name)
                return fmt::format("plugin '{}' ({}, number {}): name or number is taken by another plugin, '{}'",
                                   library.path, plugin.name, plugin.number, other.path);
        libraries_.push_back(std::move(library));
        return "";
    }
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    [[nodiscard]] std::string path(std::string_view name) const { return find(name)->path; }
    std::vector<PluginLibrary> take()
    {
        std::ranges::sort(libraries_, {}, [](const PluginLibrary& l) { return l.descriptor->number; });
        return std::move(libraries_);
    }

  private:
    [[nodiscard]] const PluginLibrary* find(std::string_view name) const
    {
        const auto found =
            std::ranges::find(libraries_, name, [](const PluginLibrary& l) { return l.descriptor->name; });
        return found == libraries_.end() ? nullptr : &*found;
    }

    std::vector<PluginLibrary> libraries_;
};

// A plugin that needs a broken one is broken. Numbers rise along dependencies, so one pass finds all.
void leave_out_dependents(FoundPlugins* found)
{
    for (auto it = found->usable.begin(); it != found->usable.end();) {
        std::string missing;
        for (const char* const* d = it->descriptor->dependencies; d && *d; d++)
            if (std::ranges::any_of(found->broken, [d](const BrokenModule& b) { return b.name() == *d; }))
                missing = *d;
        if (missing.empty()) {
            ++it;
            continue;
        }
        found->broken.push_back(
            {it->path, fmt::format("plugin '{}' needs plugin '{}', which is not usable", it->path, missing)});
        it = found->usable.erase(it);
    }
}

} // namespace

Result<PluginLibrary> load_plugin_library(const std::string& path)
{
    auto loaded = load_module(path, "plugin", "flowxdp_plugin",
                              {"flowxdp_plugin_interface", FX_PLUGIN_API_VERSION, sizeof(fx_plugin)});
    if (!loaded.ok())
        return loaded.error();
    const fx_plugin* p = reinterpret_cast<const fx_plugin* (*)()>(loaded->entry)();
    if (!p || p->api_version != FX_PLUGIN_API_VERSION || p->descriptor_size != sizeof(fx_plugin))
        return Error{fmt::format(
            "plugin '{}' was built for plugin interface {} ({} bytes), this flowxdp has {} ({} bytes): rebuild it",
            path, p ? p->api_version : 0, p ? p->descriptor_size : 0, FX_PLUGIN_API_VERSION, sizeof(fx_plugin))};
    if (const char* problem = problem_of(p))
        return Error{fmt::format("plugin '{}' is not usable: {}", path, problem)};
    return PluginLibrary{path, p, loaded->handle};
}

std::vector<PluginLibrary> load_plugin_libraries(const std::string& folder)
{
    std::error_code error;
    const std::filesystem::directory_iterator readable(folder, error);
    if (error)
        throw StartupError(fmt::format("cannot read plugin folder '{}': {}; give --lib", folder, error.message()));
    Collection all;
    for (const std::string& path : module_files(folder)) {
        auto library = load_plugin_library(path);
        if (!library.ok())
            throw StartupError(library.error().message);
        if (const std::string taken = all.add(library.take()); !taken.empty())
            throw StartupError(taken);
    }
    return all.take();
}

bool has_kernel_half(const fx_plugin& plugin)
{
    return plugin.state_size || plugin.cold_size || plugin.packet_state_size || plugin.config_size;
}

std::string half_problem(const fx_plugin& plugin, const bundle_descriptor& bundle)
{
    for (const half_descriptor& half : std::span(bundle.halves, bundle.half_count)) {
        if (std::string_view(half.name) != plugin.name)
            continue;
        if (plugin.state_size == half.state_size && plugin.cold_size == half.cold_size &&
            plugin.packet_state_size == half.packet_state_size && plugin.config_size == half.config_size)
            return "";
        return fmt::format("plugin '{}' has state {}, cold state {}, packet state {}, configuration {} bytes, its "
                           "kernel half in the bundle has {}, {}, {}, {}: rebuild both",
                           plugin.name, plugin.state_size, plugin.cold_size, plugin.packet_state_size,
                           plugin.config_size, half.state_size, half.cold_size, half.packet_state_size,
                           half.config_size);
    }
    if (!plugin.state_size)
        return "";
    return fmt::format("plugin '{}' has a kernel half that is not in the engine bundle: use a bundle that was built "
                       "with it",
                       plugin.name);
}

FoundPlugins find_plugins(const ModuleFolders& folders, const std::string& bundle_folder,
                          const bundle_descriptor* bundle)
{
    FoundPlugins found;
    Collection all;
    std::vector<std::string> nearest;
    if (!bundle_folder.empty())
        nearest.push_back(bundle_folder);
    for (const ModuleFolder& folder : folders.all()) {
        std::error_code error;
        const bool instead = folder.kind == FolderKind::kInstallation && folders.has_choice();
        if (!instead && !std::filesystem::equivalent(folder.path, bundle_folder, error))
            nearest.push_back(folder.path);
    }
    for (const std::string& folder : nearest)
        for (const std::string& path : module_files(folder + "/plugins")) {
            auto library = load_plugin_library(path);
            if (!library.ok()) {
                BrokenModule broken{path, library.error().message};
                (all.has(broken.name()) ? found.hidden : found.broken).push_back(std::move(broken));
                continue;
            }
            const fx_plugin& plugin = *library->descriptor;
            if (all.has(plugin.name) && !all.path(plugin.name).starts_with(folder + "/plugins/")) {
                found.hidden.push_back(
                    {path, fmt::format("plugin '{}' is taken from '{}'", path, all.path(plugin.name))});
                continue;
            }
            if (folder != bundle_folder && has_kernel_half(plugin)) {
                found.hidden.push_back(
                    {path, bundle_folder.empty()
                               ? fmt::format("plugin '{}' has a kernel half, and no bundle is usable", path)
                               : fmt::format("plugin '{}' has a kernel half, and the bundle is that of '{}': name its "
                                             "own with --lib",
                                             path, bundle_folder)});
                continue;
            }
            std::string problem = bundle ? half_problem(plugin, *bundle) : "";
            if (problem.empty())
                problem = all.add(library.take());
            if (!problem.empty())
                found.broken.push_back({path, problem});
        }
    found.usable = all.take();
    leave_out_dependents(&found);
    return found;
}

} // namespace flowxdp
