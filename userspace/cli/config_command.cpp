// SPDX-License-Identifier: BSD-2-Clause
#include "cli/config_command.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "capture/filter.h"
#include "cli/config_file.h"
#include "cli/run_setup.h"
#include "core/printable.h"

namespace flowxdp {
namespace {

const CommandRow& row_of(const std::vector<CommandRow>& commands, const std::string& name)
{
    return *std::ranges::find(commands, name, &CommandRow::name);
}

// The command whose options a file holds: replay, when it has one that attach has not.
std::string command_of(const ConfigFile& file, const std::vector<CommandRow>& commands)
{
    const OptionTable& attach = row_of(commands, "attach").options;
    const OptionTable& replay = row_of(commands, "replay").options;
    const bool of_replay = std::ranges::any_of(file.entries, [&](const ConfigEntry& entry) {
        return !attach.find_key(entry.key) && replay.find_key(entry.key);
    });
    return of_replay ? "replay" : "attach";
}

// What the plan of a run finds wrong: sinks, plugins, their options and columns, the filter. Opens nothing for writing.
std::string plan_problem(RunOptions run, RunKind kind, const std::string& library_folder)
{
    if (!library_folder.empty())
        run.library_folder = library_folder;
    if (!run.filter.empty())
        if (const auto filter = PacketFilter::compile(run.filter); !filter.ok())
            return filter.error().message;
    run.quiet = true;
    Log log(LogLevel::kError);
    try {
        const RunSetup setup(run, RunInput{"config", {}}, "flowxdp config check", kind, &log);
    } catch (const StartupError& error) {
        return error.what();
    }
    return "";
}

// What is wrong in one file. *command: whose options it holds.
std::vector<std::string> problems_of(const std::string& path, const std::string& library_folder, std::string* command)
{
    const auto file = read_config_file(path);
    if (!file.ok())
        return {file.error().message};
    Options options;
    const std::vector<CommandRow> commands = command_table(&options);
    if (command->empty())
        *command = command_of(file.value(), commands);
    const CommandRow& row = row_of(commands, *command);
    std::vector<std::string> problems =
        apply_config(file.value(), commands, row, [](const OptionRow&) { return false; });
    std::string whole;
    if (const auto together = row.check(); !together.ok())
        whole = together.error().message;
    else if (problems.empty())
        whole = *command == "replay" ? plan_problem(options.replay.run, RunKind::kReplay, library_folder)
                                     : plan_problem(options.attach.run, RunKind::kLive, library_folder);
    if (!whole.empty())
        problems.push_back(fmt::format("configuration file '{}': {}", printable(path), whole));
    return problems;
}

} // namespace

ExitCode run_config_check(const ConfigOptions& options)
{
    ExitCode code = ExitCode::kOk;
    for (const std::string& name : options.files) {
        const std::string path = config_path(name);
        std::string command = options.command;
        const std::vector<std::string> problems = problems_of(path, options.library_folder, &command);
        for (const std::string& problem : problems)
            fmt::print(stderr, "flowxdp: {}\n", problem);
        if (problems.empty())
            fmt::print("{}: fit for {}\n", printable(path), command);
        else
            code = ExitCode::kUsage;
    }
    return code;
}

ExitCode run_config_dump(const Options& options)
{
    Options given = options;
    Options untouched;
    const std::string command = options.config.command.empty() ? "attach" : options.config.command;
    const std::vector<CommandRow> rows = command_table(&given);
    const std::vector<CommandRow> defaults = command_table(&untouched);
    const auto text = config_text(row_of(rows, command), row_of(defaults, command).options);
    if (!text.ok())
        throw StartupError(text.error().message);
    fmt::print("# Options of 'flowxdp {0}'. Lines that begin with # hold defaults. Read by 'flowxdp {0} --config "
               "FILE'.\n\n{1}",
               command, text.value());
    return ExitCode::kOk;
}

} // namespace flowxdp
