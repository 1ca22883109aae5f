// SPDX-License-Identifier: BSD-2-Clause
#include "sink/stream/endpoint.h"

#include <sys/un.h>

#include <cstring>

#include <fmt/format.h>

#include "core/number.h"

namespace flowxdp {

Result<Endpoint> parse_endpoint(const std::string& text, const std::string& default_text, std::uint16_t default_port)
{
    Endpoint e;
    e.text = text.empty() ? default_text : text;
    const std::string& t = e.text;
    const auto wrong = [&](const std::string& why) {
        return Error{fmt::format("target '{}' {}: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH", t, why)};
    };
    if (t.starts_with("unix:")) {
        e.kind = Endpoint::Kind::kUnix;
        e.path = t.substr(t.starts_with("unix://") ? 7 : 5);
        if (e.path.empty())
            return wrong("has no path");
        if (e.path.size() >= sizeof(sockaddr_un::sun_path))
            return wrong("has a path longer than 107 bytes");
        return e;
    }
    if (t.starts_with("udp://"))
        e.kind = Endpoint::Kind::kUdp;
    else if (!t.starts_with("tcp://"))
        return wrong("has no protocol that is known");
    const std::string address = t.substr(6);
    std::size_t host_end;
    if (address.starts_with('[')) {
        const std::size_t bracket = address.find(']');
        if (bracket == std::string::npos)
            return wrong("has a '[' without ']'");
        e.host = address.substr(1, bracket - 1);
        host_end = bracket + 1;
    } else {
        host_end = address.find(':');
        if (host_end != address.rfind(':'))
            return wrong("has an IPv6 address outside brackets");
        e.host = address.substr(0, host_end);
    }
    if (e.host.empty())
        return wrong("has no host");
    if (host_end >= address.size()) {
        e.port = std::to_string(default_port);
        return e;
    }
    e.port = address.substr(host_end + 1);
    if (address[host_end] != ':')
        return wrong("has no ':' after its ']'");
    if (const auto port = read_number(e.port, 1, 65535, default_port); !port.ok())
        return wrong(fmt::format("has a wrong port ({})", port.error().message));
    return e;
}

Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint)
{
    if (endpoint.kind == Endpoint::Kind::kUnix || endpoint.kind == Endpoint::Kind::kUnixDatagram) {
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, endpoint.path.c_str(), endpoint.path.size() + 1);
        SocketAddress a = {};
        std::memcpy(&a.storage, &address, sizeof address);
        a.length = sizeof address;
        return std::vector{a};
    }
    auto found =
        resolve_host(endpoint.host, endpoint.port, endpoint.kind == Endpoint::Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM);
    if (!found.ok())
        return Error{fmt::format("{}: cannot find host '{}': {}", endpoint.text, endpoint.host, found.error().message)};
    return found;
}

} // namespace flowxdp
