// SPDX-License-Identifier: BSD-2-Clause
#include "module/module_trust.h"

#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

bool has_capabilities()
{
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    // A kernel that does not answer is not asked twice: the careful answer.
    if (syscall(SYS_capget, &header, data))
        return true;
    return (data[0].permitted | data[1].permitted) != 0;
}

// The program's own file: what may change it has this process's rights already.
struct Program {
    fs::path path;
    struct stat file {};
    bool known = false;
    Program()
    {
        std::error_code error;
        path = fs::read_symlink("/proc/self/exe", error);
        known = !error && !stat("/proc/self/exe", &file);
    }
    [[nodiscard]] bool lies_below(const fs::path& folder) const
    {
        const std::string above = folder == "/" ? "/" : folder.string() + "/";
        return known && path.string().starts_with(above);
    }
};

std::string problem_of(const struct stat& s, std::string_view what, std::string_view consequence,
                       const Program& program)
{
    const bool own = s.st_uid == geteuid() && (geteuid() == 0 || !has_own_rights());
    if (s.st_uid && !own && !(program.known && s.st_uid == program.file.st_uid))
        return fmt::format("its {} belongs to user {}, and {}: let root own it (chown), or run without privileges",
                           what, s.st_uid, consequence);
    // In a folder with the sticky bit (/tmp) others can neither rename nor remove what is not theirs.
    const bool own_group = !s.st_gid || (program.known && s.st_gid == program.file.st_gid);
    const bool writable = (s.st_mode & S_IWOTH) || ((s.st_mode & S_IWGRP) && !own_group);
    if (writable && !(S_ISDIR(s.st_mode) && (s.st_mode & S_ISVTX)))
        return fmt::format("others may write to its {}, and {}: chmod go-w", what, consequence);
    return "";
}

} // namespace

bool has_own_rights()
{
    return geteuid() == 0 || getauxval(AT_SECURE) != 0 || has_capabilities();
}

std::string write_problem(const std::string& path, std::string_view consequence)
{
    const Program program;
    std::error_code error;
    const fs::path whole = fs::canonical(path, error);
    if (error)
        return error.message();
    bool first = true;
    for (fs::path at = whole; first || !program.lies_below(at); at = at.parent_path()) {
        struct stat s {};
        if (lstat(at.c_str(), &s))
            return fmt::format("cannot look at '{}'", at.string());
        const std::string what = first                       ? (S_ISDIR(s.st_mode) ? "folder" : "file")
                                 : at == whole.parent_path() ? "folder"
                                                             : fmt::format("folder '{}'", at.string());
        if (std::string problem = problem_of(s, what, consequence, program); !problem.empty())
            return problem;
        if (at == at.root_path())
            break;
        first = false;
    }
    return "";
}

} // namespace flowxdp
