// SPDX-License-Identifier: BSD-2-Clause
// export_target.h - the options and targets of the netflow and ipfix sinks.
#pragma once

#include <memory>
#include <string>

#include "exporter.h"
#include "flowxdp/option.hpp"
#include "sink/file/rotation.h"
#include "transport.h"

namespace flowxdp::ipfix {

// Options of both sinks.
struct ExportOptions : OptionSet {
    Number<std::uint32_t> mtu{
        this, "mtu", "1400", "octets of the largest IP packet sent over UDP; the route's MTU also binds", 576, 65535};
    Number<std::uint32_t> rate{
        this, "rate", "10000", "UDP to another host: datagrams a second at most; 0 = no limit", 0, 1'000'000'000};
    Number<std::uint32_t> patience{
        this, "patience", "10", "UDP on this host, and TCP live: seconds to wait for a collector that does not read",
        0,    86400};
    Number<std::uint32_t> records4{this, "records4", "200", "IPv4 records, and L2 records, in one message at most",
                                   1,    65535};
    Number<std::uint32_t> records6{this, "records6", "100", "IPv6 records in one message at most", 1, 65535};
    Number<std::uint32_t> template_seconds{
        this, "template_seconds", "30", "UDP: repeat the templates after this much packet clock", 1, 86400};
    Number<std::uint32_t> template_messages{
        this, "template_messages", "20", "UDP: repeat the templates after this many messages", 1, 0xffffffff};
    Word<TimeUnit> time{this, "time", "ms", "start and end in ms (elements 152, 153), us (154, 155) or ns (156, 157)",
                        "ms|us|ns"};
    OptionalNumber<std::uint32_t> domain{
        this, "domain", "observation domain id, source id in v9; not given: the sensor id", 0, 0xffffffff};
    Switch l2{this, "l2", "1", "0 = leave flows without IP out"};
    Text interfaces{this, "interfaces", "", "names of interfaces, ID:NAME;ID:NAME"};
};
struct NetflowOptions : ExportOptions {
    Switch flow_id{
        this, "flow_id", "0",
        "1 = flowInd as element 148, part of a row's key; nfdump takes such records for events of a firewall"};
};
struct IpfixOptions : WithRotation<ExportOptions> {
    Switch biflow{this, "biflow", "0", "1 = one record for both directions (RFC 5103)"};
    Number<std::uint32_t> sampling_seconds{
        this,
        "sampling_seconds",
        "300",
        "UDP to another host: repeat the sampling record in the flows' domain after this much real time; 0 = only at "
        "the start",
        0,
        86400};
    Number<std::uint32_t> tcp_flags{this, "tcp_flags", "2", "octets of tcpControlBits; 1 for nfacctd before 1.7.8", 1,
                                    2};
    Number<std::uint32_t> pen{this, "pen",     "32473", "private enterprise number of elements that are not IANA's",
                              1,    0xffffffff};
    Number<std::uint64_t> backlog{
        this, "backlog", "8388608", "TCP: octets kept while the collector is away", 65536, std::uint64_t{1} << 40};
    Number<std::uint32_t> linger{this, "linger", "5", "TCP: seconds to deliver the rest at the end", 0, 3600};
};
inline constexpr NetflowOptions kNetflowOptions;
inline constexpr IpfixOptions kIpfixOptions;

enum class TransportKind : std::uint8_t { kUdp, kTcp, kFile };

struct ExportTarget {
    TransportKind transport = TransportKind::kUdp;
    Endpoint endpoint;
    std::string path;
    ExporterSettings settings;
    bool has_domain = false; // else the sensor id
    UdpLimits udp;
    TcpLimits tcp;
    Rotation rotation; // of a file

    // Reads target and options of --sink. values: of kNetflowOptions or kIpfixOptions. Error: what is wrong, and what
    // is allowed.
    static Result<ExportTarget> netflow(const std::string& target, const OptionValues& values);
    static Result<ExportTarget> ipfix(const std::string& target, const OptionValues& values);
    [[nodiscard]] std::unique_ptr<Transport> make_transport(bool live, SinkCounts* counts) const;
};

} // namespace flowxdp::ipfix
