// SPDX-License-Identifier: BSD-2-Clause
#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <span>

#include "cli/command_line.h"
#include "cli/command_rows.h"
#include "cli/geo_options.h"
#include "cli/top_table.h"
#include "core/printable.h"
#include "core/result.h"
#include "flowxdp_version.h" // generated

namespace flowxdp {
namespace {

CommandRow status_command(Options* options)
{
    CommandRow row{
        "status", "What the attached sensors have counted, and how their sinks are", "[IFACE...]", {}, {}, {}, {}};
    row.noun = Noun::kInterface;
    row.options.flag("--all,-a", &options->status.all, "Counters that are zero, too");
    row.options.flag("--json", &options->status.json, "As JSON");
    row.examples = {{"sudo flowxdp status", "every sensor"}, {"sudo flowxdp status -a eth0", "all counters of one"}};
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kStatus;
        options->status.interfaces = words;
        return Result<void>();
    };
    return row;
}

CommandRow top_command(Options* options)
{
    TopOptions* top = &options->top;
    CommandRow row{"top", "The busiest flows and talkers, now", "[IFACE...]", {}, {}, {}, {}};
    row.noun = Noun::kInterface;
    row.options.choice("--sort,-o", &top->sort, kTopKeys, "What to sort by, largest first; idle: smallest first");
    row.options.duration("--interval,-i", &top->interval_ms, 1, 3600000,
                         "Time between two looks, over which rates are taken");
    row.options.number("-n", "N", &top->count, 1, 1000000, 20, "At most so many lines; 20 with --once")
        .with_default("what fits");
    row.options.flag("--all,-a", &top->all, "With --once: every flow and talker");
    row.options.flag("--once", &top->once, "One table instead of a screen; what is no terminal gets one anyway");
    row.options.flag("--json", &top->json, "One table as JSON");
    row.examples = {{"sudo flowxdp top", "a screen; h explains its keys"},
                    {"sudo flowxdp top --once -n 5 -o bytes eth0", "the five largest flows and talkers"}};
    row.notes = {
        "Keys: h or ? help; q quit; s, left, right: sort; t: talkers or flows; up, down, page up, page down: "
        "scroll; p: pause.",
        "Bytes are IP octets, of flows without IP bytes on the wire. It reads the kernel's table, which goes on "
        "counting."};
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kTop;
        options->top.interfaces = words;
        return Result<void>();
    };
    return row;
}

CommandRow doctor_command(Options* options)
{
    DoctorOptions* doctor = &options->doctor;
    CommandRow row{"doctor", "Would a sensor work here? What to do where not", "[IFACE...]", {}, {}, {}, {}};
    row.noun = Noun::kInterface;
    row.options.text("-w", "PREFIX", &doctor->write_prefix, "Where flows will be written");
    row.options.flag("--json", &doctor->json, "As JSON");
    row.options.text("--lib", "DIR", &doctor->library_folder, "Folder with engine bundle and plugins");
    row.examples = {{"sudo flowxdp doctor eth0 -w /var/log/flows", "this machine, an interface, a place for rows"}};
    row.notes = {"Nothing is attached. Exit codes: 0 ready, 1 not ready: the last line says what to do first."};
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kDoctor;
        options->doctor.interfaces = words;
        return Result<void>();
    };
    return row;
}

// plugins, sinks: all, or those named.
CommandRow listing_command(Options* options, Command command, const char* name, const char* summary,
                           const char* example)
{
    CommandRow row{name, summary, "[NAME...]", {}, {}, {}, {}};
    row.noun = command == Command::kPlugins ? Noun::kPlugin : Noun::kSink;
    row.options.flag("--json", &options->list.json, "As JSON");
    row.options.text("--lib", "DIR", &options->list.library_folder, "Folder with engine bundle and plugins");
    row.examples = {{example, "one of them"}};
    row.finish = [options, command](const std::vector<std::string>& words) {
        options->command = command;
        options->list.names = words;
        return Result<void>();
    };
    return row;
}

CommandRow interfaces_command(Options* options)
{
    CommandRow row{"interfaces", "List interfaces with driver, MTU and XDP programs", "", {}, {}, {}, {}};
    row.options.flag("--json", &options->list.json, "As JSON");
    row.finish = [options](const std::vector<std::string>&) {
        options->command = Command::kInterfaces;
        return Result<void>();
    };
    return row;
}

CommandRow decode_command(Options* options)
{
    CommandRow row{"decode", "Explain the bits of a column's value", "COLUMN=VALUE", {}, {}, {}, {}};
    row.noun = Noun::kColumn;
    row.options.flag("--json", &options->list.json, "As JSON");
    row.options.text("--lib", "DIR", &options->list.library_folder, "Folder with engine bundle and plugins");
    row.examples = {{"flowxdp decode flowStat=0x0400020000004000", "which bits are set, and what they mean"}};
    row.finish = [options](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kDecode;
        if (words.size() != 1)
            return Error{words.empty() ? "decode needs a value: COLUMN=VALUE, e.g. flowxdp decode "
                                         "flowStat=0x0400020000004000"
                                       : fmt::format("decode takes one COLUMN=VALUE, and '{}' is one more",
                                                     printable(words[1], kValueBytes))};
        options->decode = words[0];
        return {};
    };
    return row;
}

// What shells ask when a user presses tab: the words of a command line, the last one half-written.
CommandRow complete_command(Options* options)
{
    CommandRow row{"complete", "What could stand next on a command line", "[-- WORD...]", {}, {}, {}, {}};
    row.hidden = true;
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kComplete;
        options->complete = words;
        return Result<void>();
    };
    return row;
}

constexpr const char* kConfigCommands[] = {"attach", "replay"};

CommandRow config_check_command(Options* options)
{
    CommandRow row;
    row.name = "config check";
    row.summary = "Say what is wrong in configuration files";
    row.words = "FILE...";
    row.noun = Noun::kConfig;
    row.options
        .choice("--command", &options->config.command, kConfigCommands,
                "Whose options the files hold; if not given, the options themselves tell")
        .with_default("");
    row.options.text("--lib", "DIR", &options->config.library_folder, "Folder with engine bundle and plugins");
    row.examples = {{"flowxdp config check edge ./site.toml", "/etc/flowxdp/edge.toml, and a file of this folder"}};
    row.notes = {"Every mistake is named with its file and line. Exit codes: 0 none, 2 some."};
    row.finish = [options](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kConfigCheck;
        options->config.files = words;
        if (words.empty())
            return Error{"config check needs a file, or the NAME of /etc/flowxdp/NAME.toml"};
        return {};
    };
    return row;
}

// Takes the options of attach or replay, as they do, and runs neither.
CommandRow config_dump_command(Options* options, bool of_replay)
{
    CommandRow row = of_replay ? replay_command(options) : attach_command(options);
    row.name = "config dump";
    row.summary = "Print the options of attach or replay as a configuration file";
    row.words = "[options and words of the command]";
    row.options.hide();
    row.options.group("Options");
    row.options.choice("--command", &options->config.command, kConfigCommands, "Whose options")
        .with_default("attach")
        .not_in_files();
    row.examples = {{"flowxdp config dump", "every option of attach, with its default"},
                    {"flowxdp config dump --config edge --sink csv:x", "what attach would take, and from where it is"},
                    {"flowxdp config dump --command replay -s", "a file for replay"}};
    row.notes = {
        "It takes every option of the command ('flowxdp help attach'). Lines that begin with # hold defaults."};
    row.finish = [options, finish = row.finish](const std::vector<std::string>& words) {
        auto taken = finish(words);
        options->command = Command::kConfigDump;
        return taken;
    };
    row.settle = nullptr;
    return row;
}

// Whether the words ask for the options of replay: "config dump --command replay".
bool dumps_replay(std::span<const std::string> words)
{
    if (words.size() < 2 || words[0] != "config" || words[1] != "dump")
        return false;
    for (std::size_t i = 2; i < words.size(); i++)
        if (words[i] == "--command=replay" ||
            (words[i] == "--command" && i + 1 < words.size() && words[i + 1] == "replay"))
            return true;
    return false;
}

} // namespace

std::vector<CommandRow> command_table(Options* options, std::span<const std::string> words)
{
    std::vector<CommandRow> commands;
    commands.push_back(replay_command(options));
    commands.push_back(extract_command(options));
    commands.push_back(attach_command(options));
    commands.push_back(detach_command(options));
    commands.push_back(status_command(options));
    commands.push_back(top_command(options));
    commands.push_back(doctor_command(options));
    commands.push_back(interfaces_command(options));
    commands.push_back(listing_command(options, Command::kPlugins, "plugins",
                                       "List plugins with their options and columns", "flowxdp plugins NAME"));
    commands.push_back(
        listing_command(options, Command::kSinks, "sinks", "List sinks with their options", "flowxdp sinks json"));
    commands.push_back(plugin_list_command(options));
    commands.push_back(plugin_new_command(options));
    commands.push_back(plugin_build_command(options));
    commands.push_back(decode_command(options));
    commands.push_back(query_command(options));
    commands.push_back(config_check_command(options));
    commands.push_back(config_dump_command(options, dumps_replay(words)));
    commands.push_back(complete_command(options));
    geo::add_geo_commands(&commands, &options->geo);
    for (CommandRow& command : commands)
        if (command.name.starts_with("geo ")) {
            command.finish = [options, finish = command.finish](const std::vector<std::string>& given) {
                options->command = Command::kGeo;
                return finish(given);
            };
        }
    return commands;
}

std::string command_line_text(int argc, char** argv)
{
    std::string text;
    for (int i = 0; i < argc; i++)
        text += (i ? " " : "") + std::string(argv[i]);
    return text;
}

bool parse_options(int argc, char** argv, Options* options, int* exit_code)
{
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    const auto reply =
        read_command_line(command_table(options, words), words, std::string("flowxdp ") + FLOWXDP_VERSION);
    if (!reply)
        return true;
    if (reply->code == ExitCode::kOk)
        std::cout << reply->text << std::flush;
    else
        std::cerr << printable_lines(reply->text) << std::flush; // with words as they were given
    *exit_code = static_cast<int>(reply->code);
    return false;
}

} // namespace flowxdp
