// SPDX-License-Identifier: BSD-2-Clause
// file_identity.h - is the file of this name the one that was written before?
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>

#include "core/fnv.h"

namespace flowxdp {

// Nonzero for a regular file: a hash of device, inode and, where the file system has it, time of birth (a new file may
// get the inode of a removed one). 0 for anything else.
inline std::uint64_t file_identity(int fd)
{
    struct statx file {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_BTIME, &file) || !S_ISREG(file.stx_mode))
        return 0;
    Fnv1a hash;
    hash.add(std::uint64_t{file.stx_dev_major} << 32 | file.stx_dev_minor).add(std::uint64_t{file.stx_ino});
    if (file.stx_mask & STATX_BTIME)
        hash.add(static_cast<std::uint64_t>(file.stx_btime.tv_sec)).add(std::uint64_t{file.stx_btime.tv_nsec});
    return hash.value_not_zero();
}

} // namespace flowxdp
