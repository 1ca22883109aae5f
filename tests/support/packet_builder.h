// SPDX-License-Identifier: BSD-2-Clause
// packet_builder.h - frames for tests, written outermost header first:
//
//     Packet().eth().vlan(5).ipv4().udp(40000, 4789).vxlan(7).eth().ipv4().tcp(1234, 80, 777).payload(11).bytes()
//
// Every header finds out what follows it (Ethertype, protocol number, PPP number) and how many bytes, when bytes() is
// called. IPv4 headers have their checksum, also behind set8(); others stay 0: nothing in the sensor reads them. Field
// values come from the RFC named at each method.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace flowxdp::test {

using Bytes = std::vector<std::uint8_t>;

void put16(Bytes& to, std::size_t at, std::uint32_t value);
void put32(Bytes& to, std::size_t at, std::uint32_t value);
Bytes operator+(Bytes left, const Bytes& right);
// "de ad be ef" or "deadbeef"
Bytes hex(const std::string& text);

class Packet {
  public:
    // What a header answers when the one in front asks; 0xffff = it cannot stand there.
    struct Layer {
        std::string name;
        Bytes header;
        std::uint32_t ethertype = 0xffff;
        std::uint32_t ip_proto = 0xffff;
        std::uint32_t ppp = 0xffff;
        // Completes the header: next header (nullptr = none), bytes behind this header.
        std::function<void(Bytes& header, const Layer* next, std::size_t behind)> finish = {};
    };

    // Links and tags
    Packet& eth(const std::string& dst = "020000000001", const std::string& src = "020000000002");
    Packet& eth_length(const std::string& dst = "020000000001", const std::string& src = "020000000002"); // 802.3
    Packet& vlan(std::uint32_t vid, std::uint32_t tpid = 0x8100);
    Packet& mpls(std::uint32_t label, bool bottom);
    Packet& control_word(); // RFC 4385
    Packet& pppoe();        // RFC 2516 session
    Packet& ppp(bool hdlc = true, bool compressed = false);
    Packet& llc_snap(std::uint32_t oui = 0);
    Packet& llc_ip();                    // 06 06 03
    Packet& snap_bridged();              // RFC 2684 bridged Ethernet, with padding
    Packet& pbb(std::uint32_t isid = 1); // IEEE 802.1ah I-TAG
    Packet& macsec(bool sci);            // IEEE 802.1AE, integrity only
    Packet& nsh();                       // RFC 8300, MD type 1
    Packet& trill();                     // RFC 6325
    Packet& cisco_metadata();
    Packet& tag(std::uint32_t ethertype, std::size_t bytes, const std::string& name); // zeros, then an Ethertype
    // IEEE 802.11 data: flags = second frame control byte; QoS, A-MSDU, HT control as asked
    Packet& dot11(std::uint32_t flags = 0, bool qos = false, bool amsdu = false, bool swapped = false);

    // IP
    Packet& ipv4(const std::string& src = "10.0.0.1", const std::string& dst = "10.0.0.2",
                 std::size_t option_words = 0);
    Packet& ipv6(const std::string& src = "2001:db8::1", const std::string& dst = "2001:db8::2");
    Packet& fragment4(std::uint32_t id, std::uint32_t offset_units, bool more); // of the IPv4 header before it
    Packet& fragment6(std::uint32_t id, std::uint32_t offset_units, bool more); // RFC 8200 4.5
    Packet& hop_by_hop(std::size_t extra_words = 0);
    Packet& destination_options(std::size_t extra_words = 0);
    Packet& routing(std::size_t segments = 1);
    Packet& ah(); // RFC 4302, 12 bytes of ICV
    // Overwrites 1, 2 or 4 bytes of the last header; its finish() does not touch them again.
    Packet& set8(std::size_t at, std::uint32_t value);
    Packet& set16(std::size_t at, std::uint32_t value);
    Packet& set32(std::size_t at, std::uint32_t value);

    // Transport
    Packet& tcp(std::uint32_t src_port, std::uint32_t dst_port, std::uint32_t window, std::uint32_t flags = 0x18,
                const Bytes& options = {});
    Packet& udp(std::uint32_t src_port, std::uint32_t dst_port);
    Packet& icmp(std::uint32_t type = 8, std::uint32_t code = 0);
    Packet& icmpv6(std::uint32_t type = 128, std::uint32_t code = 0);
    Packet& sctp(std::uint32_t src_port, std::uint32_t dst_port);
    Packet& raw(const std::string& name, const Bytes& bytes, std::uint32_t ethertype = 0xffff,
                std::uint32_t ip_proto = 0xffff);
    Packet& payload(std::size_t bytes);
    Packet& trailer(std::size_t bytes); // behind everything, in no header's length: padding, check values

    // Tunnels
    Packet& gre(std::uint32_t flags = 0); // C 8000, R 4000, K 2000, S 1000; source route of one entry with R
    Packet& pptp(bool sequence = true, bool acknowledge = false); // RFC 2637
    Packet& erspan1();
    Packet& erspan2();
    Packet& erspan3(bool platform_header = false);
    Packet& wccp(bool redirect_header);
    Packet& etherip();
    Packet& vxlan(std::uint32_t vni, bool gpe = false);
    Packet& geneve(std::size_t option_words = 0);
    Packet& gtp(bool sequence = false, bool extension = false); // GTP-U v1 G-PDU
    Packet& gtp0();
    Packet& l2tp(bool with_length = false, bool with_offset = false);
    Packet& teredo_origin();
    Packet& teredo_authentication();
    Packet& ayiya();
    Packet& capwap(bool native_80211);
    Packet& lwapp();

    [[nodiscard]] Bytes bytes() const;
    // Names of the headers, '/' between them: what a failing test prints.
    [[nodiscard]] std::string describe() const;

  private:
    Packet& add(Layer layer);

    std::vector<Layer> layers_;
    std::size_t trailer_bytes_ = 0;
};

} // namespace flowxdp::test
