// SPDX-License-Identifier: BSD-2-Clause
#include "transport.h"

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

} // namespace flowxdp::ipfix
