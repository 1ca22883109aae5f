// SPDX-License-Identifier: BSD-2-Clause
// packet_histogram.h - how many packets had one length and an interval of one bin, for both directions of a flow.
//
// Bytes of fixed size, all zero when empty: it lives in a flow's memory. Bins are those of T2's pktSIATHisto.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace flowxdp {

// Intervals from 0 on in bins of 1 ms, from 200 ms on of 5 ms, from 400 ms on of 10 ms; the last one has all from 1 s
// on.
inline constexpr std::uint32_t kIntervalBins = 301;

inline std::uint32_t interval_bin(std::int64_t interval_ns)
{
    const std::int64_t ms = interval_ns / 1'000'000;
    if (ms < 0)
        return 0;
    if (ms < 200)
        return static_cast<std::uint32_t>(ms);
    if (ms < 400)
        return static_cast<std::uint32_t>(200 + (ms - 200) / 5);
    if (ms < 1000)
        return static_cast<std::uint32_t>(240 + (ms - 400) / 10);
    return kIntervalBins - 1;
}

// Lower bound of a bin, ms.
inline std::uint32_t interval_bin_ms(std::uint32_t bin)
{
    if (bin < 200)
        return bin;
    if (bin < 240)
        return 200 + (bin - 200) * 5;
    return 400 + (bin - 240) * 10;
}

class PacketHistogram {
  public:
    static constexpr std::size_t kMostEntries = 240;
    static constexpr std::uint32_t kMostLength = (1u << 22) - 1; // longer packets count as this long

    struct Entry {
        std::uint32_t key; // direction << 31 | length << 9 | bin
        std::uint32_t packets;

        [[nodiscard]] unsigned direction() const { return key >> 31; }
        [[nodiscard]] std::uint32_t length() const { return key >> 9 & kMostLength; }
        [[nodiscard]] std::uint32_t bin() const { return key & 0x1ff; }
    };

    void add(unsigned direction, std::uint32_t length, std::uint32_t bin)
    {
        const std::uint32_t key = direction << 31 | std::min(length, kMostLength) << 9 | (bin & 0x1ff);
        Entry* const end = entries_ + used_;
        Entry* const at =
            std::lower_bound(entries_, end, key, [](const Entry& e, std::uint32_t k) { return e.key < k; });
        if (at != end && at->key == key) {
            at->packets += at->packets != UINT32_MAX;
            return;
        }
        if (used_ == kMostEntries) {
            left_out_[direction & 1]++;
            return;
        }
        std::memmove(at + 1, at, static_cast<std::size_t>(end - at) * sizeof(Entry));
        *at = {key, 1};
        used_++;
    }
    // A direction's entries, by length and bin.
    [[nodiscard]] std::span<const Entry> entries(unsigned direction) const
    {
        const Entry* const end = entries_ + used_;
        const Entry* const second = std::find_if(entries_, end, [](const Entry& e) { return e.direction() == 1; });
        return direction & 1 ? std::span(second, end) : std::span(entries_, second);
    }
    // Packets that found no room.
    [[nodiscard]] std::uint64_t left_out(unsigned direction) const { return left_out_[direction & 1]; }

  private:
    std::uint64_t left_out_[2];
    std::uint64_t used_;
    Entry entries_[kMostEntries];
};
static_assert(sizeof(PacketHistogram) == 1944);

} // namespace flowxdp
