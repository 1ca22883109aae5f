// SPDX-License-Identifier: BSD-2-Clause
#include "plugin_build/plugin_template.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "module/module_folders.h"
#include "plugin_build/plugin_source.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

// "my_plugin" -> "MyPlugin"; a column begins with a small letter.
std::string joined(const std::string& name, bool first_big)
{
    std::string out;
    bool big = first_big;
    for (const char c : name) {
        if (c != '_')
            out += big && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        big = c == '_' && (first_big || !out.empty());
    }
    return out;
}

std::string upper(std::string name)
{
    for (char& c : name)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

std::string filled(std::string text, const std::map<std::string, std::string>& words)
{
    for (const auto& [word, value] : words)
        for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
            text.replace(at, word.size(), value);
    return text;
}

} // namespace

std::string installed_template()
{
    return fs::path(installation_folder()).parent_path().parent_path() / "share/flowxdp/plugin_template";
}

Result<std::vector<std::string>> write_new_plugin(const std::string& from, const NewPlugin& plugin)
{
    if (!is_plugin_name(plugin.name) || joined(plugin.name, false).empty())
        return Error{fmt::format("'{}' cannot be a plugin's name: lower case letters, digits and _, at most 31; not "
                                 "first a digit",
                                 plugin.name)};
    const std::map<std::string, std::string> words = {{"@name@", plugin.name},
                                                      {"@NAME@", upper(plugin.name)},
                                                      {"@Class@", joined(plugin.name, true)},
                                                      {"@column@", joined(plugin.name, false) + "Small"},
                                                      {"@number@", std::to_string(plugin.number)}};
    std::map<std::string, std::string> texts; // by name of the file
    for (const char* file : {"plugin.bpf.h", "plugin.cpp", "README.md", "test.sh"}) {
        std::ifstream in(from + "/" + file + ".in");
        std::ostringstream text;
        text << in.rdbuf();
        if (!in)
            return Error{fmt::format("cannot read '{}/{}.in': {}; it is in flowxdp's component dev", from, file,
                                     std::strerror(errno))};
        std::string name = file;
        if (name.starts_with("plugin."))
            name.replace(0, std::strlen("plugin"), plugin.name);
        texts[name] = filled(text.str(), words);
    }
    const std::string folder = plugin.folder + "/" + plugin.name;
    if (mkdir(folder.c_str(), 0777))
        return Error{fmt::format("cannot make '{}': {}{}", folder, std::strerror(errno),
                                 errno == EEXIST ? "; choose another name, or another folder with -C" : "")};
    std::vector<std::string> written;
    for (const auto& [name, text] : texts) {
        std::ofstream out(folder + "/" + name);
        out << text;
        out.close();
        if (!out)
            return Error{fmt::format("cannot write '{}/{}': {}", folder, name, std::strerror(errno))};
        written.push_back(folder + "/" + name);
    }
    constexpr auto kRun = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
    std::error_code error;
    fs::permissions(folder + "/test.sh", kRun, fs::perm_options::add, error);
    return written;
}

} // namespace flowxdp
