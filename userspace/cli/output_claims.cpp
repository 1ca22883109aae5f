// SPDX-License-Identifier: BSD-2-Clause
#include "cli/output_claims.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/number.h"

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

// Where a path leads: links followed, also the last one when what it names does not exist yet.
fs::path final_path(const std::string& path)
{
    std::error_code error;
    fs::path at = fs::absolute(path, error);
    for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(at, error)); links++) {
        const fs::path target = fs::read_symlink(at, error);
        if (error)
            break;
        at = target.is_absolute() ? target : at.parent_path() / target;
    }
    const fs::path folder = fs::weakly_canonical(at.parent_path(), error);
    return (error ? at.parent_path() : folder) / at.filename();
}

// Anybody may write to the null device.
bool is_null_device(const struct stat& s)
{
    return S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3);
}

std::string inode_key(const struct stat& s)
{
    return fmt::format("inode {} {}", s.st_dev, s.st_ino);
}

bool is_number(const std::string& text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

} // namespace

std::vector<std::string> OutputClaims::keys_of(const std::string& path, int standard_stream)
{
    std::vector<std::string> keys;
    struct stat s = {};
    if (path == "-") {
        keys.push_back(fmt::format("stream {}", standard_stream));
        if (!fstat(standard_stream, &s) && !is_null_device(s))
            keys.push_back(inode_key(s));
        return keys;
    }
    const bool exists = !stat(path.c_str(), &s);
    if (exists && is_null_device(s))
        return keys;
    if (exists)
        keys.push_back(inode_key(s));
    keys.push_back("path " + final_path(path).string());
    return keys;
}

bool OutputClaims::is_same_file(const Claim& a, const Claim& b)
{
    for (const std::string& key : a.keys) {
        if (std::ranges::find(b.keys, key) != b.keys.end())
            return true;
        if (!b.pieces.empty() && key.starts_with(b.pieces) && is_number(key.substr(b.pieces.size())))
            return true;
    }
    return std::ranges::any_of(b.keys, [&](const std::string& key) {
        return !a.pieces.empty() && key.starts_with(a.pieces) && is_number(key.substr(a.pieces.size()));
    });
}

void OutputClaims::add_input(const std::string& path, const std::string& who)
{
    Claim claim{keys_of(path, STDIN_FILENO), "", who, true};
    // Two writers do not overwrite each other on a terminal or a pipe.
    struct stat s = {};
    const bool there = path == "-" ? !fstat(STDIN_FILENO, &s) : !stat(path.c_str(), &s);
    if (there && (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode)))
        claims_.push_back(std::move(claim));
}

void OutputClaims::add_output(const OutputFile& file, const std::string& who)
{
    Claim claim{keys_of(file.path, STDOUT_FILENO), "", who, false};
    if (file.pieces && file.path != "-") {
        std::string key = "path " + final_path(file.path).string();
        while (!key.empty() && key.back() >= '0' && key.back() <= '9')
            key.pop_back();
        claim.pieces = key;
    }
    for (const Claim& other : claims_) {
        if (!is_same_file(claim, other))
            continue;
        const std::string name = file.path == "-" ? "standard output" : "'" + printable(file.path, kValueBytes) + "'";
        if (other.reads)
            throw StartupError(
                fmt::format("{} would write over the {}: give it another file than {}", who, other.who, name),
                ExitCode::kUsage);
        throw StartupError(
            fmt::format("{} and {} would both write to {}: give one of them a file of its own", other.who, who, name),
            ExitCode::kUsage);
    }
    claims_.push_back(std::move(claim));
}

} // namespace flowxdp
