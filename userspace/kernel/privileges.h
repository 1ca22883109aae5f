// SPDX-License-Identifier: BSD-2-Clause
// privileges.h - what the kernel lets this process do: named when it is missing, given away when it is no longer needed
// (capabilities(7)).
//
// To start, a sensor needs CAP_BPF (maps, programs), CAP_NET_ADMIN (XDP programs, attaching, ethtool) and CAP_PERFMON:
// without it the verifier refuses arithmetic on pointers (6.1, 6.18: "pointer arithmetic ... prohibited for !root").
// The BPF file system belongs to root: another user needs CAP_DAC_OVERRIDE to pin there. A running one needs none of
// the last two.
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
// The three that starting a sensor takes.
std::string missing_sensor_capabilities();
// Throws StartupError with exit code 77 when one of the three is missing: "cannot OPERATION: missing ...; CURE".
void need_sensor_capabilities(const std::string& operation);
// The commands that give the right, for the end of a message: "run it with sudo, or give ...: sudo setcap ...".
std::string privilege_cure();

// May this thread make files in a folder by ownership and mode alone, without CAP_DAC_OVERRIDE?
bool is_writable_folder(const std::string& path);

// A user to run as.
struct UserIdentity {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};
// name: a login name. Throws StartupError (usage) when there is none.
UserIdentity find_user(const std::string& name);

// Becomes the user with its groups, keeping the capabilities that are permitted now; limit_capabilities() must follow
// at once. Before the first thread starts. Throws StartupError.
void become_user(const UserIdentity& user);
// Gives up every capability but these, for this thread and all that it starts, and the right to get them back: bounding
// and ambient sets are emptied, no_new_privs is set. What is not there now is not got. Before the first thread starts.
// Throws StartupError.
void limit_capabilities(const std::vector<int>& keep);

} // namespace flowxdp
