// SPDX-License-Identifier: BSD-2-Clause
// run_options.h - the options that replay, attach and detach --export share: their rows, and checks of them together.
#pragma once

#include <span>
#include <string>

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// The error of an empty value.
Error empty_value();

// Does the command run long enough to be looked at? Only then it has -M and --listen.
enum class Lasting { kNo, kYes };

void add_run_options(OptionTable* table, RunOptions* run, Lasting lasting);
// -e.
void add_extract_option(OptionTable* table, RunOptions* run);
// Of those the ones that the numbers of flows depend on, and where they come from.
void add_numbering_options(OptionTable* table, RunOptions* run);
// The words of the filter expression, instead of an option for it.
Result<void> take_filter(RunOptions* run, std::span<const std::string> words);
// Options that exclude each other, or need another one.
Result<void> check_run(const RunOptions& run);
// After check_run(): reads the filter file and computes sizes.
Result<void> settle_run(RunOptions* run);

} // namespace flowxdp
