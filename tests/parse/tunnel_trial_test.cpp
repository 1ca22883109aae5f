// SPDX-License-Identifier: BSD-2-Clause
// tunnel_trial_test.cpp - a UDP port proves no tunnel: what is none stays the outer UDP packet, byte for byte as if
// nobody had looked; what is one is entered.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

constexpr tunnel_config kNone{};

std::vector<std::uint16_t> tunnel_ports()
{
    std::vector<std::uint16_t> out;
    for (const tunnel_port& port : kTunnels.ports)
        if (port.port)
            out.push_back(port.port);
    return out;
}

// The fields that a trial uses for itself.
packet without_trial(packet p)
{
    p.tunnel_status = 0;
    p.tunnel_kind = 0;
    p.tunnel_flags = 0;
    p.tunnel_headers_used = p.tunnel_header_count = 0;
    p.tunnel_vlan_count = p.tunnel_mpls_count = p.tunnel_link_has_mac = 0;
    p.enclosing_end = p.cursor = 0;
    p.option_cursor = 0;
    p.pending_tunnel_id = 0; // pending_tunnel_header, which stays, says whether it is valid
    p.steps = p.step_header = 0;
    return p;
}

// The packet is what it is to a parser that knows no tunnels.
testing::AssertionResult is_outer(const Bytes& frame, const tunnel_config& tunnels = kTunnels)
{
    const packet looked = parse(frame, 0, HEADER_KIND_ETHERNET, tunnels);
    const packet a = without_trial(looked), b = without_trial(parse(frame, 0, HEADER_KIND_ETHERNET, kNone));

    if (looked.tunnel_end == 0 && std::memcmp(&a, &b, sizeof a) == 0)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << header_names(a) << " instead of " << header_names(b) << ", flowStat "
                                       << std::hex << a.status << " instead of " << b.status;
}

Packet udp_packet(std::uint32_t src, std::uint32_t dst, const Bytes& payload)
{
    return Packet().eth().ipv4("192.0.2.53", "192.0.2.1").udp(src, dst).raw("payload", payload);
}

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
    Bytes bytes(std::size_t n)
    {
        Bytes out(n);
        for (std::uint8_t& b : out)
            b = static_cast<std::uint8_t>(engine_());
        return out;
    }

  private:
    std::mt19937_64 engine_;
};

// RFC 1035: an answer to a question for www.example.com, with an address.
Bytes dns_answer(Random* random)
{
    return random->bytes(2) +
           hex("8180 0001 0001 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001 c00c 0001 0001") +
           random->bytes(4) + hex("0004") + random->bytes(4);
}

// What is sent over UDP and is no tunnel.
Bytes plain_payload(Random* random)
{
    Bytes out = random->bytes(random->below(8) ? random->below(300) : random->below(1400));

    switch (random->below(8)) {
    case 0:
        return dns_answer(random);
    case 1: // QUIC, short header (RFC 9000 17.3)
        if (!out.empty())
            out[0] = static_cast<std::uint8_t>(0x40 | (out[0] & 0x3f));
        return out;
    case 2: // QUIC, long header, version 1
        return hex("c3 00000001 08") + out;
    case 3: // RTP (RFC 3550), STUN (RFC 8489), WireGuard, NTP
        return hex("8060") + out;
    case 4:
        return hex("0101 0058 2112a442") + out;
    case 5:
        return hex("04000000") + out;
    case 6:
        return hex("240203e8") + out;
    default:
        return out;
    }
}

TEST(TunnelTrial, WhatIsNoTunnelIsTheOuterPacket)
{
    for (const std::uint16_t port : tunnel_ports()) {
        Random random(port);
        for (int i = 0; i < 20000; i++) {
            const std::uint32_t src = random.below(3) ? 1024 + random.below(64512) : random.below(1024);
            const Bytes payload = plain_payload(&random);

            ASSERT_TRUE(is_outer(udp_packet(src, port, payload).bytes()))
                << "from " << src << " to " << port << ", " << i;
        }
    }
}

// The first bytes of the tunnel's own header, and anything behind.
TEST(TunnelTrial, AHeaderThatFitsProvesNothing)
{
    struct Case {
        std::uint16_t port;
        const char* header;
    };
    const Case cases[] = {
        {4789, "08000000 00000100"},
        {4790, "0c000001 00000100"},
        {4790, "0c000002 00000100"},
        {6081, "00000800 00000100"},
        {6081, "000086dd 00000100"},
        {6081, "00006558 00000100"},
        {2152, "30ff"},
        {1701, "0002 0001 0001 21"},
        {1701, "0002 0001 0001 0057"},
        {3544, "60000000"},
        {5072, "44521129"},
        {5247, "00104200 00000000"},
        {12222, "0000 0000 0000"},
        {6635, "00010140 45"},
        {6635, "00010140 60"},
    };

    for (const Case& c : cases) {
        Random random(c.port);
        for (int i = 0; i < 5000; i++)
            ASSERT_TRUE(is_outer(udp_packet(50000, c.port, hex(c.header) + random.bytes(random.below(200))).bytes()))
                << c.header;
    }
}

TEST(TunnelTrial, AnAnswerOfAServiceIsNoTunnelWhateverItHolds)
{
    Random random(53);

    for (const std::uint16_t port : tunnel_ports()) {
        EXPECT_TRUE(is_outer(udp_packet(53, port, dns_answer(&random)).bytes())) << port;
        EXPECT_TRUE(is_outer(udp_packet(443, port, random.bytes(100)).bytes())) << port;
    }
    EXPECT_TRUE(is_outer(with_inner4(Packet().eth().ipv4().udp(53, 4789).vxlan(1).eth()).bytes()));
    EXPECT_TRUE(is_outer(with_inner4(Packet().eth().ipv4().udp(1023, 2152).gtp()).bytes()));
    EXPECT_FALSE(is_outer(with_inner4(Packet().eth().ipv4().udp(1024, 2152).gtp()).bytes()));
    EXPECT_FALSE(is_outer(with_inner4(Packet().eth().ipv4().udp(0, 6081).geneve()).bytes())); // nobody's port (RFC 768)
}

// The catalogue's tunnels over UDP, and each of them broken in one place.
class UdpTunnel : public testing::TestWithParam<Encapsulation> {
  protected:
    void SetUp() override
    {
        frame_ = GetParam().packet.bytes();
        outer_ = parse(frame_, 0, HEADER_KIND_ETHERNET, kNone);
        inner_ = parse(frame_);
        ASSERT_NE(inner_.ip_proto, 17);
    }
    [[nodiscard]] std::uint32_t read16(std::size_t at) const { return frame_[at] * 256u + frame_[at + 1]; }
    // n more bytes in the UDP payload, that no header inside knows of.
    void append(std::size_t n)
    {
        const std::size_t length = outer_.l3_offset + (outer_.ip_version == 4 ? 2 : 4), udp = outer_.l4_offset + 4;
        put16(frame_, length, read16(length) + static_cast<std::uint32_t>(n));
        put16(frame_, udp, read16(udp) + static_cast<std::uint32_t>(n));
        frame_.insert(frame_.end(), n, 0);
    }

    Bytes frame_;
    packet outer_{}, inner_{};
};

TEST_P(UdpTunnel, IsEntered)
{
    EXPECT_FALSE(is_outer(frame_));
    EXPECT_EQ(inner_.dst_port, kInnerDstPort);
}

TEST_P(UdpTunnel, WithItsPortAtTheSourceIsNone)
{
    const std::size_t udp = outer_.l4_offset;
    const std::uint32_t src = read16(udp), dst = read16(udp + 2);

    put16(frame_, udp, dst);
    put16(frame_, udp + 2, src);
    const bool is_answer = src == dst || dst == 3544; // the same on both sides is the destination's, too
    EXPECT_EQ(static_cast<bool>(is_outer(frame_)), !is_answer);
}

TEST_P(UdpTunnel, ThatDoesNotFillItsPayloadIsNone)
{
    const bool may_have_trailers = GetParam().name.starts_with("teredo"); // RFC 6081 4
    for (const std::size_t n : {1, 3, 100}) {
        append(n);
        EXPECT_EQ(static_cast<bool>(is_outer(frame_)), !may_have_trailers) << n;
    }
}

TEST_P(UdpTunnel, WhoseInnerLengthIsBeyondItIsNone)
{
    const std::size_t length = inner_.l3_offset + (inner_.ip_version == 4 ? 2 : 4);

    put16(frame_, length, read16(length) + 1);
    if (inner_.ip_version == 4)
        put16(frame_, inner_.l3_offset + 10, 0); // no check sum: the length alone
    EXPECT_TRUE(is_outer(frame_));
}

TEST_P(UdpTunnel, WhoseOuterLengthIsBeyondTheDatagramIsNone)
{
    put16(frame_, outer_.l4_offset + 4, read16(outer_.l4_offset + 4) + 1);
    EXPECT_TRUE(is_outer(frame_));
}

TEST_P(UdpTunnel, WhoseInnerHeaderIsDamagedIsNone)
{
    if (inner_.ip_version == 4) {
        frame_[inner_.l3_offset + 12] ^= 1; // the check sum no longer fits
    } else {
        frame_[inner_.l3_offset + 8] = 0xff; // from a multicast address
        frame_[inner_.l3_offset + 24] = 0xff;
    }
    EXPECT_TRUE(is_outer(frame_));
}

TEST_P(UdpTunnel, WithoutItsPortIsNone)
{
    tunnel_config others{};

    for (const tunnel_port& port : kTunnels.ports)
        if (port.port != outer_.dst_port)
            tunnel_config_add(&others, port.port, port.kind);
    EXPECT_TRUE(is_outer(frame_, others));
}

// Segmentation left to the device: no length of the datagram, nor of UDP, nor a check sum.
TEST_P(UdpTunnel, WithoutLengthsEndsWithWhatEnclosesIt)
{
    const std::uint32_t octets = packet_octets(&inner_);

    put16(frame_, inner_.l3_offset + (inner_.ip_version == 4 ? 2 : 4), 0);
    if (inner_.ip_version == 4)
        put16(frame_, inner_.l3_offset + 10, 0);
    frame_.insert(frame_.end(), 20, 0); // of the outer frame
    EXPECT_EQ(parse(frame_).dst_port, kInnerDstPort);
    packet p = parse(frame_);
    EXPECT_EQ(packet_octets(&p), octets);
    put16(frame_, outer_.l4_offset + 4, 0);
    p = parse(frame_);
    EXPECT_EQ(packet_octets(&p), octets);
}

std::vector<Encapsulation> udp_tunnels()
{
    std::vector<Encapsulation> out;
    for (const Encapsulation& e : ethernet_encapsulations())
        if (e.headers.find(":udp:") != std::string::npos && e.name.find("qinq") == std::string::npos &&
            e.name != "gtp_teredo")
            out.push_back(e);
    return out;
}

INSTANTIATE_TEST_SUITE_P(All, UdpTunnel, testing::ValuesIn(udp_tunnels()),
                         [](const auto& param) { return test_name(param.param); });

TEST(TunnelTrial, AnEthernetFrameInsideMayBePadded)
{
    auto padded = [](std::size_t padding) {
        return Packet()
            .eth()
            .ipv4()
            .udp(40000, 4789)
            .vxlan(1)
            .eth()
            .ipv4()
            .set16(2, 28)
            .udp(5, 6)
            .raw("pad", Bytes(padding));
    };
    const packet p = parse(padded(18).bytes());

    EXPECT_EQ(p.dst_port, 6);
    EXPECT_EQ(p.payload_len, 0u);
    EXPECT_FALSE(is_outer(padded(22).bytes())); // and a check sequence
    EXPECT_TRUE(is_outer(padded(23).bytes()));  // more than the least an Ethernet frame carries
}

TEST(TunnelTrial, TeredoNeedsItsAddresses)
{
    auto udp = [] { return Packet().eth().ipv4().udp(40000, 3544); };
    auto bubble = [&](const char* src, const char* dst) { return udp().ipv6(src, dst).bytes(); };

    EXPECT_TRUE(is_outer(with_inner6(udp()).bytes()));
    EXPECT_TRUE(is_outer(with_inner4(udp()).bytes()));
    EXPECT_FALSE(is_outer(bubble("2001:0:1::1", "2001:db8::1")));
    EXPECT_FALSE(is_outer(bubble("2001:db8::1", "2001:0:1::1")));
    EXPECT_FALSE(is_outer(bubble("fe80::ffff:ffff:fffe", "ff02::2"))); // router solicitation, RFC 4380 5.2.1
    EXPECT_TRUE(is_outer(bubble("2001:1::1", "2001:db8::1")));
    // RFC 6081 4: trailers stand behind the IPv6 packet, inside the UDP payload.
    auto with_nonce_trailer = [&](const char* src) {
        return udp()
            .ipv6(src, "2001:db8::1")
            .set8(6, 59)
            .set16(4, 0)
            .raw("trailer", {1, 4, 0xde, 0xad, 0xbe, 0xef})
            .bytes();
    };
    EXPECT_FALSE(is_outer(with_nonce_trailer("2001:0:1::1")));
    EXPECT_TRUE(is_outer(with_nonce_trailer("2001:1::1")));
}

TEST(TunnelTrial, VersionsAndReservedBits)
{
    auto udp = [](std::uint32_t port) { return Packet().eth().ipv4().udp(40000, port); };

    EXPECT_TRUE(is_outer(with_inner4(udp(4789).vxlan(1).set8(0, 0x00).eth()).bytes()));  // RFC 7348 5: I
    EXPECT_TRUE(is_outer(with_inner4(udp(4789).vxlan(1).set8(0, 0x48).eth()).bytes()));  // R
    EXPECT_FALSE(is_outer(with_inner4(udp(4789).vxlan(1).set8(0, 0x88).eth()).bytes())); // group policy
    EXPECT_TRUE(is_outer(with_inner4(udp(6081).geneve().set8(0, 0x40)).bytes()));        // RFC 8926 3.4: Ver
    EXPECT_TRUE(is_outer(with_inner4(udp(6081).geneve().set8(1, 0x01)).bytes()));        // Rsvd
    EXPECT_TRUE(is_outer(with_inner4(udp(6081).geneve().set8(7, 0x01)).bytes()));
    EXPECT_TRUE(is_outer(with_inner4(udp(2152).gtp().set8(0, 0x20)).bytes()));               // TS 29.281 5.1: PT
    EXPECT_TRUE(is_outer(with_inner4(udp(2152).gtp().set8(0, 0x50)).bytes()));               // version
    EXPECT_TRUE(is_outer(with_inner4(udp(2152).gtp().set8(1, 0xfe)).bytes()));               // not a G-PDU
    EXPECT_TRUE(is_outer(with_inner4(udp(1701).l2tp().set8(0, 0x04).ppp()).bytes()));        // RFC 2661 3.1: x
    EXPECT_TRUE(is_outer(with_inner4(udp(1701).l2tp().set8(1, 0x01).ppp()).bytes()));        // Ver
    EXPECT_TRUE(is_outer(with_inner4(udp(5247).capwap(false).set8(0, 0x10).eth()).bytes())); // RFC 5415 4.1: Version
    EXPECT_TRUE(is_outer(with_inner4(udp(5247).capwap(false).set8(0, 0x01).eth()).bytes())); // DTLS
    EXPECT_TRUE(is_outer(with_inner4(udp(5247).capwap(false).set8(3, 0x01).eth()).bytes())); // Flags
    EXPECT_TRUE(
        is_outer(with_inner4(udp(12222).lwapp().set8(0, 0x40).dot11(2, false, false, true).llc_snap()).bytes()));
    EXPECT_TRUE(is_outer(with_inner6(udp(5072).ayiya().set8(2, 0x12)).bytes())); // not: forward
}

// --tunnel none: outer flows. VLAN, MPLS and PPPoE are followed all the same.
TEST(TunnelTrial, NoTunnelsMeansOuterFlows)
{
    for (const Encapsulation& e : ethernet_encapsulations()) {
        const packet p = parse(e.packet.bytes(), 0, HEADER_KIND_ETHERNET, kNone);
        const std::string names = header_names(p);
        const bool tunnel = e.headers.find("udp") != std::string::npos || e.headers.find("gre") != std::string::npos ||
                            e.headers.find("etherip") != std::string::npos ||
                            e.headers.find("}:tcp") != std::string::npos || e.name == "6in4" || e.name == "4in6" ||
                            e.name == "ah_tunnel" || e.name == "mpls_in_ip" || e.name == "srv6_ethernet" ||
                            e.name == "erspan1";

        SCOPED_TRACE(e.name + " " + names);
        EXPECT_EQ(p.ip_proto != 6, tunnel);
        EXPECT_FALSE(p.status & (FS(IP_IN_IP) | FS(VXLAN) | FS(GTP) | FS(TEREDO) | FS(GENEVE) | FS(L2TP) | FS(CAPWAP)));
    }
    EXPECT_EQ(header_names(parse(with_inner4(Packet().eth().ipv4().gre()).bytes(), 0, HEADER_KIND_ETHERNET, kNone)),
              "eth:ipv4:gre");
    EXPECT_TRUE(parse(with_inner4(Packet().eth().ipv4().gre()).bytes(), 0, HEADER_KIND_ETHERNET, kNone).status &
                FS(GRE));
}

TEST(TunnelTrial, PortsAreTheRuns)
{
    tunnel_config config{};
    ASSERT_TRUE(tunnel_config_add(&config, 250, HEADER_KIND_VXLAN));
    ASSERT_TRUE(tunnel_config_add(&config, 6789, HEADER_KIND_VXLAN));
    ASSERT_FALSE(tunnel_config_add(&config, 6789, HEADER_KIND_GTP));
    auto to = [](std::uint32_t src, std::uint32_t dst) {
        return with_inner4(Packet().eth().ipv4().udp(src, dst).vxlan(1).eth()).bytes();
    };

    EXPECT_FALSE(is_outer(to(40000, 6789), config));
    EXPECT_FALSE(is_outer(to(40000, 250), config));
    EXPECT_FALSE(is_outer(to(250, 250), config)); // a service's, but the tunnel's own
    EXPECT_TRUE(is_outer(to(251, 250), config));
    EXPECT_TRUE(is_outer(to(40000, 4789), config));
    EXPECT_TRUE(is_outer(to(40000, 6789 + 256), config)); // the same last byte
    for (std::uint32_t port = 1000; port < 1030; port++)
        EXPECT_TRUE(tunnel_config_add(&config, port, HEADER_KIND_GTP));
    EXPECT_FALSE(tunnel_config_add(&config, 2000, HEADER_KIND_GTP)); // 32 are there
}

} // namespace
} // namespace flowxdp::test
