// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a DHCP message (first byte even) or a DHCPv6 one, of which the second byte times 8 more were claimed:
// reads nothing outside of them, and what is kept of many messages stays within its places.
#include <cstdint>
#include <cstdlib>

#include "dhcp/dhcp_memory.h"
#include "dhcp/dhcp_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const std::size_t length = size - 2, claimed = length + 8u * data[1];
    const flowxdp::DhcpMessage m = data[0] & 1 ? flowxdp::parse_dhcp6({data + 2, length}, claimed)
                                               : flowxdp::parse_dhcp4({data + 2, length}, claimed);
    static flowxdp::DhcpDirection kept = {};
    kept.add(m);
    if (m.type_count > flowxdp::DhcpMessage::kMostTypes || m.name_count > flowxdp::DhcpMessage::kMostNames ||
        m.domain_count > flowxdp::DhcpMessage::kMostNames || m.parameter_count > flowxdp::DhcpMessage::kMostParameters)
        std::abort();
    if (kept.type_count > kept.kMostTypes || kept.mac_count > kept.kMostMacs || kept.name_count > kept.kMostNames ||
        kept.domain_count > kept.kMostNames)
        std::abort();
    return 0;
}
