// SPDX-License-Identifier: BSD-2-Clause
// mapped_array.h - maps the memory of a BPF array (BPF_F_MMAPABLE) into this process.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

#include "core/result.h"

namespace flowxdp {

// bytes of the array's values; *mapped_bytes gets the length for munmap(). Throws StartupError that names the map.
template <typename T>
T* map_array(int fd, const char* name, std::uint64_t bytes, int protection, std::size_t* mapped_bytes)
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    *mapped_bytes = (bytes + page - 1) / page * page;
    void* p = mmap(nullptr, *mapped_bytes, protection, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        throw StartupError(fmt::format("cannot map the sensor's '{}': {}", name, std::strerror(errno)));
    return static_cast<T*>(p);
}

} // namespace flowxdp
