// SPDX-License-Identifier: BSD-2-Clause
// option_table.h - commands and their options as one typed table: what reads the command line (command_line.h) and what
// prints --help (help_text.h) know nothing else of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/number.h"
#include "core/result.h"

namespace flowxdp {

// When another value of an option takes effect, and what that means for a sensor whose daemon is gone (attach).
enum class Change {
    kUnsaid, // no option of attach may leave it so: a test looks
    kReload, // a running daemon could take it
    kDaemon, // the next daemon has it, also when it takes a sensor over
    kKept,   // a sensor that is taken over keeps what it was made with
    kSensor, // part of the sensor's identity: with another value it is not taken over
};

// What a value is in a configuration file.
enum class ValueKind {
    kText,
    kNumber, // a number, or text with a unit
    kSwitch, // true or false
    kCount,  // a whole number; true is 1
};

// What a value or a word names, for completions (completion.h).
enum class Noun {
    kNothing, // nothing that could be listed
    kFile,    // a path, or the beginning of one
    kFolder,
    kConfig,     // a file of /etc/flowxdp by its name, or a path
    kInterface,  // of this machine
    kUser,       // likewise
    kPlugin,     // its name alone
    kPluginSpec, // NAME[:key=value,...]
    kPluginList, // NAME,...
    kSink,       // its name alone
    kSinkSpec,   // NAME[:TARGET][,key=value...]
    kColumn,     // COLUMN=VALUE, of columns whose bits have names
    kTunnel,     // KIND=PORT,...
    kExtraction, // all[:FILE], alarmed[:FILE], matching[:FILE]
};

// A sink or a plugin as a table of a configuration file.
struct ModuleTable {
    std::string name;
    std::string target;
    std::vector<std::pair<std::string, std::string>> options;
};

struct OptionRow {
    std::string name;                 // "--max-flows"; empty: the command's words
    char letter = 0;                  // 'w' of -w; 0 = none
    bool letter_first = false;        // messages call it by its letter
    std::string key;                  // in a configuration file; empty: the command line alone
    std::string value;                // "PREFIX"; empty = a flag
    std::string group;                // its heading in --help
    std::string help;                 // what it does
    std::string range;                // "from 16 to 268435456"; empty = any text
    std::string default_text;         // "262144"; empty = nothing to say
    std::string example;              // "-w out"; empty = the help says enough
    std::vector<std::string> choices; // the values that there are, when they are few
    Noun noun = Noun::kNothing;       // else: what a value names
    std::string one_of;               // options of which a run has one share this word
    char joint = 0;                   // a list in a configuration file is one value, with this between its elements
    bool repeats = false;             // may be given several times, a value each
    bool hidden = false;              // not in --help
    ValueKind kind = ValueKind::kText;
    Change change = Change::kUnsaid;
    // Takes the value ("" for a flag) into the options. An error says reason, range and example, not the option.
    std::function<Result<void>(const std::string& value)> read;
    // Takes a table of a configuration file; empty: it takes none.
    std::function<Result<void>(const ModuleTable& table)> read_table;
    // What it holds, as read() takes it; empty: nothing, or a flag that is off. A counter's is its number.
    std::function<std::vector<std::string>()> values;
    // What of it a sensor's identity depends on, when that is not values().
    std::function<std::string()> identity;

    // "-w, --write".
    [[nodiscard]] std::string names() const;
    // The name for messages: the first one in the table.
    [[nodiscard]] std::string called() const
    {
        return letter_first ? std::string{'-', letter} : name.empty() ? key : name;
    }

    OptionRow& with_example(std::string text)
    {
        example = std::move(text);
        return *this;
    }
    OptionRow& with_default(std::string text)
    {
        default_text = std::move(text);
        return *this;
    }
    OptionRow& with_change(Change when)
    {
        change = when;
        return *this;
    }
    // A value that the sensor's identity depends on by this text alone.
    OptionRow& with_identity(std::function<std::string()> text)
    {
        change = Change::kSensor;
        identity = std::move(text);
        return *this;
    }
    OptionRow& with_one_of(std::string word)
    {
        one_of = std::move(word);
        return *this;
    }
    OptionRow& with_noun(Noun what)
    {
        noun = what;
        return *this;
    }
    OptionRow& not_in_files()
    {
        key.clear();
        return *this;
    }
};

// Words of a choice with what they mean.
template <typename T>
struct Meaning {
    const char* word;
    T value;
};
template <typename T, std::size_t N>
const char* word_of(const Meaning<T> (&meanings)[N], T value)
{
    for (const Meaning<T>& meaning : meanings)
        if (meaning.value == value)
            return meaning.word;
    return "";
}

// The options of a command, in the order of its help. names: "--sink", "-w,--write", "--quiet,-q": the first is what
// messages say. Defaults are what the variables hold when the row is made; the variables must outlive the table.
class OptionTable {
  public:
    // No row so far is in --help.
    void hide()
    {
        for (OptionRow& row : rows_)
            row.hidden = true;
    }
    // The heading of the rows that follow.
    OptionTable& group(std::string heading)
    {
        group_ = std::move(heading);
        return *this;
    }
    OptionRow& flag(std::string_view names, bool* to, std::string help);
    // A flag that counts how often it is given.
    OptionRow& counter(std::string_view names, int* to, std::string help);
    OptionRow& text(std::string_view names, std::string value, std::string* to, std::string help);
    OptionRow& list(std::string_view names, std::string value, std::vector<std::string>* to, std::string help);
    // The command's words: no option, but a key of a configuration file.
    OptionRow& words(std::string key, std::string value, std::vector<std::string>* to, std::string help);
    OptionRow& real(std::string_view names, double* to, double low, double high, double example, std::string help);
    // A value of any type: the caller sets read and values.
    OptionRow& other(std::string_view names, std::string value, std::string help)
    {
        return add(names, std::move(value), std::move(help));
    }
    template <typename T>
    OptionRow& choice(std::string_view names, T* to, std::span<const Meaning<T>> meanings, std::string help)
    {
        std::vector<std::string> words;
        for (const Meaning<T>& meaning : meanings)
            words.emplace_back(meaning.word);
        const std::vector<Meaning<T>> known(meanings.begin(), meanings.end());
        auto word = [to, known] {
            const auto found = std::find_if(known.begin(), known.end(), [to](const auto& m) { return m.value == *to; });
            return std::string(found == known.end() ? "" : found->word);
        };
        OptionRow& row = add(names, fmt::format("{}", fmt::join(words, "|")), std::move(help));
        row.default_text = word();
        row.choices = words;
        row.read = [to, known, words](const std::string& text) -> Result<void> {
            for (const Meaning<T>& meaning : known)
                if (text == meaning.word) {
                    *to = meaning.value;
                    return {};
                }
            return not_known(text, words);
        };
        row.values = [word] { return std::vector<std::string>{word()}; };
        return row;
    }
    template <typename T, std::size_t N>
    OptionRow& choice(std::string_view names, T* to, const Meaning<T> (&meanings)[N], std::string help)
    {
        return choice(names, to, std::span<const Meaning<T>>(meanings), std::move(help));
    }
    // Words that are kept as they are.
    OptionRow& choice(std::string_view names, std::string* to, std::span<const char* const> words, std::string help);
    template <typename T>
    OptionRow& number(std::string_view names, std::string value, T* to, std::uint64_t low, std::uint64_t high,
                      std::uint64_t example, std::string help)
    {
        OptionRow& row = add(names, std::move(value), std::move(help));
        row.range = range_text(low, high);
        row.default_text = *to >= low ? fmt::format("{}", *to) : "";
        row.kind = ValueKind::kNumber;
        row.read = [=](const std::string& text) { return take(read_number(text, low, high, example), to); };
        row.values = [=] { return *to >= low ? std::vector{fmt::format("{}", *to)} : std::vector<std::string>(); };
        return row;
    }
    // Milliseconds.
    template <typename T>
    OptionRow& duration(std::string_view names, T* to, std::uint64_t low_ms, std::uint64_t high_ms, std::string help)
    {
        OptionRow& row = add(names, "TIME", std::move(help));
        row.range = fmt::format("from {} to {}", duration_text(low_ms), duration_text(high_ms));
        row.default_text = duration_text(*to);
        row.kind = ValueKind::kNumber;
        row.read = [=](const std::string& text) { return take(read_duration_ms(text, low_ms, high_ms), to); };
        row.values = [=] { return std::vector{duration_text(*to)}; };
        return row;
    }
    template <typename T>
    OptionRow& size(std::string_view names, T* to, std::uint64_t low, std::uint64_t high, std::string help)
    {
        OptionRow& row = add(names, "SIZE", std::move(help));
        row.range = fmt::format("from {} to {}", size_text(low), size_text(high));
        row.default_text = size_text(*to);
        row.kind = ValueKind::kNumber;
        row.read = [=](const std::string& text) { return take(read_size(text, low, high), to); };
        row.values = [=] { return std::vector{size_text(*to)}; };
        return row;
    }

    [[nodiscard]] const std::vector<OptionRow>& rows() const { return rows_; }
    [[nodiscard]] const OptionRow* find(std::string_view name) const;    // "--sink"
    [[nodiscard]] const OptionRow* find(char letter) const;              // 'w'
    [[nodiscard]] const OptionRow* find_key(std::string_view key) const; // "sink"

  private:
    OptionRow& add(std::string_view names, std::string value, std::string help);
    static Error not_known(const std::string& text, const std::vector<std::string>& words);
    template <typename From, typename To>
    static Result<void> take(const Result<From>& read, To* to)
    {
        if (!read.ok())
            return read.error();
        *to = static_cast<To>(read.value());
        return {};
    }

    std::string group_ = "Options";
    std::vector<OptionRow> rows_;
};

struct CommandExample {
    std::string command;
    std::string what;
};

struct CommandRow {
    std::string name;    // "replay", "geo lookup"
    std::string summary; // one line
    std::string words;   // "FILE... [FILTER]"; empty = it takes options alone
    OptionTable options;
    std::vector<CommandExample> examples;
    std::vector<std::string> notes; // paragraphs at the end of the help
    // Another command whose configuration files this one reads, too. It skips options that it has not.
    std::string files_of = {};
    bool sensor_tells = false; // of files_of: options that a sensor itself tells are skipped
    // The words in order, once the options of the command line are read. An error is the whole sentence.
    std::function<Result<void>(const std::vector<std::string>& words)> finish = {};
    // Whether the options go together, once those of a configuration file are read, too. Changes nothing. May be empty.
    std::function<Result<void>()> check = {};
    // The last step before the command runs: what else must be there, files that options name. May be empty.
    std::function<Result<void>()> settle = {};
    // What its words name, for completions; or the words that there are.
    Noun noun = Noun::kNothing;
    std::vector<std::string> choices = {};
    bool hidden = false; // for programs, not in --help
};

} // namespace flowxdp
