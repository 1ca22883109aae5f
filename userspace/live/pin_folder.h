// SPDX-License-Identifier: BSD-2-Clause
// pin_folder.h - the folder of one live sensor in the BPF file system: /sys/fs/bpf/flowxdp/IFACE/ID/.
//
// ID is a hash of record layout and configuration. An interface of the same name in another network namespace gets
// IFACE@NAMESPACE. A daemon holds a lock on the folder for as long as it lives: two never serve one sensor, and others
// see whether somebody does. Descriptors are held from the start, so the folder can be removed when the process has
// become a user who may not walk there.
#pragma once

#include <sys/types.h>

#include <cstdint>
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

class PinFolder {
  public:
    // Makes what is missing of the path and takes the lock. interface_folder: IFACE or IFACE@NAMESPACE. Throws
    // StartupError, also when a daemon holds the lock.
    PinFolder(const std::string& interface_folder, std::uint64_t id);
    // An existing folder, locked.
    static PinFolder take(const std::string& path);

    [[nodiscard]] std::string path() const { return std::string(kPinRoot) + "/" + interface_folder_ + "/" + id_; }
    // IFACE of the path.
    [[nodiscard]] std::string interface() const { return interface_folder_.substr(0, interface_folder_.find('@')); }
    // Follows an interface to its new name. An error leaves all as it was.
    Result<void> rename(const std::string& interface_folder);
    // Lets a user remove the folder and everything in it.
    Result<void> give_to(uid_t uid, gid_t gid);
    // Removes every pin and the folders that are empty then. Error: what could not be removed; folders of the path that
    // belong to root stay behind for other users, empty.
    Result<void> remove();

  private:
    PinFolder() = default;
    void open(bool make);

    std::string interface_folder_, id_;
    UniqueFd root_, interface_, folder_;
};

// Is a daemon serving the sensor in this folder?
bool is_served(const std::string& path);

} // namespace flowxdp
