// SPDX-License-Identifier: BSD-2-Clause
#include "live/interface.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "capture/frame.h"
#include "core/unique_fd.h"

namespace flowxdp {
namespace {

// One ethtool request on an interface; false when the driver does not know it.
bool ethtool(int socket, const std::string& name, void* request)
{
    ifreq ifr{};
    std::strncpy(ifr.ifr_name, name.c_str(), IFNAMSIZ - 1);
    ifr.ifr_data = static_cast<char*>(request);
    return ioctl(socket, SIOCETHTOOL, &ifr) == 0;
}

std::uint32_t ethtool_flags(int socket, const std::string& name)
{
    ethtool_value value{};
    value.cmd = ETHTOOL_GFLAGS;
    return ethtool(socket, name, &value) ? value.data : 0;
}

// Only devices that are known to show XDP whole packets. On other tunnel devices (WireGuard, GRE, ...) generic XDP
// begins at skb_mac_header() (6.1, 6.18): in the outer headers, or at other bytes in front of the packet.
std::uint32_t link_type_of(unsigned hardware_type, const std::string& driver)
{
    if (hardware_type == ARPHRD_ETHER || hardware_type == ARPHRD_LOOPBACK)
        return kLinkTypeEthernet;
    return hardware_type == ARPHRD_NONE && driver == "tun" ? kLinkTypeRaw : 0;
}

void read_xdp(InterfaceInfo* info)
{
    bpf_xdp_query_opts query{};
    query.sz = sizeof query;
    if (bpf_xdp_query(static_cast<int>(info->index), 0, &query))
        return;
    info->xdp_program_id = query.prog_id ? query.prog_id : query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
    if (!info->xdp_program_id)
        return;
    info->xdp_mode = query.drv_prog_id ? "native" : query.hw_prog_id ? "offload" : "generic";
    const UniqueFd program(bpf_prog_get_fd_by_id(info->xdp_program_id));
    bpf_prog_info details{};
    __u32 size = sizeof details;
    if (program && !bpf_obj_get_info_by_fd(program.get(), &details, &size))
        info->xdp_program_name = details.name;
}

} // namespace

Result<InterfaceInfo> read_interface(const std::string& name)
{
    InterfaceInfo info;
    info.name = name;
    info.index = if_nametoindex(name.c_str());
    if (!info.index)
        return Error{fmt::format("there is no interface '{}'; 'flowxdp interfaces' lists them", name)};
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return Error{fmt::format("cannot ask for interface '{}': {}", name, std::strerror(errno))};
    ifreq ifr{};
    std::strncpy(ifr.ifr_name, name.c_str(), IFNAMSIZ - 1);
    if (!ioctl(socket.get(), SIOCGIFFLAGS, &ifr))
        info.up = (ifr.ifr_flags & IFF_UP) != 0;
    if (!ioctl(socket.get(), SIOCGIFMTU, &ifr))
        info.mtu = static_cast<std::uint32_t>(ifr.ifr_mtu);
    if (!ioctl(socket.get(), SIOCGIFHWADDR, &ifr))
        info.hardware_type = ifr.ifr_hwaddr.sa_family;
    ethtool_drvinfo driver{};
    driver.cmd = ETHTOOL_GDRVINFO;
    if (ethtool(socket.get(), name, &driver))
        info.driver = driver.driver;
    info.link_type = link_type_of(info.hardware_type, info.driver);
    const std::uint32_t flags = ethtool_flags(socket.get(), name);
    info.rx_vlan_offload = (flags & ETH_FLAG_RXVLAN) != 0;
    info.lro = (flags & ETH_FLAG_LRO) != 0;
    read_xdp(&info);
    return info;
}

std::vector<InterfaceInfo> list_interfaces()
{
    std::vector<InterfaceInfo> list;
    struct if_nameindex* names = if_nameindex();
    for (struct if_nameindex* n = names; n && n->if_index; n++)
        if (auto info = read_interface(n->if_name); info.ok())
            list.push_back(info.take());
    if_freenameindex(names);
    return list;
}

std::string unknown_link_text(const InterfaceInfo& info)
{
    return fmt::format(
        "its frames are not Ethernet's (hardware type {}, driver {}), and what XDP sees of such packets is not "
        "known",
        info.hardware_type, info.driver.empty() ? "unknown" : info.driver);
}

std::string hidden_tags_text(const InterfaceInfo& info)
{
    // Both ends claim to insert and to strip tags, but deliver the buffer with the tag beside it (6.1, 6.18).
    if (info.driver != "veth")
        return "";
    return "a veth: the tag of a VLAN device at its other end stands beside the frame, where XDP does not see it, "
           "until "
           "tx-vlan offload is turned off there (ethtool -K PEER txvlan off)";
}

std::string merged_frames_text(const InterfaceInfo& info)
{
    // From hardware, generic XDP gets frames as they arrived: GRO merges none where a generic program is attached.
    // Software devices and guests' devices deliver buffers that the sender left unsegmented.
    static constexpr std::string_view kDevices[] = {"",
                                                    "veth",
                                                    "tun",
                                                    "bridge",
                                                    "bonding",
                                                    "team",
                                                    "macvlan",
                                                    "ipvlan",
                                                    "802.1Q VLAN Support",
                                                    "openvswitch",
                                                    "dummy",
                                                    "virtio_net",
                                                    "vmxnet3",
                                                    "hv_netvsc",
                                                    "vif"};
    if (std::ranges::find(kDevices, info.driver) == std::end(kDevices))
        return "";
    return "in generic mode a TCP or UDP buffer arrives whole when the sender left it to the device to cut it into "
           "segments, and counts as one packet (counter frames_merged; XDP is not told of how many); 'ethtool -K DEV "
           "tso "
           "off gso off' at the sender's end, or native mode, shows the segments";
}

bool is_interface_up(const std::string& name)
{
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq ifr{};
    std::strncpy(ifr.ifr_name, name.c_str(), IFNAMSIZ - 1);
    return socket && !ioctl(socket.get(), SIOCGIFFLAGS, &ifr) && (ifr.ifr_flags & IFF_UP);
}

Result<void> set_rx_vlan_offload(const std::string& name, bool on)
{
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value value{};
    value.cmd = ETHTOOL_SFLAGS;
    const std::uint32_t flags = ethtool_flags(socket.get(), name);
    value.data = on ? flags | ETH_FLAG_RXVLAN : flags & ~static_cast<std::uint32_t>(ETH_FLAG_RXVLAN);
    if (!ethtool(socket.get(), name, &value))
        return Error{fmt::format("cannot turn rx-vlan offload of '{}' {}: {} (try: ethtool -K {} rxvlan {})", name,
                                 on ? "on" : "off", std::strerror(errno), name, on ? "on" : "off")};
    return {};
}

} // namespace flowxdp
