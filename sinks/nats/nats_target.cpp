// SPDX-License-Identifier: BSD-2-Clause
#include "nats_target.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {

Result<void> check_nats_subject(const std::string& subject)
{
    const bool blank = std::ranges::any_of(subject, [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    if (subject.empty() || blank || subject.find_first_of("*>") != std::string::npos || subject.front() == '.' ||
        subject.back() == '.' || subject.find("..") != std::string::npos)
        return Error{fmt::format("'{}' is no subject: words with '.' between them, without blanks, '*' and '>'",
                                 printable(subject, kValueBytes))};
    return {};
}

Result<NatsTarget> parse_nats_target(const std::string& text)
{
    constexpr const char* kForm = "write nats:nats://HOST:4222/SUBJECT; several servers with ';'";
    std::string_view rest = text;
    std::string scheme;
    for (const char* known : {"nats://", "tls://"})
        if (rest.starts_with(known))
            scheme = known;
    if (scheme.empty())
        return Error{fmt::format("no nats:// or tls://: {}", kForm)};
    rest.remove_prefix(scheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos)
        return Error{fmt::format("no subject: {}", kForm)};
    NatsTarget target;
    target.subject = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (rest.find('@') != std::string_view::npos)
        return Error{"a user or a password stands in it, where others see it: use creds=FILE, or user=NAME and "
                     "password_file=FILE, or NATS_USER and NATS_PASSWORD"};
    for (;;) {
        const std::size_t end = std::min(rest.find(';'), rest.size());
        const std::string_view server = rest.substr(0, end);
        if (server.empty() || server.front() == ':')
            return Error{fmt::format("no host: {}", kForm)};
        target.servers.push_back(scheme + std::string(server));
        if (end == rest.size())
            break;
        rest.remove_prefix(end + 1);
    }
    if (auto checked = check_nats_subject(target.subject); !checked.ok())
        return checked.error();
    return target;
}

} // namespace flowxdp
