// SPDX-License-Identifier: BSD-2-Clause
// own_traffic.h - does this host send by an interface, or does it only listen there (a TAP, a mirror port)?
//
// A configured address or a route through the interface decides; likewise that of a device on top of it (a VLAN device)
// or of the one that it is a port of (a bridge, a bond). A link-local address proves nothing: every interface that is
// up, a mirror port too, gives itself one for IPv6, and so does a DHCP client that nobody answers (169.254.0.0/16).
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// A network device of this namespace, as far as it matters here.
struct NetworkDevice {
    unsigned index = 0;
    std::string name;
    std::string kind;       // of rtnetlink: bridge, bond, vlan, veth...; empty for hardware
    unsigned master = 0;    // index of the bridge, bond, ... that it is a port of; 0 = none
    unsigned below = 0;     // index of the device below it, in this namespace; 0 = none
    bool loopback = false;  // a frame that leaves it comes in again
    bool is_routed = false; // it has a route to more than its own link
    bool forwards = false;  // IP packets that come in by it may leave by another one
    bool has_link_local = false;
    std::string address; // the first one of a wider scope than the link; empty = none
};

struct OwnTraffic {
    bool sends = false;
    bool twice = false; // it sends, but frames would be counted twice
    std::string reason; // "it has the address 192.0.2.1"
};

// The answer for devices that feed one table, or for one alone; the list must hold all of them. When a frame could come
// in by one and leave by another, it would be counted twice: the answer is no.
OwnTraffic own_traffic(const std::vector<NetworkDevice>& all, const std::vector<unsigned>& indexes);

// Error: the kernel does not say.
Result<std::vector<NetworkDevice>> read_network_devices();

} // namespace flowxdp
