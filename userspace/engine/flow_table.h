// SPDX-License-Identifier: BSD-2-Clause
// flow_table.h - the native engine's table: records in a slab, an index of hashes over it.
//
// The slab grows in place, so a record's address is stable. The index is open addressing on 8-byte
// words (hash, entry number) with backward-shift deletion; it doubles as the table fills, so a small capture stays in
// cache. Nothing is allocated for a packet of a known flow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "flowxdp/flow_record.h"
#include "page_memory.h"

namespace flowxdp {

using EntryId = std::uint32_t;
inline constexpr EntryId kNoEntry = 0xffffffffu;

// The table's part before a record: 32 bytes, with which a record of the default plugins fills eight cache lines. Every
// packet touches all of them.
struct TableEntry {
    EntryId wheel_prev, wheel_next; // list of its wheel slot; in the heap: due_heap.h
    std::int64_t look_ns;           // clock of the wheel's next check, never later than the due time
    std::uint32_t hash;
    EntryId next_free;
    // Order of activity: the sequence number of the last packet until the table is full for the first time, then links.
    union {
        std::uint64_t last_packet;
        struct {
            EntryId prev, next;
        } lru;
    };

    flow_record* record() { return reinterpret_cast<flow_record*>(this + 1); }
};
static_assert(sizeof(TableEntry) == 32);

class FlowTable {
  public:
    // record_size: bytes of a record with its slots. max_flows: biflows; insert() needs room() first.
    FlowTable(std::uint32_t record_size, std::uint32_t max_flows);

    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] bool room() const { return size_ < max_flows_; }
    [[nodiscard]] std::uint32_t record_size() const { return record_size_; }

    [[nodiscard]] TableEntry* entry(EntryId id) const
    {
        return reinterpret_cast<TableEntry*>(slab_.data() + id * stride_);
    }

    // The entry of this key, or kNoEntry.
    EntryId find(const flow_key& key, std::uint32_t hash);
    // Adds a record for the key: zeroed except for the key. Precondition: room(), key absent.
    EntryId insert(const flow_key& key, std::uint32_t hash);
    void remove(EntryId id);

    // Removes every entry.
    void clear();

    // Zeroes everything of a record except its key.
    void clear_record(flow_record* record) const;

    void prefetch_index(std::uint32_t hash) const { __builtin_prefetch(index_ + (hash & mask_)); }
    // Prefetches the record that this hash most likely has.
    void prefetch_record(std::uint32_t hash);
    void prefetch_entry(EntryId id);

    // Every live entry, in the order they stand in memory.
    std::vector<EntryId> live() const;

  private:
    static constexpr std::size_t kLine = 64;

    void grow_index();

    std::uint32_t record_size_, max_flows_;
    std::size_t stride_;
    std::uint32_t size_ = 0, used_ = 0; // used_: entries ever handed out
    EntryId free_ = kNoEntry;
    std::uint32_t mask_;
    std::uint64_t* index_; // hash << 32 | entry + 1; 0 = empty
    PageMemory index_memory_, slab_;
};

} // namespace flowxdp
