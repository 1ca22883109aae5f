// SPDX-License-Identifier: BSD-2-Clause
// expiry_wheel.h - finds silent flows that fell due, without touching the wheel for each packet.
//
// A timing wheel of lists covers the next 18 minutes. A heap holds the rest: entries due later, and those that were
// linked when the clock stepped back. An entry is checked no later than it is due; packets that postpone its due time
// leave it in place, and the check links it again. Only a shorter timeout moves it at once. A tick of the wheel is
// about 134 ms; flows are ended exactly (flow_end.h), the wheel only says when to check.
//
// However the clock moves, an entry is checked once for each packet of its flow, and once more: a jump passes over
// empty ticks without a visit, and a step back moves to the heap only the entries linked to the wheel since the step
// before.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "due_heap.h"
#include "flow_table.h"

namespace flowxdp {

class ExpiryWheel {
  public:
    static constexpr int kTickBits = 27;
    static constexpr std::int64_t tick_of(std::int64_t clock_ns) { return clock_ns >> kTickBits; }
    static constexpr std::int64_t clock_of(std::int64_t tick) { return tick << kTickBits; }

    explicit ExpiryWheel(FlowTable* table) : table_(table), heap_(table) { heads_.fill(kNoEntry); }

    // All entries of ticks before this one were checked.
    [[nodiscard]] std::int64_t now() const { return now_; }
    // Sets the position before anything is linked.
    void set_now(std::int64_t tick) { now_ = tick; }

    // Links an entry that is due at due_ns. Precondition: it is not linked.
    void link(EntryId id, std::int64_t due_ns);
    void unlink(EntryId id);
    // Called after each packet: moves the entry only when it is now due before its next check.
    void touch(EntryId id, std::int64_t due_ns)
    {
        if (due_ns < table_->entry(id)->look_ns) [[unlikely]] {
            unlink(id);
            link(id, due_ns);
        }
    }

    // The clock stepped back to this tick. due(id) gives an entry's due time.
    template <typename Due>
    void step_back(std::int64_t tick, Due due)
    {
        for (std::size_t slot = occupied_.next(0); slot < kSlots; slot = occupied_.next(slot + 1))
            each_of(slot, [&](EntryId id) {
                looks_++;
                heap_.push(id, due(id));
            });
        now_ = tick;
    }

    // Checks all entries of ticks before the clock's own. Unlinks each entry that is due at clock_ns, then calls
    // end(id).
    template <typename Due, typename End>
    void advance(std::int64_t clock_ns, Due due, End end)
    {
        const std::int64_t from = now_, to = tick_of(clock_ns);
        if (to > from) {
            now_ = to;
            // An entry linked again meanwhile may land in a slot that is still to come: it is checked again there.
            const std::int64_t last = std::min(to, from + static_cast<std::int64_t>(kSlots));
            for (std::int64_t tick = next_occupied(from); tick < last; tick = next_occupied(tick + 1))
                each_of(slot_of(tick), [&](EntryId id) { look(id, clock_ns, due, end); });
        }
        take_from_heap(std::min(clock_of(now_), clock_ns + 1), clock_ns, due, end);
    }

    // Afterwards no linked entry is due at clock_ns. A repeated call is cheap: entries of the clock's own tick wait in
    // the heap, in order.
    template <typename Due, typename End>
    void advance_exactly(std::int64_t clock_ns, Due due, End end)
    {
        advance(clock_ns, due, end);
        if (occupied_.has(slot_of(now_)))
            each_of(slot_of(now_), [&](EntryId id) {
                looks_++;
                if (const std::int64_t due_ns = due(id); tick_of(due_ns) == now_ && due_ns > clock_ns)
                    heap_.push(id, due_ns);
                else
                    end_or_link(id, due_ns, clock_ns, end);
            });
        take_from_heap(clock_ns + 1, clock_ns, due, end);
    }

    // Entries checked so far.
    [[nodiscard]] std::uint64_t looks() const { return looks_; }
    [[nodiscard]] std::size_t heap_places() const { return heap_.places(); }

  private:
    static constexpr std::size_t kSlots = 8192; // 18 minutes
    static std::size_t slot_of(std::int64_t tick) { return static_cast<std::size_t>(tick) & (kSlots - 1); }

    // Slots with a list. A slot whose last entry was unlinked may still be included.
    class SlotSet {
      public:
        [[nodiscard]] bool has(std::size_t slot) const { return words_[slot / 64] >> (slot % 64) & 1; }
        void add(std::size_t slot)
        {
            words_[slot / 64] |= 1ULL << (slot % 64);
            used_[slot / 4096] |= 1ULL << (slot / 64 % 64);
        }
        void remove(std::size_t slot)
        {
            words_[slot / 64] &= ~(1ULL << (slot % 64));
            if (!words_[slot / 64])
                used_[slot / 4096] &= ~(1ULL << (slot / 64 % 64));
        }
        // The first one from slot on; kSlots: none.
        [[nodiscard]] std::size_t next(std::size_t slot) const
        {
            if (slot >= kSlots)
                return kSlots;
            std::size_t word = slot / 64;
            std::uint64_t bits = words_[word] & ~0ULL << (slot % 64);
            if (!bits) {
                word = next_used(word + 1);
                if (word == kSlots / 64)
                    return kSlots;
                bits = words_[word];
            }
            return word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        }

      private:
        [[nodiscard]] std::size_t next_used(std::size_t word) const
        {
            for (std::size_t i = word / 64; i < used_.size(); i++) {
                const std::uint64_t bits = i == word / 64 ? used_[i] & ~0ULL << (word % 64) : used_[i];
                if (bits)
                    return i * 64 + static_cast<std::size_t>(std::countr_zero(bits));
            }
            return kSlots / 64;
        }

        std::array<std::uint64_t, kSlots / 64> words_{};
        std::array<std::uint64_t, kSlots / 4096> used_{}; // words that are not 0
    };

    // The next tick from this one on whose slot has a list; none: a tick more than a turn ahead.
    [[nodiscard]] std::int64_t next_occupied(std::int64_t tick) const
    {
        const std::size_t slot = slot_of(tick);
        std::size_t next = occupied_.next(slot);
        if (next == kSlots)
            next = kSlots + occupied_.next(0);
        return tick + static_cast<std::int64_t>(next - slot);
    }

    // Empties the slot's list, then calls take(id) for each entry that was in it.
    template <typename Take>
    void each_of(std::size_t slot, Take take)
    {
        EntryId id = heads_[slot];
        heads_[slot] = kNoEntry;
        occupied_.remove(slot);
        while (id != kNoEntry) {
            const EntryId next = table_->links(id)->wheel_next;
            take(id);
            id = next;
        }
    }
    template <typename Due, typename End>
    void look(EntryId id, std::int64_t clock_ns, Due& due, End& end)
    {
        looks_++;
        end_or_link(id, due(id), clock_ns, end);
    }
    template <typename End>
    void end_or_link(EntryId id, std::int64_t due_ns, std::int64_t clock_ns, End& end)
    {
        if (clock_ns >= due_ns)
            end(id);
        else
            link(id, due_ns);
    }
    // Checks the heap's entries before before_ns.
    template <typename Due, typename End>
    void take_from_heap(std::int64_t before_ns, std::int64_t clock_ns, Due& due, End& end)
    {
        for (EntryId id; (id = heap_.pop_before(before_ns)) != kNoEntry;)
            look(id, clock_ns, due, end);
    }

    FlowTable* table_;
    std::int64_t now_ = 0;
    std::uint64_t looks_ = 0;
    DueHeap heap_;
    SlotSet occupied_;
    std::array<EntryId, kSlots> heads_; // of ticks from now_ on, less than a turn ahead
};

inline void ExpiryWheel::link(EntryId id, std::int64_t due_ns)
{
    const std::int64_t tick = tick_of(due_ns);
    if (tick < now_ || tick - now_ >= static_cast<std::int64_t>(kSlots)) [[unlikely]] {
        heap_.push(id, due_ns);
        return;
    }
    EntryId& head = heads_[slot_of(tick)];
    table_->entry(id)->look_ns = clock_of(tick);
    EntryLinks* l = table_->links(id);
    l->wheel_prev = kNoEntry;
    l->wheel_next = head;
    if (head != kNoEntry)
        table_->links(head)->wheel_prev = id;
    else
        occupied_.add(slot_of(tick));
    head = id;
}

inline void ExpiryWheel::unlink(EntryId id)
{
    const EntryLinks* l = table_->links(id);
    if (heap_.holds(*l)) [[unlikely]] {
        heap_.remove(id);
        return;
    }
    if (l->wheel_prev != kNoEntry)
        table_->links(l->wheel_prev)->wheel_next = l->wheel_next;
    else
        heads_[slot_of(tick_of(table_->entry(id)->look_ns))] = l->wheel_next;
    if (l->wheel_next != kNoEntry)
        table_->links(l->wheel_next)->wheel_prev = l->wheel_prev;
}

} // namespace flowxdp
