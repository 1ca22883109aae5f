// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a command line (one word a line), as a configuration file, as a --sink, as a --plugin and as a split
// rule. Checks more than memory: what is accepted keeps its promises, what is refused says why.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "cli/config_file.h"
#include "cli/options.h"
#include "plugin/plugin_host.h"
#include "sink/file/split_file.h"
#include "sink/sink_spec.h"

namespace {

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "options_fuzz: %s\n", what);
    std::abort();
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines(1);
    for (const char c : text) {
        if (c == '\n')
            lines.emplace_back();
        else if (c) // argv holds C strings
            lines.back() += c;
    }
    return lines;
}

// -F and --config name a file that is read while options are parsed; the fuzzer reads nobody's files.
bool reads_a_file(const std::vector<std::string>& words)
{
    for (const std::string& word : words)
        if ((word.size() > 1 && word[0] == '-' && word[1] != '-' && word.find('F') != std::string::npos) ||
            word.starts_with("--filter-file") || word.starts_with("--config"))
            return true;
    return false;
}

void command_line(std::vector<std::string> words)
{
    if (words.size() > 64 || reads_a_file(words))
        return;
    // A word that is no command is refused on standard error, and nothing behind it is looked at: replay it instead.
    static const std::set<std::string> kCommands = {"replay", "attach",  "detach", "status", "interfaces", "top",
                                                    "doctor", "plugins", "sinks",  "decode", "geo",        "config"};
    if (words[0].empty() || (words[0][0] != '-' && !kCommands.contains(words[0])))
        words.insert(words.begin(), "replay");
    words.insert(words.begin(), "flowxdp");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const int argc = static_cast<int>(words.size());
    require(flowxdp::command_line_text(argc, argv.data()).rfind("flowxdp", 0) == 0,
            "the command line lost its program");
    flowxdp::Options options;
    int exit_code = -1;
    if (!flowxdp::parse_options(argc, argv.data(), &options, &exit_code)) {
        require(exit_code == 0 || exit_code == 2, "a refusal with another exit code than 2");
        return;
    }
    require(options.command != flowxdp::Command::kNone, "accepted without a command");
    if (options.command == flowxdp::Command::kAttach)
        require(!options.attach.interfaces.empty() && options.attach.run.max_flows >= 16, "attached to nothing");
    if (options.command != flowxdp::Command::kReplay)
        return;
    const flowxdp::ReplayOptions& replay = options.replay;
    require(!replay.files.empty() + !replay.list_file.empty() + !replay.series.empty() == 1, "not one input");
    require(replay.run.max_flows >= 16 && replay.run.max_flows <= 1u << 28, "max_flows out of its range");
    require(replay.run.idle_timeout_ms >= 1, "an idle timeout of nothing");
}

void sink(const std::string& text)
{
    auto spec = flowxdp::parse_sink_spec(text);
    if (!spec.ok()) {
        require(!spec.error().message.empty(), "a sink refused without a reason");
        return;
    }
    const flowxdp::SinkSpec& s = spec.value();
    require(!s.name.empty() && s.name.find_first_of(":,") == std::string::npos, "a sink's name is no name");
    require(text.rfind(s.name, 0) == 0, "a sink's name is not where it was written");
    require(s.target.empty() || text.compare(s.name.size() + 1, s.target.size(), s.target) == 0,
            "a sink's target is not where it was written");
    for (const auto& [key, value] : s.options)
        require(!key.empty() && text.find(key + "=" + value) != std::string::npos, "an option that was not given");
}

void plugin(const std::string& text)
{
    auto spec = flowxdp::parse_plugin_spec(text);
    if (!spec.ok()) {
        require(!spec.error().message.empty(), "a plugin refused without a reason");
        return;
    }
    require(!spec->name.empty() && text.rfind(spec->name, 0) == 0, "a plugin's name is not where it was written");
    for (const auto& [key, value] : spec->options)
        require(!key.empty() && text.find(key + "=" + value) != std::string::npos, "an option that was not given");
}

// A configuration file. What is accepted is written and read again as the same.
void config(const std::string& text)
{
    const auto file = flowxdp::parse_config(text, "fuzz.toml");
    if (!file.ok()) {
        require(file.error().message.find("'fuzz.toml', line ") != std::string::npos, "a file refused without a line");
        return;
    }
    const auto nothing_given = [](const flowxdp::OptionRow&) { return false; };
    flowxdp::Options untouched;
    const std::vector<flowxdp::CommandRow> defaults = flowxdp::command_table(&untouched);
    for (const std::size_t command : {0, 1}) { // replay, attach
        flowxdp::Options options, again;
        const std::vector<flowxdp::CommandRow> rows = flowxdp::command_table(&options);
        const std::vector<flowxdp::CommandRow> new_rows = flowxdp::command_table(&again);
        if (!flowxdp::apply_config(file.value(), rows, rows[command], nothing_given).empty())
            continue;
        const auto written = flowxdp::config_text(rows[command], defaults[command].options);
        require(written.ok(), "a file holds what no file can hold");
        const auto second = flowxdp::parse_config(written.value(), "written");
        require(second.ok(), "what was written is no TOML");
        require(flowxdp::apply_config(second.value(), new_rows, new_rows[command], nothing_given).empty(),
                "what was written is refused");
        const auto same = flowxdp::config_text(new_rows[command], defaults[command].options);
        require(same.ok() && same.value() == written.value(), "what was written is read as something else");
    }
}

void split(const std::vector<std::string>& lines)
{
    auto rule = flowxdp::parse_split_rule(lines[0], lines.size() > 1 ? lines[1] : "");
    if (rule.ok())
        require((rule->bytes > 0) != (rule->rows > 0), "a split rule of neither bytes nor flows, or of both");
    else
        require(!rule.error().message.empty(), "a split rule refused without a reason");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Help texts and refusals go to the streams; a fuzzer prints millions of them.
    static const bool quiet = [] {
        std::cout.setstate(std::ios::failbit);
        std::cerr.setstate(std::ios::failbit);
        return true;
    }();
    (void)quiet;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> lines = lines_of(text);
    sink(text);
    plugin(text);
    split(lines);
    command_line(lines);
    config(text);
    return 0;
}
