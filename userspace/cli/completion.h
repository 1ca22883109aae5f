// SPDX-License-Identifier: BSD-2-Clause
// completion.h - what could stand next on a command line: the option table, asked by a shell whose user presses tab.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.h"

namespace flowxdp {

struct Candidate {
    std::string word; // the whole word; what ends in = : , or / goes on
    std::string help; // one line; may be empty
};

// A plugin or a sink.
struct ModuleName {
    struct Option {
        std::string name, help;
        std::vector<std::string> choices;
        bool is_file = false;
    };
    std::string name, help;
    std::string target; // "PATH", "udp://HOST:PORT, unix:PATH"; empty: it takes none
    std::vector<Option> options;
};

// Names that no table knows. Each is asked when one is wanted: to list plugins is to load them.
struct CompletionNames {
    std::function<std::vector<Candidate>()> interfaces, users, configs, tunnels, columns;
    std::function<std::vector<ModuleName>()> plugins, sinks;
};

struct Completion {
    enum class Paths { kNone, kFiles, kFolders };
    std::vector<Candidate> candidates; // those that begin with the last word
    Paths paths = Paths::kNone;        // whether the shell lists paths, too,
    std::string before_path;           // behind this beginning of the last word: "json:"
};

// words: behind the program's name; the last is half-written, or empty.
Completion complete(const std::vector<CommandRow>& commands, std::span<const std::string> words,
                    const CompletionNames& names);

} // namespace flowxdp
