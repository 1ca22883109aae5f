// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/pin.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "core/open_without_links.h"

namespace flowxdp {
namespace {

// "/sys/fs/bpf/a/b" -> "/sys/fs/bpf/a", "b".
std::string folder_of(const std::string& path)
{
    return path.substr(0, path.rfind('/'));
}
std::string name_of(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

// bpf(2) takes paths alone: the path of a descriptor.
std::string descriptor_path(const UniqueFd& fd)
{
    return fmt::format("/proc/self/fd/{}", fd.get());
}

} // namespace

UniqueFd open_below_bpf(const std::string& path, int flags)
{
    const UniqueFd root(open(kBpfFolder, O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::string_view prefix = kBpfFolder;
    if (!root || !path.starts_with(prefix) || path.size() < prefix.size() + 2) {
        errno = root ? EINVAL : errno;
        return UniqueFd();
    }
    return open_without_links(root.get(), std::string_view(path).substr(prefix.size() + 1), flags, FileSystems::kOne);
}

UniqueFd open_pin(const std::string& path)
{
    const UniqueFd folder = open_below_bpf(folder_of(path), O_PATH | O_DIRECTORY);
    if (!folder)
        return UniqueFd();
    const UniqueFd pin(openat(folder.get(), name_of(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat above {
    }, own{};
    if (!pin || fstat(folder.get(), &above) || fstat(pin.get(), &own))
        return UniqueFd();
    // In root's folder only root makes pins.
    if (!S_ISREG(own.st_mode) || (above.st_uid && own.st_uid && own.st_uid != above.st_uid)) {
        errno = S_ISLNK(own.st_mode) ? ELOOP : EPERM;
        return UniqueFd();
    }
    return UniqueFd(bpf_obj_get(descriptor_path(pin).c_str()));
}

bool make_pin(int fd, const std::string& path)
{
    const UniqueFd folder = open_below_bpf(folder_of(path), O_PATH | O_DIRECTORY);
    return folder && !bpf_obj_pin(fd, (descriptor_path(folder) + "/" + name_of(path)).c_str());
}

bool remove_pin(const std::string& path)
{
    const UniqueFd folder = open_below_bpf(folder_of(path), O_PATH | O_DIRECTORY);
    return folder && !unlinkat(folder.get(), name_of(path).c_str(), 0);
}

Result<void> check_map(int fd, const MapShape& shape, bpf_map_info* info)
{
    bpf_map_info own{};
    __u32 size = sizeof own;
    if (bpf_obj_get_info_by_fd(fd, &own, &size))
        return Error{fmt::format("'{}' is no map ({})", shape.name, std::strerror(errno))};
    if (info)
        *info = own;
    auto differs = [](std::uint32_t is, std::uint32_t wanted) { return wanted && is != wanted; };
    if (own.type != shape.type || differs(own.key_size, shape.key_size) || differs(own.value_size, shape.value_size) ||
        differs(own.max_entries, shape.max_entries))
        return Error{
            fmt::format("its '{}' (map type {}, {} keys of {} bytes, values of {}) is not this version's (type "
                        "{}, {} keys of {} bytes, values of {})",
                        shape.name, own.type, own.max_entries, own.key_size, own.value_size, shape.type,
                        shape.max_entries ? std::to_string(shape.max_entries) : "any", shape.key_size,
                        shape.value_size ? std::to_string(shape.value_size) : "any")};
    return {};
}

} // namespace flowxdp
