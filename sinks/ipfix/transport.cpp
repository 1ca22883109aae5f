// SPDX-License-Identifier: BSD-2-Clause
#include "transport.h"

#include <system_error>

namespace flowxdp::ipfix {

void Transport::count_sent(const Message& message)
{
    totals_.messages++;
    totals_.octets += message.octets.size();
    totals_.flow_records += message.flow_records;
    counts_->sent += message.rows;
}

void Transport::count_dropped(const Message& message)
{
    totals_.not_sent_flows += message.flow_records;
    counts_->dropped += message.rows;
}

std::string Endpoint::text() const
{
    return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + port;
}

Result<std::vector<SocketAddress>> addresses_of(const Endpoint& collector, int type)
{
    auto addresses = resolve_host(collector.host, collector.port, type);
    if (!addresses)
        return Error{"collector " + collector.text() + ": " + addresses.error().message +
                     "; write HOST:PORT or [IPv6]:PORT"};
    return addresses;
}

Error socket_error(const std::string& what, int error_number)
{
    return Error{what + ": " + std::generic_category().message(error_number)};
}

} // namespace flowxdp::ipfix
