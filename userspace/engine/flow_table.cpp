// SPDX-License-Identifier: BSD-2-Clause
#include "flow_table.h"

#include <algorithm>

namespace flowxdp {
namespace {
constexpr std::uint32_t kFirstIndex = 1024;
// Of entries: a cache line more a packet costs less than the memory that entries of whole lines would take.
constexpr std::size_t kAlignment = 16;
} // namespace

FlowTable::FlowTable(std::uint32_t record_size, std::uint32_t hot_size, std::uint32_t max_flows)
    : record_size_(record_size), max_flows_(max_flows), hot_bytes_(sizeof(TableEntry) + hot_size),
      stride_((sizeof(TableEntry) + record_size + kAlignment - 1) / kAlignment * kAlignment)
{
    drop_index();
    clear();
}

EntryId FlowTable::find(const flow_key& key, std::uint32_t hash) const
{
    for (std::uint32_t at = hash & mask_;; at = (at + 1) & mask_) {
        const std::uint64_t word = index_[at];
        if (!word)
            return kNoEntry;
        if (static_cast<std::uint32_t>(word >> 32) != hash)
            continue;
        const auto id = static_cast<EntryId>(word) - 1;
        if (flow_key_equal(&entry(id)->record()->key, &key))
            return id;
    }
}

EntryId FlowTable::prefetch_record(std::uint32_t hash) const
{
    for (std::uint32_t at = hash & mask_;; at = (at + 1) & mask_) {
        const std::uint64_t word = index_[at];
        if (!word)
            return kNoEntry;
        if (static_cast<std::uint32_t>(word >> 32) != hash)
            continue;
        const auto id = static_cast<EntryId>(word) - 1;
        prefetch(id, hot_bytes_);
        return id;
    }
}

EntryId FlowTable::insert(const flow_key& key, std::uint32_t hash)
{
    if ((size_ + 1) * 2u > mask_)
        grow_index();
    EntryId id = free_;
    if (id != kNoEntry) {
        free_ = links(id)->wheel_next;
    } else {
        id = used_++;
        slab_.commit(used_ * stride_);
        links_.commit(used_ * sizeof(EntryLinks));
    }
    TableEntry* e = entry(id);
    std::memset(e, 0, sizeof(TableEntry) + record_size_);
    e->record()->key = key;
    links(id)->hash = hash;
    std::uint32_t at = hash & mask_;
    while (index_[at])
        at = (at + 1) & mask_;
    index_[at] = static_cast<std::uint64_t>(hash) << 32 | (id + 1u);
    size_++;
    return id;
}

void FlowTable::remove(EntryId id)
{
    const std::uint32_t hash = links(id)->hash;
    const std::uint64_t word = static_cast<std::uint64_t>(hash) << 32 | (id + 1u);
    std::uint32_t hole = hash & mask_;
    while (index_[hole] != word)
        hole = (hole + 1) & mask_;
    // Backward shift: pull up every later entry of the run that may fill the hole.
    for (std::uint32_t at = (hole + 1) & mask_; index_[at]; at = (at + 1) & mask_) {
        const auto home = static_cast<std::uint32_t>(index_[at] >> 32) & mask_;
        if (((at - home) & mask_) >= ((at - hole) & mask_)) {
            index_[hole] = index_[at];
            hole = at;
        }
    }
    index_[hole] = 0;
    entry(id)->look_ns = TableEntry::kFree;
    links(id)->wheel_next = free_;
    free_ = id;
    size_--;
}

void FlowTable::clear()
{
    std::fill_n(index_, mask_ + 1ul, 0);
    size_ = used_ = 0;
    free_ = kNoEntry;
    slab_ = PageMemory(max_flows_ * stride_, PageMemory::Use::kGrowing);
    links_ = PageMemory(max_flows_ * sizeof(EntryLinks), PageMemory::Use::kGrowing);
}

void FlowTable::drop_index()
{
    mask_ = kFirstIndex - 1;
    index_memory_ = PageMemory(kFirstIndex * sizeof(std::uint64_t), PageMemory::Use::kAtRandom);
    index_memory_.commit(kFirstIndex * sizeof(std::uint64_t));
    index_ = reinterpret_cast<std::uint64_t*>(index_memory_.data());
}

void FlowTable::clear_record(flow_record* record) const
{
    const flow_key key = record->key;
    std::memset(static_cast<void*>(record), 0, record_size_);
    record->key = key;
}

std::vector<EntryId> FlowTable::live() const
{
    std::vector<bool> is_live(used_, true);
    for (EntryId id = free_; id != kNoEntry; id = links(id)->wheel_next)
        is_live[id] = false;
    std::vector<EntryId> ids;
    ids.reserve(size_);
    for (EntryId id = 0; id < used_; id++)
        if (is_live[id])
            ids.push_back(id);
    return ids;
}

void FlowTable::grow_index()
{
    const PageMemory old = std::move(index_memory_);
    const std::uint64_t* const words = index_;
    const std::uint32_t old_mask = mask_;
    mask_ = mask_ * 2 + 1;
    index_memory_ = PageMemory((mask_ + 1ul) * sizeof(std::uint64_t), PageMemory::Use::kAtRandom);
    index_memory_.commit((mask_ + 1ul) * sizeof(std::uint64_t));
    index_ = reinterpret_cast<std::uint64_t*>(index_memory_.data());
    for (std::uint32_t i = 0; i <= old_mask; i++) {
        const std::uint64_t word = words[i];
        if (!word)
            continue;
        std::uint32_t at = static_cast<std::uint32_t>(word >> 32) & mask_;
        while (index_[at])
            at = (at + 1) & mask_;
        index_[at] = word;
    }
}

} // namespace flowxdp
