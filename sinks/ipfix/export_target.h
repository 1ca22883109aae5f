// SPDX-License-Identifier: BSD-2-Clause
// export_target.h - the options and targets of the netflow and ipfix sinks.
#pragma once

#include <optional>
#include <string>

#include "exporter.h"
#include "sink/sink_registry.h"
#include "transport.h"

namespace flowxdp::ipfix {

enum class TransportKind : std::uint8_t { kUdp, kTcp, kFile };

struct ExportTarget {
    TransportKind transport = TransportKind::kUdp;
    Endpoint endpoint;
    std::string path;
    ExporterSettings settings;
    bool has_domain = false; // else the sensor id
    UdpLimits udp;
    TcpLimits tcp;

    // Reads target and options of --sink. Error: names the sink, the option, the value and what is allowed.
    static Result<ExportTarget> parse(const SinkSpec& spec, Protocol protocol);
    [[nodiscard]] std::unique_ptr<Transport> make_transport(SinkCounts* counts) const;
};

// Options with their defaults, as `flowxdp sinks` prints them.
std::vector<SinkOptionHelp> export_options(Protocol protocol);

} // namespace flowxdp::ipfix
