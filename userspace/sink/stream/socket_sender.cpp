// SPDX-License-Identifier: BSD-2-Clause
#include "sink/stream/socket_sender.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace flowxdp {
namespace {

using std::chrono::milliseconds;
using Clock = SocketSender::Clock;

// No event tells of acknowledgements or of a send buffer of the device that has room again: these are looked at.
constexpr milliseconds kLookAgain{5};
// How long a commit waits for a receiver that nobody can connect to.
constexpr milliseconds kAway{2000};

short events_now(int fd, short events)
{
    pollfd p = {fd, events, 0};
    return ::poll(&p, 1, 0) > 0 ? p.revents : static_cast<short>(0);
}

} // namespace

SocketSender::SocketSender(SenderOptions options, SinkCounts* counts)
    : options_(std::move(options)), counts_(counts), backoff_(options_.backoff_min),
      patience_(options_.patience, options_.drain)
{
}

void SocketSender::remember(std::string message)
{
    if (outage_said_)
        return;
    outage_said_ = true;
    error_ = std::move(message);
}

Result<void> SocketSender::take_error()
{
    if (error_.empty())
        return {};
    return Error{std::exchange(error_, {})};
}

// ---- connecting

bool SocketSender::start_attempt()
{
    if (Clock::now() < next_attempt_)
        return false;
    if (address_ >= addresses_.size()) {
        // Names are looked up for every round: the receiver may have moved.
        Result<std::vector<SocketAddress>> found = resolve(options_.endpoint);
        address_ = 0;
        if (!found.ok()) {
            addresses_.clear();
            failures_++;
            reason_ = found.error().message;
            remember(reason_ + "; trying again");
            back_to_down();
            return true;
        }
        addresses_ = found.take();
    }
    const SocketAddress& address = addresses_[address_];
    const int type = is_datagram() ? SOCK_DGRAM : SOCK_STREAM;
    fd_.reset(::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) {
        attempt_failed("make a socket", errno);
        return true;
    }
    attempt_began_ = Clock::now();
    if (options_.endpoint.kind == Endpoint::Kind::kTcp) {
        const int on =
            1; // both may fail without harm: they only tell of dead receivers sooner and send small rows at once
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (::connect(fd_.get(), address.get(), address.length) == 0)
        connected_now();
    else if (errno == EINPROGRESS)
        state_ = State::kConnecting;
    else // unix: EAGAIN = the receiver's backlog is full
        attempt_failed("connect", errno);
    return true;
}

bool SocketSender::check_attempt()
{
    if (!events_now(fd_.get(), POLLOUT)) {
        if (Clock::now() - attempt_began_ < options_.connect_timeout)
            return false;
        attempt_failed("connect", ETIMEDOUT);
        return true;
    }
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0)
        error_number = errno;
    if (error_number)
        attempt_failed("connect", error_number);
    else
        connected_now();
    return true;
}

void SocketSender::connected_now()
{
    state_ = State::kUp;
    input_ended_ = false;
    stream_bytes_ = 0;
    at_ = 0;
    handed_ = 0;
    greeting_ = preamble_;
    greeting_at_ = greeting_byte_ = 0;
    preamble_sent_ = Clock::now();
    outage_said_ = is_datagram() && outage_said_; // a UDP socket "connects" whether or not anybody listens
}

void SocketSender::note_failure(const char* operation, int error_number)
{
    failures_++;
    reason_ = fmt::format("cannot {}: {}", operation,
                          error_number ? std::strerror(error_number) : "the receiver closed the connection");
}

// ": cannot connect: Connection refused (3 times)" since something arrived last.
std::string SocketSender::why() const
{
    return failures_ == 0 ? std::string()
                          : fmt::format(": {} ({} time{})", reason_, failures_, failures_ == 1 ? "" : "s");
}

void SocketSender::attempt_failed(const char* operation, int error_number)
{
    counts_->retried++;
    address_++;
    note_failure(operation, error_number);
    remember(
        fmt::format("{}: cannot {}: {}; trying again", options_.endpoint.text, operation, std::strerror(error_number)));
    if (address_ < addresses_.size()) { // the name's other addresses before any waiting
        fd_.reset();
        state_ = State::kDown;
        return;
    }
    back_to_down();
}

void SocketSender::lost(const char* operation, int error_number)
{
    note_failure(operation, error_number);
    remember(fmt::format("{}: cannot {}: {}; connecting again", options_.endpoint.text, operation,
                         error_number ? std::strerror(error_number) : "the receiver closed the connection"));
    for (std::size_t i = 0; i < handed_; i++)
        counts_->retried += queue_[i].rows;
    address_ = addresses_.size();
    backoff_ = options_.backoff_min;
    back_to_down();
}

void SocketSender::back_to_down()
{
    fd_.reset();
    state_ = State::kDown;
    handed_ = 0;
    at_ = 0;
    greeting_.clear();
    greeting_at_ = greeting_byte_ = 0;
    next_attempt_ = Clock::now() + backoff_;
    backoff_ = std::min(backoff_ * 2, options_.backoff_max);
}

// ---- sending

// Gives the kernel what it takes of bytes from *at on. False: it takes nothing now, or the connection is lost.
bool SocketSender::hand_over(const std::string& bytes, std::size_t* at)
{
    const ssize_t n = ::send(fd_.get(), bytes.data() + *at, bytes.size() - *at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
        *at += static_cast<std::size_t>(n);
        stream_bytes_ += static_cast<std::uint64_t>(n);
        patience_.renew();
        giving_up_ = false;
        failures_ = 0;
        backoff_ = options_.backoff_min;
        return true;
    }
    if (errno != EAGAIN && errno != EINTR)
        lost("send", errno);
    return errno == EINTR && state_ == State::kUp;
}

bool SocketSender::send_stream()
{
    bool moved = false;
    while (greeting_at_ < greeting_.size()) {
        if (!hand_over(greeting_[greeting_at_], &greeting_byte_))
            return moved;
        moved = true;
        if (greeting_byte_ == greeting_[greeting_at_].size()) {
            greeting_at_++;
            greeting_byte_ = 0;
        }
    }
    while (handed_ < queue_.size()) {
        Message& message = queue_[handed_];
        if (!hand_over(message.bytes, &at_))
            return moved;
        moved = true;
        if (at_ == message.bytes.size()) {
            message.end = stream_bytes_;
            handed_++;
            at_ = 0;
        }
    }
    return moved;
}

bool SocketSender::send_datagrams()
{
    if (options_.preamble_interval.count() && Clock::now() - preamble_sent_ >= options_.preamble_interval) {
        greeting_ = preamble_;
        greeting_at_ = 0;
        preamble_sent_ = Clock::now();
    }
    bool moved = false;
    while (greeting_at_ < greeting_.size() || !queue_.empty()) {
        const bool greeting = greeting_at_ < greeting_.size();
        const std::string& bytes = greeting ? greeting_[greeting_at_] : queue_.front().bytes;
        if (::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            if (errno == EAGAIN || errno == ENOBUFS)
                return moved;
            if (errno == EINTR)
                continue;
            if (errno == ECONNREFUSED && options_.endpoint.kind == Endpoint::Kind::kUdp) {
                // An ICMP answer to an earlier datagram: this one was not sent, the next call sends it.
                counts_->retried++;
                note_failure("send", ECONNREFUSED);
                remember(options_.endpoint.text + ": nobody listens there (Connection refused); sending on");
                continue;
            }
            if (errno != EMSGSIZE) {
                lost("send", errno);
                return moved;
            }
            error_ = fmt::format("{}: a row of {} bytes does not fit a datagram and is dropped", options_.endpoint.text,
                                 bytes.size());
            if (!greeting)
                counts_->dropped += queue_.front().rows;
        } else {
            if (!greeting)
                counts_->sent += queue_.front().rows;
            patience_.renew();
            giving_up_ = false;
            backoff_ = options_.backoff_min;
        }
        moved = true;
        if (greeting)
            greeting_at_++;
        else
            pop_front();
    }
    return moved;
}

void SocketSender::pop_front()
{
    queued_bytes_ -= queue_.front().memory();
    waiting_rows_ -= queue_.front().rows;
    queue_.pop_front();
}

// Removes messages whose bytes have all arrived. The kernel tells how much has not: for TCP in bytes, for unix sockets
// in memory, which is never less.
void SocketSender::learn_acknowledged()
{
    int waiting = 0;
    if (handed_ == 0 || ::ioctl(fd_.get(), SIOCOUTQ, &waiting) != 0)
        return;
    // A unix receiver that closed gives unread memory back, which would look like an acknowledgement. The kernel says
    // that it is gone before it does so (net/unix/af_unix.c, unix_release_sock()): asked for behind the memory.
    if (options_.endpoint.kind != Endpoint::Kind::kTcp && (events_now(fd_.get(), 0) & (POLLERR | POLLHUP)))
        return;
    const auto unconfirmed = static_cast<std::uint64_t>(waiting);
    const std::uint64_t arrived = unconfirmed < stream_bytes_ ? stream_bytes_ - unconfirmed : 0;
    while (handed_ > 0 && queue_.front().end <= arrived) {
        counts_->sent += queue_.front().rows;
        pop_front();
        handed_--;
        patience_.renew();
        giving_up_ = false;
    }
}

bool SocketSender::serve()
{
    const short events = events_now(fd_.get(), input_ended_ ? static_cast<short>(0) : static_cast<short>(POLLIN));
    if (is_datagram())
        return send_datagrams(); // errors of a UDP socket come with send()
    learn_acknowledged();
    if (events & (POLLERR | POLLHUP)) {
        int error_number = 0;
        socklen_t size = sizeof error_number;
        if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0)
            error_number = errno;
        lost("send", error_number);
        return true;
    }
    if (events & POLLIN) {
        char ignored[4096];
        const ssize_t n = ::recv(fd_.get(), ignored, sizeof ignored, MSG_DONTWAIT);
        // The end of the receiver's side is no end of ours: it may have shut down its sending half only. When it has
        // gone altogether, the next message is refused and goes to the next connection.
        input_ended_ = n == 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            lost("send", errno);
            return true;
        }
    }
    return send_stream();
}

// One round without waiting. True: something happened, look again at once.
bool SocketSender::step()
{
    switch (state_) {
    case State::kDown:
        return start_attempt();
    case State::kConnecting:
        return check_attempt();
    case State::kUp:
        return serve();
    }
    return false;
}

void SocketSender::wait_for_event(Clock::time_point deadline) const
{
    Clock::time_point until = deadline;
    pollfd p = {-1, 0, 0};
    switch (state_) {
    case State::kDown:
        until = std::min(until, next_attempt_);
        break;
    case State::kConnecting:
        p = {fd_.get(), POLLOUT, 0};
        until = std::min(until, attempt_began_ + options_.connect_timeout);
        break;
    case State::kUp:
        p = {fd_.get(), static_cast<short>(nothing_to_send() ? 0 : POLLOUT), 0};
        if (nothing_to_send() || is_datagram())
            until = std::min(until, Clock::now() + kLookAgain);
        break;
    }
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    if (left > 0)
        ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 1000)));
}

Result<void> SocketSender::pump(milliseconds wait)
{
    const Clock::time_point deadline = Clock::now() + wait;
    for (;;) {
        if (step())
            continue;
        if ((state_ == State::kUp && nothing_to_send()) || Clock::now() >= deadline)
            break;
        wait_for_event(deadline);
    }
    return take_error();
}

void SocketSender::connect_within(milliseconds wait)
{
    const Clock::time_point deadline = Clock::now() + wait;
    // An attempt that failed is not repeated here: the receiver is absent, and the run must start.
    const std::uint64_t failures = counts_->retried;
    while (state_ != State::kUp && Clock::now() < deadline && error_.empty() &&
           (counts_->retried == failures || address_ < addresses_.size()))
        if (!step())
            wait_for_event(deadline);
}

Result<void> SocketSender::send(std::string message, std::uint64_t rows)
{
    Result<void> result = pump(milliseconds(0));
    const auto full = [&] {
        return !queue_.empty() && queued_bytes_ + sizeof(Message) + message.size() > options_.queue_bytes;
    };
    while (full() && !giving_up_) {
        if (const Result<void> pumped = pump(milliseconds(0)); !pumped.ok())
            result = pumped;
        if (!full())
            break;
        if (patience_.over()) {
            giving_up_ = true;
            result = Error{
                fmt::format("{}: nothing could be sent for {} ms: rows are dropped until the receiver reads again{}",
                            options_.endpoint.text, patience_.limit().count(), why())};
            break;
        }
        wait_for_event(std::min(patience_.over_at(), Clock::now() + milliseconds(50)));
    }
    if (full()) {
        counts_->dropped += rows;
        return result;
    }
    if (queue_.empty())
        patience_.renew(); // it begins with something to send
    if (state_ != State::kUp || !nothing_to_send())
        message.shrink_to_fit(); // it grew by doubling, and waits
    queue_.push_back({std::move(message), rows, 0});
    queued_bytes_ += queue_.back().memory();
    waiting_rows_ += rows;
    if (const Result<void> pumped = pump(milliseconds(0)); !pumped.ok())
        result = pumped;
    return result;
}

Result<void> SocketSender::commit()
{
    Result<void> result = pump(milliseconds(0));
    while (!queue_.empty() && !giving_up_) {
        // A receiver that is away may be away for long: wait shorter than for a slow one, for the sake of the other
        // outputs.
        const milliseconds at_most = state_ == State::kUp ? milliseconds::max() : kAway;
        if (patience_.over(at_most)) {
            giving_up_ = true;
            result =
                Error{fmt::format("{}: nothing could be sent for {} ms: the run does not wait for this receiver until "
                                  "it reads again{}",
                                  options_.endpoint.text, patience_.limit(at_most).count(), why())};
            break;
        }
        wait_for_event(std::min(patience_.over_at(at_most), Clock::now() + milliseconds(50)));
        if (const Result<void> pumped = pump(milliseconds(0)); !pumped.ok())
            result = pumped;
    }
    return result;
}

std::uint64_t SocketSender::discard_unsent()
{
    const std::size_t keep = handed_ + (at_ ? 1 : 0);
    std::uint64_t rows = 0;
    while (queue_.size() > keep) {
        rows += queue_.back().rows;
        queued_bytes_ -= queue_.back().memory();
        queue_.pop_back();
    }
    waiting_rows_ -= rows;
    return rows;
}

Result<void> SocketSender::drain()
{
    Result<void> result;
    patience_.rows_ended();
    if (!queue_.empty())
        next_attempt_ = {}; // the last chance is not spent in a back-off
    while (!queue_.empty() || (state_ == State::kUp && !nothing_to_send())) {
        if (const Result<void> pumped = pump(milliseconds(0)); !pumped.ok())
            result = pumped;
        if (patience_.over())
            break;
        if (!queue_.empty() || !nothing_to_send())
            wait_for_event(std::min(patience_.over_at(), Clock::now() + milliseconds(50)));
    }
    std::uint64_t rows = 0;
    for (const Message& message : queue_)
        rows += message.rows;
    if (rows) {
        counts_->dropped += rows;
        result = Error{fmt::format("{}: {} rows could not be delivered within {} ms and are dropped{}",
                                   options_.endpoint.text, rows, patience_.limit().count(), why())};
    }
    queue_.clear();
    queued_bytes_ = 0;
    waiting_rows_ = 0;
    back_to_down();
    return result;
}

} // namespace flowxdp
