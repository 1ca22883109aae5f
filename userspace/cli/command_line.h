// SPDX-License-Identifier: BSD-2-Clause
// command_line.h - words of a user against the option table.
//
// Options may be anywhere after the command; one that takes a value takes the next word, or what follows '=' or the
// letter (-w out, -wout, --sink json, --sink=json). Flags with letters may be joined (-qs). Behind -- all are words.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/option_table.h"

namespace flowxdp {

// What is to be printed instead of running a command: help and the like on standard output (kOk), a mistake with its
// way out on standard error (kUsage). With newline.
struct CommandLineReply {
    ExitCode code;
    std::string text;
};

// arguments: without the program's name. version: the line for --version. Reads options into their variables and calls
// the command's finish(). Nothing: the command may run.
std::optional<CommandLineReply> read_command_line(const std::vector<CommandRow>& commands,
                                                  std::span<const std::string> arguments, const std::string& version);

} // namespace flowxdp
