// SPDX-License-Identifier: BSD-2-Clause
// output_file.h - opens a file to write rows, reports and captures into.
//
// Root, or a program with capabilities of its own, may write into a folder where others have prepared a symbolic or
// hard link to a file that only root may write. So in a folder that is not root's own, or that others may write to, the
// last part of the path must be no link, have no second name, and belong to this user or to the folder's owner.
// Elsewhere, and for everybody else, links are followed.
#pragma once

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace flowxdp {

// Opens for writing; creates a missing file, keeps contents. The error is the reason alone ("Permission denied").
inline Result<UniqueFd> open_output(const std::string& path)
{
    constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC;
    const std::size_t slash = path.rfind('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    const std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const UniqueFd folder(::open(above.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat shared {
    }, file{};
    if (!folder || ::fstat(folder.get(), &shared))
        return Error{std::strerror(errno)};
    const bool careful = (geteuid() == 0 || getauxval(AT_SECURE) != 0) &&
                         ((shared.st_uid && shared.st_uid != geteuid()) || (shared.st_mode & (S_IWGRP | S_IWOTH)));
    if (!careful) {
        UniqueFd fd(::openat(folder.get(), name.c_str(), kFlags, 0666));
        return fd ? Result<UniqueFd>(std::move(fd)) : Result<UniqueFd>(Error{std::strerror(errno)});
    }
    auto surprise = [&shared, &file] {
        const bool foreign = file.st_uid != geteuid() && file.st_uid != shared.st_uid;
        return foreign || (S_ISREG(file.st_mode) && file.st_nlink > 1);
    };
    const Error refused = {
        "others may write to this folder, and what stands there is a link, has a second name or belongs "
        "to another user: remove it, or write to a folder of your own"};
    // Checked before open(): opening a FIFO would wait, opening a device may act.
    if (!::fstatat(folder.get(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) && (S_ISLNK(file.st_mode) || surprise()))
        return refused;
    UniqueFd fd(::openat(folder.get(), name.c_str(), kFlags | O_NOFOLLOW, 0666));
    if (!fd)
        return Result<UniqueFd>(errno == ELOOP ? refused : Error{std::strerror(errno)});
    if (::fstat(fd.get(), &file) || surprise())
        return refused;
    return fd;
}

// As open_output(), and empties a regular file.
inline Result<UniqueFd> open_empty_output(const std::string& path)
{
    auto opened = open_output(path);
    struct stat file {};
    if (opened.ok() && !::fstat(opened->get(), &file) && S_ISREG(file.st_mode) && ::ftruncate(opened->get(), 0))
        return Error{std::strerror(errno)};
    return opened;
}

} // namespace flowxdp
