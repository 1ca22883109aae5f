// SPDX-License-Identifier: BSD-2-Clause
#include "cli/command_line.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config_file.h"
#include "cli/foreign_option.h"
#include "cli/help_text.h"
#include "cli/man_text.h"
#include "core/nearest_word.h"
#include "core/printable.h"

namespace flowxdp {
namespace {

using Words = std::span<const std::string>;

CommandLineReply help(std::string text)
{
    return {ExitCode::kOk, std::move(text)};
}

CommandLineReply mistake(const std::string& sentence, const std::string& command = "")
{
    return {ExitCode::kUsage, fmt::format("flowxdp: {}\n'flowxdp {}--help' says what it takes.\n", sentence,
                                          command.empty() ? "" : command + " ")};
}

// First words of all commands, each once, in order.
std::vector<std::string> first_words(const std::vector<CommandRow>& commands)
{
    std::vector<std::string> names;
    for (const CommandRow& command : commands)
        if (const std::string first = command.name.substr(0, command.name.find(' '));
            !command.hidden && (names.empty() || names.back() != first))
            names.push_back(first);
    return names;
}

// The command that the words begin with: one word, or two of a family ("geo lookup"). *taken: words of its name.
const CommandRow* find_command(const std::vector<CommandRow>& commands, Words words, std::size_t* taken)
{
    for (const CommandRow& command : commands) {
        const std::size_t blank = command.name.find(' ');
        *taken = blank == std::string::npos ? 1 : 2;
        if (words.size() >= *taken && command.name == (*taken == 1 ? words[0] : words[0] + " " + words[1]))
            return &command;
    }
    return nullptr;
}

bool is_family(const std::vector<CommandRow>& commands, const std::string& word)
{
    return std::ranges::any_of(commands, [&](const CommandRow& c) { return c.name.starts_with(word + " "); });
}

// What `flowxdp geo X` can be.
std::vector<std::string> members(const std::vector<CommandRow>& commands, const std::string& family)
{
    std::vector<std::string> names;
    for (const CommandRow& command : commands)
        if (command.name.starts_with(family + " "))
            names.push_back(command.name.substr(family.size() + 1));
    return names;
}

CommandLineReply no_such_command(const std::vector<CommandRow>& commands, Words words)
{
    const std::string& word = words[0];
    if (is_family(commands, word)) {
        const std::vector<std::string> names = members(commands, word);
        if (words.size() < 2)
            return mistake(fmt::format("{} needs a command after it{}", word, known_words("", names)), word);
        return mistake(fmt::format("{} has no command '{}'{}", word, printable(words[1], kValueBytes),
                                   known_words(words[1], names)),
                       word);
    }
    if (const std::string meant = command_for_word(words); !meant.empty())
        return mistake(meant);
    if (word.starts_with('-'))
        return mistake(fmt::format("the first word is a command, not '{}'{}", printable(word, kValueBytes),
                                   known_words("", first_words(commands))));
    return mistake(fmt::format("there is no command '{}'{}", printable(word, kValueBytes),
                               known_words(word, first_words(commands))));
}

// `flowxdp help ...` and `flowxdp COMMAND --help`.
CommandLineReply help_of(const std::vector<CommandRow>& commands, Words words, const std::string& version)
{
    const bool man = !words.empty() && words[0] == "--man";
    if (man)
        words = words.subspan(1);
    if (words.empty())
        return help(man ? man_overview(commands, version) : overview_text(commands));
    std::size_t taken = 0;
    if (const CommandRow* command = find_command(commands, words, &taken); man && command)
        return help(man_text(*command, version));
    if (const CommandRow* command = find_command(commands, words, &taken))
        return help(help_text(*command));
    if (is_family(commands, words[0]) && words.size() == 1)
        return help(family_text(words[0], commands));
    return no_such_command(commands, words);
}

// Reads one command's words.
class Reader {
  public:
    Reader(const std::vector<CommandRow>& commands, const CommandRow& command, Words words)
        : commands_(commands), command_(command), words_(words)
    {
    }

    std::optional<CommandLineReply> read()
    {
        bool options_end = false;
        while (at_ < words_.size()) {
            const std::string& word = words_[at_++];
            std::optional<CommandLineReply> reply;
            if (options_end || word.size() < 2 || word[0] != '-')
                plain_.push_back(word);
            else if (word == "--")
                options_end = true;
            else if (word == "--help" || word == "-h")
                return help(help_text(command_));
            else
                reply = word[1] == '-' ? read_name(word) : read_letters(word);
            if (reply)
                return reply;
        }
        if (command_.words.empty() && !plain_.empty())
            return wrong(
                fmt::format("{} takes no word, and '{}' is one", command_.name, printable(plain_[0], kValueBytes)));
        if (const Result<void> finished = command_.finish(plain_); !finished.ok())
            return wrong(finished.error().message);
        if (auto reply = read_config())
            return reply;
        for (const auto& step : {command_.check, command_.settle})
            if (step)
                if (const Result<void> done = step(); !done.ok())
                    return wrong(done.error().message);
        return std::nullopt;
    }

  private:
    [[nodiscard]] CommandLineReply wrong(const std::string& sentence) const { return mistake(sentence, command_.name); }

    [[nodiscard]] CommandLineReply no_such_option(const std::string& word) const
    {
        constexpr std::size_t kLetterAndAByte = 3; // longer words are names whose second dash was forgotten, rather
        const std::string next = at_ < words_.size() ? words_[at_] : "";
        std::vector<std::string> known;
        for (const OptionRow& row : command_.options.rows()) {
            if (!row.name.empty())
                known.push_back(row.name);
            if (row.letter)
                known.push_back({'-', row.letter});
        }
        const std::string meant = did_you_mean(word.substr(0, word.find('=')), known);
        if (meant.empty() || word.size() <= kLetterAndAByte)
            if (const std::string answer = foreign_answer(command_.name, word, next); !answer.empty())
                return wrong(answer);
        return wrong(fmt::format("{} has no option '{}'{}", command_.name, printable(word, kValueBytes), meant));
    }

    // The file of --config. What the command line has said stays: an option, its like (one of), the words.
    std::optional<CommandLineReply> read_config()
    {
        const auto given = given_.find(command_.options.find("--config"));
        if (given == given_.end())
            return std::nullopt;
        const auto file = read_config_file(config_path(given->second));
        if (!file.ok())
            return wrong(file.error().message);
        std::set<std::string> taken;
        std::set<const OptionRow*> words;
        for (const OptionRow& row : command_.options.rows()) {
            if (!row.one_of.empty() && !row.values().empty())
                taken.insert(row.one_of);
            if (row.name.empty() && !row.letter && !row.values().empty())
                words.insert(&row);
        }
        const std::vector<std::string> problems =
            apply_config(file.value(), commands_, command_, [&](const OptionRow& row) {
                return given_.contains(&row) || words.contains(&row) || taken.contains(row.one_of);
            });
        return problems.empty() ? std::nullopt : std::optional(wrong(fmt::format("{}", fmt::join(problems, "\n"))));
    }

    std::optional<CommandLineReply> read_name(const std::string& word)
    {
        const std::size_t equal = word.find('=');
        const OptionRow* row = command_.options.find(word.substr(0, equal));
        if (!row)
            return no_such_option(word);
        if (row->value.empty() && equal != std::string::npos)
            return wrong(fmt::format("option {} takes no value, and '{}' gives one", row->called(),
                                     printable(word, kValueBytes)));
        if (row->value.empty())
            return take(*row, "");
        return equal == std::string::npos ? take_next(*row) : take(*row, word.substr(equal + 1));
    }

    std::optional<CommandLineReply> read_letters(const std::string& word)
    {
        for (std::size_t i = 1; i < word.size(); i++) {
            const OptionRow* row = command_.options.find(word[i]);
            if (!row)
                return no_such_option(i == 1 ? word : std::string{'-', word[i]});
            if (row->value.empty()) {
                if (auto reply = take(*row, ""))
                    return reply;
                continue;
            }
            return i + 1 < word.size() ? take(*row, word.substr(i + 1)) : take_next(*row);
        }
        return std::nullopt;
    }

    // The next word is the value, unless it is an option that we know: then the value was forgotten.
    std::optional<CommandLineReply> take_next(const OptionRow& row)
    {
        if (at_ == words_.size())
            return wrong(fmt::format("option {} needs a value: {} {}", row.called(), row.called(), row.value));
        const std::string& next = words_[at_];
        const bool is_option = next.size() > 1 && next[0] == '-' &&
                               (next == "--help" || command_.options.find(next.substr(0, next.find('='))) ||
                                (next.size() == 2 && command_.options.find(next[1])));
        if (is_option)
            return wrong(fmt::format("option {} needs a value ({} {}), and '{}' after it is an option; a value that "
                                     "looks like one is written {}",
                                     row.called(), row.called(), row.value, next,
                                     row.name.empty() ? fmt::format("-{}{}", row.letter, next)
                                                      : fmt::format("{}={}", row.name, next)));
        at_++;
        return take(row, next);
    }

    std::optional<CommandLineReply> take(const OptionRow& row, const std::string& value)
    {
        if (const auto [given, is_new] = given_.try_emplace(&row, value); !is_new && !row.repeats)
            return wrong(fmt::format("option {} is given twice: '{}' and '{}'; give it once", row.called(),
                                     printable(given->second, kValueBytes), printable(value, kValueBytes)));
        if (const Result<void> read = row.read(value); !read.ok())
            return wrong(fmt::format("option {}: {}", row.called(), read.error().message));
        return std::nullopt;
    }

    const std::vector<CommandRow>& commands_;
    const CommandRow& command_;
    Words words_;
    std::size_t at_ = 0;
    std::vector<std::string> plain_;
    std::map<const OptionRow*, std::string> given_;
};

} // namespace

std::optional<CommandLineReply> read_command_line(const std::vector<CommandRow>& commands, Words arguments,
                                                  const std::string& version)
{
    if (arguments.empty())
        return mistake(fmt::format("a command is missing{}", known_words("", first_words(commands))));
    const std::string& first = arguments[0];
    if (first == "-h" || first == "--help" || first == "help")
        return help_of(commands, arguments.subspan(1), version);
    if (first == "-V" || first == "--version" || first == "version")
        return help(version + "\n");
    std::size_t taken = 0;
    if (const CommandRow* command = find_command(commands, arguments, &taken))
        return Reader(commands, *command, arguments.subspan(taken)).read();
    if (is_family(commands, first) && arguments.size() > 1 && (arguments[1] == "-h" || arguments[1] == "--help"))
        return help(family_text(first, commands));
    return no_such_command(commands, arguments);
}

} // namespace flowxdp
