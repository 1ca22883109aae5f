// SPDX-License-Identifier: BSD-2-Clause
// pin_folder.h - the folder of one live sensor in the BPF file system: /sys/fs/bpf/flowxdp/IFACE/ID/.
//
// ID is a hash of record layout and configuration. An interface of the same name in another network namespace gets
// IFACE@NAMESPACE. A daemon locks the folder as long as it lives, so two never serve one sensor and others see whether
// one does. It opens its descriptors at the start, so that it can remove the folder after it has become a user without
// access to the path.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"

namespace flowxdp {

inline constexpr const char* kPinRoot = "/sys/fs/bpf/flowxdp";

// Pins beside "link", the first interface's: links of further ones, by index, and of egress programs.
inline constexpr std::string_view kLegPin = "link+";
inline std::string leg_pin(const std::string& folder, unsigned index)
{
    return folder + "/" + std::string(kLegPin) + std::to_string(index);
}
inline std::string egress_pin(const std::string& folder, unsigned index)
{
    return folder + "/egress+" + std::to_string(index);
}

// Throws StartupError with the mount command when /sys/fs/bpf is no BPF file system; exit code 77 and "cannot
// OPERATION" when it may not be entered.
void need_bpf_file_system(const std::string& operation);
// Throws StartupError when the folder of all sensors exists and belongs to neither root nor this process's user, or
// when anybody may write to it: then nothing below it can be trusted.
void need_own_pin_root(const std::string& operation);

class PinFolder {
  public:
    // Makes the missing folders of the path and takes the lock. interface_folder: IFACE or IFACE@NAMESPACE. owner:
    // existing folders may be root's or this user's. Throws StartupError, also when a daemon holds the lock.
    PinFolder(const std::string& interface_folder, std::uint64_t id, uid_t owner);
    // An existing folder, locked. Throws StartupError, also for one that is not of the owner (is_owner_of()).
    static PinFolder take(const std::string& path, uid_t owner);

    [[nodiscard]] std::string path() const { return std::string(kPinRoot) + "/" + interface_folder_ + "/" + id_; }
    // IFACE of the path: the interface's name as printable() writes it.
    [[nodiscard]] std::string interface() const { return interface_folder_.substr(0, interface_folder_.find('@')); }
    // Follows an interface to its new name. An error leaves all as it was.
    Result<void> rename(const std::string& to);
    // Lets a user remove the folder and everything in it.
    Result<void> give_to(uid_t uid, gid_t gid);
    // Removes every pin and the folders that are empty then. Error: what could not be removed. Root's folders of the
    // path stay, empty, for other users.
    Result<void> remove();

  private:
    PinFolder() = default;
    void open(bool make);

    std::string interface_folder_, id_;
    uid_t owner_ = 0; // beside root and this process's user, one who may own the folders
    UniqueFd root_, interface_, folder_;
};

// The owner of a sensor's pins, who may write to its folder; the group is for files of this user. Nothing unless the
// folders are one user's, or root's and one user's.
struct PinOwner {
    uid_t uid;
    gid_t gid;
};
std::optional<PinOwner> pin_owner(const std::string& path);

// Is a daemon serving the sensor in this folder?
bool is_served(const std::string& path);

} // namespace flowxdp
