// SPDX-License-Identifier: BSD-2-Clause
// socket_address.h - resolves a receiver's name to addresses, for sinks that send.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Looks a host up; this takes as long as the system's resolver does. host: a name or a numeric address, without
// brackets; port: a number or a service; type: SOCK_DGRAM or SOCK_STREAM. At least one address, in the resolver's
// order. Error: the resolver's words, without host and port.
Result<std::vector<SocketAddress>> resolve_host(const std::string& host, const std::string& port, int type);

} // namespace flowxdp
