// SPDX-License-Identifier: BSD-2-Clause
#include "live/journal.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace flowxdp {

bool set_resume_points(const ResumePoints& points, journal_slot* entry)
{
    std::size_t at = 0;
    bool all = true;
    for (const auto& [id, words] : points) {
        if (at + 2 + words.size() > JOURNAL_WORDS) {
            all = false;
            continue;
        }
        entry->output[at++] = id;
        entry->output[at++] = words.size();
        for (const std::uint64_t word : words)
            entry->output[at++] = word;
    }
    if (at < JOURNAL_WORDS)
        entry->output[at] = 0;
    return all;
}

ResumePoints resume_points(const journal_slot& entry)
{
    ResumePoints points;
    for (std::size_t at = 0; at + 2 <= JOURNAL_WORDS && entry.output[at];) {
        const std::uint64_t id = entry.output[at], words = entry.output[at + 1];
        at += 2;
        if (words > JOURNAL_WORDS - at)
            break;
        points[id].assign(entry.output + at, entry.output + at + words);
        at += words;
    }
    return points;
}

Journal::Journal(const SensorObject& sensor)
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = (sizeof(journal) + page - 1) / page * page;
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, sensor.map_fd("journal"), 0);
    if (p == MAP_FAILED)
        throw StartupError(fmt::format("cannot map the sensor's journal: {}", std::strerror(errno)));
    map_ = static_cast<journal*>(p);
}

Journal::~Journal()
{
    munmap(map_, bytes_);
}

void Journal::prepare(const journal_slot& entry)
{
    journal_slot& slot = map_->slot[(map_->generation + 1) & 1];
    __atomic_store_n(&slot.stamp_ns, 0, __ATOMIC_RELEASE); // half an entry is invalid
    __atomic_thread_fence(__ATOMIC_RELEASE);
    journal_slot unstamped = entry;
    unstamped.stamp_ns = 0;
    slot = unstamped;
    __atomic_store_n(&slot.stamp_ns, entry.stamp_ns, __ATOMIC_RELEASE);
}

void Journal::raise()
{
    __atomic_store_n(&map_->generation, map_->generation + 1, __ATOMIC_RELEASE);
}

} // namespace flowxdp
