// SPDX-License-Identifier: BSD-2-Clause
// ndpi: packets in any order, packets that never come, too many flows. Protocol numbers are nDPI's own.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "ndpi/detections.h"
#include "ndpi/risk_bits.h"

namespace flowxdp {
namespace {

constexpr std::uint16_t kHttp = 7;
constexpr std::uint8_t kAckPush = TCP_ACK | TCP_PSH;
constexpr std::array<std::uint8_t, 16> kClient = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
                                       kServer = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 2};
constexpr std::string_view kRequest = "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test\r\n\r\n",
                           kResponse = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

FlowPacket segment(unsigned direction, std::uint64_t number, std::uint8_t flags, std::uint32_t seq,
                   std::string_view payload = {})
{
    FlowPacket p;
    p.ip.src = direction ? kServer.data() : kClient.data();
    p.ip.dst = direction ? kClient.data() : kServer.data();
    p.ip.ip_version = 4;
    p.ip.ip_proto = IpPacket::kTcp;
    p.ip.src_port = direction ? 80 : 40000;
    p.ip.dst_port = direction ? 40000 : 80;
    p.ip.tcp_flags = flags;
    p.ip.tcp_seq = seq;
    p.ip.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    p.payload_len = static_cast<std::uint32_t>(payload.size());
    p.number = number;
    p.time_ms = 1'772'582'400'000 + number;
    p.direction = static_cast<std::uint8_t>(direction);
    p.is_readable = true;
    return p;
}

// A connection with one request and its response.
std::vector<FlowPacket> connection()
{
    const auto asked = static_cast<std::uint32_t>(kRequest.size());
    return {segment(0, 1, TCP_SYN, 99),         segment(1, 1, TCP_SYN | TCP_ACK, 499),
            segment(0, 2, TCP_ACK, 100),        segment(0, 3, kAckPush, 100, kRequest),
            segment(1, 2, TCP_ACK, 500),        segment(1, 3, kAckPush, 500, kResponse),
            segment(0, 4, TCP_ACK, 100 + asked)};
}

Verdict verdict_of(const std::vector<FlowPacket>& packets, ProtocolDetector* detector, bool* has_gap = nullptr)
{
    FlowDetection detection(16);
    for (const FlowPacket& p : packets)
        if (detection.add(p, detector))
            break;
    const Verdict verdict = detection.finish(detector);
    if (has_gap)
        *has_gap = detection.has_gap();
    return verdict;
}

TEST(NdpiDetection, FindsHttpInItsRequest)
{
    ProtocolDetector detector(false);
    const Verdict v = verdict_of(connection(), &detector);
    EXPECT_EQ(v.application, kHttp);
    EXPECT_EQ(detector.name(v), "HTTP");
    EXPECT_EQ(detector.category_name(v), "Web");
    EXPECT_EQ(ProtocolDetector::confidence_name(v), "DPI");
    EXPECT_FALSE(ProtocolDetector::is_guess(v));
}

TEST(NdpiDetection, PortsAloneAreAGuess)
{
    ProtocolDetector guesses(true), does_not(false);
    std::vector<FlowPacket> packets = connection();
    packets.resize(3); // the handshake
    Verdict v = verdict_of(packets, &guesses);
    EXPECT_EQ(v.application, kHttp);
    EXPECT_TRUE(ProtocolDetector::is_guess(v));
    EXPECT_EQ(ProtocolDetector::confidence_name(v), "Match by port");
    v = verdict_of(packets, &does_not);
    EXPECT_FALSE(v.is_known());
    EXPECT_EQ(does_not.name(v), "Unknown");
    v = guesses.guess_by_ports(17, 40000, 53);
    EXPECT_EQ(guesses.name(v), "DNS");
    EXPECT_TRUE(ProtocolDetector::is_guess(v));
    EXPECT_FALSE(does_not.guess_by_ports(17, 40000, 53).is_known());
}

// Two CPUs hand packets over in another order than they were counted in.
TEST(NdpiDetection, OrderOfArrivalWithinADirectionDoesNotMatter)
{
    ProtocolDetector detector(false);
    const std::vector<FlowPacket> whole = connection();
    std::vector<FlowPacket> client;
    std::copy_if(whole.begin(), whole.end(), std::back_inserter(client), [](auto& p) { return p.direction == 0; });
    const Verdict in_order = verdict_of(client, &detector);
    ASSERT_EQ(in_order.application, kHttp);
    std::mt19937 random(7);
    for (int i = 0; i < 50; i++) {
        std::shuffle(client.begin(), client.end(), random);
        bool has_gap = true;
        const Verdict v = verdict_of(client, &detector, &has_gap);
        EXPECT_EQ(v.application, in_order.application);
        EXPECT_EQ(v.risks, in_order.risks);
        EXPECT_FALSE(has_gap);
    }
}

TEST(NdpiDetection, PacketsThatNeverComeAreWaitedForUntilTheEnd)
{
    ProtocolDetector detector(false);
    bool has_gap = false;
    EXPECT_EQ(verdict_of({segment(0, 3, kAckPush, 100, kRequest)}, &detector, &has_gap).application, kHttp);
    EXPECT_TRUE(has_gap);
    has_gap = false;
    EXPECT_EQ(verdict_of({segment(0, 9, kAckPush, 100, kRequest), segment(0, 5, TCP_ACK, 100),
                          segment(1, 2, kAckPush, 500, kResponse)},
                         &detector, &has_gap)
                  .application,
              kHttp);
    EXPECT_TRUE(has_gap);
}

TEST(NdpiDetection, PacketsThatNeverComeAreNotWaitedForForever)
{
    ProtocolDetector detector(false);
    FlowDetection detection(100);
    bool is_done = false;
    std::uint64_t number = 2;
    EXPECT_FALSE(detection.add(segment(0, number++, kAckPush, 100, kRequest), &detector));
    for (std::size_t i = 1; i < FlowDetection::kMostHeld; i++) {
        ASSERT_FALSE(is_done);
        is_done = detection.add(segment(0, number++, TCP_ACK, 100), &detector);
    }
    EXPECT_TRUE(detection.has_gap());
    EXPECT_TRUE(detection.has_looked());
    EXPECT_FALSE(detection.add(segment(0, 1, TCP_SYN, 99), &detector)) << "too late";
    EXPECT_EQ(detection.finish(&detector).application, kHttp);
}

TEST(NdpiDetection, EndsWithThePacketsThatAreLookedAt)
{
    ProtocolDetector detector(false);
    FlowDetection detection(2);
    EXPECT_FALSE(detection.add(segment(0, 1, TCP_SYN, 99), &detector));
    EXPECT_FALSE(detection.add(segment(1, 1, TCP_SYN | TCP_ACK, 499), &detector));
    EXPECT_FALSE(detection.add(segment(0, 2, TCP_ACK, 100), &detector));
    EXPECT_TRUE(detection.add(segment(1, 2, TCP_ACK, 500), &detector));
    EXPECT_TRUE(detection.used_up());
    EXPECT_FALSE(detection.finish(&detector).is_known());
}

TEST(NdpiDetection, ALaterFragmentIsPassedOver)
{
    ProtocolDetector detector(false);
    FlowDetection detection(16);
    FlowPacket later = segment(0, 1, 0, 0, kRequest);
    later.is_readable = false;
    EXPECT_FALSE(detection.add(later, &detector));
    EXPECT_FALSE(detection.has_looked());
    detection.add(segment(0, 2, kAckPush, 100, kRequest), &detector);
    EXPECT_TRUE(detection.has_looked());
    EXPECT_FALSE(detection.has_gap());
    EXPECT_EQ(detection.finish(&detector).application, kHttp);
}

TEST(NdpiDetections, TheOldestGivesWay)
{
    Detections detections(2);
    const DetectionId first = detections.add(std::make_unique<FlowDetection>(16)),
                      second = detections.add(std::make_unique<FlowDetection>(16));
    EXPECT_NE(detections.find(first), nullptr);
    EXPECT_EQ(detections.dropped(), 0u);
    const DetectionId third = detections.add(std::make_unique<FlowDetection>(16));
    EXPECT_EQ(detections.find(first), nullptr) << "its place is another's now";
    EXPECT_NE(detections.find(second), nullptr);
    EXPECT_NE(detections.find(third), nullptr);
    EXPECT_EQ(detections.dropped(), 1u);
    detections.remove(first); // another's place is left alone
    EXPECT_EQ(detections.size(), 2u);
    detections.remove(second);
    EXPECT_EQ(detections.find(second), nullptr);
    EXPECT_EQ(detections.size(), 1u);
    detections.add(std::make_unique<FlowDetection>(16));
    EXPECT_EQ(detections.dropped(), 1u) << "there was room";
    EXPECT_EQ(detections.find({}), nullptr);
}

TEST(NdpiRisks, EachHasAText)
{
    ASSERT_EQ(std::size(kNdpiRiskBits), ProtocolDetector::most_risk());
    for (unsigned n = 1; n <= ProtocolDetector::most_risk(); n++)
        EXPECT_EQ(kNdpiRiskBits[n - 1].mask, std::uint64_t{1} << n);
    EXPECT_EQ(ProtocolDetector::risk_score({}), 0);
    // Low: 10, high: 100 (ndpi_typedefs.h).
    EXPECT_EQ(ProtocolDetector::risk_score({std::uint64_t{1} << 12 | std::uint64_t{1} << 7, 0, 0, 0, 0, 0}), 110);
}

// RFC 791, RFC 8200, RFC 9293, RFC 768: the headers' fields at their places.
TEST(IpPacket, Headers)
{
    IpPacket packet;
    FlowPacket p = segment(0, 1, kAckPush, 0x01020304, "abc");
    p.ip.tcp_ack = 0x05060708;
    std::span<const std::uint8_t> bytes = packet.write(p.ip);
    ASSERT_EQ(bytes.size(), 20u + 20u + 3u);
    EXPECT_EQ(bytes[0], 0x45);
    EXPECT_EQ(bytes[2] << 8 | bytes[3], 43);
    EXPECT_EQ(bytes[9], 6);
    EXPECT_EQ(std::vector(bytes.begin() + 12, bytes.begin() + 20),
              (std::vector<std::uint8_t>{192, 0, 2, 1, 198, 51, 100, 2}));
    EXPECT_EQ(bytes[20] << 8 | bytes[21], 40000);
    EXPECT_EQ(bytes[22] << 8 | bytes[23], 80);
    EXPECT_EQ(std::vector(bytes.begin() + 24, bytes.begin() + 34),
              (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 0x50, kAckPush}));
    EXPECT_EQ(std::string(bytes.begin() + 40, bytes.end()), "abc");

    p.ip.ip_proto = IpPacket::kUdp;
    bytes = packet.write(p.ip);
    ASSERT_EQ(bytes.size(), 20u + 8u + 3u);
    EXPECT_EQ(bytes[24] << 8 | bytes[25], 11);

    p.ip.ip_version = 6;
    p.ip.ip_proto = IpPacket::kIcmpV6;
    const std::array<std::uint8_t, 8> echo = {128, 0, 1, 2, 3, 4, 5, 6};
    p.ip.header = echo;
    bytes = packet.write(p.ip);
    ASSERT_EQ(bytes.size(), 40u + 8u + 3u);
    EXPECT_EQ(bytes[0], 0x60);
    EXPECT_EQ(bytes[4] << 8 | bytes[5], 11);
    EXPECT_EQ(bytes[6], 58);
    EXPECT_EQ(bytes[40], 128);

    const std::vector<std::uint8_t> much(70000, 'x');
    p.ip.payload = much;
    EXPECT_EQ(packet.write(p.ip).size(), 40u + 8u + PACKET_MAX_PAYLOAD);
}

} // namespace
} // namespace flowxdp
