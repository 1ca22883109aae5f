// SPDX-License-Identifier: BSD-2-Clause
// privileges.h - the capabilities of this process: names missing ones, gives up those no longer needed
// (capabilities(7)).
//
// To start, a sensor needs CAP_BPF (maps, programs), CAP_NET_ADMIN (XDP programs, attaching, ethtool) and CAP_PERFMON:
// without it the verifier refuses arithmetic on pointers (6.1, 6.18: "pointer arithmetic ... prohibited for !root").
// The BPF file system belongs to root: another user needs CAP_DAC_OVERRIDE to pin there. A running sensor needs neither
// of the last two.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// "cap_bpf,cap_perfmon": which of the capabilities (numbers of linux/capability.h) this thread does not have in effect;
// empty when it has all. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as in the kernel.
std::string missing_capabilities(std::initializer_list<int> wanted);
// The three that a sensor needs to start.
std::string missing_sensor_capabilities();
// Throws StartupError with exit code 77 when one of the three is missing: "cannot OPERATION: missing ...; CURE".
void need_sensor_capabilities(const std::string& operation);
// The commands that give the right, for the end of a message: "run it with sudo, or give ...: sudo setcap ...".
std::string privilege_cure();

// Whether this thread may make files in a folder by ownership and mode alone, without CAP_DAC_OVERRIDE.
bool is_writable_folder(const std::string& path);

// A user to run as.
struct UserIdentity {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};
// name: a login name. Throws StartupError (usage) when there is none.
UserIdentity find_user(const std::string& name);
// The account of an id; an id without an account has the id as its name, and the group given.
UserIdentity user_of(uid_t uid, gid_t gid);
std::string user_name(uid_t uid);

// Puts the given capabilities into effect, or out of it; those that are not permitted are skipped.
void set_effective(const std::vector<int>& capabilities, bool on);
// Puts capabilities into effect for a while: to open files through other users' folders.
class Raised {
  public:
    explicit Raised(std::vector<int> capabilities) : capabilities_(std::move(capabilities))
    {
        set_effective(capabilities_, true);
    }
    ~Raised() { set_effective(capabilities_, false); }
    Raised(const Raised&) = delete;
    Raised& operator=(const Raised&) = delete;

  private:
    std::vector<int> capabilities_;
};

// Becomes the user with its groups and keeps the capabilities permitted now; limit_capabilities() must follow at once.
// Before the first thread starts. Throws StartupError.
void become_user(const UserIdentity& user);
// Gives up every capability but these, for this thread and all that it starts, and the right to get them back: empties
// bounding and ambient sets, sets no_new_privs. Adds no capability. Before the first thread starts. Throws
// StartupError.
void limit_capabilities(const std::vector<int>& keep);

} // namespace flowxdp
