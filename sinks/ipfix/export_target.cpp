// SPDX-License-Identifier: BSD-2-Clause
#include "export_target.h"

#include <charconv>
#include <limits>

namespace flowxdp::ipfix {

namespace {

constexpr std::size_t kSmallestMtu = 576;

// One --sink being read: remembers the first error.
class OptionReader {
  public:
    explicit OptionReader(const SinkSpec& spec) : spec_(spec) {}

    void number(const char* key, std::uint64_t least, std::uint64_t most, std::uint64_t* value)
    {
        const auto option = spec_.options.find(key);
        if (option == spec_.options.end())
            return;
        const std::string& text = option->second;
        std::uint64_t parsed = 0;
        const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
        if (error != std::errc() || rest != text.data() + text.size() || parsed < least || parsed > most)
            fail(key, text, "a number from " + std::to_string(least) + " to " + std::to_string(most));
        else
            *value = parsed;
    }
    template <typename T>
    void number_as(const char* key, std::uint64_t least, std::uint64_t most, T* value)
    {
        auto wide = static_cast<std::uint64_t>(*value);
        number(key, least, most, &wide);
        *value = static_cast<T>(wide);
    }
    void fail(const std::string& key, const std::string& value, const std::string& allowed)
    {
        if (!error_)
            error_ = Error{"sink " + spec_.name + ": " + key + "=" + value + " is not " + allowed};
    }
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  private:
    const SinkSpec& spec_;
    std::optional<Error> error_;
};

Result<Endpoint> parse_endpoint(const SinkSpec& spec, const std::string& text, const char* default_port)
{
    Endpoint endpoint;
    endpoint.port = default_port;
    std::string rest = text;
    if (!text.empty() && text.front() == '[') {
        const std::size_t close = text.find(']');
        if (close == std::string::npos)
            return Error{"sink " + spec.name + ": '" + text + "' has no ']'"};
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
        return Error{"sink " + spec.name + ": '" + text + "' is not HOST:PORT or [IPv6]:PORT"};
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

Result<void> parse_target(const SinkSpec& spec, Protocol protocol, ExportTarget* target)
{
    const bool v9 = protocol == Protocol::kNetflow9;
    const char* port = v9 ? "9995" : "4739";
    const std::string text = spec.target.empty() ? "udp://127.0.0.1" : spec.target;
    std::string rest;
    if (takes(text, "udp://", &rest)) {
        target->transport = TransportKind::kUdp;
    } else if (!v9 && takes(text, "tcp://", &rest)) {
        target->transport = TransportKind::kTcp;
    } else if (!v9 && takes(text, "file:", &rest)) {
        target->transport = TransportKind::kFile;
        target->path = rest;
        if (rest.empty())
            return Error{"sink " + spec.name + ": file: needs a path"};
        return {};
    } else {
        return Error{"sink " + spec.name + ": target '" + text + "' is not " +
                     (v9 ? "udp://HOST:PORT (NetFlow v9 has no length in its header and needs datagrams: use ipfix for "
                           "tcp:// and file:)"
                         : "udp://HOST:PORT, tcp://HOST:PORT or file:PATH")};
    }
    auto endpoint = parse_endpoint(spec, rest, port);
    if (!endpoint)
        return endpoint.error();
    target->endpoint = endpoint.take();
    return {};
}

} // namespace

std::vector<SinkOptionHelp> export_options(Protocol protocol)
{
    std::vector<SinkOptionHelp> options = {
        {"mtu", "1400", "octets of the largest IP packet sent over UDP; the route's MTU also binds"},
        {"rate", "10000", "UDP to another host: datagrams a second at most; 0 = no limit"},
        {"patience", "10",
         "UDP on this host: seconds to wait for a collector that does not read; then records are dropped"},
        {"records4", "200", "IPv4 records, and L2 records, in one message at most"},
        {"records6", "100", "IPv6 records in one message at most"},
        {"template_seconds", "30", "UDP: repeat the templates after this much packet clock"},
        {"template_messages", "20", "UDP: repeat the templates after this many messages"},
        {"time", "ms", "start and end in ms (elements 152, 153), us (154, 155) or ns (156, 157)"},
        {"domain", "sensor id", "observation domain id, source id in v9"},
        {"l2", "1", "0 = leave flows without IP out"},
        {"interfaces", "", "names of interfaces, ID:NAME;ID:NAME"},
    };
    if (protocol == Protocol::kIpfix) {
        options.push_back({"biflow", "0", "1 = one record for both directions (RFC 5103)"});
        options.push_back({"pen", "32473", "private enterprise number of the tcp_win elements"});
        options.push_back({"backlog", "8388608", "TCP: octets kept while the collector is away"});
        options.push_back({"linger", "5", "TCP: seconds to deliver the rest at the end"});
    }
    return options;
}

Result<ExportTarget> ExportTarget::parse(const SinkSpec& spec, Protocol protocol)
{
    ExportTarget target;
    if (Result<void> parsed = parse_target(spec, protocol, &target); !parsed)
        return parsed.error();
    std::string known;
    for (const SinkOptionHelp& option : export_options(protocol))
        known += std::string(known.empty() ? "" : ", ") + option.name;
    for (const auto& [key, value] : spec.options)
        if ((", " + known + ",").find(", " + key + ",") == std::string::npos)
            return Error{"sink " + spec.name + " has no option '" + key + "': it has " + known};

    ExporterSettings& s = target.settings;
    s.protocol = protocol;
    OptionReader read(spec);
    constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
    read.number_as("mtu", kSmallestMtu, 65535, &target.udp.mtu);
    read.number_as("rate", 0, 1'000'000'000, &target.udp.datagrams_per_second);
    read.number_as("records4", 1, 65535, &s.records4);
    read.number_as("records6", 1, 65535, &s.records6);
    std::uint64_t seconds = 30, linger = 5, patience = 10, layer2 = 1, biflow = 0;
    read.number("template_seconds", 1, 86400, &seconds);
    read.number_as("template_messages", 1, kMax32, &s.template_messages);
    read.number_as("domain", 0, kMax32, &s.domain);
    read.number("l2", 0, 1, &layer2);
    read.number("biflow", 0, 1, &biflow);
    read.number_as("pen", 1, kMax32, &s.pen);
    read.number_as("backlog", 65536, std::uint64_t{1} << 40, &target.tcp.backlog_octets);
    read.number("linger", 0, 3600, &linger);
    read.number("patience", 0, 86400, &patience);
    s.template_ns = static_cast<std::int64_t>(seconds) * 1'000'000'000;
    s.layer2 = layer2 != 0;
    s.biflow = biflow != 0;
    target.udp.patience = std::chrono::seconds(patience);
    target.tcp.linger = std::chrono::seconds(linger);
    target.has_domain = spec.options.count("domain") != 0;
    if (s.pen == kReversePen)
        read.fail("pen", std::to_string(s.pen), "a number of yours: it marks reverse elements (RFC 5103)");
    if (const auto time = spec.options.find("time"); time != spec.options.end()) {
        if (time->second == "us")
            s.time_unit = TimeUnit::kMicroseconds;
        else if (time->second == "ns")
            s.time_unit = TimeUnit::kNanoseconds;
        else if (time->second != "ms")
            read.fail("time", time->second, "ms, us or ns");
    }
    if (read.error())
        return *read.error();
    if (const auto names = spec.options.find("interfaces"); names != spec.options.end()) {
        auto parsed = InterfaceNames::parse(names->second);
        if (!parsed)
            return Error{"sink " + spec.name + ": " + parsed.error().message};
        s.interface_names = parsed.take();
    }
    return target;
}

std::unique_ptr<Transport> ExportTarget::make_transport(SinkCounts* counts) const
{
    switch (transport) {
    case TransportKind::kUdp:
        return make_udp_transport(endpoint, udp, counts);
    case TransportKind::kTcp:
        return make_tcp_transport(endpoint, tcp, counts);
    case TransportKind::kFile:
        break;
    }
    return make_file_transport(path, counts);
}

} // namespace flowxdp::ipfix
