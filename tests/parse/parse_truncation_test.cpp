// SPDX-License-Identifier: BSD-2-Clause
// parse_truncation_test.cpp - a frame cut at any byte says less, never something else, and reads nothing behind the
// cut.
#include <gtest/gtest.h>

#include <cstring>

#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

class ParseTruncation : public testing::TestWithParam<Encapsulation> {};

TEST_P(ParseTruncation, SaysLessNeverElse)
{
    const Bytes frame = GetParam().packet.bytes();
    const packet whole = parse(frame);
    bool seen_inner = false;

    for (std::size_t n = 0; n <= frame.size(); n++) {
        packet p = parse(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n)),
                         static_cast<std::uint32_t>(frame.size()));

        SCOPED_TRACE(GetParam().name + " cut at " + std::to_string(n));
        ASSERT_EQ(static_cast<bool>(p.flags & PACKET_NO_FLOW), n < 14);
        // header stack: a prefix of the whole one (a repeat count may still be smaller)
        ASSERT_LE(p.header_count, whole.header_count);
        ASSERT_LE(p.headers_used, whole.headers_used);
        // once the innermost header was reached it stays reached, and its claim does not depend on the cut
        if (p.l3_offset == whole.l3_offset && p.ip_version) {
            seen_inner = true;
            ASSERT_EQ(p.ip_version, whole.ip_version);
            ASSERT_EQ(p.l3_end, whole.l3_end);
            ASSERT_EQ(std::memcmp(p.src, whole.src, sizeof(p.src)), 0);
            ASSERT_EQ(p.vlan_id, whole.vlan_id);
            if (p.flags & PACKET_HAS_PORTS) {
                ASSERT_EQ(p.dst_port, whole.dst_port);
                ASSERT_EQ(p.payload_len > 0 || p.ip_proto != 6,
                          p.ip_proto != 6 || (p.flags & PACKET_HAS_TCP) || p.l4_len > 0);
            }
            if (p.flags & PACKET_HAS_TCP) {
                ASSERT_EQ(p.tcp_window, kInnerWindow);
                ASSERT_EQ(p.payload_len, kInnerPayload);
            }
            // bit 33: captured less than the header claims
            ASSERT_EQ(static_cast<bool>(p.status & FS(L3_SNAPPED)), n < whole.l3_end);
        } else {
            ASSERT_FALSE(seen_inner);
        }
        ASSERT_FALSE(p.status & FS(LENGTH_MISMATCH)); // nobody lied: wire_len is the whole frame
        if (!p.ip_version) {
            ASSERT_TRUE(p.status & FS(L2_FLOW));
            ASSERT_EQ(p.src_port, 0);
        }
        if (n < whole.l4_offset + 20 && !(p.flags & PACKET_NO_FLOW)) {
            ASSERT_TRUE(p.status & (FS(L2_SNAPPED) | FS(L3_SNAPPED) | FS(L3_HEADER_SNAPPED) | FS(L4_HEADER_SNAPPED)));
        }
    }
    EXPECT_TRUE(seen_inner);
}

TEST_P(ParseTruncation, CutIsTheSameWithRubbishBehind)
{
    // The engine may hold more bytes than cap_len says (a ring, a page): they must not be looked at.
    const Bytes frame = GetParam().packet.bytes();

    for (std::size_t n = 14; n < frame.size(); n++) {
        Bytes dirty(frame);
        frame_meta meta{};
        packet p{};

        std::fill(dirty.begin() + static_cast<std::ptrdiff_t>(n), dirty.end(), std::uint8_t{0xa5});
        meta.cap_len = static_cast<std::uint32_t>(n);
        meta.wire_len = static_cast<std::uint32_t>(frame.size());
        meta.start_kind = HEADER_KIND_ETHERNET;
        packet_parse(dirty.data(), &meta, &kTunnels, 1, 1, &p);
        packet clean = parse(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n)), meta.wire_len);
        ASSERT_EQ(std::memcmp(&p, &clean, sizeof(p)), 0) << GetParam().name << " cut at " << n;
    }
}

TEST_P(ParseTruncation, StraightLineAndLoopAgree)
{
    // packet_parse_start() is an optimisation: the loop alone must give the same packet.
    const Bytes frame = GetParam().packet.bytes();

    for (std::size_t n = 0; n <= frame.size(); n++) {
        packet fast = parse(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n)),
                            static_cast<std::uint32_t>(frame.size()));
        frame_meta meta{};
        packet slow{};

        meta.cap_len = static_cast<std::uint32_t>(n);
        meta.wire_len = static_cast<std::uint32_t>(frame.size());
        meta.start_kind = HEADER_KIND_ETHERNET;
        packet_clear(&slow, &meta, 1, 1);
        while (!packet_parse_next(frame.data(), frame.data() + n, &kTunnels, &slow)) {
        }
        packet_parse_l4(frame.data(), frame.data() + n, &slow);
        fast.cursor = slow.cursor = 0; // where each of them stopped looking
        fast.step_header = slow.step_header = 0;
        ASSERT_EQ(std::memcmp(&fast, &slow, sizeof(fast)), 0) << GetParam().name << " cut at " << n;
    }
}

INSTANTIATE_TEST_SUITE_P(All, ParseTruncation, testing::ValuesIn(ethernet_encapsulations()),
                         [](const auto& param) { return test_name(param.param); });

} // namespace
} // namespace flowxdp::test
