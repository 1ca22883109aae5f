// SPDX-License-Identifier: BSD-2-Clause
// sink_spec.h - a --sink taken apart.
#pragma once

#include <map>
#include <string>

#include "core/result.h"

namespace flowxdp {

// One --sink NAME[:TARGET][,key=value...].
struct SinkSpec {
    std::string name;
    std::string target;
    std::map<std::string, std::string> options;
};

// Parses NAME[:TARGET][,key=value...]; the target may contain ':' and, in brackets, ','. Error: says what is wrong.
Result<SinkSpec> parse_sink_spec(const std::string& text);

} // namespace flowxdp
