// SPDX-License-Identifier: BSD-2-Clause
#include "cli/help_text.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace flowxdp {
namespace {

constexpr std::size_t kHelpColumn = 26;

// What is named on the left, what it does on the right; below, where the left is too wide.
void add_entry(const std::string& left, const std::string& text, std::string* out)
{
    std::string line = "  " + left;
    if (line.size() + 2 > kHelpColumn) {
        *out += line + "\n";
        line.clear();
    }
    for (const std::string& part : wrapped(text, kHelpWidth - kHelpColumn)) {
        line.resize(kHelpColumn, ' ');
        *out += line + part + "\n";
        line.clear();
    }
}

void add_paragraph(const std::string& text, std::string* out)
{
    for (const std::string& line : wrapped(text, kHelpWidth))
        *out += line + "\n";
}

// "json  JSON lines" for each example; commands that are wide have their explanation in a line above.
void add_examples(const std::vector<CommandExample>& examples, std::string* out)
{
    if (examples.empty())
        return;
    *out += "\nExamples:\n";
    for (const CommandExample& example : examples) {
        for (const std::string& line : wrapped("# " + example.what, kHelpWidth - 2))
            *out += "  " + line + "\n";
        *out += "  " + example.command + "\n";
    }
}

} // namespace

std::vector<std::string> wrapped(const std::string& text, std::size_t width)
{
    std::vector<std::string> lines(1);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        at = end + 1;
        if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
            lines.emplace_back();
        lines.back() += (lines.back().empty() ? "" : " ") + word;
    }
    return lines;
}

std::string option_help(const OptionRow& row)
{
    std::vector<std::string> facts;
    if (!row.default_text.empty())
        facts.push_back("default " + row.default_text);
    if (!row.range.empty())
        facts.push_back(row.range);
    if (row.repeats && !row.value.empty())
        facts.emplace_back("may be given several times");
    if (!row.example.empty())
        facts.push_back("e.g. " + row.example);
    std::string text = row.help;
    for (std::size_t i = 0; i < facts.size(); i++)
        text += (i ? "; " : " (") + facts[i];
    return text + (facts.empty() ? "" : ")");
}

std::string overview_text(const std::vector<CommandRow>& commands)
{
    std::string out = "flowxdp: a network flow sensor. Captures and live interfaces become flows with\n"
                      "plugins' columns.\n\n"
                      "  flowxdp COMMAND [options] [words]\n\n"
                      "Commands:\n";
    for (const CommandRow& command : commands)
        if (!command.hidden)
            add_entry(command.name, command.summary, &out);
    out += "\nOptions:\n";
    add_entry("-h, --help", "This text; after a command: the command's help", &out);
    add_entry("-V, --version", "The version", &out);
    add_entry("help --man [COMMAND]", "A manual page (roff), for man -l -", &out);
    add_examples({{"flowxdp replay capture.pcap -w out", "a capture file becomes out_flows.txt, with a report"},
                  {"sudo flowxdp attach eth0 -w /tmp/live", "an interface, until Ctrl-C"}},
                 &out);
    return out + "\n'flowxdp help COMMAND' says what a command takes.\n";
}

std::string help_text(const CommandRow& command)
{
    std::string out;
    add_paragraph(fmt::format("flowxdp {}: {}", command.name, command.summary), &out);
    out += fmt::format("\n  flowxdp {} [options]{}\n", command.name, command.words.empty() ? "" : " " + command.words);
    const std::vector<OptionRow>& rows = command.options.rows();
    std::vector<std::string> groups;
    for (const OptionRow& row : rows)
        if (!row.hidden && std::ranges::find(groups, row.group) == groups.end())
            groups.push_back(row.group);
    for (const std::string& group : groups) {
        out += "\n" + group + ":\n";
        for (const OptionRow& row : rows)
            if (row.group == group && !row.hidden)
                add_entry(row.names() + (row.value.empty() ? "" : " " + row.value), option_help(row), &out);
    }
    add_examples(command.examples, &out);
    for (const std::string& note : command.notes) {
        out += "\n";
        add_paragraph(note, &out);
    }
    return out;
}

std::string family_text(const std::string& first_word, const std::vector<CommandRow>& commands)
{
    std::string out = fmt::format("flowxdp {}: what it can do\n\n  flowxdp {} COMMAND [options] [words]\n\nCommands:\n",
                                  first_word, first_word);
    for (const CommandRow& command : commands)
        if (command.name.starts_with(first_word + " "))
            add_entry(command.name, command.summary, &out);
    return out + fmt::format("\n'flowxdp help {} COMMAND' says what one takes.\n", first_word);
}

} // namespace flowxdp
