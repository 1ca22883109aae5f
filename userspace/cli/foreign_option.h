// SPDX-License-Identifier: BSD-2-Clause
// foreign_option.h - letters that Tranalyzer2 and tcpdump have and flowxdp has not, or not for that: what to write
// here.
#pragma once

#include <span>
#include <string>

namespace flowxdp {

// The answer to an option that `command` does not have, with the word after it in its place; empty: no tool has it.
std::string foreign_answer(const std::string& command, const std::string& word, const std::string& next);

// The answer to a first word that is no command: a capture file, an interface, a letter of theirs. Empty = no idea.
std::string command_for_word(std::span<const std::string> words);

} // namespace flowxdp
