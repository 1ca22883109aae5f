// SPDX-License-Identifier: BSD-2-Clause
// help_text.h - the option table as --help prints it: in groups, with ranges, defaults and examples, 80 columns wide.
#pragma once

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace flowxdp {

inline constexpr std::size_t kHelpWidth = 80;

// Words of text in lines of at most `width`, without newline. A longer word has a line of its own.
std::vector<std::string> wrapped(const std::string& text, std::size_t width);

// What an option does, with default, range and example.
std::string option_help(const OptionRow& row);

// All commands with a line each.
std::string overview_text(const std::vector<CommandRow>& commands);
// One command. For "geo": the commands that begin with it.
std::string help_text(const CommandRow& command);
std::string family_text(const std::string& first_word, const std::vector<CommandRow>& commands);

} // namespace flowxdp
