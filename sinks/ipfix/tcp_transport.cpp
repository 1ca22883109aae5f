// SPDX-License-Identifier: BSD-2-Clause
// tcp_transport.cpp - messages one after the other in a connection (RFC 7011 10.4), which is renewed when it breaks.
//
// A message stays in the queue until the peer's kernel has acknowledged its last octet. When the connection breaks, the
// preamble and then every queued message are sent over the next one, in order: at least once, never lost without a
// count. A full queue waits for a connected peer. Without a connection, and after a peer that took nothing for too
// long, new messages are dropped and counted.
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "core/unique_fd.h"
#include "sink/stream/socket_address.h"
#include "transport.h"

namespace flowxdp::ipfix {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAway{2000}; // a commit's longest wait for a collector without a connection
constexpr std::chrono::milliseconds kStep{5};    // acknowledgements raise no event: look again after this

class TcpTransport final : public Transport {
  public:
    TcpTransport(Endpoint collector, const TcpLimits& limits, SinkCounts* counts)
        : Transport(counts), collector_(std::move(collector)), limits_(limits), back_off_(limits.first_back_off)
    {
    }

    Result<void> open() override
    {
        auto addresses = addresses_of(collector_, SOCK_STREAM);
        if (!addresses)
            return addresses.error();
        addresses_ = addresses.take();
        start_connect();
        return {};
    }
    [[nodiscard]] std::size_t message_limit() const override { return kLargestMessage; }
    [[nodiscard]] std::string name() const override { return "tcp://" + collector_.text(); }
    [[nodiscard]] std::string remark() const override
    {
        return sessions_ < 2 ? std::string() : std::to_string(sessions_ - 1) + " reconnects to " + name();
    }

    Result<void> send(Message message) override
    {
        pump();
        const auto full = [&] {
            return !queue_.empty() && queued_octets_ + sizeof(Queued) + message.octets.size() > limits_.backlog_octets;
        };
        // Only a connected peer that reads is worth waiting for: any other must not stop the pipeline.
        while (full() && state_ != State::kDown && !stalled_ && !end_is_over()) {
            wait();
            pump();
        }
        if (full()) {
            count_dropped(message);
            if (!overflowing_)
                keep_error(Error{name() +
                                 (state_ == State::kConnected ? ": the collector takes no data" : ": not connected") +
                                 " and the backlog of " + std::to_string(limits_.backlog_octets) +
                                 " octets is full: records are dropped"});
            overflowing_ = true;
            return take_error();
        }
        overflowing_ = false;
        if (queue_.empty())
            last_progress_ = Clock::now(); // patience begins when there is something to send
        queue_.push_back({std::move(message)});
        queued_octets_ += queue_.back().memory();
        pump();
        return take_error();
    }

    Result<void> poll() override
    {
        pump();
        return take_error();
    }

    Result<void> commit() override
    {
        pump();
        while (!queue_.empty() && !hopeless_) {
            // A collector may be down for long. The wait is shorter than for a slow one, so that other outputs proceed.
            const auto patience = state_ == State::kConnected
                                      ? limits_.patience
                                      : std::min<std::chrono::milliseconds>(limits_.patience, kAway);
            if (Clock::now() - last_progress_ >= patience || end_is_over()) {
                hopeless_ = true;
                keep_error(Error{name() + ": nothing was acknowledged for " + std::to_string(patience.count()) +
                                 " ms: the run does not wait for this collector until it reads again"});
                break;
            }
            wait();
            pump();
        }
        return take_error();
    }
    [[nodiscard]] TransportState state() const override
    {
        TransportState now;
        now.totals = totals_;
        for (const Queued& q : queue_)
            now.waiting_rows += q.message.rows;
        return now;
    }
    // A daemon that was killed had stopped waiting for the collector while these rows were in its memory.
    void go_on(const TransportState& state) override
    {
        Transport::go_on(state);
        counts_->rows += state.waiting_rows;
        counts_->dropped += state.waiting_rows;
    }
    Result<void> finish() override
    {
        const auto deadline = Clock::now() + (end_is_over() ? std::chrono::milliseconds(0) : limits_.linger);
        pump();
        while (!queue_.empty() && Clock::now() < deadline) {
            wait();
            pump();
        }
        std::uint64_t rows = 0;
        for (const Queued& q : queue_) {
            rows += q.message.rows;
            if (!q.preamble)
                count_dropped(q.message);
        }
        if (!queue_.empty())
            keep_error(Error{name() + ": " + std::to_string(rows) + " rows could not be delivered within " +
                             std::to_string(limits_.linger.count()) + " ms of the end"});
        queue_.clear();
        if (state_ == State::kConnected)
            (void)::shutdown(fd_.get(), SHUT_WR); // the peer reads to the end; every octet is acknowledged
        fd_.reset();
        return take_error();
    }

  private:
    enum class State { kDown, kConnecting, kConnected };
    struct Queued {
        Message message;
        std::uint64_t end = 0; // of its last octet in the session's stream, once written
        bool preamble = false;
        bool stamped = false; // has this session's sequence number
        [[nodiscard]] std::size_t memory() const { return sizeof(Queued) + message.octets.size(); }
    };

    // The run ends, and for the time that the end has nothing moved.
    [[nodiscard]] bool end_is_over() const
    {
        const std::optional<Clock::time_point> began = end_began_ ? end_began_() : std::nullopt;
        return began && Clock::now() >= std::max(last_progress_, *began) + limits_.linger;
    }

    void keep_error(Error error)
    {
        if (error_.ok())
            error_ = std::move(error);
    }
    Result<void> take_error() { return std::exchange(error_, Result<void>()); }

    void start_connect()
    {
        const SocketAddress& address = addresses_[attempt_++ % addresses_.size()];
        fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd_) {
            fail("cannot make a socket", errno);
            return;
        }
        const int on = 1;
        const auto stall_ms = static_cast<unsigned>(limits_.stall_timeout.count());
        // Both are optional: a smaller delay, and earlier notice of a peer that vanished.
        (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof stall_ms);
        state_ = State::kConnecting;
        next_step_ = Clock::now() + limits_.connect_timeout;
        if (::connect(fd_.get(), address.get(), address.length) == 0)
            connected();
        else if (errno != EINPROGRESS)
            fail("cannot connect", errno);
    }

    void check_connect()
    {
        pollfd ready{fd_.get(), POLLOUT, 0};
        if (::poll(&ready, 1, 0) == 1) {
            int error = 0;
            socklen_t size = sizeof error;
            if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
                error = errno;
            if (error == 0)
                connected();
            else
                fail("cannot connect", error);
        } else if (Clock::now() >= next_step_) {
            stalled_ = true;
            fail("cannot connect", ETIMEDOUT);
        }
    }

    void connected()
    {
        state_ = State::kConnected;
        sessions_++;
        back_off_ = limits_.first_back_off;
        last_progress_ = Clock::now();
        stream_ = acknowledged_ = 0;
        next_ = 0;
        partial_ = 0;
        sequences_.reset();
        preamble_due_ = true;
    }

    // The connection is lost: messages that were not acknowledged are queued for the next one.
    void fail(const std::string& what, int error_number)
    {
        keep_error(socket_error(name() + ": " + what, error_number));
        fd_.reset();
        state_ = State::kDown;
        for (std::size_t i = 0; i < queue_.size() && i < next_ + (partial_ != 0); i++)
            counts_->retried += !queue_[i].preamble;
        while (!queue_.empty() && queue_.front().preamble)
            pop_front();
        for (Queued& q : queue_)
            q.stamped = false;
        next_ = 0;
        partial_ = 0;
        next_step_ = Clock::now() + back_off_;
        back_off_ = std::min(back_off_ * 2, limits_.last_back_off);
    }

    void pop_front()
    {
        queued_octets_ -= queue_.front().memory();
        queue_.pop_front();
    }

    void pump()
    {
        if (state_ == State::kDown && Clock::now() >= next_step_)
            start_connect();
        if (state_ == State::kConnecting)
            check_connect();
        if (state_ != State::kConnected)
            return;
        read_peer();
        if (state_ == State::kConnected)
            write_queue();
        if (state_ == State::kConnected)
            take_acknowledged();
    }

    // A collector sends nothing, but it may close: without this check the first write after the close would be lost.
    void read_peer()
    {
        char ignored[512];
        for (;;) {
            const ssize_t n = ::recv(fd_.get(), ignored, sizeof ignored, 0);
            if (n > 0 || (n < 0 && errno == EINTR))
                continue;
            if (n == 0)
                fail("closed by the collector", ECONNRESET);
            else if (errno != EAGAIN)
                fail("receiving", errno);
            return;
        }
    }

    void write_queue()
    {
        if (preamble_due_ && !queue_.empty()) {
            preamble_due_ = false;
            std::vector<Message> parts = preamble_(true);
            for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
                queue_.push_front({std::move(*part), 0, true, false});
                queued_octets_ += queue_.front().memory();
            }
        }
        while (next_ < queue_.size()) {
            Queued& item = queue_[next_];
            std::vector<std::uint8_t>& octets = item.message.octets;
            if (!std::exchange(item.stamped, true))
                sequences_.stamp(&item.message);
            const ssize_t n = ::send(fd_.get(), octets.data() + partial_, octets.size() - partial_, MSG_NOSIGNAL);
            if (n < 0) {
                if (errno == EINTR)
                    continue;
                if (errno != EAGAIN && errno != ENOBUFS)
                    fail("sending", errno);
                return;
            }
            partial_ += static_cast<std::size_t>(n);
            stream_ += static_cast<std::uint64_t>(n);
            last_progress_ = Clock::now();
            if (partial_ == octets.size()) {
                item.end = stream_;
                next_++;
                partial_ = 0;
            }
        }
    }

    void take_acknowledged()
    {
        int unacknowledged = 0;
        if (::ioctl(fd_.get(), SIOCOUTQ, &unacknowledged) != 0) {
            fail("asking for acknowledgements", errno);
            return;
        }
        const std::uint64_t now = stream_ - static_cast<std::uint64_t>(unacknowledged);
        if (now != acknowledged_ || unacknowledged == 0)
            last_progress_ = Clock::now();
        acknowledged_ = now;
        while (next_ > 0 && queue_.front().end <= acknowledged_) {
            count_sent(queue_.front().message);
            pop_front();
            next_--;
            hopeless_ = stalled_ = false;
        }
        if (Clock::now() - last_progress_ > limits_.stall_timeout) {
            stalled_ = true;
            fail("the collector takes no data", ETIMEDOUT);
        }
    }

    void wait() const
    {
        // POLLHUP and POLLERR are always reported, so a broken connection ends the wait at once.
        pollfd ready{fd_.get(), 0, 0};
        if (state_ == State::kConnecting || (state_ == State::kConnected && next_ < queue_.size()))
            ready.events = POLLOUT;
        (void)::poll(&ready, fd_ ? 1 : 0, static_cast<int>(kStep.count()));
    }

    Endpoint collector_;
    TcpLimits limits_;
    std::vector<SocketAddress> addresses_;
    std::size_t attempt_ = 0;
    UniqueFd fd_;
    State state_ = State::kDown;
    Clock::time_point next_step_{}; // kDown: next attempt; kConnecting: give up
    Clock::time_point last_progress_{};
    std::chrono::milliseconds back_off_;
    std::deque<Queued> queue_;
    std::size_t next_ = 0;    // first queued message not yet written whole
    std::size_t partial_ = 0; // octets of it that are written
    std::size_t queued_octets_ = 0;
    std::uint64_t stream_ = 0, acknowledged_ = 0; // octets of this session
    bool preamble_due_ = false;
    bool overflowing_ = false;
    bool stalled_ = false;  // it was silent for too long: send() does not wait until something is acknowledged again
    bool hopeless_ = false; // patience ended: commit() does not wait until something is acknowledged again
    std::uint64_t sessions_ = 0;
    Result<void> error_;
};

} // namespace

std::unique_ptr<Transport> make_tcp_transport(const Endpoint& collector, const TcpLimits& limits, SinkCounts* counts)
{
    return std::make_unique<TcpTransport>(collector, limits, counts);
}

} // namespace flowxdp::ipfix
