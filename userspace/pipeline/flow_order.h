// SPDX-License-Identifier: BSD-2-Clause
// flow_order.h - ended records in DESIGN's order, whatever order an engine found them in.
//
// Records wait until a watermark says that nothing earlier can come, then leave sorted by (era, end clock, flowInd).
// That makes output independent of when an engine scanned its table.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <vector>

#include "record_stream.h"

namespace flowxdp {

class FlowOrder {
  public:
    // Copies the record: its chunk may go.
    void hold(const ended_record& record)
    {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + record.header.size);
        std::memcpy(bytes_.data() + at, &record, record.header.size);
        const Entry entry = {record.era, record.end_clock_ns, record.record.flow_id, at};
        sorted_ = sorted_ && (entries_.empty() || !(entry < entries_.back()));
        entries_.push_back(entry);
    }

    // Calls leave(record) for every record before (era, clock_ns), in order. Returns how many left.
    template <typename Leave>
    std::size_t release(std::uint32_t era, std::int64_t clock_ns, Leave leave)
    {
        if (!sorted_)
            std::ranges::sort(entries_);
        sorted_ = true;
        std::size_t n = 0;
        while (n < entries_.size() && std::tie(entries_[n].era, entries_[n].end_clock_ns) < std::tie(era, clock_ns))
            leave(*reinterpret_cast<const ended_record*>(bytes_.data() + entries_[n++].offset));
        if (n == entries_.size()) {
            entries_.clear();
            bytes_.clear();
        } else if (n) {
            compact(n);
        }
        return n;
    }
    template <typename Leave>
    std::size_t release_all(Leave leave)
    {
        return release(std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::int64_t>::max(), leave);
    }
    [[nodiscard]] std::size_t held() const { return entries_.size(); }

  private:
    struct Entry {
        std::uint32_t era;
        std::int64_t end_clock_ns;
        std::uint64_t flow_id;
        std::size_t offset;
        auto operator<=>(const Entry&) const = default;
    };

    // Keeps what stays, in sorted order, in a fresh buffer.
    void compact(std::size_t gone)
    {
        std::vector<std::uint8_t> kept;
        entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(gone));
        for (Entry& e : entries_) {
            const std::uint8_t* from = bytes_.data() + e.offset;
            stream_header header;
            std::memcpy(&header, from, sizeof header);
            e.offset = kept.size();
            kept.insert(kept.end(), from, from + header.size);
        }
        bytes_ = std::move(kept);
    }

    std::vector<std::uint8_t> bytes_; // 8-aligned records
    std::vector<Entry> entries_;
    bool sorted_ = true;
};

} // namespace flowxdp
