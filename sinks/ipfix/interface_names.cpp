// SPDX-License-Identifier: BSD-2-Clause
#include "interface_names.h"

#include <charconv>

namespace flowxdp::ipfix {

bool InterfaceNames::learn(std::uint32_t id)
{
    if (known_.count(id) != 0)
        return false;
    std::string name = "if" + std::to_string(id);
    if (const auto given = given_.find(id); given != given_.end())
        name = given->second;
    else if (const auto found = run_ ? run_(id) : std::nullopt)
        name = *found;
    known_.emplace(id, std::move(name));
    return true;
}

Result<std::map<std::uint32_t, std::string>> InterfaceNames::parse(const std::string& text)
{
    std::map<std::uint32_t, std::string> names;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(';', at), text.size());
        const std::string entry = text.substr(at, end - at);
        std::uint32_t id = 0;
        const auto [rest, error] = std::from_chars(entry.data(), entry.data() + entry.size(), id);
        const auto used = static_cast<std::size_t>(rest - entry.data());
        if (error != std::errc() || used + 1 >= entry.size() || entry[used] != ':')
            return Error{"interfaces: '" + entry + "' is not ID:NAME"};
        if (!names.emplace(id, entry.substr(used + 1)).second)
            return Error{"interfaces: id " + std::to_string(id) + " has two names"};
        at = end + 1;
    }
    return names;
}

} // namespace flowxdp::ipfix
