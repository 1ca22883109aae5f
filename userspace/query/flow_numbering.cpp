// SPDX-License-Identifier: BSD-2-Clause
#include "query/flow_numbering.h"

#include <algorithm>
#include <fstream>

#include "core/printable.h"

namespace flowxdp::query {
namespace {

constexpr std::string_view kMark = "# flowInd: ";
constexpr std::size_t kMostFacts = 256; // of a damaged or hostile file

} // namespace

// As it will be read again.
void FlowNumbering::set(const std::string& name, const std::string& value)
{
    facts_[name] = printable(value);
}

void FlowNumbering::take(std::string_view line)
{
    if (!line.starts_with(kMark))
        return;
    line.remove_prefix(kMark.size());
    while (line.ends_with('\r') || line.ends_with('\n'))
        line.remove_suffix(1);
    const std::size_t equal = line.find('=');
    if (equal == std::string_view::npos || equal == 0 || facts_.size() >= kMostFacts)
        return;
    facts_[std::string(line.substr(0, equal))] = line.substr(equal + 1);
}

void FlowNumbering::take_file(const std::string& path)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        take(line);
}

std::string FlowNumbering::find(const std::string& name) const
{
    const auto found = facts_.find(name);
    return found == facts_.end() ? "" : found->second;
}

std::string FlowNumbering::text() const
{
    std::string text;
    for (const auto& [name, value] : facts_)
        text += std::string(kMark) + name + "=" + value + "\n";
    return text;
}

std::vector<std::string> FlowNumbering::differences(const FlowNumbering& other, std::string_view prefix) const
{
    std::vector<std::string> names;
    for (const auto& [name, value] : facts_)
        if (name.starts_with(prefix) && (!other.facts_.contains(name) || other.find(name) != value))
            names.push_back(name);
    for (const auto& [name, value] : other.facts_)
        if (name.starts_with(prefix) && !facts_.contains(name))
            names.push_back(name);
    std::ranges::sort(names);
    return names;
}

} // namespace flowxdp::query
