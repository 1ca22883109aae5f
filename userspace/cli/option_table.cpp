// SPDX-License-Identifier: BSD-2-Clause
#include "cli/option_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/nearest_word.h"
#include "core/printable.h"

namespace flowxdp {

std::string OptionRow::names() const
{
    if (name.empty() || !letter)
        return letter ? std::string{'-', letter} : called();
    return fmt::format("-{}, {}", letter, name);
}

namespace {

// What the placeholder of a value says of it: "PREFIX[:SIZE[f]][,START]" begins a path, "FILE" is one.
Noun noun_of(const std::string& value)
{
    const std::string first = value.substr(0, value.find_first_of("[|:"));
    if (first == "FILE" || first == "LIST" || first == "PREFIX")
        return Noun::kFile;
    return first == "DIR" || first == "FOLDER" ? Noun::kFolder : Noun::kNothing;
}

} // namespace

OptionRow& OptionTable::add(std::string_view names, std::string value, std::string help)
{
    OptionRow& row = rows_.emplace_back();
    for (std::size_t at = 0; at < names.size();) {
        const std::size_t end = std::min(names.find(',', at), names.size());
        const std::string_view one = names.substr(at, end - at);
        if (one.starts_with("--"))
            row.name = one;
        else
            row.letter = one[1];
        at = end + 1;
    }
    if (!row.name.empty())
        row.key = row.name.substr(2);
    row.letter_first = row.letter && !names.starts_with("--");
    row.noun = noun_of(value);
    row.value = std::move(value);
    row.help = std::move(help);
    row.group = group_;
    return row;
}

Error OptionTable::not_known(const std::string& text, const std::vector<std::string>& words)
{
    return Error{fmt::format("'{}' is not known{}", printable(text, kValueBytes), known_words(text, words))};
}

namespace {

Result<void> not_empty(const std::string& text)
{
    return text.empty() ? Result<void>(Error{"'' is empty: give a value, or leave the option out"}) : Result<void>();
}

} // namespace

OptionRow& OptionTable::flag(std::string_view names, bool* to, std::string help)
{
    OptionRow& row = add(names, "", std::move(help));
    row.repeats = true; // twice is once
    row.kind = ValueKind::kSwitch;
    row.read = [to](const std::string&) {
        *to = true;
        return Result<void>();
    };
    row.values = [to] { return *to ? std::vector<std::string>{"true"} : std::vector<std::string>(); };
    return row;
}

OptionRow& OptionTable::counter(std::string_view names, int* to, std::string help)
{
    OptionRow& row = add(names, "", std::move(help));
    row.repeats = true;
    row.kind = ValueKind::kCount;
    row.read = [to](const std::string&) {
        ++*to;
        return Result<void>();
    };
    row.values = [to] { return *to ? std::vector{fmt::format("{}", *to)} : std::vector<std::string>(); };
    return row;
}

OptionRow& OptionTable::text(std::string_view names, std::string value, std::string* to, std::string help)
{
    OptionRow& row = add(names, std::move(value), std::move(help));
    row.default_text = *to;
    row.read = [to](const std::string& text) -> Result<void> {
        auto given = not_empty(text);
        if (given.ok())
            *to = text;
        return given;
    };
    row.values = [to] { return to->empty() ? std::vector<std::string>() : std::vector{*to}; };
    return row;
}

OptionRow& OptionTable::list(std::string_view names, std::string value, std::vector<std::string>* to, std::string help)
{
    OptionRow& row = add(names, std::move(value), std::move(help));
    row.repeats = true;
    row.read = [to](const std::string& text) -> Result<void> {
        auto given = not_empty(text);
        if (given.ok())
            to->push_back(text);
        return given;
    };
    row.values = [to] { return *to; };
    return row;
}

OptionRow& OptionTable::words(std::string key, std::string value, std::vector<std::string>* to, std::string help)
{
    OptionRow& row = list("", std::move(value), to, std::move(help));
    row.key = std::move(key);
    row.hidden = true; // the command's own line shows it
    return row;
}

OptionRow& OptionTable::choice(std::string_view names, std::string* to, std::span<const char* const> words,
                               std::string help)
{
    std::vector<Meaning<std::string>> meanings;
    for (const char* word : words)
        meanings.push_back({word, word});
    return choice(names, to, std::span<const Meaning<std::string>>(meanings), std::move(help));
}

OptionRow& OptionTable::real(std::string_view names, double* to, double low, double high, double example,
                             std::string help)
{
    OptionRow& row = add(names, "N", std::move(help));
    row.range = fmt::format("from {} to {}", low, high);
    row.default_text = fmt::format("{}", *to);
    row.kind = ValueKind::kNumber;
    row.read = [=](const std::string& text) { return take(read_real(text, low, high, example), to); };
    row.values = [to] { return std::vector{fmt::format("{}", *to)}; };
    return row;
}

const OptionRow* OptionTable::find(std::string_view name) const
{
    const auto row = std::ranges::find(rows_, name, &OptionRow::name);
    return name.empty() || row == rows_.end() ? nullptr : &*row;
}

const OptionRow* OptionTable::find_key(std::string_view key) const
{
    const auto row = std::ranges::find(rows_, key, &OptionRow::key);
    return key.empty() || row == rows_.end() ? nullptr : &*row;
}

const OptionRow* OptionTable::find(char letter) const
{
    const auto row = std::ranges::find(rows_, letter, &OptionRow::letter);
    return !letter || row == rows_.end() ? nullptr : &*row;
}

} // namespace flowxdp
