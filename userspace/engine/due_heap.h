// SPDX-License-Identifier: BSD-2-Clause
// due_heap.h - entries ordered by the time of their next check, however the clock moves. The expiry wheel uses it for
// entries that have no place on the wheel.
//
// A removed entry's place stays until it is popped or half of the heap are such places: an entry's stamp says which of
// its places is valid. So removal needs no search.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "flow_table.h"

namespace flowxdp {

class DueHeap {
  public:
    explicit DueHeap(FlowTable* table) : table_(table) {}

    // wheel_next of an entry in the heap; its wheel_prev is the stamp.
    static constexpr EntryId kHere = 0xfffffffeu;

    [[nodiscard]] bool holds(const EntryLinks& links) const { return links.wheel_next == kHere; }
    // Precondition: the entry is linked nowhere. It is checked when the clock reaches look_ns.
    void push(EntryId id, std::int64_t look_ns)
    {
        *table_->links(id) = {++stamp_, kHere, table_->links(id)->hash};
        table_->entry(id)->look_ns = look_ns;
        places_.push_back({look_ns, id, stamp_});
        std::ranges::push_heap(places_, later);
        live_++;
    }
    void remove(EntryId id)
    {
        table_->links(id)->wheel_next = kNoEntry;
        live_--;
        if (places_.size() > 2 * live_ + kFewPlaces)
            sweep();
    }
    // Removes and returns the first entry to check before end_ns; kNoEntry: none.
    EntryId pop_before(std::int64_t end_ns)
    {
        while (!places_.empty() && places_.front().look_ns < end_ns) {
            const Place first = places_.front();
            std::ranges::pop_heap(places_, later);
            places_.pop_back();
            if (!counts(first))
                continue;
            table_->links(first.id)->wheel_next = kNoEntry;
            live_--;
            return first.id;
        }
        return kNoEntry;
    }
    // Places held, also of removed entries.
    [[nodiscard]] std::size_t places() const { return places_.size(); }

  private:
    struct Place {
        std::int64_t look_ns;
        EntryId id;
        std::uint32_t stamp;
    };
    static constexpr std::size_t kFewPlaces = 1024; // not worth a sweep

    static bool later(const Place& a, const Place& b) { return a.look_ns > b.look_ns; }
    [[nodiscard]] bool counts(const Place& place) const
    {
        const EntryLinks* l = table_->links(place.id);
        return holds(*l) && l->wheel_prev == place.stamp;
    }
    void sweep()
    {
        std::erase_if(places_, [this](const Place& place) { return !counts(place); });
        std::ranges::make_heap(places_, later);
    }

    FlowTable* table_;
    std::vector<Place> places_;
    std::size_t live_ = 0;
    std::uint32_t stamp_ = 0;
};

} // namespace flowxdp
