// SPDX-License-Identifier: BSD-2-Clause
// export_sink_fixture.h - the sink of either protocol, in this process.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/option_value.h"
#include "export_sink.h"

namespace flowxdp::test {

// As --sink reads them; options as a user writes them.
inline Result<ipfix::ExportTarget> make_export_target(ipfix::Protocol protocol, const std::string& target,
                                                      const std::map<std::string, std::string>& options = {})
{
    const bool is_ipfix = protocol == ipfix::Protocol::kIpfix;
    const auto values = read_options(is_ipfix ? ipfix::kIpfixOptions.all() : ipfix::kNetflowOptions.all(), options);
    if (!values.ok())
        return values.error();
    const OptionValues read(values->values.data());
    return is_ipfix ? ipfix::ExportTarget::ipfix(target, read) : ipfix::ExportTarget::netflow(target, read);
}

inline Result<std::unique_ptr<Sink>> make_export_sink(ipfix::Protocol protocol, const std::string& target,
                                                      const std::map<std::string, std::string>& options = {})
{
    auto parsed = make_export_target(protocol, target, options);
    if (!parsed.ok())
        return parsed.error();
    return std::unique_ptr<Sink>(std::make_unique<ipfix::ExportSink>(parsed.take()));
}

} // namespace flowxdp::test
