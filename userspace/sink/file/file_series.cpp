// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/file_series.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace flowxdp {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMostOfOneTime = 100000;
// A daemon that stops must not wait long for a command; replay may wait for a large file that is compressed.
constexpr std::chrono::seconds kLivePatience{10};
constexpr std::chrono::minutes kReplayPatience{10};

Result<void> first_error(Result<void> a, Result<void> b)
{
    return a.ok() ? std::move(b) : std::move(a);
}

// The part's number, from the end of its name. Nothing: it is no part.
bool part_number(const std::string& name, const std::string& begin, std::uint64_t* number)
{
    if (!name.starts_with(begin) || name.size() == begin.size() || name.size() > begin.size() + 18)
        return false;
    *number = 0;
    for (const char c : name.substr(begin.size())) {
        if (c < '0' || c > '9')
            return false;
        *number = *number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return true;
}

} // namespace

FileSeries::FileSeries(std::string path, Rotation rotation, bool live)
    : path_(std::move(path)), rotation_(std::move(rotation)), live_(live), command_(rotation_.command)
{
}

std::string FileSeries::part_name(std::uint64_t index) const
{
    return fmt::format("{}.part{}", path_, index);
}

Result<void> FileSeries::begin(std::span<const std::uint64_t> words, bool part_begun)
{
    if (words.size() < Words().size())
        return adopt_parts();
    index_ = words[0];
    has_rows_ = part_begun && words[1];
    first_ns_ = static_cast<std::int64_t>(words[1]);
    // A predecessor began these parts and never committed them: their rows come again.
    for (std::uint64_t next = index_ + 1; ::unlink(part_name(next).c_str()) == 0; next++) {
    }
    if (index_ && words[2] && ::access(part_name(index_ - 1).c_str(), F_OK) == 0)
        return publish(index_ - 1, static_cast<std::int64_t>(words[2]));
    return {};
}

// Nobody goes on with these parts: the machine went down, or a replay was killed. Their rows are whole but for the
// last. The time of their names is that of their last change.
Result<void> FileSeries::adopt_parts()
{
    const fs::path base(part_name(0));
    const std::string begin = fs::path(path_).filename().string() + ".part";
    std::vector<std::uint64_t> found;
    std::error_code error;
    const fs::path folder = base.has_parent_path() ? base.parent_path() : fs::path(".");
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::uint64_t number = 0;
        if (part_number(entry->path().filename().string(), begin, &number))
            found.push_back(number);
    }
    std::ranges::sort(found);
    Result<void> result;
    for (const std::uint64_t number : found) {
        struct stat file = {};
        if (::lstat(part_name(number).c_str(), &file) != 0 || !S_ISREG(file.st_mode))
            continue;
        if (file.st_size == 0)
            ::unlink(part_name(number).c_str());
        else
            result = first_error(std::move(result), publish(number, std::int64_t{file.st_mtim.tv_sec} * 1000000000));
    }
    return result;
}

void FileSeries::note_row(std::int64_t row_ns)
{
    if (!std::exchange(has_rows_, true))
        first_ns_ = row_ns ? row_ns : 1; // 0 says that there is no row
}

bool FileSeries::is_due(std::uint64_t bytes, std::uint64_t rows, std::int64_t now_ns) const
{
    return has_rows_ && !waits_ && rotation_.is_due(bytes, rows, first_ns_, now_ns);
}

Result<void> FileSeries::end_part()
{
    has_rows_ = false;
    index_++;
    if (!live_)
        return publish(index_ - 1, first_ns_);
    waits_ = true;
    waits_ns_ = first_ns_;
    entered_ = false;
    return {};
}

Result<void> FileSeries::settle()
{
    Result<void> named;
    if (waits_ && entered_) {
        waits_ = false;
        named = publish(index_ - 1, waits_ns_);
    }
    return first_error(std::move(named), command_.poll());
}

Result<void> FileSeries::finish()
{
    Result<void> named;
    if (std::exchange(waits_, false))
        named = publish(index_ - 1, waits_ns_);
    if (std::exchange(has_rows_, false))
        named = first_error(std::move(named), publish(index_, first_ns_));
    else
        ::unlink(part().c_str()); // a header alone
    return first_error(std::move(named), live_ ? command_.finish(kLivePatience) : command_.finish(kReplayPatience));
}

FileSeries::Words FileSeries::words() const
{
    return {index_, has_rows_ ? static_cast<std::uint64_t>(first_ns_) : 0,
            waits_ ? static_cast<std::uint64_t>(waits_ns_) : 0};
}

// Renames a part, to a name that is free.
Result<void> FileSeries::publish(std::uint64_t index, std::int64_t first_ns)
{
    const std::string part = part_name(index);
    for (unsigned again = 0; again < kMostOfOneTime; again++) {
        const std::string name = finished_name(path_, rotation_.stamp, first_ns, again);
        if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
            finished_++;
            command_.run(name);
            return {};
        }
        // A file system without that flag (NFS): a link fails as well when the name is taken.
        if (errno == EINVAL && ::link(part.c_str(), name.c_str()) == 0) {
            ::unlink(part.c_str());
            finished_++;
            command_.run(name);
            return {};
        }
        if (errno != EEXIST) {
            unnamed_++;
            return Error{fmt::format("{}: cannot rename it to {}: {}", part, name, std::strerror(errno))};
        }
    }
    unnamed_++;
    return Error{fmt::format("{}: every name with its time is taken", part)};
}

std::vector<std::string> FileSeries::report() const
{
    std::vector<std::string> lines = {fmt::format("{}: {} files finished", path_, finished_.load())};
    if (unnamed_)
        lines[0] += fmt::format(", {} could not be renamed and keep their part's name", unnamed_.load());
    if (std::string command = command_.report(); !command.empty())
        lines.push_back(std::move(command));
    return lines;
}

} // namespace flowxdp
