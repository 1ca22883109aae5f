// SPDX-License-Identifier: BSD-2-Clause
#include "live/pin_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "core/printable.h"
#include "kernel/pin.h"
#include "kernel/privileges.h"

namespace flowxdp {
namespace {

constexpr long kBpfFsMagic = 0xcafe4a11;
constexpr const char* kFileSystem = kBpfFolder;
constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

[[noreturn]] void fail(const std::string& what, const std::string& path, int error)
{
    const bool permission = error == EPERM || error == EACCES;
    throw StartupError(fmt::format("cannot {} pin folder '{}': {}{}{}", what, path, std::strerror(error),
                                   permission ? "; " : "", permission ? privilege_cure() : ""),
                       permission ? ExitCode::kPermission : ExitCode::kRuntime);
}

std::vector<std::string> names_in(int folder_fd)
{
    std::vector<std::string> names;
    // fdopendir() owns and moves its descriptor: a new one.
    DIR* listing = fdopendir(openat(folder_fd, ".", kOpenFolder));
    while (const dirent* entry = listing ? readdir(listing) : nullptr) // NOLINT(concurrency-mt-unsafe): own stream
        if (entry->d_name[0] != '.')
            names.emplace_back(entry->d_name);
    if (listing)
        closedir(listing);
    return names;
}

// Owner of a folder; -1 when it cannot be read.
uid_t owner_of(int folder_fd)
{
    struct stat s {};
    return fstat(folder_fd, &s) ? static_cast<uid_t>(-1) : s.st_uid;
}

} // namespace

void need_bpf_file_system(const std::string& operation)
{
    struct statfs fs {};
    if (statfs(kFileSystem, &fs) || fs.f_type != kBpfFsMagic)
        throw StartupError(fmt::format("cannot {}: {} is not a BPF file system: mount -t bpf bpf {} (inside 'ip netns "
                                       "exec' it is hidden; use nsenter --net=)",
                                       operation, kFileSystem, kFileSystem));
    if (access(kFileSystem, R_OK | X_OK) && faccessat(AT_FDCWD, kFileSystem, R_OK | X_OK, AT_EACCESS))
        throw StartupError(fmt::format("cannot {}: {} is closed to this user ({}); {}", operation, kFileSystem,
                                       std::strerror(errno), privilege_cure()),
                           ExitCode::kPermission);
}

void need_own_pin_root(const std::string& operation)
{
    struct stat s {};
    if (lstat(kPinRoot, &s))
        return; // nobody has a sensor
    std::string problem;
    if (!S_ISDIR(s.st_mode))
        problem = "is no folder";
    else if (s.st_uid && s.st_uid != geteuid())
        problem = fmt::format("belongs to user {}", s.st_uid);
    else if ((s.st_mode & S_IWOTH) || ((s.st_mode & S_IWGRP) && !(s.st_mode & S_ISVTX)))
        problem = fmt::format("may be written by others (mode {:04o})", s.st_mode & 07777);
    if (!problem.empty())
        throw StartupError(fmt::format("cannot {}: '{}' {}, who may have put anything there; look what it is, then "
                                       "remove it (sudo rm -r {}), or run flowxdp as that user",
                                       operation, kPinRoot, problem, kPinRoot),
                           ExitCode::kPermission);
}

PinFolder::PinFolder(const std::string& interface_folder, std::uint64_t id, uid_t owner)
    : interface_folder_(printable(interface_folder)), id_(fmt::format("{:016x}", id)), owner_(owner)
{
    open(true);
}

PinFolder PinFolder::take(const std::string& path, uid_t owner)
{
    const std::filesystem::path p(path);
    PinFolder folder;
    folder.owner_ = owner;
    folder.id_ = p.filename();
    folder.interface_folder_ = p.parent_path().filename();
    folder.open(false);
    return folder;
}

void PinFolder::open(bool make)
{
    const std::string above = std::string(kPinRoot) + "/" + interface_folder_;
    auto need_owner = [this](int fd, const std::string& path) {
        if (const uid_t uid = owner_of(fd); uid && uid != owner_)
            throw StartupError(
                fmt::format("pin folder '{}' belongs to user {}, who may have put anything there: remove "
                            "it (sudo rm -r '{}'), or attach with --user and the name of that user",
                            path, uid, path),
                ExitCode::kPermission);
    };
    auto make_folder = [make](int at, const std::string& name, const std::string& path) {
        if (make && mkdirat(at, name.c_str(), 0700) && errno != EEXIST)
            fail("make", path, errno);
    };
    // A daemon that stops may remove the folder between our look and our lock: then try again.
    for (int tries = 0; tries < 10; tries++) {
        make_folder(AT_FDCWD, kPinRoot, kPinRoot);
        need_own_pin_root("use the pin folder");
        root_.reset(::open(kPinRoot, kOpenFolder));
        if (!root_)
            fail("open", kPinRoot, errno);
        make_folder(root_.get(), interface_folder_, above);
        interface_.reset(openat(root_.get(), interface_folder_.c_str(), kOpenFolder));
        if (!interface_ && errno == ENOENT && make)
            continue;
        if (!interface_)
            fail("open", above, errno);
        need_owner(interface_.get(), above);
        make_folder(interface_.get(), id_, path());
        folder_.reset(openat(interface_.get(), id_.c_str(), kOpenFolder));
        if (!folder_ && errno == ENOENT && make)
            continue;
        if (!folder_)
            fail("open", path(), errno);
        need_owner(folder_.get(), path());
        if (flock(folder_.get(), LOCK_EX | LOCK_NB)) {
            // A process that calls is_served() holds the lock for an instant.
            usleep(20000);
            continue;
        }
        struct stat ours {
        }, there{};
        if (!fstat(folder_.get(), &ours) && !fstatat(interface_.get(), id_.c_str(), &there, AT_SYMLINK_NOFOLLOW) &&
            ours.st_ino == there.st_ino)
            return;
    }
    throw StartupError(fmt::format("the sensor in '{}' is served by a running daemon: 'flowxdp status' says which; "
                                   "'flowxdp detach' stops it",
                                   path()));
}

Result<void> PinFolder::rename(const std::string& to)
{
    const std::string interface_folder = printable(to);
    if (mkdirat(root_.get(), interface_folder.c_str(), 0700) && errno != EEXIST)
        return Error{
            fmt::format("cannot make pin folder '{}/{}': {}", kPinRoot, interface_folder, std::strerror(errno))};
    UniqueFd above(openat(root_.get(), interface_folder.c_str(), kOpenFolder));
    if (!above || renameat(interface_.get(), id_.c_str(), above.get(), id_.c_str()))
        return Error{fmt::format("cannot move pin folder '{}' to '{}/{}': {}", path(), kPinRoot, interface_folder,
                                 std::strerror(errno))};
    unlinkat(root_.get(), interface_folder_.c_str(), AT_REMOVEDIR); // unless there is more in it
    interface_ = std::move(above);
    interface_folder_ = interface_folder;
    return {};
}

Result<void> PinFolder::give_to(uid_t uid, gid_t gid)
{
    bool ok = true;
    for (const std::string& name : names_in(folder_.get()))
        ok = ok && !fchownat(folder_.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW);
    // The root folder stays root's; the group and the sticky bit let a user remove only own entries there.
    ok = ok && !fchown(folder_.get(), uid, gid) && !fchown(interface_.get(), uid, gid) &&
         !fchown(root_.get(), static_cast<uid_t>(-1), gid) && !fchmod(root_.get(), 01770);
    if (!ok)
        return Error{fmt::format("cannot give '{}' to user {}: {}", path(), uid, std::strerror(errno))};
    return {};
}

Result<void> PinFolder::remove()
{
    // First what tells that flows may be there (is_remnant()): a daemon may be killed in between.
    std::vector<std::string> names = names_in(folder_.get());
    std::partition(names.begin(), names.end(), [](const std::string& name) { return name == "flows"; });
    for (const std::string& name : names)
        if (unlinkat(folder_.get(), name.c_str(), 0))
            return Error{fmt::format("cannot remove '{}/{}': {}", path(), name, std::strerror(errno))};
    if (unlinkat(interface_.get(), id_.c_str(), AT_REMOVEDIR))
        return Error{fmt::format("cannot remove '{}': {}", path(), std::strerror(errno))};
    // Fails when other sensors are in it, or when it is not ours to remove.
    unlinkat(root_.get(), interface_folder_.c_str(), AT_REMOVEDIR);
    rmdir(kPinRoot);
    return {};
}

std::optional<PinOwner> pin_owner(const std::string& path)
{
    struct stat own {
    }, above{};
    const UniqueFd folder = open_below_bpf(path, O_PATH | O_DIRECTORY);
    const UniqueFd interface = open_below_bpf(path.substr(0, path.rfind('/')), O_PATH | O_DIRECTORY);
    if (!folder || !interface || fstat(folder.get(), &own) || fstat(interface.get(), &above))
        return std::nullopt;
    if (own.st_uid && above.st_uid && own.st_uid != above.st_uid)
        return std::nullopt;
    // The owner of the folder above could replace a folder of root's.
    return own.st_uid ? PinOwner{own.st_uid, own.st_gid} : PinOwner{above.st_uid, above.st_gid};
}

bool is_served(const std::string& path)
{
    const UniqueFd folder = open_below_bpf(path, O_RDONLY | O_DIRECTORY);
    return folder && flock(folder.get(), LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

} // namespace flowxdp
