// SPDX-License-Identifier: BSD-2-Clause
// file_transport.cpp - an IPFIX file: one message after the other (RFC 5655 5).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/file_identity.h"
#include "core/output_file.h"
#include "core/unique_fd.h"
#include "transport.h"

namespace flowxdp::ipfix {

namespace {

constexpr std::size_t kBuffer = 256u << 10;

class FileTransport final : public Transport {
  public:
    FileTransport(std::string path, const Rotation& rotation, bool live, SinkCounts* counts)
        : Transport(counts), path_(std::move(path))
    {
        if (rotation.rotates() && path_ != "-")
            series_.emplace(path_, rotation, live);
    }

    Result<void> open() override
    {
        if (path_ == "-") {
            fd_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
            return fd_ ? Result<void>() : socket_error("cannot write " + name(), errno);
        }
        if (series_) {
            const std::span<const std::uint64_t> words(series_state_);
            const bool goes_on = std::ranges::any_of(words, [](std::uint64_t word) { return word != 0; });
            if (Result<void> begun = series_->begin(words.subspan(goes_on ? 1 : words.size()), written_ != 0); !begun)
                return begun;
            records_ = series_state_[0];
        }
        return open_file();
    }
    [[nodiscard]] TransportState state() const override
    {
        TransportState now = Transport::state();
        now.place = regular_ ? written_ : 0;
        now.receiver = regular_ ? identity_ : 0;
        if (series_) {
            now.series[0] = records_;
            std::ranges::copy(series_->words(), now.series.begin() + 1);
        }
        return now;
    }
    void note_state_taken() override
    {
        if (series_)
            series_->note_positions();
    }
    [[nodiscard]] bool session_goes_on() const override { return !fresh_; }
    void go_on(const TransportState& state) override
    {
        Transport::go_on(state);
        written_ = state.place;
        identity_ = state.receiver;
        series_state_ = state.series;
    }
    [[nodiscard]] std::size_t message_limit() const override { return kLargestMessage; }
    [[nodiscard]] std::string name() const override { return "file:" + path_; }

    Result<void> send(Message message) override
    {
        Result<void> rotated;
        if (series_ && series_->is_due(written_ + buffer_.size(), records_, message.clock_ns))
            rotated = rotate();
        if (!fd_)
            if (Result<void> opened = open_file(); !opened) {
                count_dropped(message);
                return opened;
            }
        if (fresh_) {
            fresh_ = false;
            for (Message& part : preamble_(true))
                append(std::move(part));
        }
        if (series_ && message.flow_records != 0)
            series_->note_row(message.clock_ns);
        records_ += message.flow_records;
        append(std::move(message));
        return first_error(std::move(rotated), buffer_.size() >= kBuffer ? write_out() : Result<void>());
    }
    Result<void> poll() override { return series_ ? first_error(write_out(), series_->poll()) : write_out(); }
    Result<void> tick(std::int64_t clock_ns) override
    {
        if (!series_)
            return write_out();
        Result<void> result = first_error(write_out(), series_->settle());
        if (series_->is_due(written_, records_, clock_ns))
            result = first_error(std::move(result), rotate());
        return result;
    }
    Result<void> commit() override { return series_ ? first_error(write_out(), series_->settle()) : write_out(); }
    Result<void> finish() override
    {
        Result<void> written = write_out();
        if (!series_)
            return written;
        fd_.reset();
        return first_error(std::move(written), series_->finish());
    }
    [[nodiscard]] std::string remark() const override
    {
        return series_ ? fmt::format("{}", fmt::join(series_->report(), "; ")) : "";
    }

  private:
    static Result<void> first_error(Result<void> a, Result<void> b) { return a.ok() ? std::move(b) : std::move(a); }

    // The file, or the part of a series.
    Result<void> open_file()
    {
        auto opened = open_output(series_ ? series_->part() : path_);
        if (!opened.ok())
            return Error{"cannot write " + name() + ": " + opened.error().message};
        fd_ = opened.take();
        struct stat status {};
        regular_ = ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
        if (!regular_)
            return {};
        const std::uint64_t left = identity_;
        identity_ = file_identity(fd_.get());
        fresh_ = written_ == 0 || static_cast<std::uint64_t>(status.st_size) < written_ || left != identity_;
        if (fresh_) { // no messages to continue: a new session
            written_ = records_ = 0;
            if (!series_)
                totals_ = {};
            else
                series_->part_is_new();
            sequences_.reset();
        }
        if (::ftruncate(fd_.get(), static_cast<off_t>(written_)) != 0 || ::lseek(fd_.get(), 0, SEEK_END) < 0)
            return socket_error("cannot write " + name(), errno);
        return {};
    }
    // Ends the file of a series. The next one is opened by its first message.
    Result<void> rotate()
    {
        Result<void> written = write_out();
        fd_.reset();
        written_ = identity_ = records_ = 0;
        return first_error(std::move(written), series_->end_part());
    }

    // Totals count messages when they are buffered, so that statistics records do not depend on when the buffer is
    // written.
    void append(Message message)
    {
        sequences_.stamp(&message);
        buffer_.insert(buffer_.end(), message.octets.begin(), message.octets.end());
        totals_.messages++;
        totals_.octets += message.octets.size();
        totals_.flow_records += message.flow_records;
        waiting_.push_back({message.rows, message.flow_records, buffer_.size()});
    }

    // Writes the buffer. On an error the file is truncated to the end of its last whole message, and the lost rows are
    // counted.
    Result<void> write_out()
    {
        if (buffer_.empty())
            return {};
        Result<void> result;
        std::size_t done = 0;
        while (done < buffer_.size()) {
            const ssize_t n = ::write(fd_.get(), buffer_.data() + done, buffer_.size() - done);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0) {
                result = socket_error("cannot write " + name(), errno);
                break;
            }
            done += static_cast<std::size_t>(n);
        }
        std::size_t whole = 0, lost_from = 0;
        for (const Waiting& w : waiting_) {
            if (w.end <= done) {
                whole = w.end;
                counts_->sent += w.rows;
            } else {
                totals_.messages--;
                totals_.octets -= w.end - std::max(whole, lost_from);
                totals_.flow_records -= w.flow_records;
                totals_.not_sent_flows += w.flow_records;
                counts_->dropped += w.rows;
                lost_from = w.end;
            }
        }
        written_ += whole;
        if (whole != done && regular_ &&
            (::ftruncate(fd_.get(), static_cast<off_t>(written_)) != 0 ||
             ::lseek(fd_.get(), static_cast<off_t>(written_), SEEK_SET) < 0))
            result = socket_error(name() + " ends in a damaged message", errno);
        waiting_.clear();
        buffer_.clear();
        return result;
    }

    struct Waiting {
        std::uint32_t rows, flow_records;
        std::size_t end; // in buffer_
    };
    std::string path_;
    UniqueFd fd_;
    bool regular_ = false;
    bool fresh_ = true;
    std::vector<std::uint8_t> buffer_;
    std::vector<Waiting> waiting_;
    std::size_t written_ = 0;
    std::uint64_t identity_ = 0; // file_identity.h
    std::optional<FileSeries> series_;
    std::array<std::uint64_t, kSeriesWords> series_state_{}; // a predecessor's
    std::uint64_t records_ = 0;                              // flow records in the file
};

} // namespace

std::unique_ptr<Transport> make_file_transport(const std::string& path, const Rotation& rotation, bool live,
                                               SinkCounts* counts)
{
    return std::make_unique<FileTransport>(path, rotation, live, counts);
}

} // namespace flowxdp::ipfix
