// SPDX-License-Identifier: BSD-2-Clause
#include "sink/sink_library.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>

#include <fmt/format.h>

#include "core/nearest_word.h"
#include "core/option_value.h"
#include "core/printable.h"
#include "module/module_file.h"

namespace flowxdp {
namespace {

constexpr ModuleInterface kInterface = {"flowxdp_sink_interface", FX_SINK_API_VERSION, sizeof(fx_sink)};

bool is_name(std::string_view name)
{
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

// Why a descriptor is not usable; null: it is.
const char* problem_of(const fx_sink* s, std::string_view name)
{
    if (!s->name || !s->version || !s->help || !s->target_help)
        return "name, version or help is missing";
    if (name != s->name)
        return "its name is not that of its file";
    if (!s->create || !s->destroy || !s->counts || !s->open || !s->write)
        return "create, destroy, counts, open or write is missing";
    if (s->option_count && !s->options)
        return "options are announced but missing";
    if (s->policy > FX_SINK_DROP)
        return "it has a policy that is not known";
    for (const fx_option& option : std::span(s->options, s->option_count))
        if (const char* problem = option_problem(option))
            return problem;
    return nullptr;
}

} // namespace

SinkLibrary::SinkLibrary(const ModuleFolders& folders)
{
    for (const ModuleFolder& folder : folders.all())
        folders_.push_back(folder.path + "/sinks");
}

std::vector<std::string> SinkLibrary::names() const
{
    std::set<std::string> names;
    for (const std::string& folder : folders_)
        for (const std::string& file : module_files(folder))
            if (const std::string name = std::filesystem::path(file).stem(); is_name(name))
                names.insert(name);
    return {names.begin(), names.end()};
}

std::string SinkLibrary::path_of(const std::string& name) const
{
    std::error_code error;
    for (const std::string& folder : folders_)
        if (std::string path = folder + "/" + name + ".so"; is_name(name) && std::filesystem::exists(path, error))
            return path;
    return "";
}

Result<SinkModule> SinkLibrary::load(const std::string& name) const
{
    SinkModule module;
    module.path = path_of(name);
    if (module.path.empty()) {
        const std::vector<std::string> known = names();
        return Error{fmt::format("there is no sink '{}'{}", printable(name, kValueBytes), known_words(name, known))};
    }
    auto loaded = load_module(module.path, "sink", "flowxdp_sink", kInterface);
    if (!loaded.ok())
        return loaded.error();
    module.handle = loaded->handle;
    const fx_sink* s = reinterpret_cast<const fx_sink* (*)()>(loaded->entry)();
    if (!s || s->api_version != FX_SINK_API_VERSION || s->descriptor_size != sizeof(fx_sink))
        return Error{fmt::format("sink '{}' was built for another sink interface: rebuild it", module.path)};
    if (const char* problem = problem_of(s, name))
        return Error{fmt::format("sink '{}' is not usable: {}", module.path, problem)};
    module.descriptor = s;
    return module;
}

Result<std::string> SinkLibrary::prefix_sink() const
{
    constexpr std::size_t kWords = 3; // version, size, flags
    for (const std::string& name : names()) {
        const auto words = module_constant(path_of(name), kInterface.symbol, kWords);
        if (words && (*words)[0] == FX_SINK_API_VERSION && ((*words)[2] & FX_SINK_TAKES_PREFIX))
            return name;
    }
    return Error{fmt::format("'{}' has no sink that takes the rows of -w: name one with --sink, or install one",
                             folders_.empty() ? "" : folders_.back())};
}

} // namespace flowxdp
