// SPDX-License-Identifier: BSD-2-Clause
// flow_order.h - puts ended records into the order of rows, whatever order an engine found them in.
//
// Records wait for a watermark, which says that nothing earlier can come, and are then released sorted by (era, end
// clock, flowInd). So output does not depend on when an engine scanned its table. Most are released while the chunk
// they came in is being read, and are not copied; copy_borrowed() copies the rest before the chunk's memory is reused.
//
// Records that came since the last release are sorted and merged; older ones are in order already. So a record costs no
// more for all that wait beside it than the search for its place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "flowxdp/record_stream.h"

namespace flowxdp {

class FlowOrder {
  public:
    // The record must stay where it is until it is released or copy_borrowed() is called.
    void hold(const ended_record& record)
    {
        const std::uint32_t place = take_place();
        places_[place] = {&record, kBorrowed};
        borrowed_.push_back(place);
        entries_.push_back({record.era, place, record.end_clock_ns, record.record.flow_id});
        if (in_order_ + 1 == entries_.size() &&
            (in_order_ == first_ || !before(entries_.back(), entries_[in_order_ - 1])))
            in_order_++;
    }
    // Copies the held records that are not copied yet: their memory may be reused.
    void copy_borrowed()
    {
        std::size_t bytes = 0, records = 0;
        for (const std::uint32_t place : borrowed_)
            if (places_[place].block == kBorrowed) {
                bytes += places_[place].record->header.size;
                records++;
            }
        if (records) {
            const std::uint32_t number = next_block_++;
            if (next_block_ == kFirstMark)
                next_block_ = 0;
            Block& block = blocks_[number];
            block.bytes.resize(bytes);
            block.records = records;
            std::uint8_t* at = block.bytes.data();
            for (const std::uint32_t place : borrowed_) {
                Place& p = places_[place];
                if (p.block != kBorrowed)
                    continue;
                const std::uint32_t size = p.record->header.size;
                std::memcpy(at, p.record, size);
                p = {reinterpret_cast<const ended_record*>(at), number};
                at += size;
                held_bytes_ += size;
            }
        }
        // Places that were released meanwhile are free from now on.
        for (const std::uint32_t place : borrowed_)
            if (places_[place].block == kReleased)
                free_places_.push_back(place);
        borrowed_.clear();
    }

    // Calls leave(record) for every record before (era, clock_ns), in order. Returns how many.
    template <typename Leave>
    std::size_t release(std::uint32_t era, std::int64_t clock_ns, Leave leave)
    {
        sort();
        const std::size_t from = first_;
        for (; first_ < entries_.size(); first_++) {
            const Entry& e = entries_[first_];
            if (std::tie(e.era, e.end_clock_ns) >= std::tie(era, clock_ns))
                break;
            if (first_ + kAhead < entries_.size())
                prefetch(places_[entries_[first_ + kAhead].place].record);
            leave(*places_[e.place].record);
            free_place(e.place);
        }
        const std::size_t n = first_ - from;
        if (first_ == entries_.size()) {
            entries_.clear();
            first_ = 0;
        } else if (first_ > entries_.size() / 2) {
            entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
            first_ = 0;
        }
        in_order_ = entries_.size();
        return n;
    }
    template <typename Leave>
    std::size_t release_all(Leave leave)
    {
        return release(std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::int64_t>::max(), leave);
    }
    [[nodiscard]] std::size_t held() const { return entries_.size() - first_; }
    // Bytes of the copied records that wait.
    [[nodiscard]] std::size_t held_bytes() const { return held_bytes_; }

  private:
    // Values of Place::block that name no block.
    static constexpr std::uint32_t kBorrowed = 0xffffffffu; // the record is in the caller's memory
    static constexpr std::uint32_t kReleased = 0xfffffffeu; // the record was released
    static constexpr std::uint32_t kFirstMark = kReleased;

    struct Entry {
        std::uint32_t era;
        std::uint32_t place;
        std::int64_t end_clock_ns;
        std::uint64_t flow_id;
    };
    struct Place {
        const ended_record* record;
        std::uint32_t block;
    };
    struct Block {
        std::vector<std::uint8_t> bytes; // 8-aligned records
        std::size_t records = 0;         // of them still held
    };
    // Another core wrote the record: it is not in this core's cache. The default plugins' records have 512 bytes.
    static constexpr std::size_t kAhead = 3, kPrefetchBytes = 512;
    static void prefetch(const ended_record* record)
    {
        const auto* p = reinterpret_cast<const std::uint8_t*>(record);
        for (std::size_t at = 0; at < kPrefetchBytes; at += 64)
            __builtin_prefetch(p + at);
    }
    static bool before(const Entry& a, const Entry& b)
    {
        return std::tie(a.era, a.end_clock_ns, a.flow_id) < std::tie(b.era, b.end_clock_ns, b.flow_id);
    }

    void sort()
    {
        const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(first_);
        const auto come = entries_.begin() + static_cast<std::ptrdiff_t>(in_order_);
        if (come == entries_.end())
            return;
        std::sort(come, entries_.end(), before);
        // Only records that order after the first new one have to move.
        std::inplace_merge(std::upper_bound(first, come, *come, before), come, entries_.end(), before);
    }
    std::uint32_t take_place()
    {
        if (free_places_.empty()) {
            places_.emplace_back();
            return static_cast<std::uint32_t>(places_.size() - 1);
        }
        const std::uint32_t place = free_places_.back();
        free_places_.pop_back();
        return place;
    }
    void free_place(std::uint32_t place)
    {
        Place& p = places_[place];
        if (p.block == kBorrowed) {
            p.block = kReleased; // copy_borrowed() still has it in its list
            return;
        }
        held_bytes_ -= p.record->header.size;
        if (const auto block = blocks_.find(p.block); --block->second.records == 0)
            blocks_.erase(block);
        free_places_.push_back(place);
    }

    std::vector<Entry> entries_; // from first_ on
    std::size_t first_ = 0;
    std::size_t in_order_ = 0; // entries up to here are in order
    std::vector<Place> places_;
    std::vector<std::uint32_t> free_places_;
    std::vector<std::uint32_t> borrowed_; // places taken since the last copy_borrowed()
    std::unordered_map<std::uint32_t, Block> blocks_;
    std::uint32_t next_block_ = 0;
    std::size_t held_bytes_ = 0;
};

} // namespace flowxdp
