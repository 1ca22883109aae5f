// SPDX-License-Identifier: BSD-2-Clause
#include "support/encapsulations.h"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace flowxdp::test {

Packet with_inner4(Packet outer)
{
    return outer.ipv4("192.168.7.1", "192.168.7.2")
        .tcp(kInnerSrcPort, kInnerDstPort, kInnerWindow)
        .payload(kInnerPayload);
}

Packet with_inner6(Packet outer)
{
    return outer.ipv6("2001:db8:7::1", "2001:db8:7::2")
        .tcp(kInnerSrcPort, kInnerDstPort, kInnerWindow)
        .payload(kInnerPayload);
}

Packet with_teredo(Packet outer)
{
    return outer.ipv6("2001:0:c000:201:8000:1234:3fff:fdfe", "2001:db8:7::2")
        .tcp(kInnerSrcPort, kInnerDstPort, kInnerWindow)
        .payload(kInnerPayload);
}

std::vector<Encapsulation> ethernet_encapsulations()
{
    auto eth = [] { return Packet().eth(); };
    auto ip = [] { return Packet().eth().ipv4(); };
    auto udp = [](std::uint32_t port) { return Packet().eth().ipv4().udp(40000, port); };
    auto tcp = [](Packet outer) {
        return outer.tcp(kInnerSrcPort, kInnerDstPort, kInnerWindow).payload(kInnerPayload);
    };
    const char* inner_mac = "0a0000000001";
    // A MAC that begins with 0 looks like a control word: only the type behind it tells.
    const char* zero_mac = "001b21000001";

    return {
        // links and tags
        {"ipv4", with_inner4(eth()), "eth:ipv4:tcp"},
        {"ipv6", with_inner6(eth()), "eth:ipv6:tcp"},
        {"ipv4_options", tcp(eth().ipv4("192.168.7.1", "192.168.7.2", 10)), "eth:ipv4:tcp"},
        {"vlan", with_inner4(eth().vlan(5)), "eth:vlan:ipv4:tcp", 5},
        {"vlan_ipv6", with_inner6(eth().vlan(5)), "eth:vlan:ipv6:tcp", 5},
        {"priority_tag", with_inner4(eth().vlan(0)), "eth:vlan:ipv4:tcp", 0},
        {"qinq", with_inner4(eth().vlan(5, 0x88a8).vlan(6)), "eth:vlan{2}:ipv4:tcp", 6},
        {"qinq_9100_ipv6", with_inner6(eth().vlan(5, 0x9100).vlan(6)), "eth:vlan{2}:ipv6:tcp", 6},
        {"qinq_inner_priority", with_inner4(eth().vlan(5).vlan(0)), "eth:vlan{2}:ipv4:tcp", 5},
        {"four_tags", with_inner4(eth().vlan(1).vlan(2).vlan(3).vlan(4)), "eth:vlan{4}:ipv4:tcp", 4},
        {"mpls", with_inner4(eth().mpls(16, true)), "eth:mpls:ipv4:tcp"},
        {"mpls_stack_ipv6", with_inner6(eth().mpls(16, false).mpls(17, false).mpls(18, true)), "eth:mpls{3}:ipv6:tcp"},
        {"vlan_mpls", with_inner4(eth().vlan(5).mpls(16, true)), "eth:vlan:mpls:ipv4:tcp", 5},
        {"pseudowire", with_inner4(eth().mpls(16, true).control_word().eth(zero_mac)), "eth:mpls:pw:eth:ipv4:tcp", 0,
         1},
        {"pseudowire_no_word", with_inner4(eth().mpls(16, true).eth(zero_mac, "001b21000002")),
         "eth:mpls:pw:eth:ipv4:tcp"},
        {"pseudowire_vlan", with_inner4(eth().mpls(16, true).control_word().eth(inner_mac).vlan(7)),
         "eth:mpls:pw:eth:vlan:ipv4:tcp", 7, 1, false}, // tshark wants known vendors in the inner MACs
        {"pppoe", with_inner4(eth().pppoe().ppp(false)), "eth:pppoe:ppp:ipv4:tcp"},
        {"pppoe_ipv6", with_inner6(eth().pppoe().ppp(false)), "eth:pppoe:ppp:ipv6:tcp"},
        {"pppoe_compressed", with_inner4(eth().pppoe().ppp(false, true)), "eth:pppoe:ppp:ipv4:tcp"},
        {"pppoe_vlan_mpls", with_inner4(eth().vlan(5).pppoe().ppp(false).mpls(16, true)),
         "eth:vlan:pppoe:ppp:mpls:ipv4:tcp", 5},
        {"snap", with_inner4(Packet().eth_length().llc_snap()), "eth:snap:ipv4:tcp"},
        {"snap_8021h", with_inner4(Packet().eth_length().llc_snap(0xf8)), "eth:snap:ipv4:tcp"},
        {"snap_bridged", with_inner4(Packet().eth_length().snap_bridged().eth(inner_mac)), "eth:snap:eth:ipv4:tcp"},
        {"llc_ip", with_inner4(Packet().eth_length().llc_ip()), "eth:llc:ipv4:tcp"},
        {"vlan_snap", with_inner4(eth().vlan(5).raw("llc", hex("aaaa03 000000 0800"), 59)), "eth:vlan:snap:ipv4:tcp",
         5},
        {"long_llc", with_inner4(eth().raw("8870", {}, 0x8870).llc_snap()), "eth:snap:ipv4:tcp"},
        {"pbb", with_inner4(eth().pbb().eth(inner_mac)), "eth:pbb:eth:ipv4:tcp"},
        {"pbb_tagged", with_inner4(eth().vlan(5, 0x88a8).pbb().eth(inner_mac).vlan(6)),
         "eth:vlan:pbb:eth:vlan:ipv4:tcp", 6},
        {"macsec", with_inner4(eth().macsec(false)).trailer(16), "eth:macsec:ipv4:tcp"},
        {"macsec_sci", with_inner4(eth().macsec(true)).trailer(16), "eth:macsec:ipv4:tcp"},
        {"nsh", with_inner4(eth().nsh()), "eth:nsh:ipv4:tcp"},
        {"nsh_eth", with_inner4(eth().nsh().eth(inner_mac)), "eth:nsh:eth:ipv4:tcp"},
        {"nsh_nsh", with_inner4(eth().nsh().nsh()), "eth:nsh:nsh:ipv4:tcp"},
        {"bridged", with_inner4(eth().raw("teb", {}, 0x6558).eth(inner_mac)), "eth:eth:ipv4:tcp"},
        {"trill", with_inner4(eth().trill().eth(inner_mac)), "eth:trill:eth:ipv4:tcp", 0, 1, false}, // options: no
        {"cisco_metadata", with_inner4(eth().cisco_metadata()), "eth:cmd:ipv4:tcp"},
        {"vntag", with_inner4(eth().tag(0x8926, 6, "vntag")), "eth:vntag:ipv4:tcp"},
        {"etag", with_inner4(eth().tag(0x893f, 8, "etag").vlan(5)), "eth:etag:vlan:ipv4:tcp", 5},
        {"hsr", with_inner4(eth().tag(0x892f, 6, "hsr")), "eth:hsr:ipv4:tcp"},
        {"rtag", with_inner4(eth().tag(0xf1c1, 6, "rtag")), "eth:rtag:ipv4:tcp"},
        {"fabricpath", with_inner4(eth().raw("fabricpath", hex("0060"), 0x8903).eth(inner_mac).vlan(5)),
         "eth:fabricpath:eth:vlan:ipv4:tcp", 5},
        {"arista_64", with_inner4(eth().tag(0xd28b, 14, "arista").set16(2, 0x0010)), "eth:arista:ipv4:tcp"},
        {"arista_48", with_inner4(eth().tag(0xd28b, 12, "arista").set16(2, 0x0120)), "eth:arista:ipv4:tcp"},
        {"arista_hardware_1", with_inner4(eth().tag(0xd28b, 14, "arista").set16(2, 0x0011).vlan(5)),
         "eth:arista:vlan:ipv4:tcp", 5, 1, false}, // other hardware in the version's low bits: not tshark

        // IPv6 extension headers
        {"hop_by_hop", tcp(eth().ipv6().hop_by_hop(1)), "eth:ipv6:tcp"},
        {"extension_chain", tcp(eth().ipv6().hop_by_hop().destination_options(2).routing(2).destination_options()),
         "eth:ipv6:tcp"},
        {"ah_ipv6", tcp(eth().ipv6().ah()), "eth:ipv6:ah:tcp"},
        {"ah_ipv4", tcp(eth().ipv4().ah()), "eth:ipv4:ah:tcp"},
        {"atomic_fragment", tcp(eth().ipv6().fragment6(9, 0, false)), "eth:ipv6:tcp"},

        // IP in IP
        {"ipip", with_inner4(ip()), "eth:ipv4{2}:tcp"},
        {"6in4", with_inner6(ip()), "eth:ipv4:ipv6:tcp"},
        {"4in6", with_inner4(eth().ipv6()), "eth:ipv6:ipv4:tcp"},
        {"6in6_extension", with_inner6(eth().ipv6().destination_options()), "eth:ipv6{2}:tcp"},
        {"ah_tunnel", with_inner4(ip().ah()), "eth:ipv4:ah:ipv4:tcp"},
        {"mpls_in_ip", with_inner4(ip().mpls(16, true)), "eth:ipv4:mpls:ipv4:tcp"},
        {"srv6_ethernet", with_inner4(eth().ipv6().routing().eth(inner_mac)), "eth:ipv6:eth:ipv4:tcp"},
        {"etherip", with_inner4(ip().etherip().eth(inner_mac).vlan(7)), "eth:ipv4:etherip:eth:vlan:ipv4:tcp", 7, 1,
         false},

        // GRE
        {"gre", with_inner4(ip().gre()), "eth:ipv4:gre:ipv4:tcp"},
        {"gre_ipv6", with_inner6(eth().ipv6().gre()), "eth:ipv6:gre:ipv6:tcp"},
        {"gre_checksum", with_inner4(ip().gre(0x8000)), "eth:ipv4:gre:ipv4:tcp"},
        {"gre_key", with_inner4(ip().gre(0x2000)), "eth:ipv4:gre:ipv4:tcp"},
        {"gre_all", with_inner4(ip().gre(0xb000)), "eth:ipv4:gre:ipv4:tcp"},
        {"gre_routed", with_inner4(ip().gre(0x4000)), "eth:ipv4:gre:ipv4:tcp"},
        {"gre_teb", with_inner4(ip().gre(0x2000).eth(inner_mac).vlan(7)), "eth:ipv4:gre:eth:vlan:ipv4:tcp", 7, 1,
         false},
        {"gre_mpls", with_inner4(ip().gre().mpls(16, true)), "eth:ipv4:gre:mpls:ipv4:tcp"},
        {"gre_ppp", with_inner4(ip().gre().ppp()), "eth:ipv4:gre:ppp:ipv4:tcp"},
        {"gre_nsh", with_inner4(ip().gre().nsh()), "eth:ipv4:gre:nsh:ipv4:tcp"},
        {"pptp", with_inner4(ip().pptp().ppp()), "eth:ipv4:gre:ppp:ipv4:tcp"},
        {"pptp_ack_compressed", with_inner4(ip().pptp(true, true).ppp(false, true)), "eth:ipv4:gre:ppp:ipv4:tcp"},
        {"eoip", with_inner4(ip().raw("gre", hex("2001 6400 0000 0100"), 0xffff, 47).eth(inner_mac)),
         "eth:ipv4:gre:eth:ipv4:tcp", 0, 1, false}, // in no one's order of bytes: tunnel 1
        {"erspan1", with_inner4(ip().erspan1().eth(inner_mac)), "eth:ipv4:gre:eth:ipv4:tcp"},
        {"erspan2", with_inner4(ip().erspan2().eth(inner_mac).vlan(7)), "eth:ipv4:gre:erspan:eth:vlan:ipv4:tcp", 7, 1,
         false},
        {"erspan3", with_inner4(ip().erspan3().eth(inner_mac)), "eth:ipv4:gre:erspan:eth:ipv4:tcp"},
        {"erspan3_platform", with_inner4(ip().erspan3(true).eth(inner_mac)), "eth:ipv4:gre:erspan:eth:ipv4:tcp"},
        {"wccp1", with_inner4(ip().wccp(false)), "eth:ipv4:gre:ipv4:tcp"},
        {"wccp2", with_inner4(ip().wccp(true)), "eth:ipv4:gre:ipv4:tcp"},

        // UDP tunnels
        {"vxlan", with_inner4(udp(4789).vxlan(1).eth(inner_mac)), "eth:ipv4:udp:vxlan:eth:ipv4:tcp"},
        {"vxlan_8472_vlan", with_inner4(udp(8472).vxlan(1).eth(inner_mac).vlan(7)),
         "eth:ipv4:udp:vxlan:eth:vlan:ipv4:tcp", 7, 1, false},
        {"vxlan_over_ipv6", with_inner6(eth().vlan(5).ipv6().udp(40000, 4789).vxlan(1).eth(inner_mac)),
         "eth:vlan:ipv6:udp:vxlan:eth:ipv6:tcp", 5},
        {"vxlan_gpe_ip", with_inner4(udp(4790).vxlan(1, true)), "eth:ipv4:udp:vxlan:ipv4:tcp", 0, 1, false},
        {"vxlan_gpe_nsh", with_inner6(udp(4790).vxlan(1, true).nsh()), "eth:ipv4:udp:vxlan:nsh:ipv6:tcp", 0, 1, false},
        {"geneve", with_inner4(udp(6081).geneve().eth(inner_mac)), "eth:ipv4:udp:geneve:eth:ipv4:tcp"},
        {"geneve_options_ip", with_inner6(udp(6081).geneve(3)), "eth:ipv4:udp:geneve:ipv6:tcp"},
        {"gtp", with_inner4(udp(2152).gtp()), "eth:ipv4:udp:gtp:ipv4:tcp"},
        {"gtp_sequence", with_inner6(udp(2152).gtp(true)), "eth:ipv4:udp:gtp:ipv6:tcp"},
        {"gtp_extensions", with_inner4(udp(2152).gtp(false, true)), "eth:ipv4:udp:gtp:ipv4:tcp"},
        {"gtp0", with_inner4(udp(3386).gtp0()), "eth:ipv4:udp:gtp:ipv4:tcp", 0, 1, false},
        {"l2tp", with_inner4(udp(1701).l2tp().ppp()), "eth:ipv4:udp:l2tp:ppp:ipv4:tcp"},
        {"l2tp_everything", with_inner6(udp(1701).l2tp(true, true).ppp(false)), "eth:ipv4:udp:l2tp:ppp:ipv6:tcp"},
        {"teredo", with_teredo(udp(3544)), "eth:ipv4:udp:teredo:ipv6:tcp"},
        {"teredo_origin", with_teredo(udp(3544).teredo_origin()), "eth:ipv4:udp:teredo:ipv6:tcp"},
        {"teredo_authentication", with_teredo(udp(3544).teredo_authentication().teredo_origin()),
         "eth:ipv4:udp:teredo:ipv6:tcp"},
        {"ayiya", with_inner6(udp(5072).ayiya()), "eth:ipv4:udp:ayiya:ipv6:tcp", 0, 1, false},
        {"capwap_8023", with_inner4(udp(5247).capwap(false).eth(inner_mac)), "eth:ipv4:udp:capwap:eth:ipv4:tcp", 0, 1,
         false},
        {"capwap_80211", with_inner4(udp(5247).capwap(true).dot11(1, true, false, true).llc_snap()),
         "eth:ipv4:udp:capwap:wlan:snap:ipv4:tcp", 0, 1, false},
        {"lwapp", with_inner4(udp(12222).lwapp().dot11(2, false, false, true).llc_snap()),
         "eth:ipv4:udp:lwapp:wlan:snap:ipv4:tcp", 0, 1, false},
        {"mpls_in_udp", with_inner4(udp(6635).mpls(16, true)), "eth:ipv4:udp:mpls:ipv4:tcp"},
        {"tunnel_port_on_both_sides", with_inner4(eth().ipv4().udp(4789, 4789).vxlan(1).eth(inner_mac)),
         "eth:ipv4:udp:vxlan:eth:ipv4:tcp"},

        // nested
        {"gtp_teredo", with_teredo(udp(2152).gtp().ipv4("10.9.0.1", "10.9.0.2").udp(50000, 3544)),
         "eth:ipv4:udp:gtp:ipv4:udp:teredo:ipv6:tcp"},
        {"qinq_pppoe_l2tp", with_inner4(eth().vlan(5).vlan(6).pppoe().ppp(false).ipv4().udp(1701, 1701).l2tp().ppp()),
         "eth:vlan{2}:pppoe:ppp:ipv4:udp:l2tp:ppp:ipv4:tcp", 6},
    };
}

packet parse(const Bytes& frame, std::uint32_t wire_len, std::uint32_t start_kind, const tunnel_config& tunnels)
{
    // Exactly as large as the frame, so that a sanitizer sees the first byte too many.
    auto heap = std::make_unique<std::uint8_t[]>(frame.size());
    frame_meta meta{};
    packet p{}; // compared byte by byte, with what the parser leaves as it is

    std::copy(frame.begin(), frame.end(), heap.get());
    meta.cap_len = static_cast<std::uint32_t>(frame.size());
    meta.wire_len = wire_len ? wire_len : meta.cap_len;
    meta.start_kind = static_cast<std::uint16_t>(start_kind);
    packet_parse(heap.get(), &meta, &tunnels, 1, 1, &p);
    return p;
}

std::string header_names(const packet& p)
{
    static const char* const kNames[] = {"",
#define X(id, name) name,
                                         FX_HEADER(X)
#undef X
    };
    std::string out;

    for (unsigned i = 0; i < p.headers_used; i++) {
        unsigned code = p.headers[i];
        char text[16];

        if (code & 0x80) {
            out.append("{").append(std::to_string(code & 0x7f)).append("}");
            continue;
        }
        out.append(out.empty() ? "" : ":").append(kNames[code]);
        if (code >= HEADER_UNKNOWN_ETHERTYPE && i + 2 < p.headers_used) {
            unsigned number = p.headers[i + 1] * 256u + p.headers[i + 2];

            std::snprintf(text, sizeof(text), code == HEADER_UNKNOWN_PROTO ? "(%u)" : "(0x%04x)", number);
            out += text;
            i += 2;
        }
    }
    return out;
}

std::string test_name(const Encapsulation& e)
{
    std::string out = e.name;

    if (out[0] >= '0' && out[0] <= '9')
        out.insert(0, "ip_");
    return out;
}

} // namespace flowxdp::test
