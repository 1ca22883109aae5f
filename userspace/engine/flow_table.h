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
#include <limits>
#include <vector>

#include "flowxdp/flow_record.h"
#include "page_memory.h"

namespace flowxdp {

using EntryId = std::uint32_t;
inline constexpr EntryId kNoEntry = 0xffffffffu;

// The table's part before a record, for what every packet touches: 16 bytes, with which a record of the default plugins
// fills eight cache lines.
struct TableEntry {
    static constexpr std::int64_t kFree = std::numeric_limits<std::int64_t>::min();

    std::int64_t look_ns; // clock of the wheel's next check, never later than the due time; kFree: no flow is here
    // Order of activity: the sequence number of the last packet until the table is full for the first time, then links.
    union {
        std::uint64_t last_packet;
        struct {
            EntryId prev, next;
        } lru;
    };

    flow_record* record() { return reinterpret_cast<flow_record*>(this + 1); }
};
static_assert(sizeof(TableEntry) == 16);

// What the table knows of an entry beside it, for flows that start, end or are checked.
struct EntryLinks {
    EntryId wheel_prev, wheel_next; // list of its wheel slot; in the heap: due_heap.h; free: wheel_next is the next one
    std::uint32_t hash;
};

class FlowTable {
  public:
    // record_size: bytes of a record with its slots, multiple of 8. hot_size: those that most packets touch, from its
    // start; prefetched. max_flows: biflows; insert() needs room() first.
    FlowTable(std::uint32_t record_size, std::uint32_t hot_size, std::uint32_t max_flows);

    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] bool room() const { return size_ < max_flows_; }
    [[nodiscard]] std::uint32_t record_size() const { return record_size_; }

    [[nodiscard]] TableEntry* entry(EntryId id) const
    {
        return reinterpret_cast<TableEntry*>(slab_.data() + id * stride_);
    }

    [[nodiscard]] EntryLinks* links(EntryId id) const { return reinterpret_cast<EntryLinks*>(links_.data()) + id; }

    // The entry of this key, or kNoEntry.
    [[nodiscard]] EntryId find(const flow_key& key, std::uint32_t hash) const;
    // The same. candidate: what prefetch_record() gave for the hash, however the table changed since; most likely it
    // is the entry, and the index is not needed.
    [[nodiscard]] EntryId find(const flow_key& key, std::uint32_t hash, EntryId candidate) const
    {
        if (candidate != kNoEntry && entry(candidate)->look_ns != TableEntry::kFree &&
            flow_key_equal(&entry(candidate)->record()->key, &key)) [[likely]]
            return candidate;
        return find(key, hash);
    }
    // Adds a record for the key: zeroed except for the key. Precondition: room(), key absent.
    EntryId insert(const flow_key& key, std::uint32_t hash);
    void remove(EntryId id);

    // Removes every entry, and gives the memory of records back.
    void clear();
    // Gives the index's memory back. Afterwards, until clear(), entries can only be read.
    void drop_index();

    // Zeroes everything of a record except its key.
    void clear_record(flow_record* record) const;

    void prefetch_index(std::uint32_t hash) const { __builtin_prefetch(index_ + (hash & mask_)); }
    // Prefetches the record that this hash most likely has, and returns its entry; kNoEntry: there is none.
    [[nodiscard]] EntryId prefetch_record(std::uint32_t hash) const;
    // Prefetches an entry with all of its record.
    void prefetch_entry(EntryId id) const { prefetch(id, stride_); }

    // Every live entry, in the order they stand in memory.
    std::vector<EntryId> live() const;

  private:
    static constexpr std::size_t kLine = 64;

    void grow_index();
    void prefetch(EntryId id, std::size_t bytes) const
    {
        const auto* p = reinterpret_cast<const std::byte*>(entry(id));
        for (std::size_t offset = 0; offset < bytes; offset += kLine)
            __builtin_prefetch(p + offset, 1);
    }

    std::uint32_t record_size_, max_flows_;
    std::size_t hot_bytes_, stride_;    // of an entry
    std::uint32_t size_ = 0, used_ = 0; // used_: entries ever handed out
    EntryId free_ = kNoEntry;
    std::uint32_t mask_ = 0;
    std::uint64_t* index_ = nullptr; // hash << 32 | entry + 1; 0 = empty
    PageMemory index_memory_, slab_, links_;
};

} // namespace flowxdp
