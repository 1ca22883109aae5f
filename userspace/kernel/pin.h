// SPDX-License-Identifier: BSD-2-Clause
// pin.h - opens pins in the BPF file system, which another user may have put there.
//
// No link is followed and no other file system entered, whoever may write to the folders on the way. A pin's type is
// checked before use: a map of another type under the same name would make a look-up write past its buffer.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include <bpf/bpf.h>

#include "core/result.h"
#include "core/unique_fd.h"

namespace flowxdp {

inline constexpr const char* kBpfFolder = "/sys/fs/bpf";

// Opens a file or folder below /sys/fs/bpf by its whole path. None: errno says why, ELOOP for a link on the way.
UniqueFd open_below_bpf(const std::string& path, int flags);
// As bpf_obj_get(). EPERM when the pin belongs neither to root nor to its folder's owner.
UniqueFd open_pin(const std::string& path);
// Pins an object, or removes a pin, in a folder that is reached without a link. False: errno says why.
bool make_pin(int fd, const std::string& path);
bool remove_pin(const std::string& path);

// The required shape of a map. 0 = any number.
struct MapShape {
    const char* name;
    std::uint32_t type; // enum bpf_map_type
    std::uint32_t key_size, value_size, max_entries;
};
// The error says what differs. info gets the kernel's map info, when wanted.
Result<void> check_map(int fd, const MapShape& shape, bpf_map_info* info = nullptr);

} // namespace flowxdp
