// SPDX-License-Identifier: BSD-2-Clause
#include "cli/listing.h"

#include <algorithm>
#include <cstdio>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/module_listing.h"
#include "core/nearest_word.h"
#include "core/number.h"
#include "core/printable.h"
#include "row/json_text.h"
#include "row/schema.h"
#include "sink/sink_library.h"

namespace flowxdp {
namespace {

std::string column_type(const fx_column& c)
{
    Schema schema;
    schema.add({&c, 1});
    return type_name(schema.columns()[0]);
}

std::string bits_json(const fx_column& column)
{
    const int digits = 2 * static_cast<int>(Schema::width_of(static_cast<fx_type>(column.type)));
    std::string out = "[";
    for (unsigned i = 0; i < column.bit_count; i++)
        out += fmt::format("{}{{\"mask\":\"0x{:0{}x}\",\"text\":{}}}", i ? "," : "", column.bits[i].mask, digits,
                           json_string(column.bits[i].text));
    return out + "]";
}

std::string columns_json(const fx_column* columns, std::size_t count)
{
    std::string out = "[";
    for (std::size_t i = 0; i < count; i++)
        out += fmt::format("{}{{\"name\":{},\"type\":{},\"optional\":{},\"help\":{},\"bits\":{}}}", i ? "," : "",
                           json_string(columns[i].name), json_string(column_type(columns[i])),
                           (columns[i].flags & FX_OPTIONAL) != 0, json_string(columns[i].help), bits_json(columns[i]));
    return out + "]";
}

// Every name that was given is one that there is.
void check_names(const char* what, const std::vector<std::string>& names, const std::vector<std::string>& known)
{
    for (const std::string& name : names)
        if (std::ranges::find(known, name) == known.end())
            throw StartupError(
                fmt::format("there is no {} '{}'{}", what, printable(name, kValueBytes), known_words(name, known)),
                ExitCode::kUsage);
}

bool is_listed(const std::vector<std::string>& names, const char* name)
{
    return names.empty() || std::ranges::find(names, name) != names.end();
}

// The plugins that a replay could run. What is left out is named on standard error.
std::vector<PluginLibrary> listed_plugins(const std::string& library_folder)
{
    ModuleListing listing = list_modules(library_folder);
    for (const BrokenModule& one : listing.broken)
        fmt::print(stderr, "flowxdp: a module is left out: {}\n", printable(one.reason));
    return std::move(listing.plugins.usable);
}

// Hex digits in groups of four, as tawk -V prints them.
std::string grouped_hex(std::uint64_t value, unsigned digits)
{
    const std::string hex = fmt::format("{:0{}x}", value, digits);
    std::string out = "0x";
    for (std::size_t i = 0; i < hex.size(); i++)
        out += (i && (hex.size() - i) % 4 == 0 ? " " : "") + std::string(1, hex[i]);
    return out;
}

} // namespace

ExitCode list_plugins(const ListOptions& options)
{
    const bool json = options.json;
    bool first = true;
    const std::vector<PluginLibrary> libraries = listed_plugins(options.library_folder);
    std::vector<std::string> known;
    for (const PluginLibrary& library : libraries)
        known.emplace_back(library.descriptor->name);
    check_names("plugin", options.names, known);
    if (json)
        std::fputs("[", stdout);
    for (const PluginLibrary& library : libraries) {
        const fx_plugin* p = library.descriptor;
        if (!is_listed(options.names, p->name))
            continue;
        if (json) {
            std::string options_json;
            for (std::size_t i = 0; i < p->option_count; i++)
                options_json += fmt::format("{}{{\"name\":{},\"default\":{},\"help\":{}}}", i ? "," : "",
                                            json_string(p->options[i].name), json_string(p->options[i].default_value),
                                            json_string(p->options[i].help));
            std::string figures_json;
            for (std::size_t i = 0; i < p->figure_count; i++)
                figures_json += fmt::format("{}{{\"name\":{},\"help\":{},\"gauge\":{}}}", i ? "," : "",
                                            json_string(p->figures[i].name), json_string(p->figures[i].help),
                                            p->figures[i].kind == FX_FIGURE_GAUGE);
            fmt::print("{}{{\"name\":{},\"number\":{},\"version\":{},\"default\":{},\"help\":{},\"options\":[{}],"
                       "\"columns\":{},\"packet_columns\":{},\"figures\":[{}]}}",
                       first ? "" : ",\n", json_string(p->name), p->number, json_string(p->version), p->default_on != 0,
                       json_string(p->help), options_json, columns_json(p->columns, p->column_count),
                       columns_json(p->packet_columns, p->packet_column_count), figures_json);
            first = false;
            continue;
        }
        fmt::print("{:03} {} {}{}\n    {}\n", p->number, p->name, p->version, p->default_on ? " (on by default)" : "",
                   p->help);
        for (std::size_t i = 0; i < p->option_count; i++)
            fmt::print("    option {}={}: {}\n", p->options[i].name, p->options[i].default_value, p->options[i].help);
        for (std::size_t i = 0; i < p->column_count; i++)
            fmt::print("    column {} {}: {}\n", p->columns[i].name, column_type(p->columns[i]), p->columns[i].help);
        for (std::size_t i = 0; i < p->packet_column_count; i++)
            fmt::print("    packet column {} {}: {}\n", p->packet_columns[i].name, column_type(p->packet_columns[i]),
                       p->packet_columns[i].help);
        for (std::size_t i = 0; i < p->figure_count; i++)
            fmt::print("    figure {}: {}\n", p->figures[i].name, p->figures[i].help);
    }
    if (json)
        std::fputs("]\n", stdout);
    return ExitCode::kOk;
}

ExitCode list_sinks(const ListOptions& options)
{
    const bool json = options.json;
    bool first = true;
    const SinkLibrary library = SinkLibrary(ModuleFolders::of(options.library_folder, ModuleUse::kReplay));
    const std::vector<std::string> known = library.names();
    check_names("sink", options.names, known);
    if (json)
        std::fputs("[", stdout);
    ExitCode code = ExitCode::kOk;
    for (const std::string& name : known) {
        if (!is_listed(options.names, name.c_str()))
            continue;
        const auto module = library.load(name);
        if (!module.ok()) {
            // The others are listed; a sink that was asked for by name and is not usable is an error.
            fmt::print(stderr, "flowxdp: {}\n", module.error().message);
            if (!options.names.empty())
                code = ExitCode::kRuntime;
            continue;
        }
        const fx_sink& s = *module->descriptor;
        const std::span<const fx_option> all(s.options, s.option_count);
        if (json) {
            std::string options_json;
            for (const fx_option& o : all)
                options_json +=
                    fmt::format("{}{{\"name\":{},\"default\":{},\"help\":{}}}", options_json.empty() ? "" : ",",
                                json_string(o.name), json_string(o.default_value), json_string(o.help));
            fmt::print("{}{{\"name\":{},\"version\":{},\"target\":{},\"help\":{},\"options\":[{}]}}",
                       first ? "" : ",\n", json_string(s.name), json_string(s.version), json_string(s.target_help),
                       json_string(s.help), options_json);
            first = false;
            continue;
        }
        fmt::print("{}:{}\n    {}\n", s.name, s.target_help, s.help);
        for (const fx_option& o : all)
            fmt::print("    option {}={}: {}\n", o.name, o.default_value, o.help);
    }
    if (json)
        std::fputs("]\n", stdout);
    else
        std::fputs(
            "every sink also takes\n    option policy=: block (wait) or drop (and count) when its queue is full\n"
            "    option queue=33554432: bytes its queue may hold\n",
            stdout);
    return code;
}

ExitCode decode_value(const std::string& library_folder, const std::string& text, bool json)
{
    const std::size_t equal = text.find('=');
    const std::string name = text.substr(0, equal);
    std::vector<std::string> known;
    for (const PluginLibrary& library : listed_plugins(library_folder)) {
        const fx_plugin* p = library.descriptor;
        for (std::size_t i = 0; i < p->column_count; i++) {
            const fx_column& c = p->columns[i];
            if (!c.bit_count)
                continue;
            known.emplace_back(c.name);
            if (name != c.name)
                continue;
            if (equal == std::string::npos)
                throw StartupError(fmt::format("'{}' is not COLUMN=VALUE: write e.g. {}=0x41", text, name),
                                   ExitCode::kUsage);
            const auto bits = read_bits(std::string_view(text).substr(equal + 1),
                                        8 * static_cast<unsigned>(Schema::width_of(static_cast<fx_type>(c.type))));
            if (!bits.ok())
                throw StartupError(fmt::format("column '{}': {}", name, bits.error().message), ExitCode::kUsage);
            const std::uint64_t value = bits.value();
            const unsigned digits = 2 * Schema::width_of(static_cast<fx_type>(c.type));
            if (json)
                fmt::print("{{\"column\":{},\"value\":\"0x{:0{}x}\",\"bits\":[", json_string(name), value, digits);
            else
                fmt::print("The {} column with value 0x{:0{}x} is to be interpreted as follows:\n\n   bit | {:<{}} | "
                           "Description\n",
                           name, value, digits, name, grouped_hex(0, digits).size());
            bool first = true;
            std::uint64_t rest = value;
            for (unsigned b = 0; b < c.bit_count; b++) {
                if (!(value & c.bits[b].mask))
                    continue;
                rest &= ~c.bits[b].mask;
                const int bit = __builtin_ctzll(c.bits[b].mask);
                if (json)
                    fmt::print("{}{{\"bit\":{},\"text\":{}}}", first ? "" : ",", bit, json_string(c.bits[b].text));
                else
                    fmt::print("    {:2} | {} | {}\n", bit, grouped_hex(c.bits[b].mask, digits), c.bits[b].text);
                first = false;
            }
            for (; rest; rest &= rest - 1) {
                const int bit = __builtin_ctzll(rest);
                if (json)
                    fmt::print("{}{{\"bit\":{},\"text\":null}}", first ? "" : ",", bit);
                else
                    fmt::print("    {:2} | {} | (no meaning)\n", bit, grouped_hex(1ULL << bit, digits));
                first = false;
            }
            fmt::print("{}", json ? "]}\n" : "");
            return ExitCode::kOk;
        }
    }
    const std::string meant = did_you_mean(name, known);
    throw StartupError(fmt::format("column '{}' has no named bits{} {}: {}", printable(name, kValueBytes),
                                   meant.empty() ? "; these" : meant + " These", "have", fmt::join(known, ", ")),
                       ExitCode::kUsage);
}

} // namespace flowxdp
