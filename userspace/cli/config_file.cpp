// SPDX-License-Identifier: BSD-2-Clause
#include "cli/config_file.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/impl/preprocessor.h>
// toml++ 3.3.0 asserts that a table's header begins with a key ("[." does not), then refuses it with an error: the
// assertion would end the program, and let an optimizer drop the refusal.
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>

#include "cli/help_text.h"
#include "core/nearest_word.h"
#include "core/printable.h"
#include "core/text_file.h"
#include "core/utf8.h"
#include "module/module_trust.h"

namespace flowxdp {
namespace {

std::size_t line_of(const toml::node& node)
{
    return node.source().begin.line;
}

// "a date"; empty: text, number or switch, which options take.
std::string_view foreign_type(const toml::node& node)
{
    switch (node.type()) {
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
        return "a date or a time";
    case toml::node_type::array:
        return "a list in a list";
    case toml::node_type::table:
        return "a table";
    default:
        return "";
    }
}

ConfigValue scalar_value(const toml::node& node)
{
    ConfigValue value;
    value.line = line_of(node);
    if (const auto* text = node.as_string()) {
        value.type = ConfigValue::Type::kText;
        value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        value.type = ConfigValue::Type::kInteger;
        value.text = fmt::format("{}", integer->get());
    } else if (const auto* real = node.as_floating_point()) {
        value.type = ConfigValue::Type::kReal;
        value.text = fmt::format("{}", real->get());
    } else if (const auto* on = node.as_boolean()) {
        value.type = ConfigValue::Type::kSwitch;
        value.text = on->get() ? "true" : "false";
    } else {
        value.text = foreign_type(node);
    }
    return value;
}

// A sink or plugin. key: its name, unless the table says one.
ConfigValue table_value(const toml::table& table, std::string_view key)
{
    ConfigValue value;
    value.line = line_of(table);
    value.type = ConfigValue::Type::kTable;
    value.table.name = key;
    for (const auto& [name, node] : table) {
        ConfigValue member = scalar_value(node);
        if (member.type == ConfigValue::Type::kOther)
            return {ConfigValue::Type::kOther,
                    fmt::format("{} at '{}'", member.text, printable(name.str(), kValueBytes)),
                    {},
                    member.line};
        if (member.type == ConfigValue::Type::kSwitch)
            member.text = member.text == "true" ? "1" : "0"; // as options of sinks and plugins have it
        if (name == "name" && key.empty())
            value.table.name = member.text;
        else if (name == "target")
            value.table.target = member.text;
        else
            value.table.options.emplace_back(name.str(), member.text);
    }
    return value;
}

ConfigEntry entry_of(const toml::key& key, const toml::node& node)
{
    ConfigEntry entry{std::string(key.str()), key.source().begin.line, false, {}};
    if (const toml::array* list = node.as_array()) {
        entry.is_list = true;
        for (const toml::node& element : *list)
            entry.values.push_back(element.is_table() ? table_value(*element.as_table(), "") : scalar_value(element));
    } else if (const toml::table* table = node.as_table()) {
        // [plugin.NAME], or one table without a name of its own.
        const bool named = !table->empty() && std::all_of(table->begin(), table->end(),
                                                          [](const auto& member) { return member.second.is_table(); });
        entry.is_list = named;
        if (!named)
            entry.values.push_back(table_value(*table, ""));
        else
            for (const auto& [name, member] : *table)
                entry.values.push_back(table_value(*member.as_table(), name.str()));
    } else {
        entry.values.push_back(scalar_value(node));
    }
    if (!entry.line)
        entry.line = entry.values.empty() ? line_of(node) : entry.values.front().line;
    return entry;
}

// What an option makes of one value.
Result<void> read_value(const OptionRow& row, const ConfigValue& value)
{
    using Type = ConfigValue::Type;
    if (value.type == Type::kOther)
        return Error{fmt::format("{} is no value of an option", value.text)};
    if (value.type == Type::kTable) {
        if (!row.read_table)
            return Error{"it is no table: give its value alone"};
        if (value.table.name.empty())
            return Error{"the table has no name: write name = \"...\""};
        return row.read_table(value.table);
    }
    switch (row.kind) {
    case ValueKind::kSwitch:
        if (value.type != Type::kSwitch)
            return Error{fmt::format("'{}' is neither true nor false", printable(value.text, kValueBytes))};
        return value.text == "true" ? row.read("") : Result<void>();
    case ValueKind::kCount: {
        constexpr std::int64_t kMost = 9;
        const bool is_switch = value.type == Type::kSwitch;
        if (!is_switch && value.type != Type::kInteger)
            return Error{fmt::format("'{}' is no whole number", printable(value.text, kValueBytes))};
        const auto times = is_switch ? read_number(value.text == "true" ? "1" : "0", 0, kMost, 1)
                                     : read_number(value.text, 0, kMost, 1);
        if (!times.ok())
            return times.error();
        for (std::uint64_t i = 0; i < times.value(); i++)
            if (auto taken = row.read(""); !taken.ok())
                return taken;
        return {};
    }
    case ValueKind::kNumber:
        if (value.type == Type::kSwitch)
            return Error{fmt::format("'{}' is no number", value.text)};
        return row.read(value.text);
    case ValueKind::kText:
        if (value.type != Type::kText)
            return Error{fmt::format("{} is text here: write \"{}\"", value.text, value.text)};
        return row.read(value.text);
    }
    return {};
}

std::string problem(const ConfigFile& file, std::size_t line, const std::string& key, const std::string& reason)
{
    return fmt::format("configuration file '{}', line {}: {}: {}", printable(file.path), line,
                       printable(key, kValueBytes), reason);
}

std::string unknown_key(const std::string& key, const std::vector<CommandRow>& commands, const CommandRow& command)
{
    for (const CommandRow& other : commands)
        if (other.options.find("--config") && other.options.find_key(key))
            return fmt::format("it is an option of {}, not of {}", other.name, command.name);
    std::vector<std::string> known;
    for (const OptionRow& row : command.options.rows())
        if (!row.key.empty())
            known.push_back(row.key);
    const std::string meant = did_you_mean(key, known);
    return fmt::format(
        "{} has no such option{}", command.name,
        meant.empty() ? "; 'flowxdp config dump' shows all of attach, with --command replay all of replay" : meant);
}

void apply_entry(const ConfigFile& file, const ConfigEntry& entry, const OptionRow& row,
                 std::vector<std::string>* problems)
{
    if (entry.is_list && !row.repeats && row.joint) {
        ConfigValue joined{ConfigValue::Type::kText, "", {}, entry.line};
        for (const ConfigValue& value : entry.values) {
            if (value.type != ConfigValue::Type::kText) {
                problems->push_back(problem(file, value.line, entry.key, "it is a list of texts"));
                return;
            }
            joined.text += (joined.text.empty() ? "" : std::string(1, row.joint)) + value.text;
        }
        if (auto read = read_value(row, joined); !read.ok())
            problems->push_back(problem(file, entry.line, entry.key, read.error().message));
        return;
    }
    if (entry.is_list && (!row.repeats || row.kind != ValueKind::kText)) {
        problems->push_back(problem(file, entry.line, entry.key, "it takes one value, not a list"));
        return;
    }
    for (const ConfigValue& value : entry.values)
        if (auto read = read_value(row, value); !read.ok())
            problems->push_back(problem(file, value.line ? value.line : entry.line, entry.key, read.error().message));
}

// Text as TOML has it between quotes (TOML 1.0, basic string).
std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += std::string{'\\', c};
        else if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\u{:04x}", byte);
        else
            out += c;
    }
    return out + "\"";
}

// As the file has it: a number without quotes where TOML knows it.
std::string written(const OptionRow& row, const std::string& value)
{
    if (row.kind == ValueKind::kSwitch || row.kind == ValueKind::kCount)
        return value;
    if (row.kind == ValueKind::kNumber &&
        (read_number(value, 0, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), 1).ok() ||
         (value.find('.') != std::string::npos && read_real(value, 0, std::numeric_limits<double>::max(), 1).ok())))
        return value;
    return quoted(value);
}

std::string written(const OptionRow& row, const std::vector<std::string>& values)
{
    if (!row.repeats || row.kind != ValueKind::kText)
        return written(row, values.front());
    std::string list;
    for (const std::string& value : values)
        list += (list.empty() ? "" : ", ") + written(row, value);
    return "[" + list + "]";
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (!length)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

// What stands behind the # of a row without a value.
std::string form_of(const OptionRow& row)
{
    if (row.kind == ValueKind::kSwitch)
        return "false";
    if (row.kind == ValueKind::kCount)
        return "0";
    const std::string value = quoted(row.value);
    return row.repeats ? "[" + value + "]" : value;
}

} // namespace

std::string config_path(const std::string& name)
{
    return name.find_first_of("/.") == std::string::npos ? "/etc/flowxdp/" + name + ".toml" : name;
}

Result<ConfigFile> read_config_file(const std::string& path)
{
    auto refused = [&](const std::string& why) {
        return Error{fmt::format("cannot read configuration file '{}': {}", printable(path), why)};
    };
    if (has_own_rights())
        if (const std::string changeable = write_problem(path); !changeable.empty())
            return refused(changeable);
    const auto text = read_text_file(path, kMaxConfigBytes);
    if (!text.ok())
        return refused(text.error().message);
    return parse_config(text.value(), path);
}

Result<ConfigFile> parse_config(const std::string& text, const std::string& path)
{
    const toml::parse_result parsed = toml::parse(text, path);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return Error{fmt::format("configuration file '{}', line {}: {}", printable(path), error.source().begin.line,
                                 printable(std::string(error.description())))};
    }
    ConfigFile file{path, {}};
    for (const auto& [key, node] : parsed.table())
        file.entries.push_back(entry_of(key, node));
    std::ranges::stable_sort(file.entries, {}, &ConfigEntry::line);
    return file;
}

std::vector<std::string> apply_config(const ConfigFile& file, const std::vector<CommandRow>& commands,
                                      const CommandRow& command, const std::function<bool(const OptionRow&)>& is_given)
{
    // detach reads the file of an attach: what is not its own, or belongs to the sensor, is known from the sensor.
    const auto whose = std::ranges::find(commands, command.files_of, &CommandRow::name);
    std::vector<std::string> problems;
    for (const ConfigEntry& entry : file.entries) {
        const OptionRow* row = command.options.find_key(entry.key);
        if (whose != commands.end()) {
            const OptionRow* other = whose->options.find_key(entry.key);
            if (other && (!row || row->change == Change::kSensor))
                continue;
        }
        if (!row)
            problems.push_back(problem(file, entry.line, entry.key, unknown_key(entry.key, commands, command)));
        else if (!is_given(*row))
            apply_entry(file, entry, *row, &problems);
    }
    return problems;
}

Result<std::string> config_text(const CommandRow& command, const OptionTable& defaults)
{
    std::string out;
    std::string group;
    for (const OptionRow& row : command.options.rows()) {
        if (row.key.empty())
            continue;
        if (row.group != group)
            out += fmt::format("{}## {}\n", out.empty() ? "" : "\n", row.group);
        group = row.group;
        for (const std::string& line : wrapped(row.help, kHelpWidth - 2))
            out += "# " + line + "\n";
        const std::vector<std::string> values = row.values();
        const OptionRow* untouched = defaults.find_key(row.key);
        const bool is_default = untouched && untouched->values() == values;
        for (const std::string& value : values)
            if (!is_utf8(value))
                return Error{fmt::format("option {}: '{}' is no UTF-8, so no configuration file can hold it",
                                         row.called(), printable(value, kValueBytes))};
        out += fmt::format("{}{} = {}\n", is_default ? "#" : "", row.key,
                           values.empty() ? form_of(row) : written(row, values));
    }
    return out;
}

} // namespace flowxdp
