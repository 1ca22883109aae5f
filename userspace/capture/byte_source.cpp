// SPDX-License-Identifier: BSD-2-Clause
#include "capture/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace flowxdp {

namespace {

std::string errno_text(int error)
{
    return std::strerror(error);
}

} // namespace

FileSource::FileSource(UniqueFd fd, bool regular, std::uint64_t size_bytes, WaitOptions wait)
    : fd_(std::move(fd)), regular_(regular), size_bytes_(size_bytes), wait_(std::move(wait))
{
}

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, const WaitOptions& wait)
{
    const bool is_stdin = path == "-";
    // O_NOCTTY: a terminal device given by mistake must not become ours.
    UniqueFd fd(is_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                         : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd)
        return Error{errno_text(errno)};
    struct stat status = {};
    if (::fstat(fd.get(), &status) != 0)
        return Error{errno_text(errno)};
    if (S_ISDIR(status.st_mode))
        return Error{"it is a directory"};
    if (::isatty(fd.get()) == 1)
        return Error{is_stdin ? "stdin is a terminal; pipe a capture into it" : "it is a terminal"};
    const bool regular = S_ISREG(status.st_mode);
    if (regular) {
        // Only a hint: a file system that does not know it reads as fast as it can anyway.
        (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    const auto size = regular ? static_cast<std::uint64_t>(status.st_size) : 0;
    return std::unique_ptr<FileSource>(new FileSource(std::move(fd), regular, size, wait));
}

Result<bool> FileSource::wait_readable()
{
    for (;;) {
        if (wait_.stop && wait_.stop())
            return false;
        struct pollfd ready = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int timeout_ms = wait_.stop ? static_cast<int>(std::min<std::uint32_t>(wait_.poll_ms, 60'000)) : -1;
        const int found = ::poll(&ready, 1, timeout_ms);
        if (found > 0)
            return true;
        if (found < 0 && errno != EINTR)
            return Error{"poll failed: " + errno_text(errno)};
    }
}

SourceRead FileSource::read(std::span<std::uint8_t> out)
{
    for (;;) {
        if (!regular_) {
            // Signals may be blocked (signalfd), so a blocking read() of a silent pipe could never be stopped.
            Result<bool> readable = wait_readable();
            if (!readable)
                return {.bytes = 0, .end = SourceEnd::kFailed, .reason = readable.error().message};
            if (!*readable)
                return {.bytes = 0, .end = SourceEnd::kStopped, .reason = {}};
        }
        const ssize_t got = ::read(fd_.get(), out.data(), out.size());
        if (got > 0) {
            raw_bytes_ += static_cast<std::uint64_t>(got);
            return {.bytes = static_cast<std::size_t>(got), .end = SourceEnd::kNone, .reason = {}};
        }
        if (got == 0)
            return {.bytes = 0, .end = SourceEnd::kEnd, .reason = {}};
        if (errno != EINTR && errno != EAGAIN)
            return {.bytes = 0, .end = SourceEnd::kFailed, .reason = "read failed: " + errno_text(errno)};
    }
}

SourceRead MemorySource::read(std::span<std::uint8_t> out)
{
    const std::size_t count = std::min({out.size(), piece_, bytes_.size() - at_});
    if (count == 0)
        return {.bytes = 0, .end = SourceEnd::kEnd, .reason = {}};
    std::memcpy(out.data(), bytes_.data() + at_, count);
    at_ += count;
    return {.bytes = count, .end = SourceEnd::kNone, .reason = {}};
}

} // namespace flowxdp
