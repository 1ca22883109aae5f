// SPDX-License-Identifier: BSD-2-Clause
// option_value.h - options of plugins and sinks, read and checked by what they declare (flowxdp/option.h).
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/nearest_word.h"
#include "core/number.h"
#include "core/printable.h"
#include "core/result.h"
#include "flowxdp/option.h"

namespace flowxdp {

// "crlf|lf": crlf, lf.
inline std::vector<std::string> option_words(const fx_option& option)
{
    std::vector<std::string> words(1);
    for (const char* c = option.words; c && *c; c++) {
        if (*c == '|')
            words.emplace_back();
        else
            words.back() += *c;
    }
    return words;
}

// What a plugin or sink declares wrong; null: nothing.
inline const char* option_problem(const fx_option& o)
{
    if (!o.name || !o.default_value || !o.help || o.type < FX_OPTION_TEXT || o.type > FX_OPTION_WORD)
        return "an option has no name, default or help, or a type that is not known";
    if (o.type == FX_OPTION_WORD && !o.words)
        return "an option of words has none";
    return nullptr;
}

// The number of an option's text. Error: the reason, without the option.
inline Result<std::uint64_t> read_option(const fx_option& option, std::string_view text)
{
    if (text.empty() && !*option.default_value) // not set
        return std::uint64_t{0};
    switch (option.type) {
    case FX_OPTION_TEXT:
        return std::uint64_t{0};
    case FX_OPTION_DURATION:
        return read_duration_ms(text, option.low, option.high);
    case FX_OPTION_WORD: {
        const std::vector<std::string> words = option_words(option);
        for (std::size_t i = 0; i < words.size(); i++)
            if (text == words[i])
                return std::uint64_t{i};
        return Error{fmt::format("'{}' is not known{}", printable(text, kValueBytes), known_words(text, words))};
    }
    default: {
        // The default is the example in a message.
        const auto declared = read_number(option.default_value, option.low, option.high, option.low);
        return read_number(text, option.low, option.high, declared.ok() ? declared.value() : option.low);
    }
    }
}

// The values of all options, and their texts.
struct OptionValueList {
    std::vector<std::string> texts; // what the values point to
    std::vector<fx_value> values;
};

// given: what the user wrote. Error: which option, and why.
inline Result<OptionValueList> read_options(std::span<const fx_option> options,
                                            const std::map<std::string, std::string>& given)
{
    std::vector<std::string> known;
    for (const fx_option& option : options)
        known.emplace_back(option.name);
    for (const auto& [key, value] : given)
        if (std::find(known.begin(), known.end(), key) == known.end())
            return Error{
                fmt::format("there is no option '{}'{}", printable(key, kValueBytes), known_words(key, known))};
    OptionValueList list;
    for (const fx_option& option : options) {
        const auto found = given.find(option.name);
        list.texts.push_back(found == given.end() ? option.default_value : found->second);
        const auto number = read_option(option, list.texts.back());
        if (!number.ok())
            return Error{fmt::format("option '{}': {}", option.name, number.error().message)};
        list.values.push_back({nullptr, number.value()});
    }
    for (std::size_t i = 0; i < list.texts.size(); i++)
        list.values[i].text = list.texts[i].c_str();
    return list;
}

} // namespace flowxdp
