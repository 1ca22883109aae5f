// SPDX-License-Identifier: BSD-2-Clause
// parse_tag_beside_test.cpp - a leaving buffer whose outermost VLAN tag stands beside it is the packet that the wire
// sees.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

// As the egress program does it.
packet parse_with_tag_beside(const Bytes& frame, std::uint32_t tci)
{
    auto heap = std::make_unique<std::uint8_t[]>(frame.size());
    const std::uint8_t* const data = heap.get();
    const std::uint8_t* const end = data + frame.size();
    frame_meta meta{};
    packet p{};

    std::copy(frame.begin(), frame.end(), heap.get());
    meta.cap_len = meta.wire_len = static_cast<std::uint32_t>(frame.size());
    meta.start_kind = HEADER_KIND_ETHERNET;
    packet_clear(&p, &meta, 1, 1);
    packet_parse_tagged_ethernet(data, end, tci, &p);
    packet_parse_start(data, end, &kTunnels, &p);
    while (p.cursor && !packet_parse_next(data, end, &kTunnels, &p)) {
    }
    packet_parse_l4(data, end, &p);
    packet_move(&p, 4);
    return p;
}

bool is_tagged(const Bytes& frame)
{
    return frame.size() >= 18 && frame[12] == 0x81 && frame[13] == 0x00;
}

std::vector<Encapsulation> tagged_encapsulations()
{
    std::vector<Encapsulation> all = ethernet_encapsulations();
    std::erase_if(all, [](const Encapsulation& e) { return !is_tagged(e.packet.bytes()); });
    return all;
}

class TagBeside : public testing::TestWithParam<Encapsulation> {};

TEST_P(TagBeside, IsTheFrameWithTheTagInside)
{
    Bytes frame = GetParam().packet.bytes();
    const packet whole = parse(frame);
    const std::uint32_t tci = static_cast<std::uint32_t>(frame[14]) << 8 | frame[15];
    frame.erase(frame.begin() + 12, frame.begin() + 16);
    packet p = parse_with_tag_beside(frame, tci);
    p.cursor = whole.cursor; // where the parser stood is its own business
    p.option_cursor = whole.option_cursor;
    p.step_header = whole.step_header;
    p.steps = whole.steps;
    EXPECT_EQ(header_names(p), header_names(whole));
    EXPECT_EQ(p.vlan_id, whole.vlan_id);
    EXPECT_EQ(p.l3_offset, whole.l3_offset);
    EXPECT_EQ(p.payload_offset, whole.payload_offset);
    EXPECT_EQ(p.status, whole.status);
    EXPECT_EQ(std::memcmp(&p, &whole, sizeof p), 0);
}

INSTANTIATE_TEST_SUITE_P(All, TagBeside, testing::ValuesIn(tagged_encapsulations()),
                         [](const auto& made) { return test_name(made.param); });

TEST(TagBesideArp, ArpIsAnL2FlowOfItsVlan)
{
    Bytes frame = Packet().eth().vlan(7).bytes();
    frame[16] = 0x08;
    frame[17] = 0x06;
    frame.resize(46); // an ARP request's length, without padding
    const packet whole = parse(frame);
    frame.erase(frame.begin() + 12, frame.begin() + 16);
    const packet p = parse_with_tag_beside(frame, 7);
    EXPECT_EQ(p.vlan_id, 7);
    EXPECT_EQ(p.wire_len, whole.wire_len);
    EXPECT_EQ(packet_octets(&p), packet_octets(&whole));
    EXPECT_EQ(p.status, whole.status);
    EXPECT_EQ(packet_pad_bytes(&p), packet_pad_bytes(&whole));
}

} // namespace
} // namespace flowxdp::test
