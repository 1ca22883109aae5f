// SPDX-License-Identifier: BSD-2-Clause
#include "sink/sink_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "core/nearest_word.h"
#include "core/option_value.h"
#include "core/printable.h"
#include "library_file.h"

namespace flowxdp {
namespace {

constexpr LibraryInterface kInterface = {"flowxdp_sink_interface", FX_SINK_API_VERSION, sizeof(fx_sink)};

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

SinkLibrary SinkLibrary::of(const std::string& library_folder)
{
    std::error_code error;
    const std::string own = library_folder + "/sinks";
    return SinkLibrary(std::filesystem::is_directory(own, error) ? own : installation_folder() + "/sinks");
}

std::vector<std::string> SinkLibrary::names() const
{
    std::error_code error;
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(folder_, error))
        if (file.path().extension() == ".so" && is_name(file.path().stem().string()))
            names.push_back(file.path().stem());
    std::ranges::sort(names);
    return names;
}

Result<SinkModule> SinkLibrary::load(const std::string& name) const
{
    SinkModule module;
    module.path = folder_ + "/" + name + ".so";
    std::error_code error;
    if (!is_name(name) || !std::filesystem::exists(module.path, error)) {
        const std::vector<std::string> known = names();
        return Error{fmt::format("there is no sink '{}'{}", printable(name, kValueBytes), known_words(name, known))};
    }
    if (auto checked = check_library(module.path, "sink", "flowxdp_sink", kInterface); !checked.ok())
        return checked.error();
    void* handle = dlopen(module.path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return Error{fmt::format("cannot load sink '{}': {}", module.path, dlerror())};
    module.handle = std::shared_ptr<void>(handle, [](void* h) { dlclose(h); });
    auto* entry = reinterpret_cast<const fx_sink* (*)()>(dlsym(handle, "flowxdp_sink"));
    const fx_sink* s = entry ? entry() : nullptr;
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
        const auto words = library_constant(folder_ + "/" + name + ".so", kInterface.symbol, kWords);
        if (words && (*words)[0] == FX_SINK_API_VERSION && ((*words)[2] & FX_SINK_TAKES_PREFIX))
            return name;
    }
    return Error{
        fmt::format("'{}' has no sink that takes the rows of -w: name one with --sink, or install one", folder_)};
}

} // namespace flowxdp
