// SPDX-License-Identifier: BSD-2-Clause
// endpoint.h - where a socket sink sends to: tcp://HOST:PORT, udp://HOST:PORT, unix:PATH. A sink that sends datagrams
// to unix sockets makes kUnixDatagram of kUnix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "sink/stream/socket_address.h"

namespace flowxdp {

struct Endpoint {
    enum class Kind { kTcp, kUdp, kUnix, kUnixDatagram };
    Kind kind = Kind::kTcp;
    std::string host; // without the brackets of an IPv6 address
    std::string port;
    std::string path; // unix
    std::string text; // as given, for messages
};

// text: the sink's target; empty means default_text. A missing port is default_port. Error: names what is wrong.
Result<Endpoint> parse_endpoint(const std::string& text, const std::string& default_text, std::uint16_t default_port);

// Looks the name up, which may take as long as the system's resolver does. At least one address, or an error.
Result<std::vector<SocketAddress>> resolve(const Endpoint& endpoint);

} // namespace flowxdp
