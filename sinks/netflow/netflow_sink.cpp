// SPDX-License-Identifier: BSD-2-Clause
// netflow_sink.cpp - NetFlow v9 (RFC 3954) over UDP; the exporter is sinks/ipfix's.
#include "export_sink.h"
#include "flowxdp/sink.hpp"

namespace flowxdp::ipfix {
namespace {

class NetflowSink final : public ExportSink {
  public:
    NetflowSink(const std::string& target, const OptionValues& values)
        : ExportSink(ExportTarget::netflow(target, values))
    {
    }
};

constexpr SinkDescription kDescription = {
    .name = "netflow",
    .version = "1.0.0",
    .help = "NetFlow v9 to a collector",
    .target_help = "udp://HOST:PORT",
    .options = kNetflowOptions.all(),
    .required_columns = kFlowRecordColumns.data(),
};

} // namespace
} // namespace flowxdp::ipfix

FLOWXDP_SINK(flowxdp::ipfix::NetflowSink, flowxdp::ipfix::kDescription)
