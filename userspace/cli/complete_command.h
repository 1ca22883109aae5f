// SPDX-License-Identifier: BSD-2-Clause
// complete_command.h - `flowxdp complete -- WORD...`: completion.h with the names of this machine, for shells.
//
//   files<tab>json:          files, folders or words: whether paths may follow, and behind what
//   json<tab>JSON lines      a candidate and its help, a line each
#pragma once

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

ExitCode run_complete_command(const Options& options);

} // namespace flowxdp
