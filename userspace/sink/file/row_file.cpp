// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/row_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/file_identity.h"
#include "core/output_file.h"
#include "sink/file/compressor.h"
#include "sink/file/rotation.h"

namespace flowxdp {
namespace {

constexpr std::size_t kBufferBytes = 256u << 10;
constexpr auto kCompressedHold = std::chrono::seconds(1);

} // namespace

RowFile::RowFile(SinkCounts* counts) : counts_(counts) {}

RowFile::~RowFile()
{
    // flush(true) ends a file; when the owner did not get there (an error at start), rows are kept whole here.
    if (fd_ >= 0 && !flush(true).ok())
        counts_->errors++;
}

Error RowFile::failed(const char* operation, int error_number) const
{
    return Error{fmt::format("{}: cannot {}: {}", path_ == "-" ? "standard output" : path_, operation,
                             std::strerror(error_number))};
}

Result<void> RowFile::open(const std::string& path, const RowFileStart& start)
{
    path_ = path;
    resumable_ = start.resumable;
    resumed_ = broken_ = unread_ = torn_ = member_begun_ = false;
    written_bytes_ = 0;
    whole_bytes_ = 0;
    identity_ = 0;
    out_.clear();
    out_at_ = 0;
    if (path == "-") {
        fd_ = STDOUT_FILENO;
    } else {
        auto opened = open_output(path);
        if (!opened.ok())
            return Error{fmt::format("{}: cannot create the file: {}", path, opened.error().message)};
        owned_ = opened.take();
        fd_ = owned_.get();
        auto compressor = compressor_for(path);
        if (!compressor.ok())
            return Error{path + ": " + compressor.error().message};
        compressor_ = compressor.take();
    }
    struct stat st = {};
    // Standard output may be a file with other writers or other contents: it is never truncated.
    regular_ = owned_ && ::fstat(fd_, &st) == 0 && S_ISREG(st.st_mode);
    if (!regular_)
        return {};
    identity_ = compressor_ && !resumable_ ? 0 : file_identity(fd_);
    const auto keep = static_cast<std::int64_t>(start.resume_at);
    resumed_ = keep > 0 && st.st_size >= keep && start.identity == identity_;
    written_bytes_ = resumed_ ? keep : 0;
    whole_bytes_ = written_bytes_;
    if (::ftruncate(fd_, written_bytes_) != 0 || ::lseek(fd_, 0, SEEK_END) < 0)
        return failed(resumed_ ? "go on in the file" : "empty the file", errno);
    return {};
}

Result<void> RowFile::write_header(std::string_view text)
{
    if (compressor_) {
        member_begun_ = true;
        return compressor_->add(text, Compressor::End::kNone, &out_);
    }
    out_.append(text);
    return write_out();
}

Result<void> RowFile::row_done()
{
    if (compressor_ && buffer_ends_.empty() && inside_ == 0)
        oldest_ = std::chrono::steady_clock::now();
    buffer_ends_.push_back(buffer_.size());
    if (buffer_.size() < kBufferBytes)
        return {};
    return compressor_ || resumable_ ? push(Push::kRows) : push_behind();
}

// As push(Push::kRows) of a plain file; the rows are written meanwhile.
Result<void> RowFile::push_behind()
{
    Result<void> before = behind_.wait();
    if (out_at_ < out_.size() || broken_) {
        Result<void> pushed = push(Push::kRows);
        return before.ok() ? pushed : before;
    }
    begin_rows();
    behind_.start([this] { return write_out(); });
    return before;
}

Result<void> RowFile::flush(bool final)
{
    if (fd_ < 0)
        return {};
    const Result<void> before = behind_.wait();
    const Result<void> flushed = flush_rest(final);
    return before.ok() ? flushed : before;
}

Result<void> RowFile::flush_rest(bool final)
{
    if (final) {
        const Result<void> pushed = push(Push::kFinish);
        const Result<void> closed = close_file();
        return pushed.ok() ? closed : pushed;
    }
    if (!compressor_)
        return push(Push::kRows);
    if (buffer_ends_.empty() && inside_ == 0)
        return {};
    if (resumable_)
        return push(Push::kFinish);
    return std::chrono::steady_clock::now() - oldest_ < kCompressedHold ? Result<void>() : push(Push::kSync);
}

Result<void> RowFile::commit()
{
    Result<void> pushed = fd_ < 0 ? Result<void>() : flush(false);
    if (pushed.ok())
        return pushed;
    // The error of the write is reported, also when the cut fails.
    if (Result<void> cut = cut_off_begun(); !cut.ok())
        return Error{pushed.error().message + "; " + cut.error().message};
    return pushed;
}

// After a failed write: truncates the file after its last whole row or compressed member, and drops the rest.
Result<void> RowFile::cut_off_begun()
{
    if (fd_ < 0 || !regular_ || out_.size() == 0 || broken_)
        return {};
    counts_->dropped += out_ends_.size() + std::exchange(inside_, 0);
    out_.clear();
    out_ends_.clear();
    out_at_ = 0;
    torn_ = member_begun_ = false;
    if (compressor_) {
        auto next = compressor_for(path_);
        if (!next.ok()) {
            broken_ = true;
            return Error{path_ + ": " + next.error().message};
        }
        compressor_ = next.take();
    }
    if (::ftruncate(fd_, whole_bytes_) != 0 || ::lseek(fd_, whole_bytes_, SEEK_SET) < 0) {
        broken_ = true;
        return failed("cut off what could not be written whole", errno);
    }
    written_bytes_ = whole_bytes_;
    return {};
}

void RowFile::lose(std::uint64_t rows)
{
    (unread_ ? counts_->unread : counts_->dropped) += rows;
}

void RowFile::drop_buffer()
{
    lose(buffer_ends_.size());
    buffer_.clear();
    buffer_ends_.clear();
}

// The collected rows are begun; out_ is empty before.
void RowFile::begin_rows()
{
    out_.swap(buffer_);
    out_ends_.swap(buffer_ends_);
    buffer_.clear();
    buffer_ends_.clear();
}

// Hands the buffer on: what was begun first, then the collected rows.
Result<void> RowFile::push(Push how)
{
    if (out_at_ < out_.size() && !broken_) {
        counts_->retried++;
        Result<void> retried = write_out();
        if (!retried.ok()) {
            drop_buffer();
            return retried;
        }
    }
    if (broken_) {
        drop_buffer();
        return {};
    }
    if (!compressor_) {
        begin_rows();
        return write_out();
    }
    // The last flush ended the stream, and nothing came since.
    if (how == Push::kFinish && !member_begun_ && buffer_.size() == 0 && written_bytes_ > 0)
        return {};
    member_begun_ = how != Push::kFinish;
    const auto end = how == Push::kRows   ? Compressor::End::kNone
                     : how == Push::kSync ? Compressor::End::kSync
                                          : Compressor::End::kFinish;
    const Result<void> added = compressor_->add(buffer_.view(), end, &out_);
    inside_ += buffer_ends_.size();
    buffer_.clear();
    buffer_ends_.clear();
    if (!added.ok()) {
        broken_ = true;
        return Error{path_ + ": " + added.error().message};
    }
    if (how == Push::kFinish && resumable_) {
        auto next = compressor_for(path_);
        if (!next.ok()) {
            broken_ = true;
            return Error{path_ + ": " + next.error().message};
        }
        compressor_ = next.take();
    }
    Result<void> written = write_out();
    // Rows inside the compressor are in the file only after a synchronisation point.
    if (written.ok() && how != Push::kRows)
        counts_->sent += std::exchange(inside_, 0);
    if (written.ok() && how == Push::kFinish)
        whole_bytes_ = written_bytes_;
    return written;
}

// After a failed write: counts the whole rows of out_, keeps the one in progress, drops the rest.
void RowFile::settle_plain()
{
    const auto next = std::ranges::upper_bound(out_ends_, out_at_);
    const auto whole_rows = static_cast<std::uint64_t>(next - out_ends_.begin());
    const std::size_t whole = whole_rows ? *std::prev(next) : 0;
    if (whole_rows || !torn_)
        whole_bytes_ = written_bytes_ - static_cast<std::int64_t>(out_at_ - whole);
    const bool begun = whole < out_at_ || (torn_ && whole_rows == 0);
    counts_->sent += whole_rows;
    lose(out_ends_.size() - whole_rows - (begun ? 1 : 0));
    if (begun)
        out_.keep(out_at_, *next - out_at_);
    else
        out_.clear();
    out_at_ = 0;
    out_ends_.clear();
    torn_ = begun;
    if (begun)
        out_ends_.push_back(out_.size());
}

// Writes out_. After an error the unwritten bytes stay.
Result<void> RowFile::write_out()
{
    while (out_at_ < out_.size()) {
        const ssize_t n = ::write(fd_, out_.data() + out_at_, out_.size() - out_at_);
        if (n > 0) {
            out_at_ += static_cast<std::size_t>(n);
            written_bytes_ += n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) { // standard output may be another process's non-blocking pipe
            pollfd p = {fd_, POLLOUT, 0};
            ::poll(&p, 1, -1);
            continue;
        }
        const int error_number = n < 0 ? errno : EIO;
        broken_ = error_number == EPIPE;
        unread_ = broken_ && path_ == "-";
        if (!compressor_)
            settle_plain();
        return unread_ ? Result<void>() : failed("write", error_number);
    }
    counts_->sent += out_ends_.size();
    out_ends_.clear();
    if (!compressor_)
        whole_bytes_ = written_bytes_;
    torn_ = false;
    out_.clear();
    out_at_ = 0;
    return {};
}

Result<void> RowFile::close_file()
{
    Result<void> result;
    if (out_at_ < out_.size() || inside_ > 0) {
        lose(out_ends_.size() + std::exchange(inside_, 0));
        if (compressor_)
            result = Error{path_ + ": ends truncated: decompress what is there with 'zcat' or 'zstd -dcf'"};
        else if (regular_ && whole_bytes_ < written_bytes_ && ::ftruncate(fd_, whole_bytes_) != 0)
            result = failed("cut the last row, which is torn,", errno);
    }
    fd_ = -1;
    if (owned_ && ::close(owned_.release()) != 0 && result.ok())
        result = failed("close", errno); // NFS and quotas report a full disk here
    return result;
}

Result<bool> RowFile::reopen()
{
    struct stat open_file = {}, named = {};
    if (!owned_ || ::fstat(fd_, &open_file) != 0)
        return false;
    if (::stat(path_.c_str(), &named) == 0 && named.st_dev == open_file.st_dev && named.st_ino == open_file.st_ino)
        return false;
    const Result<void> ended = flush(true);
    const std::string path = path_; // open() sets it
    if (Result<void> opened = open(path, {resumable_, 0}); !opened.ok())
        return opened.error();
    return ended.ok() ? Result<bool>(true) : ended.error();
}

std::string default_row_path(const SinkContext& context, std::string_view suffix)
{
    return context.output_prefix.empty() ? "-" : context.output_prefix + std::string(suffix);
}

std::string packet_path_beside(const std::string& path)
{
    if (path == "-")
        return path;
    const std::size_t stem_end = stem_length(path);
    std::string stem = path.substr(0, stem_end);
    const std::string rest = path.substr(stem_end);
    if (stem.ends_with("_flows"))
        stem.resize(stem.size() - 6);
    return stem + "_packets" + rest;
}

} // namespace flowxdp
