// SPDX-License-Identifier: BSD-2-Clause
// entropy: values that follow from Shannon's formula by hand.
#include "support/plugin_bench.h"

#include <memory>
#include <numeric>
#include <string_view>
#include <vector>

#include "entropy/byte_counts.h"

namespace flowxdp::test {
namespace {

std::unique_ptr<ByteCounts> counted(std::string_view text, std::uint32_t most = 8192)
{
    auto counts = std::make_unique<ByteCounts>(); // zero, as a flow's memory is
    counts->add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, most);
    return counts;
}

TEST(Entropy, ByHand)
{
    EXPECT_EQ(counted("aaaaaaaaaaaa")->entropy(), 0) << "one symbol";
    EXPECT_EQ(counted("abababab")->entropy(), 1.0 / 8) << "two of equal weight: 1 bit";
    EXPECT_EQ(counted("aabc")->entropy(), 1.5 / 8) << "1/2, 1/4, 1/4: 1.5 bits";
    EXPECT_EQ(counted("")->entropy(), 0);
    std::vector<std::uint8_t> all(256);
    std::iota(all.begin(), all.end(), 0);
    auto counts = std::make_unique<ByteCounts>();
    for (int n = 0; n < 4; n++)
        EXPECT_TRUE(counts->add(all, 8192));
    EXPECT_DOUBLE_EQ(counts->entropy(), 1) << "each byte as often: 8 bits";
    EXPECT_EQ(counts->total(), 1024u);
}

TEST(Entropy, PartsAreCounted)
{
    const auto counts = counted("GET /\r\n\t\xff\x01");
    EXPECT_EQ(counts->between(32, 127), 5u);
    EXPECT_EQ(counts->between(10, 10), 1u);
    EXPECT_EQ(counts->between(0, 9), 2u);
    EXPECT_EQ(counts->between(255, 255), 1u);
    EXPECT_EQ(counts->between(0, 255), 10u);
}

TEST(Entropy, NoMoreThanAsked)
{
    auto counts = std::make_unique<ByteCounts>();
    const std::vector<std::uint8_t> bytes(1000, 'x');
    EXPECT_TRUE(counts->add(bytes, 1500));
    EXPECT_FALSE(counts->add(bytes, 1500));
    EXPECT_EQ(counts->total(), 1500u);
    EXPECT_FALSE(counts->add(bytes, 1500));
    EXPECT_TRUE(counts->add({}, 1500)) << "nothing is left out of nothing";
    EXPECT_EQ(counts->total(), 1500u);
}

TEST(Entropy, SixteenBitsNeverOverflow)
{
    auto counts = std::make_unique<ByteCounts>();
    const std::vector<std::uint8_t> bytes(60000, 'x');
    EXPECT_TRUE(counts->add(bytes, 0xffffffff));
    EXPECT_FALSE(counts->add(bytes, 0xffffffff));
    EXPECT_EQ(counts->total(), 65535u);
    EXPECT_EQ(counts->between('x', 'x'), 65535u);
    EXPECT_EQ(counts->entropy(), 0);
}

unsigned seen(Bench* bench, const std::string& payload, std::size_t captured = std::string::npos)
{
    const std::string kept = payload.substr(0, captured);
    return bench->packet_seen(DIRECTION_A, tcp_packet(TCP_ACK, 1, 1, static_cast<std::uint32_t>(payload.size())), kMs,
                              {reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()});
}

TEST(Entropy, Columns)
{
    Bench bench({"entropy"});
    seen(&bench, "abab");
    seen(&bench, "");
    auto row = bench.flow_row(DIRECTION_A);
    EXPECT_EQ(row["pyldStat"], "0x01");
    EXPECT_EQ(row["PyldEntropy"], "");
    EXPECT_EQ(row["PyldLen"], "4");
    seen(&bench, std::string("ab\r\n\0\1\2\3\xff\xff\xff\xff", 12));
    row = bench.flow_row(DIRECTION_A); // a, b: 3/16; 255: 4/16; six bytes: 1/16
    EXPECT_EQ(row["pyldStat"], "0x00");
    EXPECT_EQ(row["PyldLen"], "16");
    EXPECT_EQ(row["PyldEntropy"], "0.3632049"); // (2 * 3/16 * log2(16/3) + 1/4 * 2 + 6/16 * 4) / 8
    EXPECT_EQ(row["PyldChRatio"], "0.5");
    EXPECT_EQ(row["PyldBinRatio"], "0.25");
}

TEST(Entropy, StatusBits)
{
    Bench bench({"entropy:packets=3,max_bytes=20,min_bytes=1,skip=2"});
    seen(&bench, "0123456789", 5);
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["pyldStat"], "0x04") << "half of it was captured";
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["PyldLen"], "3") << "without the first two";
    seen(&bench, "x");
    seen(&bench, "0123456789012345678901234");
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["pyldStat"], "0x06");
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["PyldLen"], "20");
    seen(&bench, "more");
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["pyldStat"], "0x0e");
    EXPECT_EQ(bench.flow_row(DIRECTION_B)["pyldStat"], "0x01");
}

} // namespace
} // namespace flowxdp::test
