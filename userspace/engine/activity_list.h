// SPDX-License-Identifier: BSD-2-Clause
// activity_list.h - flows in order of their last packet, for a full table: as in T2, the least recently active flow is
// evicted. It costs nothing until the table is full for the first time. Then the order is built from the sequence
// numbers that packets wrote into the entries, and is maintained from then on.
#pragma once

#include <algorithm>

#include "flow_table.h"

namespace flowxdp {

class ActivityList {
  public:
    explicit ActivityList(FlowTable* table) : table_(table) {}

    [[nodiscard]] bool active() const { return active_; }

    void build()
    {
        std::vector<EntryId> ids = table_->live();
        std::ranges::sort(ids, {}, [this](EntryId id) { return table_->entry(id)->last_packet; });
        for (const EntryId id : ids)
            append(id);
        active_ = true;
    }
    [[nodiscard]] EntryId oldest() const { return head_; }

    void append(EntryId id)
    {
        TableEntry* e = table_->entry(id);
        e->lru.prev = tail_;
        e->lru.next = kNoEntry;
        if (tail_ != kNoEntry)
            table_->entry(tail_)->lru.next = id;
        else
            head_ = id;
        tail_ = id;
    }
    void remove(EntryId id)
    {
        TableEntry* e = table_->entry(id);
        (e->lru.prev != kNoEntry ? table_->entry(e->lru.prev)->lru.next : head_) = e->lru.next;
        (e->lru.next != kNoEntry ? table_->entry(e->lru.next)->lru.prev : tail_) = e->lru.prev;
    }
    void touch(EntryId id)
    {
        if (id == tail_)
            return;
        remove(id);
        append(id);
    }

  private:
    FlowTable* table_;
    EntryId head_ = kNoEntry, tail_ = kNoEntry;
    bool active_ = false;
};

} // namespace flowxdp
