// SPDX-License-Identifier: BSD-2-Clause
// arp: address pairs, probes, announcements and conflicts of ARP and RARP (T2 arpDecode). It has only a user half.
// README.md has columns and limits.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "address_owners.h"
#include "arp_message.h"
#include "flowxdp/plugin.hpp"

namespace {

using flowxdp::ArpMessage;
using flowxdp::Ipv4Address;
using flowxdp::MacAddress;

enum ArpStat : std::uint8_t {
    ARP_STAT_DETECTED = 0x01,
    ARP_STAT_GRATUITOUS = 0x02,
    ARP_STAT_PROBE = 0x04,
    ARP_STAT_ANNOUNCEMENT = 0x08,
    ARP_STAT_CUT = 0x10, // T2 has no such bit
    ARP_STAT_PAIRS_CUT = 0x20,
    ARP_STAT_CONFLICT = 0x80,
};
constexpr fx_bit kStatBits[] = {
    {ARP_STAT_DETECTED, "Flow is ARP or RARP"},
    {ARP_STAT_GRATUITOUS, "Gratuitous: sender and target have one address"},
    {ARP_STAT_PROBE, "Probe (RFC 5227): asks for an address before it is used"},
    {ARP_STAT_ANNOUNCEMENT, "Announcement (RFC 5227)"},
    {ARP_STAT_CUT, "A message is cut"},
    {ARP_STAT_PAIRS_CUT, "List of pairs is cut"},
    {ARP_STAT_CONFLICT, "An address that another MAC address had before: a change, or ARP spoofing"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "arpStat", .help = "ARP status", .bits = kStatBits}};
    Column<U16> hardware_type{this, {.name = "arpHwType", .help = "Hardware type; 1 = Ethernet"}};
    Column<H16> opcodes{this, {.name = "arpOpcode", .help = "Opcodes below 16, one bit each: 1 = request, 2 = reply"}};
    Column<U16> pair_count{this, {.name = "arpIpMacCnt", .help = "Distinct pairs of MAC and IPv4 address kept"}};
    List<Word> pairs{
        this,
        {.name = "arpMac_Ip_Cnt",
         .help = "MAC address, IPv4 address, times that it was claimed; 0 = by an earlier flow, in a conflict"}};
};
constexpr FlowColumns kColumns;

struct Pair {
    MacAddress mac;
    Ipv4Address ip;
    std::uint16_t claims;
};
struct Direction {
    static constexpr unsigned kPairs = 10; // T2's ARP_MAX_IP

    std::uint16_t hardware_type, opcodes;
    std::uint8_t stat, pairs_used;
    Pair pairs[kPairs];
    std::uint8_t pad[2];
};
struct Memory {
    Direction dir[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr std::uint16_t kArp = 0x0806, kRarp = 0x8035;
constexpr std::array<fx_packet_need, 2> kNeeds = {
    {{.ethertype = kArp, .first_layer = 3}, {.ethertype = kRarp, .first_layer = 3}}};
struct Figures : flowxdp::FigureSet {
    Counter packets{this, {.name = "packets", .help = "ARP and RARP packets"}};
    Counter conflicts{this, {.name = "conflicts", .help = "Addresses that another MAC address claimed"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 179,
                                                     .name = "arp",
                                                     .version = "0.1.0",
                                                     .help = "ARP address pairs, probes and conflicts",
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .figures = kFigures.all()};

std::string text_of(const Pair& pair)
{
    return fmt::format("{:02x}_{}.{}.{}.{}_{}", fmt::join(pair.mac, ":"), pair.ip[0], pair.ip[1], pair.ip[2],
                       pair.ip[3], pair.claims);
}

// The innermost tag of the three that a record has.
std::uint16_t vlan_of(const packet_record& r)
{
    return r.vlan_count ? r.vlan_stack[std::min<unsigned>(r.vlan_count, 3) - 1] : std::uint16_t{0};
}

class Arp final : public flowxdp::Plugin {
  public:
    Arp(flowxdp::OptionValues, void*, flowxdp::Host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& r = *packet.record;
        Direction& d = FlowMemory::of(packet).dir[r.direction & 1];
        const ArpMessage m = flowxdp::parse_arp({packet.header, r.header_captured});
        if (!d.stat)
            d.hardware_type = m.hardware_type;
        d.stat |= ARP_STAT_DETECTED;
        figures_.add(kFigures.packets);
        if (m.cut)
            d.stat |= ARP_STAT_CUT;
        if (m.has_opcode && m.opcode < 16)
            d.opcodes = static_cast<std::uint16_t>(d.opcodes | 1u << m.opcode);
        if (m.is_gratuitous())
            d.stat |= ARP_STAT_GRATUITOUS;
        if (m.is_announcement())
            d.stat |= ARP_STAT_ANNOUNCEMENT;
        if (m.is_probe())
            d.stat |= ARP_STAT_PROBE;
        if (!m.has_pairs || (m.opcode != ArpMessage::kRequest && m.opcode != ArpMessage::kReply &&
                             m.opcode != ArpMessage::kReverseReply))
            return;
        const std::uint16_t vlan = vlan_of(r);
        on_pair(m.sender_mac, m.sender_ip, vlan, r.header.source, &d);
        // A gratuitous reply names its sender twice, or nobody.
        if (m.opcode != ArpMessage::kRequest && m.target_ip != m.sender_ip)
            on_pair(m.target_mac, m.target_ip, vlan, r.header.source, &d);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory kNothing = {};
        const Memory* memory = FlowMemory::of(flow);
        const Direction& d = (memory ? memory : &kNothing)->dir[flow.direction & 1];
        std::array<std::string, Direction::kPairs> texts;
        std::array<std::string_view, Direction::kPairs> views;
        for (unsigned i = 0; i < d.pairs_used; i++) {
            texts[i] = text_of(d.pairs[i]);
            views[i] = texts[i];
        }
        row.put(kColumns.stat, d.stat);
        row.put(kColumns.hardware_type, d.hardware_type);
        row.put(kColumns.opcodes, d.opcodes);
        row.put(kColumns.pair_count, static_cast<std::uint16_t>(d.pairs_used));
        row.list(kColumns.pairs, std::span<const std::string_view>(views.data(), d.pairs_used));
        stat_ |= d.stat;
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (stat_)
            out.line(fmt::format("arp: Aggregated arpStat=0x{:02x}", stat_));
        if (figures_[kFigures.packets])
            out.line(fmt::format("arp: Number of ARP and RARP packets: {}",
                                 flowxdp::count_text(figures_[kFigures.packets])));
        if (figures_[kFigures.conflicts])
            out.line(
                fmt::format("arp: Number of address conflicts: {}", flowxdp::count_text(figures_[kFigures.conflicts])));
        if (owners_.forgotten())
            out.line(fmt::format("arp: Number of addresses that left the full table: {}",
                                 flowxdp::count_text(owners_.forgotten())));
    }

  private:
    void on_pair(const MacAddress& mac, const Ipv4Address& ip, std::uint16_t vlan, std::uint16_t source, Direction* d)
    {
        if (!flowxdp::names_one(mac))
            return;
        add_pair(mac, ip, 1, d);
        if (!flowxdp::names_one(ip)) // the sender of a probe has none yet
            return;
        const auto other = owners_.claim(ip, vlan, source, mac);
        if (!other)
            return;
        figures_.add(kFigures.conflicts);
        d->stat |= ARP_STAT_CONFLICT;
        add_pair(*other, ip, 0, d);
    }

    static void add_pair(const MacAddress& mac, const Ipv4Address& ip, std::uint16_t claims, Direction* d)
    {
        for (unsigned i = 0; i < d->pairs_used; i++) {
            Pair& pair = d->pairs[i];
            if (pair.mac != mac || pair.ip != ip)
                continue;
            pair.claims = static_cast<std::uint16_t>(std::min<unsigned>(pair.claims + claims, 0xffff));
            return;
        }
        if (d->pairs_used == Direction::kPairs)
            d->stat |= ARP_STAT_PAIRS_CUT;
        else
            d->pairs[d->pairs_used++] = {mac, ip, claims};
    }

    flowxdp::AddressOwners owners_;
    flowxdp::FigureValues figures_{kFigures};
    std::uint8_t stat_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(Arp, kDescription)
