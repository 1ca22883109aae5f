// SPDX-License-Identifier: BSD-2-Clause
// module_sink.h - a sink of a module as the program sees it: a Sink like any other.
#pragma once

#include <memory>

#include "core/result.h"
#include "flowxdp/sink.hpp"
#include "sink/sink_library.h"
#include "sink/sink_spec.h"

namespace flowxdp {

// Checks target and options against what the module declares, and makes the sink; opens nothing. The module stays
// loaded as long as the sink lives. Error: names the sink, the option and the reason.
Result<std::unique_ptr<Sink>> make_sink(const SinkModule& module, const SinkSpec& spec);

} // namespace flowxdp
