// SPDX-License-Identifier: BSD-2-Clause
#include "arp_message.h"

#include <algorithm>

namespace flowxdp {

namespace {

constexpr MacAddress kNoMac = {}, kEveryMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr std::uint16_t kEthernet = 1, kIeee802 = 6;
constexpr Ipv4Address kNoIp = {}, kEveryIp = {0xff, 0xff, 0xff, 0xff};

} // namespace

bool names_one(const MacAddress& mac)
{
    return mac != kNoMac && mac != kEveryMac;
}
bool names_one(const Ipv4Address& ip)
{
    return ip != kNoIp && ip != kEveryIp;
}

bool ArpMessage::is_probe() const
{
    return has_pairs && opcode == kRequest && sender_ip == kNoIp && target_ip != kNoIp && target_mac == kNoMac;
}
bool ArpMessage::is_gratuitous() const
{
    return has_pairs && (opcode == kRequest || opcode == kReply) && sender_ip == target_ip && sender_ip != kNoIp;
}
bool ArpMessage::is_announcement() const
{
    return is_gratuitous() && opcode == kRequest && !names_one(target_mac);
}

ArpMessage parse_arp(std::span<const std::uint8_t> bytes)
{
    ArpMessage m = {};
    if (bytes.size() < 8) {
        m.cut = true;
        return m;
    }
    const auto load16 = [&](std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); };
    m.hardware_type = load16(0);
    m.protocol_type = load16(2);
    m.opcode = load16(6);
    m.has_opcode = true;
    const std::size_t mac = bytes[4], ip = bytes[5];
    m.cut = bytes.size() < 8 + 2 * (mac + ip);
    const bool is_ethernet = m.hardware_type == kEthernet || m.hardware_type == kIeee802;
    m.has_pairs = !m.cut && is_ethernet && mac == 6 && ip == 4 && m.protocol_type == 0x0800;
    if (m.has_pairs) {
        std::copy_n(&bytes[8], 6, m.sender_mac.begin());
        std::copy_n(&bytes[14], 4, m.sender_ip.begin());
        std::copy_n(&bytes[18], 6, m.target_mac.begin());
        std::copy_n(&bytes[24], 4, m.target_ip.begin());
    }
    return m;
}

} // namespace flowxdp
