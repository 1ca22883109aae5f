// SPDX-License-Identifier: BSD-2-Clause
// command_rows.h - the rows of commands that have files of their own.
#pragma once

#include "cli/options.h"

namespace flowxdp {

inline constexpr const char* kSignals =
    "Signals: SIGINT and SIGTERM end the input, write every flow and report; a second one kills. SIGHUP does the same "
    "where a terminal closed. SIGUSR1 prints the report as it stands.";

CommandRow replay_command(Options* options);
CommandRow attach_command(Options* options);
CommandRow detach_command(Options* options);
CommandRow extract_command(Options* options);
CommandRow query_command(Options* options);
CommandRow plugin_list_command(Options* options);
CommandRow plugin_new_command(Options* options);
CommandRow plugin_build_command(Options* options);

// The words of replay and extract: files, then the filter.
Result<void> take_replay_words(ReplayOptions* replay, const std::vector<std::string>& words);
Result<void> check_replay(const ReplayOptions& replay);
// FILE..., -R, --series.
void add_input_options(OptionTable* table, ReplayOptions* replay);
// How many kinds of input are given.
int inputs_of(const ReplayOptions& replay);

} // namespace flowxdp
