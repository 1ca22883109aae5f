// SPDX-License-Identifier: BSD-2-Clause
// ipfix_sink.cpp - IPFIX (RFC 7011) over UDP and TCP and into files (RFC 5655).
#include "export_sink.h"
#include "flowxdp/sink.hpp"

namespace flowxdp::ipfix {
namespace {

class IpfixSink final : public ExportSink {
  public:
    IpfixSink(const std::string& target, const OptionValues& values) : ExportSink(ExportTarget::ipfix(target, values))
    {
    }
};

constexpr SinkDescription kDescription = {
    .name = "ipfix",
    .version = "1.0.0",
    .help = "IPFIX to a collector or a file",
    .target_help = "udp://HOST:PORT, tcp://HOST:PORT or file:PATH",
    .options = kIpfixOptions.all(),
    .required_columns = kFlowRecordColumns.data(),
};

} // namespace
} // namespace flowxdp::ipfix

FLOWXDP_SINK(flowxdp::ipfix::IpfixSink, flowxdp::ipfix::kDescription)
