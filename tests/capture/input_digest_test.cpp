// SPDX-License-Identifier: BSD-2-Clause
// What a digest of an input tells apart, and what it does not.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "capture/input_digest.h"

namespace flowxdp {
namespace {

struct Packet {
    std::int64_t ts_ns;
    std::vector<std::uint8_t> bytes;
    std::uint32_t wire_len = 0, if_id = 0, link_type = kLinkTypeEthernet;
};

InputDigest digest_of(const std::vector<Packet>& packets)
{
    InputDigest digest;
    for (const Packet& p : packets)
        digest.add({p.bytes.data(), static_cast<std::uint32_t>(p.bytes.size()),
                    p.wire_len ? p.wire_len : static_cast<std::uint32_t>(p.bytes.size()), p.ts_ns, p.if_id,
                    p.link_type});
    return digest;
}

const std::vector<Packet> kPackets = {
    {1, std::vector<std::uint8_t>(60, 1)}, {2, std::vector<std::uint8_t>(100, 2)}, {3, {}}};

TEST(InputDigest, TheSamePacketsHaveTheSame)
{
    EXPECT_EQ(digest_of(kPackets).value(), digest_of(kPackets).value());
    std::vector<Packet> renumbered = kPackets;
    renumbered[1].if_id = 7; // another file format numbers interfaces as it likes
    EXPECT_EQ(digest_of(kPackets).value(), digest_of(renumbered).value());
    EXPECT_EQ(digest_of(kPackets).packets(), 3u);
}

TEST(InputDigest, AnythingElseChangesIt)
{
    std::set<std::uint64_t> seen = {digest_of(kPackets).value()};
    const auto is_new = [&](std::vector<Packet> packets) { return seen.insert(digest_of(packets).value()).second; };
    std::vector<Packet> other = kPackets;
    std::swap(other[0], other[1]);
    EXPECT_TRUE(is_new(other)) << "order";
    other = kPackets;
    other.pop_back();
    EXPECT_TRUE(is_new(other)) << "a packet less";
    other = kPackets;
    other[2].ts_ns++;
    EXPECT_TRUE(is_new(other)) << "a nanosecond";
    other = kPackets;
    other[1].wire_len = 101;
    EXPECT_TRUE(is_new(other)) << "length on the wire";
    other = kPackets;
    other[0].link_type = kLinkTypeRaw;
    EXPECT_TRUE(is_new(other)) << "link type";
    for (std::size_t at = 0; at < 60; at++) {
        other = kPackets;
        other[0].bytes[at] ^= 0x80;
        EXPECT_TRUE(is_new(other)) << "byte " << at;
    }
    other = kPackets;
    other[0].bytes.pop_back();
    EXPECT_TRUE(is_new(other)) << "captured length";
}

TEST(InputDigest, TheBeginningIsThatOfTheFirstThousand)
{
    std::vector<Packet> many;
    for (std::int64_t i = 0; i < 1500; i++)
        many.push_back({i, {static_cast<std::uint8_t>(i)}});
    const std::vector<Packet> begin(many.begin(), many.begin() + 1000);
    EXPECT_EQ(digest_of(many).begin(), digest_of(begin).value());
    EXPECT_NE(digest_of(many).value(), digest_of(begin).value());
    EXPECT_EQ(digest_of(kPackets).begin(), digest_of(kPackets).value()) << "fewer: all of them";
}

} // namespace
} // namespace flowxdp
