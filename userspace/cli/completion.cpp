// SPDX-License-Identifier: BSD-2-Clause
#include "cli/completion.h"

#include <algorithm>
#include <set>

namespace flowxdp {
namespace {

using Words = std::span<const std::string>;

// Collects what fits behind a fixed beginning of the last word ("--sink=", "json:a.json,").
class Collector {
  public:
    Collector(std::string word, const CompletionNames& names) : word_(std::move(word)), names_(names) {}

    void add(const std::string& candidate, const std::string& help = "")
    {
        if (std::string whole = before_ + candidate; whole.starts_with(word_))
            found_.candidates.push_back({std::move(whole), help});
    }
    void add_all(const std::vector<Candidate>& candidates, const std::string& tail = "")
    {
        for (const Candidate& one : candidates)
            add(one.word + tail, one.help);
    }
    // What is in the way of paths: only what stands before them is fixed.
    void paths(Completion::Paths paths)
    {
        found_.paths = paths;
        found_.before_path = before_;
    }
    // Takes these bytes of the last word as they are.
    void go_behind(std::size_t bytes) { before_ = word_.substr(0, before_.size() + bytes); }
    // The last word, behind its fixed beginning.
    [[nodiscard]] std::string rest() const { return word_.substr(std::min(before_.size(), word_.size())); }

    void add_value(const OptionRow& row)
    {
        for (const std::string& choice : row.choices)
            add(choice);
        if (row.choices.empty())
            add_noun(row.noun);
    }
    void add_noun(Noun noun);
    Completion take() { return std::move(found_); }

  private:
    void add_modules(const std::vector<ModuleName>& modules)
    {
        for (const ModuleName& module : modules)
            add(module.name, module.help);
    }
    void add_module_spec(const std::vector<ModuleName>& modules, char options_begin);
    void add_target(const std::string& target);
    void add_key_or_value(const ModuleName& module);

    std::string word_;
    const CompletionNames& names_;
    std::string before_;
    Completion found_;
};

void Collector::add_noun(Noun noun)
{
    switch (noun) {
    case Noun::kNothing:
        return;
    case Noun::kFile:
        return paths(Completion::Paths::kFiles);
    case Noun::kFolder:
        return paths(Completion::Paths::kFolders);
    case Noun::kConfig:
        add_all(names_.configs());
        return paths(Completion::Paths::kFiles);
    case Noun::kInterface:
        return add_all(names_.interfaces());
    case Noun::kUser:
        return add_all(names_.users());
    case Noun::kPlugin:
        return add_modules(names_.plugins());
    case Noun::kPluginSpec:
        return add_module_spec(names_.plugins(), ':');
    case Noun::kPluginList:
        if (const std::size_t comma = rest().rfind(','); comma != std::string::npos)
            go_behind(comma + 1);
        return add_modules(names_.plugins());
    case Noun::kSink:
        return add_modules(names_.sinks());
    case Noun::kSinkSpec:
        return add_module_spec(names_.sinks(), ',');
    case Noun::kColumn:
        return add_all(names_.columns(), "=");
    case Noun::kTunnel:
        add_all(names_.tunnels());
        add_all(names_.tunnels(), "=");
        return add("none");
    case Noun::kExtraction:
        for (const std::string what : {"all", "alarmed", "matching"}) {
            add(what);
            add(what + ":");
        }
        if (const std::size_t colon = rest().find(':'); colon != std::string::npos) {
            go_behind(colon + 1);
            paths(Completion::Paths::kFiles);
        }
        return;
    }
}

// A plugin's options begin behind a colon; a sink's behind a comma, its target behind the colon.
void Collector::add_module_spec(const std::vector<ModuleName>& modules, char options_begin)
{
    const std::string text = rest();
    const std::size_t end = text.find_first_of(":,");
    if (end == std::string::npos) {
        for (const ModuleName& module : modules) {
            add(module.name, module.help);
            if (!module.target.empty() || (options_begin == ':' && !module.options.empty()))
                add(module.name + ":", module.help);
        }
        return;
    }
    const auto module = std::ranges::find(modules, text.substr(0, end), &ModuleName::name);
    if (module == modules.end())
        return;
    go_behind(end + 1);
    const std::size_t comma = rest().rfind(',');
    if (comma != std::string::npos)
        go_behind(comma + 1);
    if (text[end] == options_begin || comma != std::string::npos)
        add_key_or_value(*module);
    else if (text[end] == ':')
        add_target(module->target);
}

// target: how the sink describes it, e.g. "PREFIX or - (default: -w)" or "udp://HOST:PORT, tcp://HOST:PORT or
// file:PATH".
void Collector::add_target(const std::string& target)
{
    for (std::size_t at = 0; at < target.size();) {
        const std::size_t end = std::min(target.find_first_of(", ()", at), target.size());
        const std::string word = target.substr(at, end - at);
        at = end + 1;
        if (word == "PATH" || word == "PREFIX")
            paths(Completion::Paths::kFiles);
        const std::size_t colon = word.find(':');
        if (colon == std::string::npos || colon + 1 == word.size())
            continue;
        const std::string scheme = word.substr(0, word.substr(colon).starts_with("://") ? colon + 3 : colon + 1);
        if (std::ranges::none_of(found_.candidates, [&](const Candidate& c) { return c.word == before_ + scheme; }))
            add(scheme, word);
        if (word.substr(scheme.size()) == "PATH" && rest().starts_with(scheme)) {
            go_behind(scheme.size());
            return paths(Completion::Paths::kFiles);
        }
    }
}

void Collector::add_key_or_value(const ModuleName& module)
{
    const std::size_t equal = rest().find('=');
    if (equal == std::string::npos) {
        for (const ModuleName::Option& option : module.options)
            add(option.name + "=", option.help);
        return;
    }
    const auto option = std::ranges::find(module.options, rest().substr(0, equal), &ModuleName::Option::name);
    if (option == module.options.end())
        return;
    go_behind(equal + 1);
    for (const std::string& choice : option->choices)
        add(choice);
    if (option->is_file)
        paths(Completion::Paths::kFiles);
}

// Second words of a family, or all first words.
void add_commands(const std::vector<CommandRow>& commands, const std::string& family, Collector* collector)
{
    const std::string begin = family.empty() ? "" : family + " ";
    std::set<std::string> said;
    for (const CommandRow& command : commands) {
        if (command.hidden || !command.name.starts_with(begin))
            continue;
        const std::string word = command.name.substr(begin.size());
        const std::size_t blank = word.find(' ');
        if (said.insert(word.substr(0, blank)).second)
            collector->add(word.substr(0, blank), blank == std::string::npos ? command.summary : "");
    }
}

// A command whose name has ended before the last word.
const CommandRow* find_ended_command(const std::vector<CommandRow>& commands, Words words, std::size_t* taken)
{
    for (const CommandRow& command : commands) {
        *taken = command.name.find(' ') == std::string::npos ? 1 : 2;
        if (words.size() > *taken && command.name == (*taken == 1 ? words[0] : words[0] + " " + words[1]))
            return &command;
    }
    return nullptr;
}

// How one command's line stands before its last word.
struct Line {
    const OptionRow* wants_value = nullptr; // the last word is its value
    bool options_end = false;               // behind --
    std::set<const OptionRow*> given;
};

Line read_line(const OptionTable& options, Words words)
{
    Line line;
    for (const std::string& word : words) {
        if (line.wants_value) {
            line.wants_value = nullptr;
        } else if (line.options_end || word.size() < 2 || word[0] != '-') {
            continue;
        } else if (word == "--") {
            line.options_end = true;
        } else if (word[1] == '-') {
            const std::size_t equal = word.find('=');
            const OptionRow* row = options.find(word.substr(0, equal));
            line.given.insert(row);
            if (row && !row->value.empty() && equal == std::string::npos)
                line.wants_value = row;
        } else {
            // -qs are two flags; -wout is a letter with its value.
            for (std::size_t i = 1; i < word.size(); i++) {
                const OptionRow* row = options.find(word[i]);
                line.given.insert(row);
                if (!row || row->value.empty())
                    continue;
                if (i + 1 == word.size())
                    line.wants_value = row;
                break;
            }
        }
    }
    return line;
}

void add_options(const OptionTable& options, const Line& line, Collector* collector)
{
    for (const OptionRow& row : options.rows()) {
        if (line.given.contains(&row) && !row.repeats)
            continue;
        if (!row.name.empty())
            collector->add(row.name, row.help);
        else if (row.letter)
            collector->add({'-', row.letter}, row.help);
    }
    collector->add("--help", "What the command takes");
}

void add_words(const CommandRow& command, const Line& line, const std::string& word, Collector* collector)
{
    if (line.wants_value)
        return collector->add_value(*line.wants_value);
    if (!line.options_end && word.starts_with('-') && word != "-") {
        const std::size_t equal = word.find('=');
        if (!word.starts_with("--") || equal == std::string::npos)
            return add_options(command.options, line, collector);
        const OptionRow* row = command.options.find(word.substr(0, equal));
        if (!row || row->value.empty())
            return;
        collector->go_behind(equal + 1);
        return collector->add_value(*row);
    }
    for (const std::string& choice : command.choices)
        collector->add(choice);
    if (command.choices.empty())
        collector->add_noun(command.noun);
    // A command that takes no words, and a dash alone.
    if (!line.options_end && (command.words.empty() || word == "-"))
        add_options(command.options, line, collector);
}

} // namespace

Completion complete(const std::vector<CommandRow>& commands, Words words, const CompletionNames& names)
{
    if (words.empty())
        return {};
    const std::string& last = words.back();
    Collector collector(last, names);
    if (words.size() == 1) {
        add_commands(commands, "", &collector);
        for (const char* word : {"help", "version", "--help", "--version"})
            if (word[0] != '-' || last.starts_with('-'))
                collector.add(word);
        return collector.take();
    }
    if (words[0] == "help") {
        if (words[1] == "--man" && words.size() > 2)
            words = words.subspan(1);
        if (words.size() == 2)
            add_commands(commands, "", &collector);
        else if (words.size() == 3)
            add_commands(commands, words[1], &collector);
        return collector.take();
    }
    std::size_t taken = 0;
    if (const CommandRow* command = find_ended_command(commands, words, &taken)) {
        const Words rest = words.subspan(taken);
        add_words(*command, read_line(command->options, rest.first(rest.size() - 1)), last, &collector);
    } else if (words.size() == 2) {
        add_commands(commands, words[0], &collector);
    }
    return collector.take();
}

} // namespace flowxdp
