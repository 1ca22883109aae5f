// SPDX-License-Identifier: BSD-2-Clause
// udp_transport.cpp - one message, one datagram (RFC 3954 3, RFC 7011 10.3).
//
// A send never waits longer than kMaxWaits * kWait: a full socket buffer is waited for and the attempt counted as
// retried, then the datagram is given up. A port unreachable from the collector's host is reported by the kernel at the
// next send, about an earlier datagram that was counted as sent: it is an error, the send is repeated, and since a
// collector that was down knows no templates, they lead what comes next.
#include <netinet/in.h>
#include <poll.h>

#include <cerrno>

#include "socket_address.h"
#include "transport.h"

namespace flowxdp::ipfix {

namespace {

constexpr int kWaitMs = 10;
constexpr int kMaxWaits = 100;
constexpr std::size_t kHeaders4 = 20 + 8; // IPv4 and UDP
constexpr std::size_t kHeaders6 = 40 + 8;
constexpr int kSendBuffer = 1 << 20;

class UdpTransport final : public Transport {
  public:
    UdpTransport(Endpoint collector, std::size_t mtu, SinkCounts* counts)
        : Transport(counts), collector_(std::move(collector)), mtu_(mtu)
    {
    }

    Result<void> open() override
    {
        auto addresses = resolve(collector_, SOCK_DGRAM);
        if (!addresses)
            return addresses.error();
        int error = 0;
        for (const SocketAddress& address : *addresses) {
            UniqueFd fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (fd && ::connect(fd.get(), address.get(), address.length) == 0) {
                fd_ = std::move(fd);
                family_ = address.family();
                break;
            }
            error = errno;
        }
        if (!fd_)
            return socket_error(name(), error);
        // A larger buffer only spares waits; the system's own is enough.
        (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
        limit_to_route();
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
        return refused_ == 0 ? std::string()
                             : std::to_string(refused_) + " datagrams refused: nothing listened at " + name();
    }

    Result<void> send(Message message) override
    {
        Result<void> result;
        if (fresh_) {
            fresh_ = false;
            for (Message& part : preamble_())
                keep_error(send_one(std::move(part)), &result);
        }
        keep_error(send_one(std::move(message)), &result);
        return result;
    }
    Result<void> finish() override { return {}; }

  private:
    static void keep_error(Result<void> part, Result<void>* whole)
    {
        if (!part.ok() && whole->ok())
            *whole = std::move(part);
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

    Result<void> send_one(Message message)
    {
        sequences_.stamp(&message); // a lost datagram leaves its gap for the collector to see
        Result<void> result;
        for (int waits = 0;;) {
            if (::send(fd_.get(), message.octets.data(), message.octets.size(), MSG_NOSIGNAL) >= 0) {
                count_sent(message);
                return result;
            }
            const int error = errno;
            if (error == EINTR)
                continue;
            counts_->retried += error == ECONNREFUSED || error == EAGAIN || error == ENOBUFS;
            if (error == ECONNREFUSED && waits < kMaxWaits) {
                refused_++;
                waits++;
                fresh_ = true;
                result = Error{name() + ": connection refused: nothing listens there"};
                continue;
            }
            if ((error == EAGAIN || error == ENOBUFS) && waits < kMaxWaits) {
                waits++;
                // ENOBUFS leaves the socket writable: sleep the time out then.
                pollfd ready{fd_.get(), static_cast<short>(error == EAGAIN ? POLLOUT : 0), 0};
                (void)::poll(&ready, 1, kWaitMs);
                continue;
            }
            count_dropped(message);
            return socket_error(name() + ": datagram of " + std::to_string(message.octets.size()) + " octets", error);
        }
    }

    Endpoint collector_;
    std::size_t mtu_;
    UniqueFd fd_;
    int family_ = AF_INET;
    bool fresh_ = true; // the next message begins a session for the collector
    std::uint64_t refused_ = 0;
};

} // namespace

std::unique_ptr<Transport> make_udp_transport(const Endpoint& collector, std::size_t mtu, SinkCounts* counts)
{
    return std::make_unique<UdpTransport>(collector, mtu, counts);
}

} // namespace flowxdp::ipfix
