// SPDX-License-Identifier: BSD-2-Clause
#include "live/link_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/result.h"

namespace flowxdp {

LinkWatch::LinkWatch() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE))
{
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (!socket_ || bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address))
        throw StartupError(fmt::format("cannot listen for changes of interfaces: {}", std::strerror(errno)));
}

void LinkWatch::clear()
{
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): written before read
    // ENOBUFS reports lost messages: a change, too.
    while (recv(socket_.get(), buffer.data(), buffer.size(), 0) > 0 || errno == ENOBUFS || errno == EINTR)
        ;
}

} // namespace flowxdp
