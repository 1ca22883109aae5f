// SPDX-License-Identifier: BSD-2-Clause
// udp_transport.cpp - one datagram for each message (RFC 3954 3, RFC 7011 10.3), no faster than the collector reads.
//
// The kernel says how much room a collector on this host has (receiver_room.h). While it has none, a send waits for
// `patience`; then datagrams are dropped and counted until the collector reads again. For a collector on another host
// datagrams are paced. A full send buffer is waited for as well. The kernel reports "port unreachable" at the next
// send, about an earlier datagram: that one was not delivered, and templates are sent next, because a collector that
// was down has none.
#include <netinet/in.h>
#include <poll.h>

#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "core/unique_fd.h"
#include "receiver_room.h"
#include "sink/stream/socket_address.h"
#include "transport.h"

namespace flowxdp::ipfix {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWaitMs = 10;
constexpr int kMaxWaits = 100;
constexpr std::chrono::microseconds kLookAgain{200};  // no event tells that a receiver has read
constexpr std::chrono::milliseconds kAnswerHolds{10}; // afterwards the collector may be another process
constexpr std::int64_t kBurst = 32;                   // datagrams ahead of the pace
constexpr std::size_t kHeaders4 = 20 + 8;             // IPv4 and UDP
constexpr std::size_t kHeaders6 = 40 + 8;
constexpr int kSendBuffer = 1 << 20;

class UdpTransport final : public Transport {
  public:
    UdpTransport(Endpoint collector, const UdpLimits& limits, SinkCounts* counts)
        : Transport(counts), collector_(std::move(collector)), limits_(limits), mtu_(limits.mtu)
    {
    }

    Result<void> open() override
    {
        auto addresses = addresses_of(collector_, SOCK_DGRAM);
        if (!addresses)
            return addresses.error();
        int error = 0;
        for (const SocketAddress& address : *addresses) {
            UniqueFd fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (fd && own_port_ != 0)
                take_port(fd.get(), address.family());
            if (fd && ::connect(fd.get(), address.get(), address.length) == 0) {
                fd_ = std::move(fd);
                family_ = address.family();
                break;
            }
            error = errno;
        }
        if (!fd_)
            return socket_error(name(), error);
        // A larger buffer saves waits; the system's default is enough.
        (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
        limit_to_route();
        room_.emplace(fd_.get());
        return {};
    }

    [[nodiscard]] std::size_t message_limit() const override
    {
        const std::size_t headers = family_ == AF_INET6 ? kHeaders6 : kHeaders4;
        return mtu_ > headers ? mtu_ - headers : 0;
    }
    [[nodiscard]] bool datagrams() const override { return true; }
    [[nodiscard]] std::string name() const override { return "udp://" + collector_.text(); }
    [[nodiscard]] std::string remark() const override
    {
        std::string text;
        const auto add = [&text](const std::string& fact) { text += (text.empty() ? "" : "; ") + fact; };
        if (refused_ != 0)
            add(std::to_string(refused_) + " datagrams refused: nothing listened there");
        if (waited_ >= std::chrono::milliseconds(1))
            add("waited " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(waited_).count()) +
                " ms for the collector to read");
        if (receiver_drops_ != 0)
            add("the collector's socket dropped " + std::to_string(receiver_drops_) + " datagrams, of whatever sender");
        return text.empty() ? text : name() + ": " + text;
    }

    Result<void> send(Message message) override
    {
        Result<void> result;
        bool turn = wait_for_turn(message.octets.size()); // also notices a new collector
        if (turn && std::exchange(fresh_, false)) {
            // After a crash the session continues if the collector is still the same.
            const std::optional<std::uint64_t> knew = std::exchange(knew_, std::nullopt);
            const bool begins = !knew || *knew != receiver_;
            if (begins)
                began_ = Clock::now();
            for (Message& part : preamble_(begins))
                keep_error(wait_for_turn(part.octets.size()) ? transmit(std::move(part)) : give_up(std::move(part)),
                           &result);
            turn = wait_for_turn(message.octets.size()); // the preamble may have used the room
        }
        keep_error(turn ? transmit(std::move(message)) : give_up(std::move(message)), &result);
        return result;
    }
    [[nodiscard]] TransportState state() const override
    {
        TransportState now = Transport::state();
        sockaddr_storage own{};
        socklen_t size = sizeof own;
        if (fd_ && ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0)
            now.place = ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(own).sin6_port
                                                        : reinterpret_cast<const sockaddr_in&>(own).sin_port);
        now.receiver = receiver_;
        return now;
    }
    void go_on(const TransportState& state) override
    {
        Transport::go_on(state);
        own_port_ = static_cast<std::uint16_t>(state.place);
        knew_ = state.receiver;
        began_ = Clock::now();
    }
    Result<void> finish() override
    {
        int error = 0;
        socklen_t size = sizeof error;
        if (fd_ && ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == ECONNREFUSED)
            return take_back_refused();
        know_receiver(room_->ask());
        return {};
    }

  private:
    static void keep_error(Result<void> part, Result<void>* whole)
    {
        if (!part.ok() && whole->ok())
            *whole = std::move(part);
    }

    // The port from before a crash: for collectors that identify sessions by it, the session continues. When another
    // process has the port it is a new session, which begins with templates.
    void take_port(int fd, int family) const
    {
        sockaddr_storage own{};
        own.ss_family = static_cast<sa_family_t>(family);
        if (family == AF_INET6)
            reinterpret_cast<sockaddr_in6&>(own).sin6_port = htons(own_port_);
        else
            reinterpret_cast<sockaddr_in&>(own).sin_port = htons(own_port_);
        (void)::bind(fd, reinterpret_cast<const sockaddr*>(&own),
                     family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    }

    void limit_to_route()
    {
        int route_mtu = 0;
        socklen_t size = sizeof route_mtu;
        const int level = family_ == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
        const int option = family_ == AF_INET6 ? IPV6_MTU : IP_MTU;
        if (::getsockopt(fd_.get(), level, option, &route_mtu, &size) == 0 && route_mtu > 0)
            mtu_ = std::min(mtu_, static_cast<std::size_t>(route_mtu));
    }

    // A collector that was restarted has no templates, and its drop counter begins at 0.
    void know_receiver(const std::optional<ReceiverRoom::State>& state)
    {
        const std::uint64_t socket = state ? state->socket : 0;
        if (socket == receiver_ && state)
            receiver_drops_ += state->drops - drops_before_;
        fresh_ = fresh_ || socket != receiver_;
        receiver_ = socket;
        drops_before_ = state ? state->drops : 0;
    }

    // Waits until the collector has room, or until the pace allows a datagram. False: no room, and patience is over.
    bool wait_for_turn(std::size_t octets)
    {
        const Clock::time_point began = Clock::now();
        if (allowed_ > 0 && began - asked_ < kAnswerHolds) {
            allowed_--;
            return true;
        }
        for (;;) {
            const std::optional<ReceiverRoom::State> state = room_->ask();
            asked_ = Clock::now();
            know_receiver(state);
            if (!state) {
                allowed_ = 0;
                stalled_ = false;
                fresh_ = fresh_ || (limits_.begin_again.count() != 0 && asked_ - began_ >= limits_.begin_again);
                keep_pace();
                return true;
            }
            if ((allowed_ = ReceiverRoom::datagrams(*state, octets)) > 0)
                break;
            if (stalled_ || asked_ - began >= limits_.patience)
                break;
            std::this_thread::sleep_for(kLookAgain);
            waited_ += kLookAgain;
        }
        if (allowed_ == 0) {
            stalled_ = true;
            return false;
        }
        fresh_ = fresh_ || stalled_; // it may have missed templates
        stalled_ = false;
        allowed_--;
        return true;
    }

    void keep_pace()
    {
        if (limits_.datagrams_per_second == 0)
            return;
        const std::chrono::nanoseconds apart(1'000'000'000 / limits_.datagrams_per_second);
        const Clock::time_point now = Clock::now();
        next_turn_ = std::max(next_turn_, now) + apart;
        if (next_turn_ - now > kBurst * apart)
            std::this_thread::sleep_until(next_turn_ - kBurst * apart);
    }

    // The datagram sent last was not delivered.
    Result<void> take_back_refused()
    {
        refused_++;
        fresh_ = true;
        if (last_.octets != 0) {
            counts_->sent -= last_.rows;
            counts_->dropped += last_.rows;
            totals_.messages--;
            totals_.octets -= last_.octets;
            totals_.flow_records -= last_.flow_records;
            totals_.not_sent_flows += last_.flow_records;
            last_ = {};
        }
        return Error{name() + ": connection refused: nothing listens there"};
    }

    Result<void> give_up(Message message)
    {
        sequences_.stamp(&message); // also of a dropped datagram, so that the collector sees a gap
        count_dropped(message);
        return Error{name() + ": the collector has not read for " + std::to_string(limits_.patience.count()) +
                     " ms and its buffer is full: records are dropped until it reads"};
    }

    Result<void> transmit(Message message)
    {
        sequences_.stamp(&message);
        Result<void> result;
        for (int waits = 0;;) {
            if (::send(fd_.get(), message.octets.data(), message.octets.size(), MSG_NOSIGNAL) >= 0) {
                count_sent(message);
                last_ = {message.octets.size(), message.rows, message.flow_records};
                return result;
            }
            const int error = errno;
            if (error == EINTR)
                continue;
            counts_->retried += error == ECONNREFUSED || error == EAGAIN || error == ENOBUFS;
            if (error == ECONNREFUSED && waits < kMaxWaits) {
                waits++;
                keep_error(take_back_refused(), &result);
                continue;
            }
            if ((error == EAGAIN || error == ENOBUFS) && waits < kMaxWaits) {
                waits++;
                // With ENOBUFS the socket is still writable, so sleep.
                pollfd ready{fd_.get(), static_cast<short>(error == EAGAIN ? POLLOUT : 0), 0};
                (void)::poll(&ready, 1, kWaitMs);
                continue;
            }
            count_dropped(message);
            return socket_error(name() + ": datagram of " + std::to_string(message.octets.size()) + " octets", error);
        }
    }

    struct Sent {
        std::size_t octets = 0; // 0: none, or its count was undone
        std::uint32_t rows = 0, flow_records = 0;
    };

    Endpoint collector_;
    UdpLimits limits_;
    std::size_t mtu_;
    UniqueFd fd_;
    int family_ = AF_INET;
    std::optional<ReceiverRoom> room_;
    unsigned allowed_ = 0; // datagrams before the next question
    Clock::time_point asked_{};
    bool stalled_ = false; // patience is over: no waiting until the collector reads
    Clock::time_point next_turn_{};
    std::chrono::nanoseconds waited_{0};
    std::uint64_t receiver_ = 0, drops_before_ = 0, receiver_drops_ = 0;
    bool fresh_ = true; // the next message begins a session for the collector
    Clock::time_point began_{};
    std::uint16_t own_port_ = 0;        // after a crash: the port from before
    std::optional<std::uint64_t> knew_; // after a crash: the collector's socket from before
    Sent last_;
    std::uint64_t refused_ = 0;
};

} // namespace

std::unique_ptr<Transport> make_udp_transport(const Endpoint& collector, const UdpLimits& limits, SinkCounts* counts)
{
    return std::make_unique<UdpTransport>(collector, limits, counts);
}

} // namespace flowxdp::ipfix
