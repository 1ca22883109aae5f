// SPDX-License-Identifier: BSD-2-Clause
#include "support/filter_expressions.h"

namespace flowxdp::test {

std::vector<std::string> filter_expressions()
{
    std::vector<std::string> list = {
        "ip",
        "ip6",
        "arp",
        "tcp",
        "udp",
        "icmp",
        "icmp6",
        "sctp",
        "not ip",
        "tcp port 80",
        "udp port 53",
        "port 53",
        "src port 53 or dst port 80",
        "portrange 1-1023",
        "tcp portrange 30000-65535 and not port 443",
        "host 192.0.2.10",
        "src host 192.0.2.10 and dst host 198.51.100.20",
        "host 2001:db8::10",
        "net 192.0.2.0/24",
        "src net 10.0.0.0/8",
        "net 2001:db8::/32",
        "ip6 net 2001:db8::/64 and tcp",
        "ether host 02:00:00:00:00:01",
        "ether src 02:00:00:00:00:02",
        "ether proto 0x0800",
        "ether proto 0x88a8 or ether proto 0x8847",
        "ether broadcast",
        "ether multicast",
        "ip multicast",
        "ip proto 47",
        "ip6 proto 44",
        "proto 17",
        "vlan",
        "vlan 5",
        "vlan and tcp",
        "vlan 5 and ip and port 80",
        "vlan and vlan and ip",
        "ip or (vlan and ip)",
        "mpls",
        "mpls 100",
        "mpls and tcp",
        "mpls and mpls and host 10.0.0.1",
        "pppoed",
        "pppoes",
        "pppoes and ip",
        "pppoes and tcp port 80",
        "geneve",
        "icmp[icmptype] == icmp-echo",
        "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
        "icmp6[icmp6type] == 128",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
        "tcp[tcpflags] == tcp-syn",
        "tcp[tcpflags] & tcp-rst != 0 and not src net 10.0.0.0/8",
        "tcp[13] & 2 != 0 and ip[8] < 65",
        "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", // GET
        "((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0",
        "ip[2:2] > 100",
        "ip[6:2] & 0x1fff != 0",
        "ip[0] & 0xf != 5",
        "ip6[6] == 6",
        "udp[4:2] > 100 and udp[4:2] < 1000",
        "ether[0] & 1 != 0",
        "ether[100:4] != 0",
        "ether[len - 4:4] != 0",
        "ether[ether[20]:2] > 1000",
        "ether[4000:4] = 0x5a5a5a5a",
        "ether[40000] = 0",
        "ip[ip[8]] > 3",
        "ip[20 + (ip[9] % 8):1] > 10",
        "ip[8] / ip[9] > 2",
        "ip[8] % (ip[9] - 6) = 1",
        "ip[4:2] * ip[8] > 100000",
        "ip[4:2] << (ip[9] & 0x3f) > 7",
        "ip[4:2] >> ip[9] > 7",
        "(ip[4:2] ^ 0x5555) & 0xff | 1 = 0x41",
        "- ip[8] > 0xffffffc0",
        "greater 200",
        "less 100",
        "len > 60 and len <= 1514",
        "len - ip[2:2] = 14",
        "1 = 1",
        "(tcp or udp) and (port 53 or port 80 or port 443) and not (src host 192.0.2.10 and dst port 53)",
        "ip host 192.0.2.10 and (tcp[tcpflags] & tcp-ack != 0 or udp)",
        many_hosts(100),
        many_hosts(100) + " or host 192.0.2.10",
    };
    std::string ports = "port 1";
    for (unsigned port = 3; port < 120; port += 2)
        ports += " or port " + std::to_string(port);
    list.push_back(ports);
    return list;
}

std::string many_hosts(unsigned hosts)
{
    std::string text;
    for (unsigned n = 0; n < hosts; n++)
        text += (n ? " or host 10." : "host 10.") + std::to_string(n >> 16 & 255) + "." + std::to_string(n >> 8 & 255) +
                "." + std::to_string(n & 255);
    return text;
}

namespace {

using Choose = std::function<std::uint32_t(std::uint32_t)>;

template <std::size_t n>
std::string one_of(const Choose& choose, const char* const (&list)[n])
{
    return list[choose(n)];
}

std::string number(const Choose& choose)
{
    switch (choose(4)) {
    case 0:
        return std::to_string(choose(16));
    case 1:
        return std::to_string(choose(256));
    case 2:
        return std::to_string(choose(65536));
    default:
        return std::to_string(choose(0xffffffff));
    }
}

// A value out of a frame, with arithmetic on it.
std::string arithmetic(const Choose& choose, int depth)
{
    static constexpr const char* kHeaders[] = {"ether", "ip", "ip6", "tcp", "udp", "icmp"};
    static constexpr const char* kSizes[] = {"", ":1", ":2", ":4"};
    static constexpr const char* kOperators[] = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"};
    switch (choose(depth > 0 ? 6 : 3)) {
    case 0:
        return number(choose);
    case 1:
        return "len";
    case 2:
    case 3:
        return one_of(choose, kHeaders) + "[" + std::to_string(choose(choose(8) ? 40 : 70000)) +
               one_of(choose, kSizes) + "]";
    case 4:
        return one_of(choose, kHeaders) + "[" + arithmetic(choose, depth - 1) + one_of(choose, kSizes) + "]";
    default:
        return "(" + arithmetic(choose, depth - 1) + " " + one_of(choose, kOperators) + " " +
               arithmetic(choose, depth - 1) + ")";
    }
}

std::string primitive(const Choose& choose)
{
    static constexpr const char* kWords[] = {"ip",   "ip6",   "arp",    "tcp",    "udp",
                                             "icmp", "icmp6", "sctp",   "vlan",   "mpls",
                                             "igmp", "esp",   "pppoes", "pppoed", "ether multicast",
                                             "ah",   "pim",   "vrrp",   "geneve", "ether broadcast"};
    static constexpr const char* kWhere[] = {"", "src ", "dst ", "src or dst ", "src and dst "};
    static constexpr const char* kAddresses[] = {"192.0.2.10",  "198.51.100.20", "10.0.0.1",     "10.0.0.2",
                                                 "2001:db8::1", "2001:db8::10",  "2001:db8::20", "224.0.0.251"};
    static constexpr const char* kNets[] = {"192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/1", "2001:db8::/32", "fe80::/10"};
    static constexpr const char* kTransports[] = {"", "tcp ", "udp ", "sctp "};
    static constexpr const char* kPorts[] = {"53", "80", "443", "21", "1234", "4789", "2152"};
    static constexpr const char* kRelations[] = {"=", "!=", "<", ">", "<=", ">="};
    switch (choose(9)) {
    case 0:
        return one_of(choose, kWords);
    case 1:
        return one_of(choose, kWhere) + "host " + one_of(choose, kAddresses);
    case 2:
        return one_of(choose, kWhere) + "net " + one_of(choose, kNets);
    case 3:
        return one_of(choose, kTransports) + one_of(choose, kWhere) + "port " + one_of(choose, kPorts);
    case 4: {
        const std::uint32_t low = choose(65536);
        return one_of(choose, kTransports) + "portrange " + std::to_string(low) + "-" +
               std::to_string(low + choose(65536 - low));
    }
    case 5:
        return (choose(2) ? "vlan " + std::to_string(choose(8)) : "mpls " + std::to_string(choose(200)));
    case 6:
        return (choose(2) ? "greater " : "less ") + std::to_string(choose(1600));
    case 7:
        return (choose(2) ? "ip proto " : "ether proto ") + std::to_string(choose(2) ? choose(256) : choose(65536));
    default:
        return arithmetic(choose, 2) + " " + one_of(choose, kRelations) + " " + arithmetic(choose, 1);
    }
}

std::string join(const Choose& choose, int depth)
{
    if (depth == 0 || choose(3) == 0)
        return (choose(5) ? "" : "not ") + primitive(choose);
    return "(" + join(choose, depth - 1) + (choose(2) ? " and " : " or ") + join(choose, depth - 1) + ")";
}

} // namespace

std::string random_expression(const Choose& choose)
{
    return join(choose, 3);
}

} // namespace flowxdp::test
