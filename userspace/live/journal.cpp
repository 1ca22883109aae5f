// SPDX-License-Identifier: BSD-2-Clause
#include "live/journal.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace flowxdp {

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

journal_slot Journal::last() const
{
    return map_->slot[map_->generation & 1];
}

void Journal::commit(const journal_slot& entry)
{
    map_->slot[(map_->generation + 1) & 1] = entry;
    __atomic_store_n(&map_->generation, map_->generation + 1, __ATOMIC_RELEASE);
}

} // namespace flowxdp
