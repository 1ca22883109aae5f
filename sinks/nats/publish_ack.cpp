// SPDX-License-Identifier: BSD-2-Clause
#include "publish_ack.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

// The text behind "name": in an object, blanks left out; empty: there is none. A name of a stream or a domain has no
// quotes, and a description no colon behind one, so a search is exact.
std::string_view value_of(std::string_view object, std::string_view name)
{
    const std::string word = fmt::format("\"{}\"", name);
    for (std::size_t at = object.find(word); at != std::string_view::npos; at = object.find(word, at + 1)) {
        std::string_view rest = object.substr(at + word.size());
        const auto skip_blanks = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size())); };
        skip_blanks();
        if (!rest.starts_with(':'))
            continue;
        rest.remove_prefix(1);
        skip_blanks();
        return rest;
    }
    return {};
}

} // namespace

PublishAck parse_publish_ack(std::string_view text)
{
    PublishAck ack;
    if (const std::string_view error = value_of(text, "error"); error.starts_with('{')) {
        const std::string_view code = value_of(error, "err_code");
        std::from_chars(code.data(), code.data() + code.size(), ack.error_code);
        if (std::string_view description = value_of(error, "description"); description.starts_with('"')) {
            description.remove_prefix(1);
            ack.error = printable(description.substr(0, description.find('"')), 200);
        }
        if (ack.error.empty())
            ack.error = "an error without a description";
        return ack;
    }
    const std::string_view sequence = value_of(text, "seq");
    if (!value_of(text, "stream").starts_with('"') || sequence.empty() ||
        !std::isdigit(static_cast<unsigned char>(sequence.front()))) {
        ack.error = fmt::format("an answer that is no acknowledgement: {}", printable(text, kValueBytes));
        return ack;
    }
    ack.stored = true;
    ack.duplicate = value_of(text, "duplicate").starts_with("true");
    return ack;
}

} // namespace flowxdp
