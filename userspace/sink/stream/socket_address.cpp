// SPDX-License-Identifier: BSD-2-Clause
#include "sink/stream/socket_address.h"

#include <netdb.h>

#include <cstring>
#include <memory>

namespace flowxdp {

Result<std::vector<SocketAddress>> resolve_host(const std::string& host, const std::string& port, int type)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = type;
    addrinfo* list = nullptr;
    if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list); error != 0)
        return Error{gai_strerror(error)};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* a = list; a; a = a->ai_next) {
        SocketAddress& address = addresses.emplace_back();
        std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
        address.length = a->ai_addrlen;
    }
    return addresses;
}

} // namespace flowxdp
