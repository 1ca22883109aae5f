// SPDX-License-Identifier: BSD-2-Clause
// protocol_table.h - packets and bytes by Ethertype, IP protocol and port, and the summary that shows them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace flowxdp {

// Names of numbers for the last column; an unknown one is empty.
class ProtocolNames {
  public:
    ProtocolNames() = default;
    ProtocolNames(const ProtocolNames&) = delete;
    ProtocolNames& operator=(const ProtocolNames&) = delete;
    virtual ~ProtocolNames() = default;
    [[nodiscard]] virtual std::string_view ip_proto(std::uint8_t number) const = 0;
    [[nodiscard]] virtual std::string_view port(std::uint8_t ip_proto, std::uint16_t number) const = 0;
};

class ProtocolTable {
  public:
    struct Count {
        std::uint64_t packets = 0, bytes = 0;
    };

    // One direction of a flow. port: the destination port of its A direction. ip_version 0: an L2 flow.
    void add(std::uint16_t ethertype, std::uint8_t ip_version, std::uint8_t ip_proto, std::uint16_t port,
             std::uint64_t packets, std::uint64_t bytes)
    {
        add_to(&total_, packets, bytes);
        add_to(&ethertypes_[ethertype], packets, bytes);
        if (!ip_version)
            return;
        add_to(ip_version == 4 ? &v4_ : &v6_, packets, bytes);
        add_to(&ip_protos_[ip_proto], packets, bytes);
        for (std::size_t i = 0; i < kTransports.size(); i++) {
            if (kTransports[i].ip_proto != ip_proto)
                continue;
            if (ports_[i].empty())
                ports_[i].resize(65536);
            add_to(&ports_[i][port], packets, bytes);
        }
    }

    // T2's layout: number, packets and bytes with their shares, name.
    [[nodiscard]] std::string text(const ProtocolNames& names) const
    {
        std::string out = fmt::format("# Total packets: {}\n# Total bytes: {}\n", total_.packets, total_.bytes);
        out += heading("L2/3 Protocol");
        for (const auto& [ethertype, count] : ethertypes_)
            out += line(fmt::format("0x{:04x}", ethertype), count, total_, ethertype_name(ethertype));
        out += fmt::format("\n\n# Total IPv4 packets: {} [{:.2f}%]\n", v4_.packets, share(v4_.packets, total_.packets));
        out += fmt::format("# Total IPv6 packets: {} [{:.2f}%]\n", v6_.packets, share(v6_.packets, total_.packets));
        out += heading("L4 Protocol");
        for (unsigned proto = 0; proto < ip_protos_.size(); proto++)
            if (ip_protos_[proto].packets)
                out += line(fmt::format("{:3}", proto), ip_protos_[proto], total_,
                            names.ip_proto(static_cast<std::uint8_t>(proto)));
        for (std::size_t i = 0; i < kTransports.size(); i++)
            if (kTransports[i].always || !ports_[i].empty())
                out += port_text(i, names);
        return out;
    }
    [[nodiscard]] const Count& total() const { return total_; }

    // IANA's Ethertypes of which more than a few frames are seen, and IEEE 802.2 LLC; empty for others.
    static std::string_view ethertype_name(std::uint16_t ethertype)
    {
        struct Name {
            std::uint16_t ethertype;
            std::string_view name;
        };
        static constexpr std::array<Name, 23> kNames = {{
            {0x0800, "Internet Protocol version 4 (IPv4)"},
            {0x0806, "Address Resolution Protocol (ARP)"},
            {0x0842, "Wake-on-LAN"},
            {0x2000, "Cisco Discovery Protocol (CDP)"},
            {0x6558, "Transparent Ethernet Bridging"},
            {0x8035, "Reverse Address Resolution Protocol (RARP)"},
            {0x809b, "AppleTalk"},
            {0x80f3, "AppleTalk Address Resolution Protocol"},
            {0x8100, "IEEE 802.1Q VLAN tag"},
            {0x8137, "IPX"},
            {0x86dd, "Internet Protocol version 6 (IPv6)"},
            {0x8808, "Ethernet flow control"},
            {0x8809, "Slow protocols (LACP)"},
            {0x8847, "MPLS unicast"},
            {0x8848, "MPLS multicast"},
            {0x8863, "PPPoE discovery"},
            {0x8864, "PPPoE session"},
            {0x888e, "EAP over LAN (802.1X)"},
            {0x8892, "PROFINET"},
            {0x88a8, "IEEE 802.1ad service tag"},
            {0x88cc, "Link Layer Discovery Protocol (LLDP)"},
            {0x88e5, "MACsec"},
            {0x88f7, "Precision Time Protocol (PTP)"},
        }};
        if (ethertype && ethertype < 0x0600)
            return "IEEE 802.3 frame with a length";
        for (const Name& n : kNames)
            if (n.ethertype == ethertype)
                return n.name;
        return {};
    }

  private:
    struct Transport {
        std::uint8_t ip_proto;
        std::string_view name;
        bool always; // T2 prints the table of TCP and of UDP when it is empty, too
    };
    static constexpr std::array<Transport, 4> kTransports = {
        {{6, "TCP", true}, {17, "UDP", true}, {136, "UDP-Lite", false}, {132, "SCTP", false}}};

    static void add_to(Count* count, std::uint64_t packets, std::uint64_t bytes)
    {
        count->packets += packets;
        count->bytes += bytes;
    }
    static double share(std::uint64_t part, std::uint64_t whole)
    {
        return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
    }
    static std::string heading(std::string_view what)
    {
        return fmt::format("# {}\t{:>30}\t{:>30}\tDescription\n", what, "Packets", "Bytes");
    }
    static std::string line(const std::string& number, const Count& count, const Count& whole, std::string_view name)
    {
        return fmt::format("{}\t{:20} [{:6.2f}%]\t{:20} [{:6.2f}%]\t{}\n", number, count.packets,
                           share(count.packets, whole.packets), count.bytes, share(count.bytes, whole.bytes), name);
    }
    [[nodiscard]] std::string port_text(std::size_t transport, const ProtocolNames& names) const
    {
        const Transport& t = kTransports[transport];
        const Count& whole = ip_protos_[t.ip_proto];
        std::string out =
            fmt::format("\n\n# Total {} packets: {} [{:.2f}%]\n# Total {} bytes: {} [{:.2f}%]\n", t.name, whole.packets,
                        share(whole.packets, total_.packets), t.name, whole.bytes, share(whole.bytes, total_.bytes));
        if (!whole.packets)
            return out;
        out += heading(fmt::format("{} Port", t.name));
        for (unsigned port = 0; port < ports_[transport].size(); port++)
            if (const Count& count = ports_[transport][port]; count.packets)
                out += line(fmt::format("{:5}", port), count, whole,
                            names.port(t.ip_proto, static_cast<std::uint16_t>(port)));
        return out;
    }

    Count total_, v4_, v6_;
    std::map<std::uint16_t, Count> ethertypes_; // at most 65,536
    std::array<Count, 256> ip_protos_ = {};
    std::array<std::vector<Count>, kTransports.size()> ports_; // 1 MiB each, made at its first flow
};

} // namespace flowxdp
