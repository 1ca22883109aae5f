// SPDX-License-Identifier: BSD-2-Clause
// interfaces_command.h - `flowxdp interfaces`.
#pragma once

#include "core/result.h"

namespace flowxdp {

// The interfaces of this network namespace with driver, MTU and XDP programs.
ExitCode run_interfaces_command(bool json);

} // namespace flowxdp
