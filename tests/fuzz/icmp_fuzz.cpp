// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as an ICMP message (first byte even) or an ICMPv6 one: reads nothing outside of them, and says no port
// without a protocol that has ports.
#include <cstdint>
#include <cstdlib>

#include "icmp/icmp_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (!size)
        return 0;
    const flowxdp::IcmpMessage m = flowxdp::parse_icmp({data + 1, size - 1}, data[0] & 1 ? 6 : 4);
    const bool has_ports = m.quote.src_port || m.quote.dst_port;
    if (has_ports && (m.quote.ip_version == 0 || m.quote.cut || m.quote.ip_proto == 1 || m.quote.ip_proto == 58))
        std::abort();
    if (!m.is_error && m.quote.ip_version)
        std::abort();
    if (m.data.size() > size)
        std::abort();
    return 0;
}
