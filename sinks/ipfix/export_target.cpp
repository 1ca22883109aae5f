// SPDX-License-Identifier: BSD-2-Clause
#include "export_target.h"

#include "core/number.h"

namespace flowxdp::ipfix {

namespace {

Result<Endpoint> parse_endpoint(const std::string& text, const char* default_port)
{
    Endpoint endpoint;
    endpoint.port = default_port;
    std::string rest = text;
    if (!text.empty() && text.front() == '[') {
        const std::size_t close = text.find(']');
        if (close == std::string::npos)
            return Error{"'" + text + "' has no ']'"};
        endpoint.host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
    } else {
        const std::size_t colon = text.find(':');
        endpoint.host = text.substr(0, colon);
        rest = colon == std::string::npos ? "" : text.substr(colon);
    }
    if (rest.size() > 1 && rest.front() == ':')
        endpoint.port = rest.substr(1);
    else if (!rest.empty())
        endpoint.host.clear();
    if (endpoint.host.empty() || endpoint.port.find(':') != std::string::npos)
        return Error{"'" + text + "' is not HOST:PORT or [IPv6]:PORT"};
    // The resolver takes larger numbers modulo 65,536.
    const auto number = read_number(endpoint.port, 1, 65535, std::stoull(default_port));
    if (!number)
        return Error{"'" + text + "': port " + number.error().message};
    return endpoint;
}

bool takes(const std::string& text, const char* prefix, std::string* rest)
{
    const std::string p = prefix;
    if (text.compare(0, p.size(), p) != 0)
        return false;
    *rest = text.substr(p.size());
    return true;
}

Result<void> parse_target(const std::string& given, Protocol protocol, ExportTarget* target)
{
    const bool v9 = protocol == Protocol::kNetflow9;
    const char* port = v9 ? "9995" : "4739";
    const std::string text = given.empty() ? "udp://127.0.0.1" : given;
    std::string rest;
    if (takes(text, "udp://", &rest)) {
        target->transport = TransportKind::kUdp;
    } else if (!v9 && takes(text, "tcp://", &rest)) {
        target->transport = TransportKind::kTcp;
    } else if (!v9 && takes(text, "file:", &rest)) {
        target->transport = TransportKind::kFile;
        target->path = rest;
        if (rest.empty())
            return Error{"file: needs a path"};
        return {};
    } else {
        return Error{"target '" + text + "' is not " +
                     (v9 ? "udp://HOST:PORT (NetFlow v9 has no length in its header and needs datagrams: use ipfix for "
                           "tcp:// and file:)"
                         : "udp://HOST:PORT, tcp://HOST:PORT or file:PATH")};
    }
    auto endpoint = parse_endpoint(rest, port);
    if (!endpoint)
        return endpoint.error();
    target->endpoint = endpoint.take();
    return {};
}

// Target and options that both sinks have.
Result<ExportTarget> read_common(const std::string& given, Protocol protocol, const ExportOptions& options,
                                 const OptionValues& values)
{
    ExportTarget target;
    if (Result<void> parsed = parse_target(given, protocol, &target); !parsed)
        return parsed.error();
    ExporterSettings& s = target.settings;
    s.protocol = protocol;
    target.udp.mtu = values[options.mtu];
    target.udp.datagrams_per_second = values[options.rate];
    target.udp.patience = std::chrono::seconds(values[options.patience]);
    target.tcp.patience = target.udp.patience;
    s.records4 = values[options.records4];
    s.records6 = values[options.records6];
    s.template_ns = std::int64_t{values[options.template_seconds]} * 1'000'000'000;
    s.template_messages = values[options.template_messages];
    s.time_unit = values[options.time];
    target.has_domain = values[options.domain].has_value();
    s.domain = values[options.domain].value_or(s.domain);
    s.layer2 = values[options.l2];
    auto names = InterfaceNames::parse(std::string(values[options.interfaces]));
    if (!names)
        return names.error();
    s.interface_names = names.take();
    return target;
}

} // namespace

Result<ExportTarget> ExportTarget::netflow(const std::string& target, const OptionValues& values)
{
    auto read = read_common(target, Protocol::kNetflow9, kNetflowOptions, values);
    if (read)
        read->settings.v9_flow_id = values[kNetflowOptions.flow_id];
    return read;
}

Result<ExportTarget> ExportTarget::ipfix(const std::string& target, const OptionValues& values)
{
    auto read = read_common(target, Protocol::kIpfix, kIpfixOptions, values);
    if (!read)
        return read;
    ExporterSettings& s = read->settings;
    s.biflow = values[kIpfixOptions.biflow];
    s.one_octet_flags = values[kIpfixOptions.tcp_flags] == 1;
    s.pen = values[kIpfixOptions.pen];
    if (s.pen == kReversePen)
        return Error{"option 'pen': " + std::to_string(s.pen) +
                     " is not a number of yours: it marks reverse elements (RFC 5103)"};
    read->udp.begin_again = std::chrono::seconds(values[kIpfixOptions.sampling_seconds]);
    read->tcp.backlog_octets = values[kIpfixOptions.backlog];
    auto rotation =
        parse_rotation(values[kIpfixOptions.rotate], values[kIpfixOptions.stamp], values[kIpfixOptions.exec_after]);
    if (!rotation)
        return rotation.error();
    read->rotation = rotation.take();
    read->tcp.linger = std::chrono::seconds(values[kIpfixOptions.linger]);
    return read;
}

std::unique_ptr<Transport> ExportTarget::make_transport(bool live, SinkCounts* counts) const
{
    switch (transport) {
    case TransportKind::kUdp:
        return make_udp_transport(endpoint, udp, counts);
    case TransportKind::kTcp:
        return make_tcp_transport(endpoint, tcp, counts);
    case TransportKind::kFile:
        break;
    }
    return make_file_transport(path, rotation, live, counts);
}

} // namespace flowxdp::ipfix
