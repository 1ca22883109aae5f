// SPDX-License-Identifier: BSD-2-Clause
// traffic.h - made-up captures for the replay benchmark: the same bytes on every machine.
#pragma once

#include <cstdint>
#include <string>

namespace flowxdp::bench {

struct TrafficSize {
    std::uint64_t packets = 0;
    std::uint64_t biflows = 0;
    std::uint64_t file_bytes = 0;
};

// One million biflows of a few packets each, frames of 60 to 74 bytes, 10 % IPv6, a little over half TCP, 192 s. No
// biflow is silent long enough to end before the input does. divisor: so many times fewer biflows.
TrafficSize write_many(const std::string& path, unsigned divisor);

// Five million packets of about 250,000 biflows, 600 s, heavy-tailed: a third of the flows has one packet, two in a
// thousand carry a third of the packets. VLAN, tunnels, fragments, ARP and TCP options among them; snapped to 96 bytes.
TrafficSize write_mix(const std::string& path, unsigned divisor);

} // namespace flowxdp::bench
