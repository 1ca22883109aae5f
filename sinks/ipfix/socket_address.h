// SPDX-License-Identifier: BSD-2-Clause
// socket_address.h - the addresses a host name stands for, and sockets towards them.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "transport.h"

namespace flowxdp::ipfix {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// type: SOCK_DGRAM or SOCK_STREAM. Error: the host or port does not resolve.
Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint, int type);

// "sending to udp://...: reason", from errno's value.
Error socket_error(const std::string& what, int error_number);

} // namespace flowxdp::ipfix
