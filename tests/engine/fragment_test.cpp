// SPDX-License-Identifier: BSD-2-Clause
// Which flow a later fragment belongs to: fragment_book() on one slot.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "flowxdp/fragment.h"

namespace {

constexpr std::int64_t kSecond = 1000000000;

packet fragment(int flags, std::uint32_t id, std::int64_t clock_ns)
{
    packet p{};
    p.ip_version = 4;
    p.flags = static_cast<__u16>(flags);
    p.fragment_id = id;
    p.fragment_version = 4;
    p.fragment_proto = 17;
    p.fragment_src[3] = 1;
    p.fragment_dst[3] = 2;
    p.clock_ns = clock_ns;
    return p;
}

flow_key first_key()
{
    flow_key key{};
    key.lo_port = 53;
    key.hi_port = 40000;
    return key;
}

// Books p, which came with a key of its own; *key and *reverse are what the engine goes on with.
fragment_outcome book(fragment_slot* slot, packet* p, flow_key* key, __u32* reverse, __u32 beside = FLOW_KEY_VLAN)
{
    return fragment_book(slot, p, beside, key, reverse);
}

TEST(Fragment, LaterFragmentsGetTheKeyOfTheFirst)
{
    fragment_slot slot{};
    packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 0);
    flow_key key = first_key();
    __u32 reverse = 1;
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_REGISTERED);
    const flow_key expected = first_key();
    for (const int flags : {PACKET_LATER_FRAGMENT + 0, PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT}) {
        p = fragment(flags, 7, kSecond);
        key = flow_key{};
        reverse = 0;
        EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_FOUND);
        EXPECT_TRUE(flow_key_equal(&key, &expected));
        EXPECT_EQ(reverse, 1U);
        EXPECT_EQ(p.status, 0U);
    }
    EXPECT_EQ(slot.open, 0);
}

TEST(Fragment, ALaterFragmentWithoutItsFirstKeepsItsOwnKeyAndRaisesBit38)
{
    fragment_slot slot{};
    packet p = fragment(PACKET_LATER_FRAGMENT, 7, 0);
    flow_key key{};
    const flow_key own{};
    __u32 reverse = 0;
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_MISSED);
    EXPECT_EQ(p.status, 1ULL << 38);
    EXPECT_TRUE(flow_key_equal(&key, &own));
}

TEST(Fragment, AnyOtherFieldIsAnotherDatagram)
{
    for (int field = 0; field < 5; field++) {
        SCOPED_TRACE(field);
        fragment_slot slot{};
        packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 0);
        flow_key key = first_key();
        __u32 reverse = 0;
        book(&slot, &p, &key, &reverse);
        p = fragment(PACKET_LATER_FRAGMENT, 7, 0);
        switch (field) {
        case 0:
            p.fragment_id = 8;
            break;
        case 1:
            p.fragment_src[3] = 9;
            break;
        case 2:
            p.fragment_dst[0] = 9;
            break;
        case 3:
            p.fragment_proto = 6;
            break;
        default:
            p.fragment_vlan = 5;
            break;
        }
        EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_MISSED);
    }
}

// The same addresses and id in another network are another datagram, and which networks are told apart is --key.
TEST(Fragment, WhatStandsBesideTheAddressesIsTheKeysChoice)
{
    const auto meets = [](__u32 beside, const auto& change) {
        fragment_slot slot{};
        packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 0);
        flow_key key = first_key();
        __u32 reverse = 0;
        book(&slot, &p, &key, &reverse, beside);
        packet later = fragment(PACKET_LATER_FRAGMENT, 7, 0);
        change(&later);
        const bool same_slot = fragment_slot_index(&p, 1, beside) == fragment_slot_index(&later, 1, beside);
        return same_slot && book(&slot, &later, &key, &reverse, beside) == FRAGMENT_FOUND;
    };
    const auto vlan = [](packet* p) { p->fragment_vlan = 5; };
    const auto tunnel = [](packet* p) {
        p->fragment_tunnel_header = HEADER_VXLAN;
        p->fragment_tunnel_id = 0; // VNI 0 is a network, too
    };
    EXPECT_FALSE(meets(FLOW_KEY_VLAN, vlan));
    EXPECT_TRUE(meets(FLOW_KEY_VLAN, tunnel));
    EXPECT_TRUE(meets(FLOW_KEY_TUNNEL, vlan));
    EXPECT_FALSE(meets(FLOW_KEY_TUNNEL, tunnel));
    EXPECT_TRUE(meets(FLOW_KEY_NONE, vlan));
    EXPECT_TRUE(meets(FLOW_KEY_NONE, tunnel));
}

// RFC 8200 4.5: "The Next Header values in the Fragment headers of different fragments of the same original packet may
// differ."
TEST(Fragment, TheNextHeaderOfAnIpv6FragmentDoesNotTellDatagramsApart)
{
    fragment_slot slot{};
    packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 0);
    p.fragment_version = 6;
    flow_key key = first_key();
    __u32 reverse = 0;
    const std::uint32_t at = fragment_slot_index(&p, 1, FLOW_KEY_VLAN);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_REGISTERED);
    p = fragment(PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT, 7, 0);
    p.fragment_version = 6;
    p.fragment_proto = 44;
    key = flow_key{};
    EXPECT_EQ(fragment_slot_index(&p, 1, FLOW_KEY_VLAN), at);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_FOUND);
    const flow_key expected = first_key();
    EXPECT_TRUE(flow_key_equal(&key, &expected));
}

// RFC 791 2.3: "identification, source address, destination address, and protocol fields".
TEST(Fragment, TheProtocolOfAnIpv4FragmentTellsDatagramsApart)
{
    packet udp = fragment(PACKET_FIRST_FRAGMENT, 7, 0), tcp = udp;
    tcp.fragment_proto = 6;
    EXPECT_NE(fragment_slot_index(&udp, 1, FLOW_KEY_VLAN), fragment_slot_index(&tcp, 1, FLOW_KEY_VLAN));
}

TEST(Fragment, ASlotLivesThirtySecondsOfClock)
{
    fragment_slot slot{};
    packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 100 * kSecond);
    flow_key key = first_key();
    __u32 reverse = 0;
    book(&slot, &p, &key, &reverse);
    p = fragment(PACKET_LATER_FRAGMENT, 7, 130 * kSecond - 1);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_FOUND);
    p = fragment(PACKET_LATER_FRAGMENT, 7, 130 * kSecond);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_MISSED);
    p = fragment(PACKET_LATER_FRAGMENT, 7, 10 * kSecond); // the clock stepped back
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_MISSED);
}

TEST(Fragment, AFirstFragmentWhileItsDatagramIsOpenRaisesBit37)
{
    fragment_slot slot{};
    packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 0);
    flow_key key = first_key();
    __u32 reverse = 0;
    book(&slot, &p, &key, &reverse);
    EXPECT_EQ(p.status, 0U);
    p = fragment(PACKET_FIRST_FRAGMENT, 7, kSecond);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_REGISTERED);
    EXPECT_EQ(p.status, 1ULL << 37);
    p = fragment(PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT, 7, kSecond);
    book(&slot, &p, &key, &reverse);
    p = fragment(PACKET_FIRST_FRAGMENT, 7, 2 * kSecond); // the id is used again after a whole datagram
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_REGISTERED);
    EXPECT_EQ(p.status, 0U);
}

TEST(Fragment, AnotherDatagramTakesTheSlotAndThatIsACollisionOnlyWhileItIsInUse)
{
    fragment_slot slot{};
    packet p = fragment(PACKET_FIRST_FRAGMENT, 7, 0);
    flow_key key = first_key();
    __u32 reverse = 0;
    book(&slot, &p, &key, &reverse);
    p = fragment(PACKET_FIRST_FRAGMENT, 8, kSecond);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_COLLIDED);
    EXPECT_TRUE(p.flags & PACKET_FRAGMENT_COLLISION);
    p = fragment(PACKET_LATER_FRAGMENT, 7, kSecond);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_MISSED);
    p = fragment(PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT, 8, kSecond);
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_FOUND);
    p = fragment(PACKET_FIRST_FRAGMENT, 9, 2 * kSecond); // 8 is complete
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_REGISTERED);
    p = fragment(PACKET_FIRST_FRAGMENT, 10, 40 * kSecond); // 9 is too old
    EXPECT_EQ(book(&slot, &p, &key, &reverse), FRAGMENT_REGISTERED);
    EXPECT_FALSE(p.flags & PACKET_FRAGMENT_COLLISION);
}

TEST(Fragment, ConsecutiveIdsUseDifferentSlots)
{
    std::set<std::uint32_t> slots;
    for (std::uint32_t id = 0; id < 1000; id++) {
        const packet p = fragment(PACKET_FIRST_FRAGMENT, id, 0);
        slots.insert(fragment_slot_index(&p, 1, FLOW_KEY_VLAN));
        EXPECT_LT(*slots.rbegin(), FRAGMENT_SLOTS);
    }
    EXPECT_GT(slots.size(), 900U); // 1,000 balls in 8,192 boxes: 942 boxes on average
}

} // namespace
