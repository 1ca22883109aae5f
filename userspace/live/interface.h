// SPDX-License-Identifier: BSD-2-Clause
// interface.h - what the sensor must know of a network interface before it attaches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// Where XDP runs: in the driver, in the stack, or in the first of them that works.
enum class AttachMode { kAuto, kNative, kGeneric };

struct InterfaceInfo {
    unsigned index = 0;
    std::string name;
    std::string driver;          // empty when there is none (lo)
    unsigned hardware_type = 0;  // ARPHRD_* of linux/if_arp.h
    std::uint32_t link_type = 0; // LINKTYPE_* of what XDP sees there: Ethernet or raw IP; 0 = nothing that it can count
    bool up = false;
    std::uint32_t mtu = 0;
    bool rx_vlan_offload = false;     // the driver strips VLAN tags before XDP sees the frame
    bool lro = false;                 // frames merged by hardware: XDP would see no wire frames
    std::uint32_t xdp_program_id = 0; // 0 = none
    std::string xdp_program_name;
    std::string xdp_mode; // "native", "generic", "offload", empty
};

// Error: no such interface, or no socket for the query.
Result<InterfaceInfo> read_interface(const std::string& name);
std::vector<InterfaceInfo> list_interfaces();
// Why an interface without a link type cannot be observed.
std::string unknown_link_text(const InterfaceInfo& info);

// Which VLAN tags XDP may miss on a device whose own offload says nothing about it, and the cure; empty: none.
std::string hidden_tags_text(const InterfaceInfo& info);

// How generic XDP's counts differ from the wire on a device that delivers buffers not yet cut into segments; empty:
// they do not.
std::string merged_frames_text(const InterfaceInfo& info);

// False also when no interface has this name.
bool is_interface_up(const std::string& name);

// Turns rx-vlan offload on or off through ethtool. Error names interface and reason.
Result<void> set_rx_vlan_offload(const std::string& name, bool on);

} // namespace flowxdp
