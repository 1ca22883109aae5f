// SPDX-License-Identifier: BSD-2-Clause
// Keys that somebody chose stand as far apart as keys that nobody chose, whatever the seed.
#include "flowxdp/flow_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace flowxdp {
namespace {

constexpr std::size_t kKeys = 1u << 16;

class FlowHash {
  public:
    explicit FlowHash(std::uint64_t seed) { flow_hash_secret_from(&secret_, seed); }
    std::uint32_t operator()(const flow_key& key) const { return flow_key_hash(&key, &secret_); }

  private:
    flow_hash_secret secret_{};
};

flow_key key_of(const std::array<std::uint64_t, 6>& words)
{
    flow_key key;
    static_assert(sizeof key == sizeof words);
    std::memcpy(&key, words.data(), sizeof key);
    return key;
}

struct Family {
    std::string name;
    std::function<flow_key(std::uint64_t)> key;
};

// 65,536 different keys each.
std::vector<Family> chosen_families()
{
    return {
        {"the top four bits of four words",
         [](std::uint64_t n) {
             return key_of({(n & 15) << 60, (n >> 4 & 15) << 60, (n >> 8 & 15) << 60, n >> 12 << 60, 0x0611ULL << 32});
         }},
        {"the top eight bits of two words, mirrored where a shift by 29 puts them",
         [](std::uint64_t n) {
             const std::uint64_t low = n & 255;
             return key_of({low << 56, (n >> 8) << 56 | (n >> 8) << 27, 0, 0, 0});
         }},
        {"consecutive IPv4 addresses",
         [](std::uint64_t n) {
             return key_of({0, n << 32, 0, 0, 4ULL << 40});
         }},
        {"addresses that grow together",
         [](std::uint64_t n) {
             return key_of({n, n, n, n, 6ULL << 40});
         }},
        {"both ports",
         [](std::uint64_t n) {
             return key_of({1, 2, 3, 4, (n & 255) | (n >> 8) << 16});
         }},
        {"words whose halves trade places",
         [](std::uint64_t n) {
             const std::uint64_t half = (n >> 1) + 1;
             return key_of({n & 1 ? half : half << 32, 0, 0, 0, 0});
         }},
        {"multiples of a large odd number",
         [](std::uint64_t n) {
             return key_of({n * 0x9e3779b97f4a7c15ULL, 0, 0, 0, 0});
         }},
        {"ids of tunnels",
         [](std::uint64_t n) {
             return key_of({1, 2, 3, 4, 5, std::uint64_t{HEADER_VXLAN} << 32 | n});
         }},
    };
}

// Steps that finding each of the keys takes in an index of open addressing that is half full, on average.
double mean_probes(const Family& family, const FlowHash& hash)
{
    const std::uint32_t mask = 2 * kKeys - 1;
    std::vector<bool> taken(mask + 1);
    std::uint64_t steps = 0;
    for (std::uint64_t n = 0; n < kKeys; n++) {
        std::uint32_t at = hash(family.key(n)) & mask;
        for (steps++; taken[at]; at = (at + 1) & mask)
            steps++;
        taken[at] = true;
    }
    return static_cast<double>(steps) / kKeys;
}

// Knuth: a search that succeeds takes (1 + 1 / (1 - load)) / 2 steps when keys are spread at random, 1.5 at load 1/2.
TEST(FlowHash, ChosenKeysTakeNoMoreStepsThanOthersUnderAnySeed)
{
    for (const Family& family : chosen_families())
        for (const std::uint64_t seed : {0ULL, 1ULL, 0x666c6f7778647031ULL, ~0ULL}) {
            SCOPED_TRACE(testing::Message() << family.name << ", seed " << seed);
            EXPECT_LT(mean_probes(family, FlowHash(seed)), 1.6);
        }
}

// 2^16 keys make 2^31 pairs, each of which meets with probability 2^-32: half a pair is expected.
TEST(FlowHash, ChosenKeysShareNoHashUnderAnySeed)
{
    for (const Family& family : chosen_families())
        for (const std::uint64_t seed : {0ULL, 7ULL, 0x666c6f7778647031ULL}) {
            SCOPED_TRACE(testing::Message() << family.name << ", seed " << seed);
            const FlowHash hash(seed);
            std::vector<std::uint32_t> hashes;
            for (std::uint64_t n = 0; n < kKeys; n++)
                hashes.push_back(hash(family.key(n)));
            std::ranges::sort(hashes);
            // Not std::ranges::unique: clang 14 does not take the subrange of libstdc++ 12.
            EXPECT_LT(hashes.end() - std::unique(hashes.begin(), hashes.end()), 8);
        }
}

TEST(FlowHash, EveryBitOfAKeyCounts)
{
    std::mt19937_64 random(3);
    const FlowHash hash(5);
    for (int round = 0; round < 20; round++) {
        std::array<std::uint64_t, 6> words;
        for (std::uint64_t& word : words)
            word = random();
        // Of IPv4 the first words of both addresses are the same in all keys, and not looked at.
        words[4] = (words[4] & ~(0xffULL << 40)) | std::uint64_t{FLOW_KIND_IPV6} << 40;
        const std::uint32_t base = hash(key_of(words));
        for (unsigned bit = 0; bit < 384; bit++) {
            std::array<std::uint64_t, 6> other = words;
            other[bit / 64] ^= 1ULL << (bit % 64);
            EXPECT_NE(hash(key_of(other)), base) << "bit " << bit;
        }
    }
}

TEST(FlowHash, AnotherSeedPutsKeysElsewhere)
{
    // Keys that share their low 10 hash bits under one seed spread under another.
    const FlowHash one(1), two(2);
    std::set<std::uint32_t> places;
    for (std::uint64_t n = 0, together = 0; together < 50; n++) {
        const flow_key key = key_of({n, 0, 0, 0, 0});
        if ((one(key) & 1023) != 0)
            continue;
        together++;
        places.insert(two(key) & 1023);
    }
    EXPECT_GT(places.size(), 40U); // 50 balls in 1,024 boxes: 48.8 boxes on average
}

TEST(FlowHash, HashesOfNeighbouringKeysSpreadEvenly)
{
    // 65,536 consecutive addresses over 256 boxes: 256 each; the standard deviation of a box is 16.
    const FlowHash hash(3);
    std::array<int, 256> boxes{};
    for (std::uint64_t n = 0; n < kKeys; n++)
        boxes[hash(key_of({0, n << 32, 0, 0, 4ULL << 40})) & 255]++;
    for (const int box : boxes) {
        EXPECT_GT(box, 256 - 6 * 16);
        EXPECT_LT(box, 256 + 6 * 16);
    }
}

} // namespace
} // namespace flowxdp
