// SPDX-License-Identifier: BSD-2-Clause
// recent_map.hpp - a map of fixed size for user halves that remember things over flows: what was put longest ago goes.
//
// Memory is taken once. Keys share sets of kWays places; a full set forgets the entry that was put longest ago, so no
// traffic makes it grow, and which entry goes depends on the keys alone: both engines and every run forget the same.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace flowxdp {

template <typename Key, typename Value>
class RecentMap {
    static_assert(std::has_unique_object_representations_v<Key>, "keys are compared and hashed as bytes");

  public:
    static constexpr std::size_t kWays = 8;

    // most: entries, rounded up to a power of two that kWays divides.
    explicit RecentMap(std::size_t most) : sets_(std::bit_ceil(most < kWays ? kWays : most) / kWays) {}

    // Valid until the next put(); NULL: not there, or forgotten.
    [[nodiscard]] Value* find(const Key& key)
    {
        for (Place& place : set_of(key))
            if (place.age && !std::memcmp(&place.key, &key, sizeof key))
                return &place.value;
        return nullptr;
    }

    // Sets the value of a key, which is now the newest. Returns whether another key was forgotten for it.
    bool put(const Key& key, const Value& value)
    {
        auto& set = set_of(key);
        Place* to = &set[0];
        for (Place& place : set) {
            if (place.age && !std::memcmp(&place.key, &key, sizeof key)) {
                to = &place;
                break;
            }
            if (place.age < to->age)
                to = &place;
        }
        const bool forgets = to->age && std::memcmp(&to->key, &key, sizeof key) != 0;
        *to = {key, value, ++puts_};
        forgotten_ += forgets;
        return forgets;
    }

    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

  private:
    struct Place {
        Key key;
        Value value;
        std::uint64_t age; // number of the put that wrote it; 0 = empty
    };

    std::array<Place, kWays>& set_of(const Key& key) { return sets_[hash(key) & (sets_.size() - 1)]; }

    // FNV-1a, with the high bits mixed into the low ones.
    static std::uint64_t hash(const Key& key)
    {
        std::uint8_t bytes[sizeof(Key)];
        std::memcpy(bytes, &key, sizeof key);
        std::uint64_t h = 0xcbf29ce484222325u;
        for (const std::uint8_t byte : bytes)
            h = (h ^ byte) * 0x100000001b3u;
        return h ^ h >> 32;
    }

    std::vector<std::array<Place, kWays>> sets_;
    std::uint64_t puts_ = 0, forgotten_ = 0;
};

} // namespace flowxdp
