// SPDX-License-Identifier: BSD-2-Clause
// count_table.h - counts by key with room for a fixed number of keys.
//
// Keys come from packets, so whoever sends packets chooses them. The hash has a secret (flow_hash.h): nobody can make
// many keys that collide. Results do not depend on it. A full table takes no more keys and says so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <unordered_map>

#include "flowxdp/flow_hash.h"

namespace flowxdp {

class CountHash {
  public:
    CountHash()
    {
        std::random_device device;
        flow_hash_secret_from(&secret_, static_cast<std::uint64_t>(device()) << 32 | device());
    }
    template <std::size_t Words>
    std::size_t operator()(const std::array<std::uint64_t, Words>& key) const
    {
        static_assert(2 * Words + 1 <= FLOW_HASH_WORDS);
        std::uint64_t sum = secret_.word[0];
        for (std::size_t i = 0; i < Words; i++)
            sum += flow_hash_product(&secret_, static_cast<__u32>(i), key[i]);
        return sum >> 32;
    }

  private:
    flow_hash_secret secret_;
};

// Words: of a key.
template <std::size_t Words, typename Counts>
class CountTable {
  public:
    using Key = std::array<std::uint64_t, Words>;

    explicit CountTable(std::size_t most_keys) : most_keys_(most_keys) {}

    // The counts of a key, all zero when it is new. NULL: it is new and there is no room.
    Counts* of(const Key& key)
    {
        if (const auto at = counts_.find(key); at != counts_.end())
            return &at->second;
        if (counts_.size() >= most_keys_) {
            refused_++;
            return nullptr;
        }
        return &counts_[key];
    }
    [[nodiscard]] std::size_t size() const { return counts_.size(); }
    // How often a key found no room.
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

  private:
    std::size_t most_keys_;
    std::uint64_t refused_ = 0;
    std::unordered_map<Key, Counts, CountHash> counts_;
};

} // namespace flowxdp
