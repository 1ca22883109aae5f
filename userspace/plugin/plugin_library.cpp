// SPDX-License-Identifier: BSD-2-Clause
// Finds and checks plugin libraries, and parses --plugin.
#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>

#include <fmt/format.h>

#include "core/option_value.h"
#include "library_file.h"
#include "plugin/plugin_host.h"

namespace flowxdp {
namespace {

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
    if (p->state_size % 8 || p->cold_size % 8 || p->packet_state_size % 8 || p->config_size % 8 ||
        p->flow_memory_size % 8)
        return "a state, memory or configuration size is not a multiple of 8";
    return nullptr;
}

} // namespace

std::vector<PluginLibrary> load_plugin_libraries(const std::string& folder)
{
    std::error_code error;
    std::vector<std::string> paths;
    for (const auto& file : std::filesystem::directory_iterator(folder, error))
        if (file.path().extension() == ".so")
            paths.push_back(file.path());
    if (error)
        throw StartupError(fmt::format("cannot read plugin folder '{}': {}; give --lib", folder, error.message()));
    std::ranges::sort(paths);

    std::vector<PluginLibrary> libraries;
    std::set<std::string> names;
    std::set<unsigned> numbers;
    for (const std::string& path : paths) {
        if (auto checked = check_library(path, "plugin", "flowxdp_plugin",
                                         {"flowxdp_plugin_interface", FX_PLUGIN_API_VERSION, sizeof(fx_plugin)});
            !checked.ok())
            throw StartupError(checked.error().message);
        void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            throw StartupError(fmt::format("cannot load plugin '{}': {}", path, dlerror()));
        std::shared_ptr<void> owner(handle, [](void* h) { dlclose(h); });
        auto* entry = reinterpret_cast<const fx_plugin* (*)()>(dlsym(handle, "flowxdp_plugin"));
        if (!entry)
            throw StartupError(fmt::format("'{}' is not a flowxdp plugin: it exports no flowxdp_plugin()", path));
        const fx_plugin* p = entry();
        if (!p || p->api_version != FX_PLUGIN_API_VERSION || p->descriptor_size != sizeof(fx_plugin))
            throw StartupError(fmt::format(
                "plugin '{}' was built for plugin interface {} ({} bytes), this flowxdp has {} ({} bytes): rebuild it",
                path, p ? p->api_version : 0, p ? p->descriptor_size : 0, FX_PLUGIN_API_VERSION, sizeof(fx_plugin)));
        if (const char* problem = problem_of(p))
            throw StartupError(fmt::format("plugin '{}' is not usable: {}", path, problem));
        if (!names.insert(p->name).second || !numbers.insert(p->number).second)
            throw StartupError(fmt::format("plugin '{}' ({}, number {}): name or number is taken by another plugin in "
                                           "the same folder",
                                           path, p->name, p->number));
        libraries.push_back({path, p, std::move(owner)});
    }
    std::ranges::sort(libraries, {}, [](const PluginLibrary& l) { return l.descriptor->number; });
    return libraries;
}

Result<PluginSpec> parse_plugin_spec(const std::string& text)
{
    PluginSpec spec;
    const std::size_t colon = text.find(':');
    spec.name = text.substr(0, colon);
    if (spec.name.empty())
        return Error{fmt::format("plugin '{}' has no name: write NAME[:key=value,...]", text)};
    while (colon != std::string::npos) {
        std::size_t at = colon + 1;
        while (at <= text.size()) {
            std::size_t end = text.find(',', at);
            if (end == std::string::npos)
                end = text.size();
            const std::string pair = text.substr(at, end - at);
            const std::size_t equal = pair.find('=');
            if (equal == std::string::npos || equal == 0)
                return Error{fmt::format("plugin '{}': '{}' is not key=value", text, pair)};
            const auto [given, is_new] = spec.options.try_emplace(pair.substr(0, equal), pair.substr(equal + 1));
            if (!is_new)
                return Error{fmt::format("plugin '{}': option '{}' is given twice: '{}' and '{}'; give it once", text,
                                         given->first, given->second, pair.substr(equal + 1))};
            at = end + 1;
        }
        break;
    }
    return spec;
}

} // namespace flowxdp
