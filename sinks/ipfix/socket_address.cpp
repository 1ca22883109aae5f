// SPDX-License-Identifier: BSD-2-Clause
#include "socket_address.h"

#include <netdb.h>

#include <cstring>
#include <memory>
#include <system_error>

namespace flowxdp::ipfix {

Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint, int type)
{
    addrinfo hints{};
    hints.ai_socktype = type;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &list);
    if (error != 0)
        return Error{"collector " + endpoint.text() + ": " + gai_strerror(error) + "; write HOST:PORT or [IPv6]:PORT"};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        SocketAddress address;
        std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
        address.length = a->ai_addrlen;
        addresses.push_back(address);
    }
    return addresses;
}

Error socket_error(const std::string& what, int error_number)
{
    return Error{what + ": " + std::generic_category().message(error_number)};
}

} // namespace flowxdp::ipfix
