// SPDX-License-Identifier: BSD-2-Clause
#include "cli/service_manager.h"

#include <sys/socket.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace flowxdp {

ServiceManager::ServiceManager()
{
    const char* name = secure_getenv("NOTIFY_SOCKET");
    const std::size_t length = name ? std::strlen(name) : 0;
    if (!length || (*name != '/' && *name != '@') || length >= sizeof address_.sun_path)
        return;
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, name, length);
    if (*name == '@')
        address_.sun_path[0] = 0; // an abstract name: its length counts
    address_bytes_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + (*name == '/' ? 1 : 0));
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void ServiceManager::tell(std::string_view lines) const
{
    // The address each time: a manager that is executed anew has a new socket of the same name.
    if (socket_)
        sendto(socket_.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address_), address_bytes_);
}

} // namespace flowxdp
