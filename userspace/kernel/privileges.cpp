// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace flowxdp {
namespace {

// Both words of the 64-bit sets of capget(2), version 3.
struct CapabilitySets {
    std::uint64_t effective = 0, permitted = 0;
};

CapabilitySets read_sets()
{
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    CapabilitySets sets;
    if (syscall(SYS_capget, &header, data))
        return sets; // nothing known to be in effect
    sets.effective = data[0].effective | static_cast<std::uint64_t>(data[1].effective) << 32;
    sets.permitted = data[0].permitted | static_cast<std::uint64_t>(data[1].permitted) << 32;
    return sets;
}

void write_sets(const CapabilitySets& sets)
{
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    for (unsigned word = 0; word < 2; word++) {
        data[word].effective = static_cast<std::uint32_t>(sets.effective >> 32 * word);
        data[word].permitted = static_cast<std::uint32_t>(sets.permitted >> 32 * word);
    }
    if (syscall(SYS_capset, &header, data))
        throw StartupError(fmt::format("cannot give up capabilities: {}", std::strerror(errno)));
}

const char* capability_name(int capability)
{
    switch (capability) {
    case CAP_BPF:
        return "cap_bpf";
    case CAP_NET_ADMIN:
        return "cap_net_admin";
    case CAP_PERFMON:
        return "cap_perfmon";
    case CAP_SETUID:
        return "cap_setuid";
    case CAP_SETGID:
        return "cap_setgid";
    case CAP_DAC_OVERRIDE:
        return "cap_dac_override";
    case CAP_SYS_ADMIN:
        return "cap_sys_admin";
    default:
        return "another capability";
    }
}

bool in_effect(const CapabilitySets& sets, int capability)
{
    const auto has = [&sets](int c) { return (sets.effective >> c & 1) != 0; };
    return has(capability) || ((capability == CAP_BPF || capability == CAP_PERFMON) && has(CAP_SYS_ADMIN));
}

} // namespace

std::string missing_capabilities(std::initializer_list<int> wanted)
{
    const CapabilitySets sets = read_sets();
    std::string missing;
    for (const int capability : wanted)
        if (!in_effect(sets, capability))
            missing += (missing.empty() ? "" : ",") + std::string(capability_name(capability));
    return missing;
}

std::string missing_sensor_capabilities()
{
    return missing_capabilities({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON});
}

std::string privilege_cure()
{
    std::error_code error;
    const std::string program = std::filesystem::read_symlink("/proc/self/exe", error).string();
    return fmt::format("run it with sudo, or give the program the right: sudo setcap "
                       "cap_bpf,cap_net_admin,cap_perfmon,cap_dac_override=ep {}",
                       program.empty() ? "flowxdp" : program);
}

void need_sensor_capabilities(const std::string& operation)
{
    const std::string missing = missing_sensor_capabilities();
    if (!missing.empty())
        throw StartupError(fmt::format("cannot {}: missing {}; {}", operation, missing, privilege_cure()),
                           ExitCode::kPermission);
}

bool is_writable_folder(const std::string& path)
{
    const CapabilitySets sets = read_sets();
    CapabilitySets lowered = sets;
    lowered.effective &= ~(1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH);
    write_sets(lowered);
    const bool writable = !faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS);
    write_sets(sets);
    return writable;
}

UserIdentity find_user(const std::string& name)
{
    // Called once, at start, before other threads exist: nobody else uses the static buffer.
    errno = 0;
    const passwd* entry = getpwnam(name.c_str()); // NOLINT(concurrency-mt-unsafe)
    if (!entry)
        throw StartupError(fmt::format("there is no user '{}'{}{}; make one: useradd --system {}", name,
                                       errno ? ": " : "", errno ? std::strerror(errno) : "", name),
                           ExitCode::kUsage);
    return {name, entry->pw_uid, entry->pw_gid};
}

UserIdentity user_of(uid_t uid, gid_t gid)
{
    const passwd* entry = getpwuid(uid); // NOLINT(concurrency-mt-unsafe): as above
    return entry ? UserIdentity{entry->pw_name, uid, entry->pw_gid} : UserIdentity{std::to_string(uid), uid, gid};
}

std::string user_name(uid_t uid)
{
    return user_of(uid, 0).name;
}

void become_user(const UserIdentity& user)
{
    if (user.uid == geteuid())
        return;
    const std::string missing = missing_capabilities({CAP_SETUID, CAP_SETGID});
    if (!missing.empty())
        throw StartupError(fmt::format("cannot become user '{}': missing {}; start as root (sudo), or leave --user out",
                                       user.name, missing),
                           ExitCode::kPermission);
    CapabilitySets sets = read_sets();
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || initgroups(user.name.c_str(), user.gid) || setgid(user.gid) ||
        setuid(user.uid))
        throw StartupError(fmt::format("cannot become user '{}': {}", user.name, std::strerror(errno)));
    sets.effective = sets.permitted;
    write_sets(sets);
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

void set_effective(const std::vector<int>& capabilities, bool on)
{
    CapabilitySets sets = read_sets();
    for (const int capability : capabilities)
        sets.effective = on ? sets.effective | 1ULL << capability : sets.effective & ~(1ULL << capability);
    sets.effective &= sets.permitted;
    write_sets(sets);
}

void limit_capabilities(const std::vector<int>& keep)
{
    std::uint64_t wanted = 0;
    for (const int capability : keep)
        wanted |= 1ULL << capability;
    // The bounding set needs CAP_SETPCAP; without it (file capabilities, a unit's) no_new_privs has the same effect.
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        throw StartupError(fmt::format("cannot give up the right to gain privileges: {}", std::strerror(errno)));
    CapabilitySets sets = read_sets();
    sets.permitted &= wanted;
    sets.effective = sets.permitted;
    write_sets(sets);
}

} // namespace flowxdp
