// SPDX-License-Identifier: BSD-2-Clause
// listen_address.h - where the HTTP server listens: a numeric address and a port.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace flowxdp {

struct ListenAddress {
    std::string host;       // numeric, without brackets
    std::uint16_t port = 0; // 0: a free one
    bool loopback = false;

    // "127.0.0.1:9669", "[::1]:9669".
    [[nodiscard]] std::string text() const;
};

// "127.0.0.1:9669", "[::1]:9669", "localhost:9669". Other names are refused: a resolver must not decide who may ask.
Result<ListenAddress> read_listen_address(const std::string& text);

// The token in a file: its text without blanks at the ends. Error: a clause without the file's name; also when others
// may read it, or when it is shorter than 16 or longer than 1,024 characters, or holds a blank or a control character.
Result<std::string> read_listen_token(const std::string& path);

} // namespace flowxdp
