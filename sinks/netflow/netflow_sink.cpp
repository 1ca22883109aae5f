// SPDX-License-Identifier: BSD-2-Clause
// netflow_sink.cpp - NetFlow v9 (RFC 3954) over UDP; the exporter is sinks/ipfix's.
#include "export_sink.h"
#include "sink/sink_registry.h"

namespace flowxdp {

SinkFactory netflow_sink_factory();

SinkFactory netflow_sink_factory()
{
    return {"netflow", "NetFlow v9 to a collector", "udp://HOST:PORT",
            ipfix::export_options(ipfix::Protocol::kNetflow9),
            [](const SinkSpec& spec) { return ipfix::ExportSink::create(spec, ipfix::Protocol::kNetflow9); }};
}

} // namespace flowxdp
