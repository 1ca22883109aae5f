// SPDX-License-Identifier: BSD-2-Clause
#include "plugin_build/plugin_source.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "module/module_trust.h"

namespace flowxdp {

namespace fs = std::filesystem;

bool is_plugin_name(const std::string& name)
{
    constexpr std::size_t kLongest = 31;
    return !name.empty() && name.size() <= kLongest && (name[0] < '0' || name[0] > '9') &&
           std::ranges::all_of(name,
                               [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool PluginSource::uses_fmt() const
{
    std::error_code error;
    for (const auto& file : fs::directory_iterator(folder, error)) {
        const std::string suffix = file.path().extension();
        if (suffix != ".cpp" && suffix != ".h" && suffix != ".hpp")
            continue;
        std::ostringstream text;
        text << std::ifstream(file.path()).rdbuf();
        if (text.str().find("#include <fmt/") != std::string::npos)
            return true;
    }
    return false;
}

Result<PluginSource> read_plugin_source(const std::string& folder)
{
    auto refused = [&](const std::string& why) {
        return Error{fmt::format("cannot build plugin '{}': {}", folder, why)};
    };
    std::error_code error;
    PluginSource source;
    source.folder = fs::canonical(folder, error);
    if (error)
        return refused(error.message());
    if (!fs::is_directory(source.folder, error))
        return refused("it is no folder");
    source.name = fs::path(source.folder).filename();
    if (!is_plugin_name(source.name))
        return refused(fmt::format("its folder's name is the plugin's, and '{}' cannot be one: lower case letters, "
                                   "digits and _, at most 31",
                                   source.name));
    if (!fs::exists(source.user_half(), error))
        return refused(fmt::format(
            "it has no user half '{}.cpp'; 'flowxdp plugin new NAME' writes a plugin to start from", source.name));
    source.has_half = fs::exists(source.folder + "/" + source.name + ".bpf.h", error);
    if (has_own_rights())
        if (const std::string problem = write_problem(source.folder, "it would be compiled and run with this program's "
                                                                     "rights");
            !problem.empty())
            return refused(problem);
    return source;
}

} // namespace flowxdp
