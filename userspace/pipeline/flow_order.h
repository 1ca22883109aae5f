// SPDX-License-Identifier: BSD-2-Clause
// flow_order.h - ended records in DESIGN's order, whatever order an engine found them in.
//
// Records wait until a watermark says that nothing earlier can come, then leave sorted by (era, end clock, flowInd).
// That makes output independent of when an engine scanned its table. Most leave while the chunk they came in is being
// read, so they are not copied; what is left when the chunk goes is taken over by keep().
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "record_stream.h"

namespace flowxdp {

class FlowOrder {
  public:
    // The record must stay where it is until it has left or keep() was called.
    void hold(const ended_record& record)
    {
        const Entry entry = {record.era, kBorrowed, record.end_clock_ns, record.record.flow_id, &record};
        sorted_ = sorted_ && (!held() || !before(entry, entries_.back()));
        entries_.push_back(entry);
        borrowed_++;
    }
    // Copies what is held and was not copied yet: the memory it stands in may go.
    void keep()
    {
        if (!borrowed_)
            return;
        std::size_t bytes = 0;
        for (std::size_t i = first_; i < entries_.size(); i++)
            if (entries_[i].block == kBorrowed)
                bytes += entries_[i].record->header.size;
        const std::uint32_t number = next_block_++;
        if (next_block_ == kBorrowed)
            next_block_ = 0;
        Block& block = blocks_[number];
        block.bytes.resize(bytes);
        block.records = borrowed_;
        std::uint8_t* at = block.bytes.data();
        for (std::size_t i = first_; i < entries_.size(); i++) {
            Entry& e = entries_[i];
            if (e.block != kBorrowed)
                continue;
            const std::uint32_t size = e.record->header.size;
            std::memcpy(at, e.record, size);
            e.record = reinterpret_cast<const ended_record*>(at);
            e.block = number;
            at += size;
        }
        borrowed_ = 0;
    }

    // Calls leave(record) for every record before (era, clock_ns), in order. Returns how many left.
    template <typename Leave>
    std::size_t release(std::uint32_t era, std::int64_t clock_ns, Leave leave)
    {
        if (!sorted_)
            std::sort(entries_.begin() + static_cast<std::ptrdiff_t>(first_), entries_.end(), before);
        sorted_ = true;
        const std::size_t from = first_;
        for (; first_ < entries_.size(); first_++) {
            const Entry& e = entries_[first_];
            if (std::tie(e.era, e.end_clock_ns) >= std::tie(era, clock_ns))
                break;
            if (first_ + kAhead < entries_.size())
                prefetch(entries_[first_ + kAhead].record);
            leave(*e.record);
            if (e.block == kBorrowed)
                borrowed_--;
            else if (const auto block = blocks_.find(e.block); --block->second.records == 0)
                blocks_.erase(block);
        }
        const std::size_t n = first_ - from;
        if (first_ == entries_.size()) {
            entries_.clear();
            first_ = 0;
        } else if (first_ > entries_.size() / 2) {
            entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
            first_ = 0;
        }
        return n;
    }
    template <typename Leave>
    std::size_t release_all(Leave leave)
    {
        return release(std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::int64_t>::max(), leave);
    }
    [[nodiscard]] std::size_t held() const { return entries_.size() - first_; }

  private:
    static constexpr std::uint32_t kBorrowed = 0xffffffffu; // the record stands in memory that is not ours

    struct Entry {
        std::uint32_t era;
        std::uint32_t block;
        std::int64_t end_clock_ns;
        std::uint64_t flow_id;
        const ended_record* record;
    };
    struct Block {
        std::vector<std::uint8_t> bytes; // 8-aligned records
        std::size_t records = 0;         // of them still held
    };
    // Another core wrote it: its lines are far away. A record of the default plugins is 512 bytes long.
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

    std::vector<Entry> entries_; // from first_ on
    std::size_t first_ = 0, borrowed_ = 0;
    std::unordered_map<std::uint32_t, Block> blocks_;
    std::uint32_t next_block_ = 0;
    bool sorted_ = true;
};

} // namespace flowxdp
