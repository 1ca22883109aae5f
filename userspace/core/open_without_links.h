// SPDX-License-Identifier: BSD-2-Clause
// open_without_links.h - opens a path name by name, so that no symbolic link leads the program elsewhere. openat2(2)
// does this in one call, but the systemd setting RestrictSUIDSGID= refuses that call: its filter cannot look into the
// structure for a mode.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace flowxdp {

// kOne: all on the way must lie on the file system of the folder; it may be another mount of it (BindPaths=).
enum class FileSystems { kAny, kOne };

// path: names below folder_fd, joined by single slashes; "..", "." and empty names are refused with EINVAL. flags: of
// open(2) for the last name; O_NOFOLLOW and O_CLOEXEC are added. A link on the way is ELOOP; the last name may be a
// link only with O_PATH, which opens the link itself. Another file system is EXDEV.
inline UniqueFd open_without_links(int folder_fd, std::string_view path, int flags, FileSystems which)
{
    struct stat above {
    }, found{};
    if (fstat(folder_fd, &above))
        return UniqueFd();
    UniqueFd folder;
    for (bool last = false; !last;) {
        const std::size_t end = path.find('/');
        last = end == std::string_view::npos;
        const std::string name(path.substr(0, end));
        if (name.empty() || name == "." || name == "..") {
            errno = EINVAL;
            return UniqueFd();
        }
        UniqueFd next(
            openat(folder ? folder.get() : folder_fd, name.c_str(), (last ? flags : O_PATH) | O_NOFOLLOW | O_CLOEXEC));
        if (!next)
            return next;
        if (fstat(next.get(), &found))
            return UniqueFd();
        if (!last && !S_ISDIR(found.st_mode)) {
            errno = S_ISLNK(found.st_mode) ? ELOOP : ENOTDIR;
            return UniqueFd();
        }
        if (which == FileSystems::kOne && found.st_dev != above.st_dev) {
            errno = EXDEV;
            return UniqueFd();
        }
        folder = std::move(next);
        if (!last)
            path.remove_prefix(end + 1);
    }
    return folder;
}

} // namespace flowxdp
