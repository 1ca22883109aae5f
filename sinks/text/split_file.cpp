// SPDX-License-Identifier: BSD-2-Clause
#include "split_file.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace flowxdp {
namespace {
constexpr std::size_t kBufferBytes = 1u << 20;
}

Result<SplitRule> parse_split_rule(const std::string& size, const std::string& start)
{
    SplitRule rule;
    char* end = nullptr;
    const double number = std::strtod(size.c_str(), &end);
    double unit = 1;
    if (*end == 'K' || *end == 'k')
        unit = 1024;
    else if (*end == 'M' || *end == 'm')
        unit = 1024.0 * 1024;
    else if (*end == 'G' || *end == 'g')
        unit = 1024.0 * 1024 * 1024;
    if (unit > 1)
        end++;
    const bool flows = *end == 'f';
    if (flows)
        end++;
    if (size.empty() || *end || !(number * unit >= 1) || number * unit > 9e18)
        return Error{fmt::format("split size '{}' is not a size: write e.g. 500M, 1e6 or 10000f (flows)", size)};
    (flows ? rule.rows : rule.bytes) = static_cast<std::uint64_t>(number * unit);
    if (!start.empty()) {
        const auto [stop, error] = std::from_chars(start.data(), start.data() + start.size(), rule.first_index);
        if (error != std::errc() || stop != start.data() + start.size())
            return Error{fmt::format("split start '{}' is not a number", start)};
    }
    return rule;
}

Result<void> SplitFile::open(const std::string& path, const SplitRule& rule)
{
    path_ = path;
    rule_ = rule;
    index_ = rule.first_index;
    buffer_.room(kBufferBytes + 4096);
    return open_piece();
}

Result<void> SplitFile::resume(const std::string& path, std::uint64_t bytes)
{
    path_ = name_ = path;
    buffer_.room(kBufferBytes + 4096);
    fd_.reset(::open(name_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!fd_ || ::ftruncate(fd_.get(), static_cast<off_t>(bytes)) || ::lseek(fd_.get(), 0, SEEK_END) < 0)
        return Error{fmt::format("cannot go on in '{}': {}", name_, std::strerror(errno))};
    written_bytes_ = bytes;
    return {};
}

Result<void> SplitFile::open_piece()
{
    name_ = rule_.splits() ? path_ + std::to_string(index_) : path_;
    written_bytes_ = piece_rows_ = 0;
    if (path_ == "-") {
        name_ = "standard output";
        fd_.reset(::dup(1));
    } else {
        fd_.reset(::open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    }
    if (!fd_)
        return Error{fmt::format("cannot write '{}': {}", name_, std::strerror(errno))};
    return {};
}

Result<bool> SplitFile::advance()
{
    if (!(rule_.bytes && position() >= rule_.bytes) && !(rule_.rows && piece_rows_ >= rule_.rows))
        return false;
    if (auto written = write_out(); !written.ok())
        return written.error();
    index_++;
    if (auto opened = open_piece(); !opened.ok())
        return opened.error();
    return true;
}

Result<void> SplitFile::write_raw(const std::string& text)
{
    buffer_.append(text);
    return buffer_.size() >= kBufferBytes ? write_out() : Result<void>{};
}

Result<void> SplitFile::end_row()
{
    piece_rows_++;
    buffered_rows_++;
    return buffer_.size() >= kBufferBytes ? write_out() : Result<void>{};
}

Result<void> SplitFile::flush()
{
    return write_out();
}

Result<void> SplitFile::write_out()
{
    std::size_t at = 0;
    while (at < buffer_.size()) {
        const ssize_t n = ::write(fd_.get(), buffer_.data() + at, buffer_.size() - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            const int reason = errno;
            written_bytes_ += buffer_.size();
            buffer_.clear();
            lost_rows_ += std::exchange(buffered_rows_, 0);
            return Error{fmt::format("cannot write '{}': {}", name_, std::strerror(reason))};
        }
        at += static_cast<std::size_t>(n);
    }
    written_bytes_ += buffer_.size();
    buffer_.clear();
    buffered_rows_ = 0;
    return {};
}

} // namespace flowxdp
