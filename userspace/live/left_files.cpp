// SPDX-License-Identifier: BSD-2-Clause
#include "live/left_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "core/file_identity.h"
#include "core/open_without_links.h"
#include "core/unique_fd.h"
#include "live/journal.h"

namespace flowxdp {
namespace {

// A file system's clock ticks: a write may get a time that lies some milliseconds back.
constexpr std::int64_t kTickNs = 100000000;
// A daemon updates its state twice a second; a busy machine may delay it.
constexpr std::int64_t kSilenceNs = 60000000000;
// No file is this long, and sums with a wall offset fit.
constexpr std::uint64_t kLargest = 1ULL << 62;

std::int64_t modified_ns(const struct stat& file)
{
    return static_cast<std::int64_t>(file.st_mtim.tv_sec) * 1000000000 + file.st_mtim.tv_nsec;
}

// Opens an absolute path without following a link anywhere. O_PATH: opening does nothing to the file.
UniqueFd find_file(const std::string& path)
{
    UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (path == "/")
        return root;
    if (!path.starts_with('/')) {
        errno = EINVAL;
        return UniqueFd();
    }
    return open_without_links(root.get(), std::string_view(path).substr(1), O_PATH, FileSystems::kAny);
}

// Why a file is not one that the daemon can have written.
std::string not_ours(const struct stat& file, const LeftFile& left)
{
    if (!S_ISREG(file.st_mode))
        return "it is no regular file";
    if (file.st_nlink > 1)
        return "it has a second name";
    if (left.owner && file.st_uid != left.owner)
        return "it belongs to another user";
    if (modified_ns(file) > left.last_seen_ns + kSilenceNs)
        return "somebody has written into it since";
    return "";
}

// Cuts the last safe piece, or the only file.
CutFile cut_one(const LeftFile& left)
{
    CutFile result{left.path};
    const UniqueFd found = find_file(left.path);
    struct stat file {};
    if (!found || fstat(found.get(), &file)) {
        result.problem = errno == ENOENT ? "it was moved or removed" : std::strerror(errno);
        return result;
    }
    if (S_ISREG(file.st_mode) && file_identity(found.get()) != left.identity) {
        result.problem = "it is another file now";
        return result;
    }
    const auto size = static_cast<std::uint64_t>(file.st_size);
    if (S_ISREG(file.st_mode) && size <= left.length)
        return result;
    result.problem = not_ours(file, left);
    if (!result.problem.empty())
        return result;
    const UniqueFd opened(open(fmt::format("/proc/self/fd/{}", found.get()).c_str(), O_WRONLY | O_CLOEXEC));
    if (!opened || ftruncate(opened.get(), static_cast<off_t>(left.length)))
        result.problem = std::strerror(errno);
    else
        result.cut_off = size - left.length;
    return result;
}

// Removes a piece that was begun after the last commit: no row in it is safe. An older file of that name is somebody
// else's. Nothing: there is no such piece.
std::optional<CutFile> remove_piece(const LeftFile& left, std::uint64_t number)
{
    CutFile result{left.pieces + std::to_string(number)};
    const UniqueFd folder = find_file(std::filesystem::path(result.path).parent_path());
    const std::string name = std::filesystem::path(result.path).filename();
    struct stat file {};
    if (!folder || fstatat(folder.get(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) ||
        modified_ns(file) < left.committed_ns - kTickNs)
        return std::nullopt;
    result.problem = not_ours(file, left);
    if (!result.problem.empty())
        return result;
    if (unlinkat(folder.get(), name.c_str(), 0))
        result.problem = std::strerror(errno);
    else
        result.cut_off = static_cast<std::uint64_t>(file.st_size);
    return result;
}

} // namespace

std::vector<LeftFile> left_files(const SensorStateRecord& state, const journal_slot& journal, uid_t owner,
                                 std::int64_t wall_offset_ns)
{
    std::vector<LeftFile> left;
    const ResumePoints points = resume_points(journal);
    for (const ResumableFile& file : files_of(state)) {
        // Not in the journal: no row of it was written before the kill.
        const auto found = points.find(file.output);
        if (found == points.end())
            continue;
        const std::vector<std::uint64_t>& words = found->second;
        const PlaceWords at = file.words;
        if (std::max({at.length, at.identity, at.piece}) >= words.size() || !words[at.identity] ||
            words[at.length] > kLargest)
            continue;
        LeftFile& one = left.emplace_back();
        one.path = file.path;
        one.length = words[at.length];
        one.identity = words[at.identity];
        one.owner = owner;
        one.committed_ns =
            static_cast<std::int64_t>(std::min<std::uint64_t>(journal.stamp_ns, kLargest)) + wall_offset_ns;
        one.last_seen_ns = state.updated_boot_ns + wall_offset_ns;
        if (file.pieces) {
            one.pieces = file.path;
            one.piece = words[at.piece];
            one.path += std::to_string(one.piece);
        }
    }
    return left;
}

std::vector<CutFile> cut_back(const std::vector<LeftFile>& files)
{
    std::vector<LeftFile> newest_first = files;
    std::ranges::stable_sort(newest_first, std::greater{}, &LeftFile::committed_ns);
    std::vector<CutFile> all;
    std::vector<std::string> done;
    auto note = [&all](CutFile file) {
        if (file.cut_off || !file.problem.empty())
            all.push_back(std::move(file));
    };
    for (const LeftFile& left : newest_first) {
        if (std::ranges::find(done, left.path) != done.end())
            continue;
        done.push_back(left.path);
        note(cut_one(left));
        if (left.pieces.empty())
            continue;
        for (std::uint64_t number = left.piece + 1; number; number++) {
            std::optional<CutFile> removed = remove_piece(left, number);
            if (!removed)
                break;
            note(std::move(*removed));
        }
    }
    return all;
}

} // namespace flowxdp
