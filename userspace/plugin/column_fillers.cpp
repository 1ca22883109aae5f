// SPDX-License-Identifier: BSD-2-Clause
#include "plugin/column_fillers.h"

#include <algorithm>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "core/result.h"

namespace flowxdp {
namespace {

bool has_column(const fx_plugin& plugin, std::string_view name)
{
    return std::ranges::any_of(std::span(plugin.columns, plugin.column_count),
                               [name](const fx_column& c) { return name == c.name; });
}

// A column that both have; null: none.
const char* shared_column(const fx_plugin& a, const fx_plugin& b)
{
    for (const fx_column& c : std::span(a.columns, a.column_count))
        if (has_column(b, c.name))
            return c.name;
    return nullptr;
}

// The first of them, by number, that cannot run beside the plugin; null: none.
const fx_plugin* rival_of(const fx_plugin& plugin, const std::set<const fx_plugin*>& chosen)
{
    const fx_plugin* first = nullptr;
    for (const fx_plugin* other : chosen)
        if (other != &plugin && shared_column(*other, plugin) && (!first || other->number < first->number))
            first = other;
    return first;
}

bool is_filled(const std::vector<const fx_plugin*>& fillers, const std::set<const fx_plugin*>& chosen)
{
    return std::ranges::any_of(fillers, [&](const fx_plugin* p) { return chosen.contains(p); });
}

} // namespace

void ColumnFillers::complete(const std::vector<NeededColumn>& needed, std::set<const fx_plugin*>* chosen) const
{
    // Columns that leave no choice come first: what they bring along decides for others.
    for (const bool choice : {false, true})
        for (const NeededColumn& column : needed) {
            if (column.name == "dir" || column.name == "flowInd")
                continue;
            const std::vector<const fx_plugin*> fillers = fillers_of(column.name);
            if (fillers.empty())
                throw StartupError(fmt::format("{} needs column '{}', which no plugin has", column.by, column.name));
            if (is_filled(fillers, *chosen) || (!choice && fillers.size() > 1))
                continue;
            const fx_plugin* filler = cheapest(fillers, *chosen);
            if (!filler)
                refuse(column, fillers, *chosen);
            chosen->insert(filler);
        }
}

void ColumnFillers::check(const std::set<const fx_plugin*>& chosen)
{
    for (const fx_plugin* plugin : chosen)
        if (const fx_plugin* rival = rival_of(*plugin, chosen); rival && rival->number > plugin->number)
            throw StartupError(fmt::format("plugins '{}' and '{}' both have column '{}': leave one of them out",
                                           plugin->name, rival->name, shared_column(*plugin, *rival)),
                               ExitCode::kUsage);
}

std::vector<const fx_plugin*> ColumnFillers::fillers_of(const std::string& column) const
{
    std::vector<const fx_plugin*> fillers;
    for (const PluginLibrary& library : libraries_)
        if (has_column(*library.descriptor, column))
            fillers.push_back(library.descriptor);
    return fillers;
}

const fx_plugin* ColumnFillers::cheapest(const std::vector<const fx_plugin*>& fillers,
                                         const std::set<const fx_plugin*>& chosen) const
{
    const fx_plugin* best = nullptr;
    for (const fx_plugin* p : fillers)
        if (!is_left_out(*p) && !rival_of(*p, chosen) &&
            (!best || p->state_size + p->cold_size < best->state_size + best->cold_size))
            best = p;
    return best;
}

bool ColumnFillers::is_left_out(const fx_plugin& plugin) const
{
    return std::ranges::find(left_out_, plugin.name) != left_out_.end();
}

void ColumnFillers::refuse(const NeededColumn& column, const std::vector<const fx_plugin*>& fillers,
                           const std::set<const fx_plugin*>& chosen) const
{
    for (const fx_plugin* p : fillers)
        if (is_left_out(*p))
            throw StartupError(
                fmt::format("{} needs column '{}' of plugin '{}', which is left out: leave --no-plugin {} or "
                            "{} out",
                            column.by, column.name, p->name, p->name, column.by),
                ExitCode::kUsage);
    const fx_plugin& filler = *fillers.front();
    const fx_plugin& rival = *rival_of(filler, chosen);
    throw StartupError(
        fmt::format("{} needs column '{}' of plugin '{}', which does not run beside '{}', because both have column "
                    "'{}': leave '{}' or {} out",
                    column.by, column.name, filler.name, rival.name, shared_column(filler, rival), rival.name,
                    column.by),
        ExitCode::kUsage);
}

} // namespace flowxdp
