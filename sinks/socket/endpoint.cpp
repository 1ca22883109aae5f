// SPDX-License-Identifier: BSD-2-Clause
#include "endpoint.h"

#include <sys/un.h>

#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace flowxdp {

Result<Endpoint> parse_endpoint(const std::string& text, const std::string& default_text, std::uint16_t default_port)
{
    Endpoint e;
    e.text = text.empty() ? default_text : text;
    const std::string& t = e.text;
    const auto wrong = [&](const char* why) {
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
    unsigned port = 0;
    const auto [end, ec] = std::from_chars(e.port.data(), e.port.data() + e.port.size(), port);
    if (address[host_end] != ':' || ec != std::errc() || end != e.port.data() + e.port.size() || port < 1 ||
        port > 65535)
        return wrong("has no port from 1 to 65535");
    return e;
}

Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint)
{
    if (endpoint.kind == Endpoint::Kind::kUnix) {
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
