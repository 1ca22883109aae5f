// SPDX-License-Identifier: BSD-2-Clause
// JA4T and multipath TCP: options byte by byte as in RFC 9293, RFC 7323 and RFC 8684.
#include "tcp_flags/option_facts.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace flowxdp {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::unique_ptr<OptionFacts> no_facts()
{
    return std::make_unique<OptionFacts>(OptionFacts{}); // zero, as a flow's memory is
}
std::unique_ptr<OptionFacts> of_syn(const Bytes& options, std::uint16_t window = 64240)
{
    auto facts = no_facts();
    facts->add({options, 1, window, true});
    return facts;
}

TEST(TcpOptionFacts, Ja4t)
{
    // MSS 1460, SACK permitted, time stamps, NOP, window scale 7: Linux.
    EXPECT_EQ(of_syn({2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7})->ja4t(),
              "64240_2-4-8-1-3_1460_7");
    // MSS, NOP, window scale, NOP, NOP, time stamps, SACK permitted, end, padding.
    EXPECT_EQ(of_syn({2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2, 0, 0}, 65535)->ja4t(),
              "65535_2-1-3-1-1-8-4-0-0_1460_6");
    EXPECT_EQ(of_syn({2, 4, 5, 180}, 1024)->ja4t(), "1024_2_1460_00");
    EXPECT_EQ(of_syn({}, 1024)->ja4t(), "1024_00_00_00");
    EXPECT_EQ(no_facts()->ja4t(), "");
}

TEST(TcpOptionFacts, TheFirstSynCountsInWhateverOrderTheyCome)
{
    const Bytes first = {2, 4, 5, 180}, second = {2, 4, 2, 24, 3, 3, 2, 1};
    auto facts = no_facts();
    facts->add({first, 1, 100, true});
    facts->add({second, 4, 200, true});
    EXPECT_EQ(facts->ja4t(), "100_2_1460_00");
    facts = no_facts();
    facts->add({second, 4, 200, true});
    facts->add({first, 1, 100, true});
    EXPECT_EQ(facts->ja4t(), "100_2_1460_00");
    facts = no_facts();
    facts->add({second, 4, 200, false});
    EXPECT_EQ(facts->ja4t(), "") << "no SYN";
}

TEST(TcpOptionFacts, MalformedOptionsEndTheList)
{
    EXPECT_EQ(of_syn({2, 4, 5, 180, 3, 0, 2, 4})->ja4t(), "64240_2_1460_00") << "length 0";
    EXPECT_EQ(of_syn({2, 4, 5, 180, 3, 1, 2, 4})->ja4t(), "64240_2_1460_00") << "length 1";
    EXPECT_EQ(of_syn({2, 4, 5, 180, 8, 10, 0, 0})->ja4t(), "64240_2_1460_00") << "cut";
    EXPECT_EQ(of_syn({1, 1, 1, 2})->ja4t(), "64240_1-1-1_00_00") << "a kind without length";
    EXPECT_EQ(of_syn({2, 3, 5, 3, 4, 7, 0, 0})->ja4t(), "64240_2-3-0_00_00") << "lengths that are not theirs";
    EXPECT_EQ(of_syn(Bytes(200, 1))->syn_kinds_used, OptionFacts::kMostKinds);
}

TEST(TcpOptionFacts, Mptcp)
{
    auto facts = no_facts();
    // MP_CAPABLE, version 1, flags A and H.
    facts->add({Bytes{30, 4, 0x01, 0x81}, 1, 1000, true});
    EXPECT_EQ(facts->mptcp_subtypes, 0x0001);
    EXPECT_EQ(facts->mptcp_flags, 0x81);
    // DSS with DATA_FIN, mapping, acknowledgment of 8 bytes; reserved bits are no flags.
    facts->add({Bytes{1, 1, 30, 12, 0x20, 0xf7, 0, 0, 0, 0, 0, 0, 0, 0}, 3, 1000, false});
    EXPECT_EQ(facts->mptcp_subtypes, 0x0005);
    EXPECT_EQ(facts->dss_flags, 0x17);
    // ADD_ADDR with address id 9.
    facts->add({Bytes{30, 8, 0x30, 9, 192, 0, 2, 1}, 5, 1000, false});
    EXPECT_EQ(facts->mptcp_subtypes, 0x000d);
    EXPECT_EQ(facts->address_id, 9);
    // An earlier one that comes later.
    facts->add({Bytes{30, 8, 0x30, 8, 192, 0, 2, 1}, 4, 1000, false});
    EXPECT_EQ(facts->address_id, 9);
    // MP_JOIN's third packet has no address id.
    Bytes third(24, 0xee);
    third[0] = 30;
    third[1] = 24;
    third[2] = 0x10;
    facts->add({third, 6, 1000, false});
    EXPECT_EQ(facts->mptcp_subtypes, 0x000f);
    EXPECT_EQ(facts->address_id, 9);
    facts->add({Bytes{30, 12, 0x11, 5, 0, 0, 0, 0, 0, 0, 0, 0}, 7, 1000, true});
    EXPECT_EQ(facts->address_id, 5);
    facts->add({Bytes{30, 3, 0x50}, 8, 1000, false}); // MP_PRIO
    EXPECT_EQ(facts->mptcp_subtypes, 0x002f);
    facts->add({Bytes{30, 2}, 9, 1000, false});
    EXPECT_EQ(facts->mptcp_subtypes, 0x002f) << "no subtype";
}

} // namespace
} // namespace flowxdp
