// SPDX-License-Identifier: BSD-2-Clause
#include "cli/complete_command.h"

#include <net/if.h>
#include <pwd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "cli/completion.h"
#include "cli/config_file.h"
#include "cli/module_listing.h"
#include "core/printable.h"
#include "flowxdp/tunnel_config.h"
#include "row/schema.h"
#include "sink/sink_library.h"

namespace flowxdp {
namespace {

std::vector<Candidate> interfaces()
{
    std::vector<Candidate> found;
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(if_nameindex(), if_freenameindex);
    for (const struct if_nameindex* one = all.get(); one && one->if_index; one++)
        found.push_back({one->if_name, ""});
    return found;
}

std::vector<Candidate> users()
{
    std::vector<Candidate> found;
    // No other thread.
    setpwent();                                    // NOLINT(concurrency-mt-unsafe)
    while (const passwd* const entry = getpwent()) // NOLINT(concurrency-mt-unsafe)
        found.push_back({entry->pw_name, ""});
    endpwent(); // NOLINT(concurrency-mt-unsafe)
    return found;
}

// NAME of /etc/flowxdp/NAME.toml.
std::vector<Candidate> configs()
{
    namespace fs = std::filesystem;
    std::vector<Candidate> found;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(fs::path(config_path("x")).parent_path(), error))
        if (file.path().extension() == ".toml")
            found.push_back({file.path().stem(), file.path()});
    std::ranges::sort(found, {}, &Candidate::word);
    return found;
}

std::vector<Candidate> tunnels()
{
    std::vector<Candidate> found;
#define X(name, ...) found.push_back({#name, ""});
    FX_TUNNEL(X)
#undef X
    found.push_back({"ip", "GRE, IP in IP and EtherIP"});
    return found;
}

ModuleName::Option option_name(const fx_option& option)
{
    ModuleName::Option name{option.name, option.help, {}, std::string_view(option.help).starts_with("file ")};
    if (option.type == FX_OPTION_WORD) {
        std::istringstream words(option.words);
        for (std::string word; std::getline(words, word, '|');)
            name.choices.push_back(word);
    } else if (option.type == FX_OPTION_SWITCH) {
        name.choices = {"0", "1"};
    }
    return name;
}

// What is broken is left out without a word: a shell asks, no person.
std::vector<ModuleName> plugins()
{
    std::vector<ModuleName> found;
    for (const PluginLibrary& library : list_modules("").plugins.usable) {
        ModuleName& name = found.emplace_back(ModuleName{library.descriptor->name, library.descriptor->help, "", {}});
        for (std::size_t i = 0; i < library.descriptor->option_count; i++)
            name.options.push_back(option_name(library.descriptor->options[i]));
    }
    return found;
}

std::vector<ModuleName> sinks()
{
    std::vector<ModuleName> found;
    const SinkLibrary library(ModuleFolders::of("", ModuleUse::kReplay));
    for (const std::string& one : library.names()) {
        const auto module = library.load(one);
        if (!module.ok())
            continue;
        const fx_sink& sink = *module->descriptor;
        ModuleName& name = found.emplace_back(ModuleName{sink.name, sink.help, sink.target_help, {}});
        for (std::size_t i = 0; i < sink.option_count; i++)
            name.options.push_back(option_name(sink.options[i]));
        name.options.push_back({"policy", "when its queue is full", {"block", "drop"}, false});
        name.options.push_back({"queue", "bytes its queue may hold", {}, false});
    }
    return found;
}

// Those that decode explains.
std::vector<Candidate> columns()
{
    std::vector<Candidate> found;
    for (const PluginLibrary& library : list_modules("").plugins.usable)
        for (std::size_t i = 0; i < library.descriptor->column_count; i++)
            if (const fx_column& column = library.descriptor->columns[i]; column.bit_count)
                found.push_back({column.name, column.help});
    return found;
}

// A name with a blank or a control character is nothing that a shell could put on its line as it is.
bool is_one_word(const std::string& word)
{
    return word.find(' ') == std::string::npos && printable(word) == word;
}

} // namespace

ExitCode run_complete_command(const Options& options)
{
    const CompletionNames names{interfaces, users, configs, tunnels, columns, plugins, sinks};
    Options untouched;
    const Completion found = complete(command_table(&untouched, options.complete), options.complete, names);
    const char* kind = found.paths == Completion::Paths::kFiles     ? "files"
                       : found.paths == Completion::Paths::kFolders ? "folders"
                                                                    : "words";
    fmt::print("{}\t{}\n", kind, found.before_path);
    for (const Candidate& candidate : found.candidates)
        if (is_one_word(candidate.word))
            fmt::print("{}\t{}\n", candidate.word, printable(candidate.help));
    return ExitCode::kOk;
}

} // namespace flowxdp
