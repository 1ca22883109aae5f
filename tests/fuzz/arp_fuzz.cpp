// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as an ARP message: reads nothing outside of them, and says no pair of a message that is cut.
#include <cstdint>
#include <cstdlib>

#include "arp/arp_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const flowxdp::ArpMessage m = flowxdp::parse_arp({data, size});
    if (m.has_pairs && (m.cut || size < 28))
        std::abort();
    if ((m.is_probe() || m.is_gratuitous() || m.is_announcement()) && !m.has_pairs)
        std::abort();
    return 0;
}
