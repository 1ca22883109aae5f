// SPDX-License-Identifier: BSD-2-Clause
#include "cli/listing.h"

#include <cstdio>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "plugin/plugin_host.h"
#include "row/json_text.h"
#include "sink/sink_registry.h"

namespace flowxdp {
namespace {

std::string column_type(const fx_column& c)
{
    Schema schema;
    schema.add({&c, 1});
    return Schema::type_name(schema.columns()[0]);
}

std::string columns_json(const fx_column* columns, std::size_t count)
{
    std::string out = "[";
    for (std::size_t i = 0; i < count; i++)
        out += fmt::format("{}{{\"name\":{},\"type\":{},\"help\":{}}}", i ? "," : "", json_string(columns[i].name),
                           json_string(column_type(columns[i])), json_string(columns[i].help));
    return out + "]";
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

ExitCode list_plugins(const std::string& library_folder, bool json)
{
    bool first = true;
    if (json)
        std::fputs("[", stdout);
    for (const PluginLibrary& library : load_plugin_libraries(flowxdp::library_folder(library_folder) + "/plugins")) {
        const fx_plugin* p = library.descriptor;
        if (json) {
            std::string options;
            for (std::size_t i = 0; i < p->option_count; i++)
                options += fmt::format("{}{{\"name\":{},\"default\":{},\"help\":{}}}", i ? "," : "",
                                       json_string(p->options[i].name), json_string(p->options[i].default_value),
                                       json_string(p->options[i].help));
            fmt::print("{}{{\"name\":{},\"number\":{},\"version\":{},\"default\":{},\"help\":{},\"options\":[{}],"
                       "\"columns\":{},\"packet_columns\":{}}}",
                       first ? "" : ",\n", json_string(p->name), p->number, json_string(p->version), p->default_on != 0,
                       json_string(p->help), options, columns_json(p->columns, p->column_count),
                       columns_json(p->packet_columns, p->packet_column_count));
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
    }
    if (json)
        std::fputs("]\n", stdout);
    return ExitCode::kOk;
}

ExitCode list_sinks(bool json)
{
    bool first = true;
    if (json)
        std::fputs("[", stdout);
    for (const SinkFactory& f : sink_factories()) {
        if (json) {
            std::string options;
            for (const SinkOptionHelp& o : f.options)
                options += fmt::format("{}{{\"name\":{},\"default\":{},\"help\":{}}}", options.empty() ? "" : ",",
                                       json_string(o.name), json_string(o.default_value), json_string(o.help));
            fmt::print("{}{{\"name\":{},\"target\":{},\"help\":{},\"options\":[{}]}}", first ? "" : ",\n",
                       json_string(f.name), json_string(f.target_help), json_string(f.help), options);
            first = false;
            continue;
        }
        fmt::print("{}:{}\n    {}\n", f.name, f.target_help, f.help);
        for (const SinkOptionHelp& o : f.options)
            fmt::print("    option {}={}: {}\n", o.name, o.default_value, o.help);
    }
    if (json)
        std::fputs("]\n", stdout);
    else
        std::fputs(
            "every sink also takes\n    option policy=: block (wait) or drop (and count) when its queue is full\n"
            "    option queue=33554432: bytes its queue may hold\n",
            stdout);
    return ExitCode::kOk;
}

ExitCode decode_value(const std::string& library_folder, const std::string& text, bool json)
{
    const std::size_t equal = text.find('=');
    const std::string name = text.substr(0, equal);
    std::string known;
    for (const PluginLibrary& library : load_plugin_libraries(flowxdp::library_folder(library_folder) + "/plugins")) {
        const fx_plugin* p = library.descriptor;
        for (std::size_t i = 0; i < p->column_count; i++) {
            const fx_column& c = p->columns[i];
            if (!c.bit_count)
                continue;
            known += (known.empty() ? "" : ", ") + std::string(c.name);
            if (name != c.name)
                continue;
            char* end = nullptr;
            const std::string value_text = equal == std::string::npos ? "" : text.substr(equal + 1);
            const std::uint64_t value = std::strtoull(value_text.c_str(), &end, 0);
            if (value_text.empty() || *end || value_text[0] == '-')
                throw StartupError(fmt::format("'{}' is not COLUMN=VALUE: write e.g. {}=0x41", text, name),
                                   ExitCode::kUsage);
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
    throw StartupError(fmt::format("column '{}' has no named bits; these have: {}", name, known), ExitCode::kUsage);
}

} // namespace flowxdp
