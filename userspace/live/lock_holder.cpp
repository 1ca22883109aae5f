// SPDX-License-Identifier: BSD-2-Clause
#include "live/lock_holder.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

namespace flowxdp {
namespace {

// The effective user of a process.
std::optional<uid_t> user_of(pid_t pid)
{
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    std::string line;
    unsigned real = 0, effective = 0;
    while (std::getline(file, line))
        if (std::sscanf(line.c_str(), "Uid: %u %u", &real, &effective) == 2) // NOLINT(cert-err34-c): 2 is asked for
            return effective;
    return std::nullopt;
}

// Has the process the folder open? A lock that a child inherited bears the pid of its parent, which may be gone. When
// its descriptors cannot be read (another user's process, or one with capabilities), trust the lock's pid.
bool has_open(pid_t pid, const struct stat& folder)
{
    std::error_code error;
    const std::filesystem::directory_iterator open_files(fmt::format("/proc/{}/fd", pid), error);
    if (error)
        return error == std::errc::permission_denied;
    struct stat file {};
    for (const auto& entry : open_files)
        if (!stat(entry.path().c_str(), &file) && file.st_dev == folder.st_dev && file.st_ino == folder.st_ino)
            return true;
    return false;
}

} // namespace

std::optional<LockHolder> find_lock_holder(int folder_fd)
{
    struct stat folder {};
    if (fstat(folder_fd, &folder))
        return std::nullopt;
    // "3: FLOCK ADVISORY WRITE 4711 00:1c:12345 0 EOF" (proc(5)); a waiting process has "->" after the number.
    std::ifstream locks("/proc/locks");
    std::string line;
    while (std::getline(locks, line)) {
        int pid = 0;
        unsigned high = 0, low = 0;
        unsigned long inode = 0;
        // NOLINTNEXTLINE(cert-err34-c): 4 are asked for
        if (std::sscanf(line.c_str(), "%*u: FLOCK ADVISORY WRITE %d %x:%x:%lu", &pid, &high, &low, &inode) != 4 ||
            pid <= 0 || makedev(high, low) != folder.st_dev || inode != folder.st_ino)
            continue;
        LockHolder holder = {pid, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)))};
        // Checked with the pidfd open: if its process is alive afterwards, it is the one that was checked.
        if (holder.process && user_of(pid) == folder.st_uid && has_open(pid, folder) &&
            (!syscall(SYS_pidfd_send_signal, holder.process.get(), 0, nullptr, 0) || errno == EPERM))
            return holder;
    }
    return std::nullopt;
}

} // namespace flowxdp
