// SPDX-License-Identifier: BSD-2-Clause
#include "receiver_room.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace flowxdp::ipfix {

namespace {

// The most that the kernel charges for a datagram: its octets and headers rounded up to an allocation, and the sk_buff.
std::uint64_t charge(std::size_t octets)
{
    return std::bit_ceil(octets + 512) + 512;
}

bool on_this_host(const sockaddr_storage& own, const sockaddr_storage& peer)
{
    if (own.ss_family != peer.ss_family)
        return false;
    if (own.ss_family == AF_INET) {
        const auto a = reinterpret_cast<const sockaddr_in&>(own).sin_addr.s_addr;
        const auto b = reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr;
        // The source address towards a local address is that address; towards 127.0.0.0/8 it is 127.0.0.1.
        return a == b || ntohl(b) >> 24 == IN_LOOPBACKNET;
    }
    return own.ss_family == AF_INET6 && std::memcmp(&reinterpret_cast<const sockaddr_in6&>(own).sin6_addr,
                                                    &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, 16) == 0;
}

void set_address(const sockaddr_storage& address, __be32 out[4], __be16* port)
{
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        out[0] = v4.sin_addr.s_addr;
        *port = v4.sin_port;
    } else {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        std::memcpy(out, &v6.sin6_addr, 16);
        *port = v6.sin6_port;
    }
}

} // namespace

ReceiverRoom::ReceiverRoom(int connected)
{
    socklen_t own_size = sizeof own_, peer_size = sizeof peer_;
    if (::getsockname(connected, reinterpret_cast<sockaddr*>(&own_), &own_size) != 0 ||
        ::getpeername(connected, reinterpret_cast<sockaddr*>(&peer_), &peer_size) != 0 || !on_this_host(own_, peer_))
        return;
    netlink_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
}

std::optional<ReceiverRoom::State> ReceiverRoom::ask() const
{
    if (!netlink_)
        return std::nullopt;
    struct {
        nlmsghdr header;
        inet_diag_req_v2 ask;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST; // one socket, no dump
    request.ask.sdiag_family = static_cast<__u8>(peer_.ss_family);
    request.ask.sdiag_protocol = IPPROTO_UDP;
    request.ask.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    request.ask.idiag_states = ~0U;
    // Which socket takes a datagram from src to dst: the kernel's own look-up, wildcards and reuseport included.
    set_address(own_, request.ask.id.idiag_src, &request.ask.id.idiag_sport);
    set_address(peer_, request.ask.id.idiag_dst, &request.ask.id.idiag_dport);
    request.ask.id.idiag_cookie[0] = request.ask.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    alignas(nlmsghdr) char answer[2048];
    if (::send(netlink_.get(), &request, sizeof request, 0) < 0)
        return std::nullopt;
    const ssize_t size = ::recv(netlink_.get(), answer, sizeof answer, 0); // the kernel answered during send()
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
    if (size < 0 || !NLMSG_OK(header, static_cast<unsigned>(size)) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return std::nullopt; // NLMSG_ERROR: ENOENT, or a kernel without udp_diag
    const auto* message = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
    auto left = static_cast<unsigned>(NLMSG_PAYLOAD(header, sizeof *message));
    for (const auto* option = reinterpret_cast<const rtattr*>(message + 1); RTA_OK(option, left);
         option = RTA_NEXT(option, left)) {
        if (option->rta_type != INET_DIAG_SKMEMINFO || RTA_PAYLOAD(option) < (SK_MEMINFO_DROPS + 1) * sizeof(__u32))
            continue;
        __u32 memory[SK_MEMINFO_DROPS + 1];
        std::memcpy(memory, RTA_DATA(option), sizeof memory);
        return State{memory[SK_MEMINFO_RMEM_ALLOC], memory[SK_MEMINFO_RCVBUF], memory[SK_MEMINFO_DROPS],
                     static_cast<std::uint64_t>(message->id.idiag_cookie[1]) << 32 | message->id.idiag_cookie[0]};
    }
    return std::nullopt;
}

// The kernel accepts a datagram when the buffer has room for it; older kernels accept it when the buffer is not full
// yet. An empty buffer accepts any datagram (net/ipv4/udp.c). The kernel may free up to a quarter of the buffer late,
// after datagrams were read; another quarter is left to other senders.
unsigned ReceiverRoom::datagrams(const State& state, std::size_t octets)
{
    constexpr std::uint64_t kMost = 32, kSmall = 8;
    const std::uint64_t each = charge(octets), limit = state.buffer_octets / 4 * 3;
    if (state.used_octets < limit && state.buffer_octets >= kSmall * each)
        return static_cast<unsigned>(std::clamp<std::uint64_t>((limit - state.used_octets) / 4 / each, 1, kMost));
    if (state.buffer_octets >= kSmall * each)
        return 0;
    // A buffer of a few datagrams is not divided into quarters.
    return state.used_octets == 0 || state.used_octets + each <= state.buffer_octets ? 1 : 0;
}

} // namespace flowxdp::ipfix
