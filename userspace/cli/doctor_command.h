// SPDX-License-Identifier: BSD-2-Clause
// doctor_command.h - `flowxdp doctor`.
#pragma once

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// Prints a line for each check of the machine and of the interfaces named, then the verdict; exit code 1 when one
// failed.
ExitCode run_doctor_command(const DoctorOptions& options);

} // namespace flowxdp
