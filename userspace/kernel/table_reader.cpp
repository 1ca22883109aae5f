// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/table_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "flowxdp/record_slots.h"
#include "kernel/mapped_array.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kAhead = 8; // slots whose lines are fetched before they are read

} // namespace

TableReader::TableReader(int records_fd, int free_slots_fd, std::uint32_t slots, std::uint32_t stride)
    : slots_(slots), stride_(stride)
{
    slot_levels levels{};
    slot_levels_from(&levels, slots);
    free_ = map_array<std::uint64_t>(free_slots_fd, "free_slots", levels.words * sizeof(std::uint64_t), PROT_READ,
                                     &free_bytes_);
    try {
        records_ =
            map_array<std::uint8_t>(records_fd, "records", std::uint64_t{slots} * stride, PROT_READ, &records_bytes_);
    } catch (const StartupError&) {
        munmap(const_cast<std::uint64_t*>(free_), free_bytes_);
        throw;
    }
}

TableReader::~TableReader()
{
    munmap(const_cast<std::uint64_t*>(free_), free_bytes_);
    munmap(const_cast<std::uint8_t*>(records_), records_bytes_);
}

std::uint64_t TableReader::taken() const
{
    std::uint64_t free_slots = 0;
    for (std::uint32_t word = 0; word < (slots_ + SLOT_WORD_BITS - 1) / SLOT_WORD_BITS; word++)
        free_slots += static_cast<std::uint64_t>(std::popcount(__atomic_load_n(free_ + word, __ATOMIC_RELAXED)));
    return slots_ > free_slots ? slots_ - free_slots : 0; // the owner of the pins may have set further bits
}

void TableReader::each(const std::function<void(const flow_record&)>& each) const
{
    const auto record_at = [this](std::uint32_t slot) { return records_ + std::size_t{slot} * stride_; };
    flow_record copy;
    for (std::uint32_t first = 0; first < slots_; first += SLOT_WORD_BITS) {
        const std::uint64_t free_bits = __atomic_load_n(free_ + first / SLOT_WORD_BITS, __ATOMIC_RELAXED);
        if (!~free_bits)
            continue;
        const std::uint32_t end = std::min(slots_, first + SLOT_WORD_BITS);
        for (std::uint32_t slot = first; slot < end; slot++) {
            if (slot + kAhead < end && !(free_bits >> (slot + kAhead - first) & 1))
                for (std::size_t at = 0; at < sizeof copy; at += 64)
                    __builtin_prefetch(record_at(slot + kAhead) + at);
            if (free_bits >> (slot - first) & 1)
                continue;
            std::memcpy(static_cast<void*>(&copy), record_at(slot), sizeof copy);
            each(copy);
        }
    }
}

} // namespace flowxdp
