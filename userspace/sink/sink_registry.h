// SPDX-License-Identifier: BSD-2-Clause
// sink_registry.h - sinks by name. The list is generated from FLOWXDP_SINKS, so neither link order nor static
// initialisers matter: each sink folder defines `flowxdp::SinkFactory NAME_sink_factory();`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sink/sink.h"

namespace flowxdp {

struct SinkOptionHelp {
    const char* name;
    const char* default_value;
    const char* help;
};

struct SinkFactory {
    const char* name;
    const char* help;        // one line
    const char* target_help; // what TARGET is, e.g. "PATH" or "udp://HOST:PORT"
    std::vector<SinkOptionHelp> options;
    // Checks target and options; opens nothing.
    Result<std::unique_ptr<Sink>> (*create)(const SinkSpec& spec);
};

const std::vector<SinkFactory>& sink_factories();
const SinkFactory* find_sink_factory(std::string_view name);

// Parses NAME[:TARGET][,key=value...]; the target may contain ':' and, in brackets, ','. Error: says what is wrong.
Result<SinkSpec> parse_sink_spec(const std::string& text);

} // namespace flowxdp
