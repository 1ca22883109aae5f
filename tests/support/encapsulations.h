// SPDX-License-Identifier: BSD-2-Clause
// encapsulations.h - one frame for every way a TCP segment may be wrapped, and what must come out of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flowxdp/parse.h"
#include "support/packet_builder.h"

namespace flowxdp::test {

// The segment inside all of them.
constexpr std::uint16_t kInnerSrcPort = 1234, kInnerDstPort = 80, kInnerWindow = 777;
constexpr std::uint32_t kInnerPayload = 11;

// Every tunnel at its own ports.
inline const tunnel_config kTunnels = tunnel_config_default();

struct Encapsulation {
    std::string name;
    Packet packet;
    std::string headers;         // hdrDesc
    std::uint16_t vlan_id = 0;   // innermost, not a priority tag
    std::uint32_t link_type = 1; // LINKTYPE_
    bool oracle = true;          // tshark 4.0 and the oracle script dissect it to the same place
};

// The inner packet behind `outer`: IPv4 or IPv6, TCP, payload.
Packet with_inner4(Packet outer);
Packet with_inner6(Packet outer);
Packet with_teredo(Packet outer); // IPv6 between a Teredo address and another one

// Frames of Ethernet and inside Ethernet.
std::vector<Encapsulation> ethernet_encapsulations();

// Parses a frame that begins with a header of this kind; wire_len 0 = as captured.
packet parse(const Bytes& frame, std::uint32_t wire_len = 0, std::uint32_t start_kind = HEADER_KIND_ETHERNET,
             const tunnel_config& tunnels = kTunnels);

// hdrDesc text of a parsed packet, as the end report spells it.
std::string header_names(const packet& p);

// Name of a parametrised test: GoogleTest takes no leading digit.
std::string test_name(const Encapsulation& e);

} // namespace flowxdp::test
