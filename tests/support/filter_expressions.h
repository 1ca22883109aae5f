// SPDX-License-Identifier: BSD-2-Clause
// filter_expressions.h - what people ask tcpdump for: a list to compare on, and any number of others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace flowxdp::test {

// One or more for every kind of primitive in pcap-filter(7) that Ethernet knows and that has no loop.
std::vector<std::string> filter_expressions();

// "host A or host B or ..." with so many hosts; the addresses of 10.0.0.0/8 in order.
std::string many_hosts(unsigned hosts);

// An expression of primitives that exist, joined at random. choose(n) gives a number below n. It may still be one that
// libpcap refuses ("expression rejects all packets", contradictions of protocol layers). Never a name to look up.
std::string random_expression(const std::function<std::uint32_t(std::uint32_t)>& choose);

} // namespace flowxdp::test
