// SPDX-License-Identifier: BSD-2-Clause
#include "sink/sink_spec.h"

#include <cctype>

namespace flowxdp {

Result<SinkSpec> parse_sink_spec(const std::string& text)
{
    SinkSpec spec;
    const std::size_t name_end = text.find_first_of(":,");
    spec.name = text.substr(0, name_end);
    if (spec.name.empty())
        return Error{"sink '" + text + "' has no name: write NAME[:TARGET][,key=value...]"};
    if (name_end == std::string::npos)
        return spec;
    std::size_t at = name_end;
    if (text[at] == ':') {
        // The target ends where ",key=" begins.
        std::size_t end = at + 1;
        while (end < text.size()) {
            end = text.find(',', end);
            if (end == std::string::npos)
                break;
            std::size_t key = end + 1;
            while (key < text.size() && (std::isalnum(static_cast<unsigned char>(text[key])) || text[key] == '_'))
                key++;
            if (key > end + 1 && key < text.size() && text[key] == '=')
                break;
            end++;
        }
        spec.target = text.substr(at + 1, end == std::string::npos ? end : end - at - 1);
        at = end;
    }
    while (at != std::string::npos && at < text.size()) {
        const std::size_t next = text.find(',', at + 1);
        const std::string pair = text.substr(at + 1, next == std::string::npos ? next : next - at - 1);
        const std::size_t equal = pair.find('=');
        if (equal == std::string::npos || equal == 0)
            return Error{"sink '" + text + "': '" + pair + "' is not key=value"};
        const auto [given, is_new] = spec.options.try_emplace(pair.substr(0, equal), pair.substr(equal + 1));
        if (!is_new)
            return Error{"sink '" + text + "': option '" + given->first + "' is given twice: '" + given->second +
                         "' and '" + pair.substr(equal + 1) + "'; give it once"};
        at = next;
    }
    return spec;
}

} // namespace flowxdp
