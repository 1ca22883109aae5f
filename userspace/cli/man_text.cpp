// SPDX-License-Identifier: BSD-2-Clause
#include "cli/man_text.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "cli/help_text.h"

namespace flowxdp {
namespace {

// Text that roff prints as it is: a hyphen stays one, a line cannot begin a request.
std::string roff(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '\'')
            out += "\\(aq";
        else if (c == '^')
            out += "\\(ha";
        else if (c == '~')
            out += "\\(ti";
        else
            out += c;
    }
    return out.starts_with('.') ? "\\&" + out : out;
}

// One line a sentence part, so that no line of the source is too long.
std::string paragraph(const std::string& text)
{
    std::string out;
    for (const std::string& line : wrapped(text, kHelpWidth))
        out += roff(line) + "\n";
    return out;
}

std::string page_name(const std::string& command)
{
    std::string name = "flowxdp-" + command;
    std::ranges::replace(name, ' ', '-');
    return name;
}

std::string heading(const std::string& page, const std::string& version)
{
    std::string title = page;
    std::ranges::transform(title, title.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    return fmt::format(".\\\" Made by 'flowxdp help --man'.\n.TH {} 1 \"\" \"{}\" \"User Commands\"\n", roff(title),
                       roff(version));
}

std::string entry(const std::string& left, const std::string& text)
{
    return ".TP\n" + left + "\n" + paragraph(text);
}

std::string option_entry(const OptionRow& row)
{
    std::string left;
    if (row.letter)
        left += fmt::format("\\fB\\-{}\\fR", row.letter);
    if (!row.name.empty())
        left += fmt::format("{}\\fB{}\\fR", left.empty() ? "" : ", ", roff(row.name));
    if (!row.value.empty())
        left += fmt::format(" \\fI{}\\fR", roff(row.value));
    return entry(left, option_help(row));
}

std::string examples_of(const std::vector<CommandExample>& examples)
{
    std::string out = examples.empty() ? "" : ".SH EXAMPLES\n";
    for (const CommandExample& example : examples)
        out += entry("\\fB" + roff(example.command) + "\\fR", example.what);
    return out;
}

} // namespace

std::string man_overview(const std::vector<CommandRow>& commands, const std::string& version)
{
    std::string out = heading("flowxdp", version);
    out += ".SH NAME\nflowxdp \\- a network flow sensor\n.SH SYNOPSIS\n.B flowxdp\n\\fICOMMAND\\fR [\\fIoptions\\fR] "
           "[\\fIwords\\fR]\n.SH DESCRIPTION\n";
    out += paragraph("Captures and live interfaces become flows with plugins' columns.");
    out += ".SH COMMANDS\n";
    for (const CommandRow& command : commands)
        if (!command.hidden)
            out += entry(fmt::format("\\fB{}\\fR(1)", roff(page_name(command.name))), command.summary);
    out += ".SH FILES\n" + entry("\\fI/etc/flowxdp/\\fRNAME\\fI.toml\\fR", "Options, read with --config NAME");
    return out;
}

std::string man_text(const CommandRow& command, const std::string& version)
{
    std::string out = heading(page_name(command.name), version);
    out += fmt::format(".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n\\fBflowxdp {}\\fR [\\fIoptions\\fR]{}\n",
                       roff(page_name(command.name)), roff(command.summary), roff(command.name),
                       command.words.empty() ? "" : " " + roff(command.words));
    std::vector<std::string> groups;
    for (const OptionRow& row : command.options.rows())
        if (!row.hidden && std::ranges::find(groups, row.group) == groups.end())
            groups.push_back(row.group);
    if (!groups.empty())
        out += ".SH OPTIONS\n";
    for (const std::string& group : groups) {
        if (groups.size() > 1)
            out += fmt::format(".SS {}\n", roff(group));
        for (const OptionRow& row : command.options.rows())
            if (!row.hidden && row.group == group)
                out += option_entry(row);
    }
    out += examples_of(command.examples);
    if (!command.notes.empty())
        out += ".SH NOTES\n";
    for (const std::string& note : command.notes)
        out += (&note == &command.notes.front() ? "" : ".PP\n") + paragraph(note);
    return out + ".SH \"SEE ALSO\"\n.BR flowxdp (1)\n";
}

} // namespace flowxdp
