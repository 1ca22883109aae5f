// SPDX-License-Identifier: BSD-2-Clause
// flow_hash.h - the hash of a flow key for the table's index. Without the seed nobody can make keys that collide.
//
// Multilinear-HM of Lemire and Kaser ("Strongly universal string hashing is fast", 2014): the sum of products of key
// halves with secret words; its upper half is used. Any two keys collide under one seed in 2^32, whatever they have in
// common. A plain chain of multiply and shift has differences that cancel under every seed: 65,536 keys that differ in
// the top four bits of four words share 16 hashes there. The steps after the sum keep keys at equal distances from
// standing in a row; they map 32 bits one to one, so they make no two hashes equal.
#pragma once

#include <array>
#include <cstdint>

#include "flowxdp/flow_key.h"

namespace flowxdp {

class FlowHash {
  public:
    explicit FlowHash(std::uint64_t seed)
    {
        for (std::uint64_t& word : secret_)
            word = next_word(&seed);
    }

    std::uint32_t operator()(const flow_key& key) const
    {
        const __u64 ports = static_cast<__u64>(key.lo_port) | static_cast<__u64>(key.hi_port) << 16 |
                            static_cast<__u64>(key.proto) << 32 | static_cast<__u64>(key.kind) << 40 |
                            static_cast<__u64>(key.vlan_id) << 48;
        const std::uint64_t sum = secret_[0] + product(0, key.lo_addr[0]) + product(1, key.lo_addr[1]) +
                                  product(2, key.hi_addr[0]) + product(3, key.hi_addr[1]) + product(4, ports);
        auto hash = static_cast<std::uint32_t>(sum >> 32);
        hash = (hash ^ hash >> 16) * 0x7feb352du;
        hash = (hash ^ hash >> 15) * 0x846ca68bu;
        return hash ^ hash >> 16;
    }

  private:
    static constexpr std::size_t kWords = 5; // of a key

    [[nodiscard]] std::uint64_t product(std::size_t i, std::uint64_t word) const
    {
        return (secret_[2 * i + 1] + static_cast<std::uint32_t>(word)) * (secret_[2 * i + 2] + (word >> 32));
    }
    // SplitMix64 (Steele, Lea, Flood 2014).
    static std::uint64_t next_word(std::uint64_t* state)
    {
        std::uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
        return z ^ z >> 31;
    }

    std::array<std::uint64_t, 2 * kWords + 1> secret_;
};

} // namespace flowxdp
