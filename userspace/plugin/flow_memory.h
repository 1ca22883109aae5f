// SPDX-License-Identifier: BSD-2-Clause
// flow_memory.h - what user halves keep of live flows, by sensor and flowInd.
//
// A flow has memory from its first wanted packet to its end: one block that the plugins share, zero at first. There is
// room for a number of flows that is known at the start. When it is used up, the flow whose memory is oldest loses it,
// and that is counted: no traffic can make a run grow without bound.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "flowxdp/record_stream.h"

namespace flowxdp {

class FlowMemory {
  public:
    static constexpr std::uint64_t kMostFlows = 1u << 18;

    // As many flows as fit into most_bytes, at most kMostFlows, at least one.
    static FlowMemory within(std::uint64_t most_bytes, std::uint32_t bytes_per_flow)
    {
        return {bytes_per_flow,
                bytes_per_flow ? std::clamp<std::uint64_t>(most_bytes / bytes_per_flow, 1, kMostFlows) : 0};
    }
    FlowMemory() : FlowMemory(0, 0) {}
    // A flow of a run: flowInd counts from 1 in each of a daemon's sensors, and never reaches 2^48.
    static std::uint64_t key(const stream_header& header, std::uint64_t flow_id)
    {
        return flow_id ^ (std::uint64_t{header.source} << 48);
    }

    // bytes_per_flow: a multiple of 8.
    FlowMemory(std::uint32_t bytes_per_flow, std::uint64_t most_flows) : bytes_(bytes_per_flow), most_(most_flows) {}

    // A flow's memory, made when it has none. Valid until the next call of of() or forget().
    std::uint8_t* of(std::uint64_t flow)
    {
        const auto [at, is_new] = slots_.try_emplace(flow, kNone);
        if (!is_new)
            return block(at->second);
        const std::uint32_t slot = take_slot();
        slots_[flow] = slot; // take_slot() may have taken an entry out
        entries_[slot].flow = flow;
        link_newest(slot);
        std::memset(block(slot), 0, bytes_);
        return block(slot);
    }
    // NULL: no packet of the flow was wanted, or its memory was dropped.
    [[nodiscard]] std::uint8_t* find(std::uint64_t flow)
    {
        const auto at = slots_.find(flow);
        return at == slots_.end() ? nullptr : block(at->second);
    }
    // The flow is over.
    void forget(std::uint64_t flow)
    {
        const auto at = slots_.find(flow);
        if (at == slots_.end())
            return;
        const std::uint32_t slot = at->second;
        unlink(slot);
        free_.push_back(slot);
        slots_.erase(at);
    }
    [[nodiscard]] std::size_t flows() const { return slots_.size(); }
    [[nodiscard]] std::uint64_t most_flows() const { return most_; }
    // Flows that lost their memory before they ended.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::uint32_t kSlotsPerSlab = 256;

    struct Entry {
        std::uint64_t flow = 0; // its key()
        std::uint32_t older = kNone, newer = kNone;
    };

    [[nodiscard]] std::uint8_t* block(std::uint32_t slot)
    {
        std::uint64_t* slab = slabs_[slot / kSlotsPerSlab].get();
        return reinterpret_cast<std::uint8_t*>(slab) + std::size_t{slot % kSlotsPerSlab} * bytes_;
    }
    std::uint32_t take_slot()
    {
        if (free_.empty() && entries_.size() >= most_) {
            dropped_++;
            forget(entries_[oldest_].flow);
        }
        if (!free_.empty()) {
            const std::uint32_t slot = free_.back();
            free_.pop_back();
            return slot;
        }
        const auto slot = static_cast<std::uint32_t>(entries_.size());
        if (slot % kSlotsPerSlab == 0)
            slabs_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(std::size_t{kSlotsPerSlab} * bytes_ / 8));
        entries_.emplace_back();
        return slot;
    }
    void link_newest(std::uint32_t slot)
    {
        entries_[slot].older = newest_;
        entries_[slot].newer = kNone;
        (newest_ == kNone ? oldest_ : entries_[newest_].newer) = slot;
        newest_ = slot;
    }
    void unlink(std::uint32_t slot)
    {
        const Entry& e = entries_[slot];
        (e.older == kNone ? oldest_ : entries_[e.older].newer) = e.newer;
        (e.newer == kNone ? newest_ : entries_[e.newer].older) = e.older;
    }

    std::uint32_t bytes_;
    std::uint64_t most_;
    std::unordered_map<std::uint64_t, std::uint32_t> slots_; // by key(), which nobody outside can choose
    std::vector<Entry> entries_;
    std::vector<std::unique_ptr<std::uint64_t[]>> slabs_;
    std::vector<std::uint32_t> free_;
    std::uint32_t oldest_ = kNone, newest_ = kNone; // by the time when the memory was made
    std::uint64_t dropped_ = 0;
};

} // namespace flowxdp
