// SPDX-License-Identifier: BSD-2-Clause
#include "capture/capture.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

#include "capture/capture_stream.h"
#include "core/printable.h"
#include "core/text_file.h"

namespace flowxdp {

Result<std::unique_ptr<CaptureFile>> open_capture_file(const std::string& path, const CaptureOptions& options)
{
    Result<std::unique_ptr<FileSource>> source =
        FileSource::open(path, WaitOptions{.poll_ms = options.poll_ms, .stop = options.stop});
    if (!source)
        return source.error();
    const std::uint64_t size_bytes = source.value()->size_bytes();
    return std::make_unique<CaptureFile>(path, source.take(), size_bytes);
}

// Shown of a name: a line of a file that is no list may be long.
constexpr std::size_t kShownName = 256;

Error cannot_read(const std::string& path, const std::string& reason)
{
    return Error{fmt::format("cannot read capture '{}': {}", printable(path, kShownName), reason)};
}

void CaptureStream::begin_file(std::unique_ptr<CaptureFile> file)
{
    current_ = std::move(file);
    files_.push_back(current_->info());
}

std::size_t CaptureStream::read_current(std::span<Frame> out)
{
    const std::size_t frames = current_->read(out);
    keep_accounts();
    return frames;
}

void CaptureStream::keep_accounts()
{
    files_.back() = current_->info();
    bytes_read_.store(bytes_before_ + current_->raw_bytes(), std::memory_order_relaxed);
}

std::string CaptureStream::interface_name(std::uint32_t if_id) const
{
    std::string name = current_ ? current_->interface_name(if_id) : std::string();
    if (name.empty() && !files_.empty())
        name = files_.back().name == "-" ? "stdin" : std::filesystem::path(files_.back().name).filename().string();
    return name;
}

void CaptureStream::end_file()
{
    keep_accounts();
    if (current_->damage())
        damages_.push_back(*current_->damage());
    // A damaged file is left early; the progress must still reach its end.
    bytes_before_ += std::max(current_->raw_bytes(), current_->info().size_bytes);
    bytes_read_.store(bytes_before_, std::memory_order_relaxed);
    current_.reset();
}

namespace {

// Reads the file header, with the end of the input taken as final. Error: the reason.
Result<void> require_header(CaptureFile& file)
{
    Result<bool> whole = file.read_header();
    if (!whole)
        return whole.error();
    if (*whole || file.state() == CaptureFile::State::kStopped)
        return {};
    file.finish();
    return Error{file.damage()->reason};
}

class FileListCapture final : public CaptureStream {
  public:
    // first: the opened first file, its header read.
    FileListCapture(std::vector<std::string> paths, std::unique_ptr<CaptureFile> first, std::uint64_t bytes_total,
                    CaptureOptions options)
        : CaptureStream(bytes_total), paths_(std::move(paths)), options_(std::move(options))
    {
        stopped_ = first->state() == CaptureFile::State::kStopped;
        begin_file(std::move(first));
    }

    std::size_t read(std::span<Frame> out) override
    {
        if (out.empty())
            return 0;
        while (!stopped_ && (current() != nullptr || begin_next())) {
            if (std::size_t frames = read_current(out); frames > 0)
                return frames;
            stopped_ = current()->state() == CaptureFile::State::kStopped;
            current()->finish();
            end_file();
        }
        return 0;
    }

  private:
    // Begins the next readable file; false at the end of the list.
    bool begin_next()
    {
        while (++index_ < paths_.size()) {
            const std::string& path = paths_[index_];
            Result<std::unique_ptr<CaptureFile>> file = open_capture_file(path, options_);
            Result<void> begun = file ? require_header(*file.value()) : Result<void>(file.error());
            if (begun) {
                stopped_ = file.value()->state() == CaptureFile::State::kStopped;
                begin_file(file.take());
                return !stopped_;
            }
            // It could be read when the stream was opened, or it is a pipe: reading goes on with the next.
            record_damage({.file = path, .offset = 0, .reason = begun.error().message});
        }
        return false;
    }

    std::vector<std::string> paths_;
    CaptureOptions options_;
    std::size_t index_ = 0;
    bool stopped_ = false;
};

// Size on disk, 0 for what has none (a pipe). Error: the reason.
Result<std::uint64_t> regular_size(const std::string& path)
{
    struct stat status = {};
    const int found = path == "-" ? ::fstat(0, &status) : ::stat(path.c_str(), &status);
    if (found != 0)
        return Error{std::strerror(errno)};
    return S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::string_view trimmed(std::string_view line)
{
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t first = line.find_first_not_of(kBlank);
    if (first == std::string_view::npos)
        return {};
    return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

} // namespace

Result<std::unique_ptr<Capture>> open_captures(const std::vector<std::string>& files, const CaptureOptions& options)
{
    if (files.empty())
        return Error{"cannot read captures: no file is given; name one, or '-' for stdin"};
    if (std::count(files.begin(), files.end(), "-") > 1)
        return Error{"cannot read captures: '-' is given more than once, stdin can be read once"};
    std::unique_ptr<CaptureFile> first;
    std::uint64_t bytes_total = 0;
    bool sizes_known = true;
    for (std::size_t i = 0; i < files.size(); ++i) {
        Result<std::uint64_t> size = regular_size(files[i]);
        if (!size)
            return cannot_read(files[i], size.error().message);
        bytes_total += *size;
        sizes_known = sizes_known && *size > 0;
        // A mistake shows before the first packet. A later pipe is not checked: a read would take its bytes.
        if (i > 0 && *size == 0 && files[i] != "-") {
            struct stat status = {};
            if (::stat(files[i].c_str(), &status) == 0 && S_ISFIFO(status.st_mode))
                continue;
        }
        if (i > 0 && files[i] == "-")
            continue;
        Result<std::unique_ptr<CaptureFile>> file = open_capture_file(files[i], options);
        if (!file)
            return cannot_read(files[i], file.error().message);
        if (Result<void> header = require_header(*file.value()); !header)
            return cannot_read(files[i], header.error().message);
        if (i == 0)
            first = file.take();
    }
    return std::unique_ptr<Capture>(
        std::make_unique<FileListCapture>(files, std::move(first), sizes_known ? bytes_total : 0, options));
}

Result<std::vector<std::string>> read_capture_list(const std::string& path)
{
    Result<std::string> text = read_text_file(path, kMaxListBytes);
    if (!text)
        return Error{fmt::format("cannot read capture list '{}': {}", printable(path), text.error().message)};
    std::vector<std::string> files;
    std::string_view rest = *text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view name = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (name.empty() || name.front() == '#')
            continue;
        if (name.size() >= PATH_MAX)
            return Error{fmt::format("capture list '{}', line {}: {} bytes are no path, which has at most {}",
                                     printable(path), number, name.size(), PATH_MAX - 1)};
        files.emplace_back(name);
        if (Result<std::uint64_t> size = regular_size(files.back()); !size)
            return Error{fmt::format("capture list '{}', line {}: cannot read capture '{}': {}", printable(path),
                                     number, printable(files.back(), kShownName), size.error().message)};
    }
    if (files.empty())
        return Error{fmt::format("capture list '{}' names no file; write one path a line", printable(path))};
    return files;
}

} // namespace flowxdp
