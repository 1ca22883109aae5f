// SPDX-License-Identifier: BSD-2-Clause
// ipfix_sink.cpp - IPFIX (RFC 7011) over UDP and TCP and into files (RFC 5655).
#include "export_sink.h"
#include "sink/sink_registry.h"

namespace flowxdp {

SinkFactory ipfix_sink_factory();

SinkFactory ipfix_sink_factory()
{
    return {"ipfix", "IPFIX to a collector or a file", "udp://HOST:PORT, tcp://HOST:PORT or file:PATH",
            ipfix::export_options(ipfix::Protocol::kIpfix),
            [](const SinkSpec& spec) { return ipfix::ExportSink::create(spec, ipfix::Protocol::kIpfix); }};
}

} // namespace flowxdp
