// SPDX-License-Identifier: BSD-2-Clause
// reply_line.h - replies of FTP and SMTP: three digits, and lines that belong to one reply (RFC 959 4.2, RFC 5321 4.2).
#pragma once

#include "text_protocol/header_field.h"

namespace flowxdp {

struct ReplyLine {
    std::uint16_t code;    // 0: a line inside a reply of several lines
    std::string_view text; // behind code and separator
    bool is_first;         // of its reply
};

// The code of a line that begins with one; 0 otherwise.
constexpr std::uint16_t reply_code(std::string_view line)
{
    if (line.size() < 3 || line[0] < '1' || line[0] > '6' || !is_digit(line[1]) || !is_digit(line[2]))
        return 0;
    if (line.size() > 3 && line[3] != ' ' && line[3] != '-')
        return 0;
    return static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

// open_code: 0 at first; the code of a reply whose last line is to come. Nothing when the line is no part of a reply.
inline std::optional<ReplyLine> reply_line(std::string_view line, std::uint16_t* open_code)
{
    const std::uint16_t code = reply_code(line);
    if (!code)
        return *open_code ? std::optional(ReplyLine{0, line, false}) : std::nullopt;
    const bool is_last = line.size() == 3 || line[3] == ' ';
    if (*open_code && *open_code != code && !is_last)
        return ReplyLine{0, line, false}; // FTP: any text may stand inside
    const bool is_first = *open_code != code;
    *open_code = is_last ? 0 : code;
    return ReplyLine{code, line.substr(std::min<std::size_t>(4, line.size())), is_first};
}

} // namespace flowxdp
