// SPDX-License-Identifier: BSD-2-Clause
// secret.h - names and secrets that a user gives a sink: in a file or in the environment, never on the command line.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/result.h"
#include "core/text_file.h"

namespace flowxdp {

// The first line of the file; without a file, what the variable has. Empty: there is none. Error: without the secret in
// its sentence.
inline Result<std::string> read_secret(const std::string& file, const char* variable)
{
    std::string secret;
    if (file.empty()) {
        const char* value = std::getenv(variable);
        secret = value ? value : "";
    } else {
        auto text = read_text_file(file, 4096);
        if (!text.ok())
            return Error{fmt::format("cannot read '{}': {}", file, text.error().message)};
        secret = text->substr(0, text->find_first_of("\r\n"));
        if (secret.empty())
            return Error{fmt::format("the first line of '{}' is empty", file)};
    }
    // A line's end would begin a line of its own in a protocol.
    if (std::ranges::any_of(secret, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
        return Error{fmt::format("a control character is in {}", file.empty() ? variable : "'" + file + "'")};
    return secret;
}

// What an option says; when it is empty, the variable.
inline std::string user_name(std::string_view option, const char* variable)
{
    if (!option.empty())
        return std::string(option);
    const char* value = std::getenv(variable);
    return value ? value : "";
}

} // namespace flowxdp
