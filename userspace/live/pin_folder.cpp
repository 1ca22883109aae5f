// SPDX-License-Identifier: BSD-2-Clause
#include "live/pin_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "kernel/privileges.h"

namespace flowxdp {
namespace {

constexpr long kBpfFsMagic = 0xcafe4a11;
constexpr const char* kFileSystem = "/sys/fs/bpf";
constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

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

PinFolder::PinFolder(const std::string& interface_folder, std::uint64_t id)
    : interface_folder_(interface_folder), id_(fmt::format("{:016x}", id))
{
    open(true);
}

PinFolder PinFolder::take(const std::string& path)
{
    const std::filesystem::path p(path);
    PinFolder folder;
    folder.id_ = p.filename();
    folder.interface_folder_ = p.parent_path().filename();
    folder.open(false);
    return folder;
}

void PinFolder::open(bool make)
{
    const std::string above = std::string(kPinRoot) + "/" + interface_folder_;
    auto make_folder = [make](int at, const std::string& name, const std::string& path) {
        if (make && mkdirat(at, name.c_str(), 0700) && errno != EEXIST)
            fail("make", path, errno);
    };
    // Somebody who stops removes the folder between our look and our lock: then once more.
    for (int tries = 0; tries < 10; tries++) {
        make_folder(AT_FDCWD, kPinRoot, kPinRoot);
        root_.reset(::open(kPinRoot, kOpenFolder));
        if (!root_)
            fail("open", kPinRoot, errno);
        make_folder(root_.get(), interface_folder_, above);
        interface_.reset(openat(root_.get(), interface_folder_.c_str(), kOpenFolder));
        if (!interface_ && errno == ENOENT && make)
            continue;
        if (!interface_)
            fail("open", above, errno);
        make_folder(interface_.get(), id_, path());
        folder_.reset(openat(interface_.get(), id_.c_str(), kOpenFolder));
        if (!folder_ && errno == ENOENT && make)
            continue;
        if (!folder_)
            fail("open", path(), errno);
        if (flock(folder_.get(), LOCK_EX | LOCK_NB)) {
            // Whoever asks is_served() holds the lock for an instant.
            usleep(20000);
            continue;
        }
        struct stat ours {
        }, there{};
        if (!fstat(folder_.get(), &ours) && !fstatat(interface_.get(), id_.c_str(), &there, 0) &&
            ours.st_ino == there.st_ino)
            return;
    }
    throw StartupError(fmt::format("the sensor in '{}' is served by a running daemon: 'flowxdp status' says which; "
                                   "'flowxdp detach' stops it",
                                   path()));
}

Result<void> PinFolder::rename(const std::string& interface_folder)
{
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
        ok = ok && !fchownat(folder_.get(), name.c_str(), uid, gid, 0);
    // The root folder stays root's; with the group and the sticky bit a user removes what is his own there.
    ok = ok && !fchown(folder_.get(), uid, gid) && !fchown(interface_.get(), uid, gid) &&
         !fchown(root_.get(), static_cast<uid_t>(-1), gid) && !fchmod(root_.get(), 01770);
    if (!ok)
        return Error{fmt::format("cannot give '{}' to user {}: {}", path(), uid, std::strerror(errno))};
    return {};
}

Result<void> PinFolder::remove()
{
    for (const std::string& name : names_in(folder_.get()))
        if (unlinkat(folder_.get(), name.c_str(), 0))
            return Error{fmt::format("cannot remove '{}/{}': {}", path(), name, std::strerror(errno))};
    if (unlinkat(interface_.get(), id_.c_str(), AT_REMOVEDIR))
        return Error{fmt::format("cannot remove '{}': {}", path(), std::strerror(errno))};
    // Other sensors may be in there, or it is not ours to remove.
    unlinkat(root_.get(), interface_folder_.c_str(), AT_REMOVEDIR);
    rmdir(kPinRoot);
    return {};
}

bool is_served(const std::string& path)
{
    const UniqueFd folder(::open(path.c_str(), kOpenFolder));
    return folder && flock(folder.get(), LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

} // namespace flowxdp
