// SPDX-License-Identifier: BSD-2-Clause
// window_list.hpp - the source addresses with small TCP windows, each with its worst flow.
//
// The one implementation behind the tcp_geo_win plugin's summary file and the tcp_win sink's reports. A flow direction
// counts when at least one of its packets was below the window threshold and it has enough packets; its ratio is
// packets below / packets. An address keeps the packets and the ratio of its worst flow and its place in the list,
// which is the order of first appearance. A full list does not freeze: the address that came first leaves.
#pragma once

#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <string>

namespace flowxdp {

class WindowList {
  public:
    struct Entry {
        std::uint8_t address[16]; // network order, v4-mapped
        std::uint8_t version;     // 4 or 6
        std::uint64_t packets;    // of the worst flow
        double ratio;             // of the worst flow, in (0, 1]
    };
    enum class Outcome {
        kIgnored, // no packet below the threshold, or too few packets
        kKept,    // the address has a worse flow already
        kWorse,   // the address's new worst flow
        kAdded,   // a new address
    };

    WindowList(std::uint64_t min_packets, std::size_t max_entries)
        : min_packets_(min_packets), max_entries_(max_entries)
    {
    }

    // One flow direction that ended. address: 16 bytes; version 4 or 6: 1.2.3.4 and ::ffff:1.2.3.4 are two addresses.
    Outcome add(const std::uint8_t* address, std::uint8_t version, std::uint64_t packets, std::uint64_t below)
    {
        if (below == 0 || packets == 0 || packets < min_packets_)
            return Outcome::kIgnored;
        const double ratio = static_cast<double>(below) / static_cast<double>(packets);
        const std::string key = key_of(address, version);
        const auto found = by_address_.find(key);
        if (found != by_address_.end()) {
            Entry& entry = *found->second;
            if (!(ratio > entry.ratio))
                return Outcome::kKept;
            entry.packets = packets;
            entry.ratio = ratio;
            return Outcome::kWorse;
        }
        if (entries_.size() >= max_entries_) {
            const Entry& oldest = entries_.front();
            by_address_.erase(key_of(oldest.address, oldest.version));
            entries_.pop_front();
            left_++;
        }
        Entry entry{};
        std::memcpy(entry.address, address, sizeof entry.address);
        entry.version = version;
        entry.packets = packets;
        entry.ratio = ratio;
        entries_.push_back(entry);
        by_address_.emplace(key, std::prev(entries_.end()));
        return Outcome::kAdded;
    }

    [[nodiscard]] const std::list<Entry>& entries() const { return entries_; }
    // Addresses that left a full list so far.
    [[nodiscard]] std::uint64_t left() const { return left_; }

  private:
    static std::string key_of(const std::uint8_t* address, std::uint8_t version)
    {
        std::string key(reinterpret_cast<const char*>(address), 16);
        key.push_back(static_cast<char>(version));
        return key;
    }

    std::uint64_t min_packets_;
    std::size_t max_entries_;
    std::list<Entry> entries_; // oldest first
    // A tree: addresses can be chosen so that they meet in a hash table.
    std::map<std::string, std::list<Entry>::iterator> by_address_;
    std::uint64_t left_ = 0;
};

} // namespace flowxdp
