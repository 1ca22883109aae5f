// SPDX-License-Identifier: BSD-2-Clause
// expiry_wheel.h - finds silent flows that fell due, without touching the wheel for each packet.
//
// A timing wheel of lists. An entry is linked at a tick not later than the one it falls due; packets that push its due
// time out leave it where it is, and it is linked again when its tick is visited. Only a shorter timeout moves it at
// once. A tick is about 134 ms; flows are ended exactly (flow_end.h), the wheel only says when to look.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "flow_table.h"

namespace flowxdp {

class ExpiryWheel {
  public:
    static constexpr int kTickBits = 27;
    static constexpr std::int64_t tick_of(std::int64_t clock_ns) { return clock_ns >> kTickBits; }
    static constexpr std::int64_t clock_of(std::int64_t tick) { return tick << kTickBits; }

    explicit ExpiryWheel(FlowTable* table) : table_(table) { heads_.fill(kNoEntry); }

    [[nodiscard]] std::int64_t now() const { return now_; }
    // Sets the position without visiting: the first packet, a clock that stepped back.
    void set_now(std::int64_t tick)
    {
        now_ = tick;
        next_due_ns_ = std::numeric_limits<std::int64_t>::min();
    }

    // Links an entry that falls due at due_ns. It must not be linked.
    void link(EntryId id, std::int64_t due_ns);
    void unlink(EntryId id);
    // Called after each packet: moves the entry only when it now falls due before the tick it is linked at.
    void touch(EntryId id, std::int64_t due_ns)
    {
        if (due_ns < next_due_ns_) [[unlikely]]
            next_due_ns_ = due_ns;
        if (tick_of(due_ns) < table_->entry(id)->wheel_tick) [[unlikely]] {
            unlink(id);
            link(id, due_ns);
        }
    }

    // Visits every tick before the clock's own. end(id) is called, unlinked, for each entry that is due at clock_ns;
    // due(id) gives an entry's due time.
    template <typename Due, typename End>
    void advance(std::int64_t clock_ns, Due due, End end)
    {
        const std::int64_t to = tick_of(clock_ns);
        if (to - now_ >= kSlots) {
            const std::int64_t from = now_;
            set_now(to);
            for (std::int64_t tick = from; tick < from + kSlots; tick++)
                visit(tick, clock_ns, due, end);
            return;
        }
        while (now_ < to) {
            const std::int64_t tick = now_;
            set_now(tick + 1);
            visit(tick, clock_ns, due, end);
        }
    }

    // Visits the clock's own tick too: afterwards no entry linked there is due at clock_ns. Cheap to ask again while
    // nothing falls due.
    template <typename Due, typename End>
    void advance_exactly(std::int64_t clock_ns, Due due, End end)
    {
        advance(clock_ns, due, end);
        if (clock_ns < next_due_ns_)
            return;
        next_due_ns_ = kNever;
        visit(now_, clock_ns, due, end);
    }

  private:
    static constexpr std::int64_t kSlots = 8192; // 18 minutes
    static std::size_t slot_of(std::int64_t tick) { return static_cast<std::size_t>(tick & (kSlots - 1)); }

    template <typename Due, typename End>
    void visit(std::int64_t tick, std::int64_t clock_ns, Due& due, End& end)
    {
        EntryId id = heads_[slot_of(tick)];
        heads_[slot_of(tick)] = kNoEntry; // detached: what is linked again may land in this slot
        while (id != kNoEntry) {
            const EntryId next = table_->entry(id)->wheel_next;
            const std::int64_t due_ns = due(id);
            if (clock_ns >= due_ns)
                end(id);
            else
                link(id, due_ns);
            id = next;
        }
    }

    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

    FlowTable* table_;
    std::int64_t now_ = 0; // ticks before this one have been visited
    // Nothing linked at now_ falls due earlier than this: due times change by link() and touch() alone.
    std::int64_t next_due_ns_ = std::numeric_limits<std::int64_t>::min();
    std::array<EntryId, kSlots> heads_;
};

inline void ExpiryWheel::link(EntryId id, std::int64_t due_ns)
{
    TableEntry* e = table_->entry(id);
    std::int64_t tick = tick_of(due_ns);
    if (tick < now_)
        tick = now_;
    else if (tick >= now_ + kSlots)
        tick = now_ + kSlots - 1;
    if (tick == now_ && due_ns < next_due_ns_)
        next_due_ns_ = due_ns;
    EntryId& head = heads_[slot_of(tick)];
    e->wheel_tick = tick;
    e->wheel_prev = kNoEntry;
    e->wheel_next = head;
    if (head != kNoEntry)
        table_->entry(head)->wheel_prev = id;
    head = id;
}

inline void ExpiryWheel::unlink(EntryId id)
{
    TableEntry* e = table_->entry(id);
    if (e->wheel_prev != kNoEntry)
        table_->entry(e->wheel_prev)->wheel_next = e->wheel_next;
    else
        heads_[slot_of(e->wheel_tick)] = e->wheel_next;
    if (e->wheel_next != kNoEntry)
        table_->entry(e->wheel_next)->wheel_prev = e->wheel_prev;
}

} // namespace flowxdp
