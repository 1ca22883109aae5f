// SPDX-License-Identifier: BSD-2-Clause
// option.hpp - the C++ layer over option.h: options declared once, each by a handle that knows its type.
//
//     struct Options : flowxdp::OptionSet {
//         Number<std::uint32_t> threshold{this, "threshold", "1", "count windows below this", 1, 65536};
//     };
//     constexpr Options kOptions;
//     ...
//     const std::uint32_t threshold = values[kOptions.threshold];
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "flowxdp/option.h"

namespace flowxdp {

class OptionSet;

// A whole number from low to high, which T holds.
template <typename T>
class NumberOption {
  public:
    using Value = T;
    constexpr NumberOption(OptionSet* set, const char* name, const char* default_value, const char* help,
                           std::uint64_t low, std::uint64_t high);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }
    static T value(const fx_value& v) { return static_cast<T>(v.number); }

  private:
    std::size_t index_;
};
// A duration from low to high, in milliseconds.
class DurationOption {
  public:
    using Value = std::uint32_t;
    constexpr DurationOption(OptionSet* set, const char* name, const char* default_value, const char* help,
                             std::uint32_t low_ms = 1, std::uint32_t high_ms = 0x7fffffff);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }
    static std::uint32_t value(const fx_value& v) { return static_cast<std::uint32_t>(v.number); }

  private:
    std::size_t index_;
};
// On (1) or off (0).
class SwitchOption {
  public:
    using Value = bool;
    constexpr SwitchOption(OptionSet* set, const char* name, const char* default_value, const char* help);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }
    static bool value(const fx_value& v) { return v.number != 0; }

  private:
    std::size_t index_;
};
// A whole number from low to high, or nothing while it is not given.
template <typename T>
class OptionalNumberOption {
  public:
    using Value = std::optional<T>;
    constexpr OptionalNumberOption(OptionSet* set, const char* name, const char* help, std::uint64_t low,
                                   std::uint64_t high);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }
    static Value value(const fx_value& v) { return *v.text ? Value(static_cast<T>(v.number)) : std::nullopt; }

  private:
    std::size_t index_;
};
// One of some words, "crlf|lf": its place among them, from 0, as a number or an enumeration.
template <typename T>
class WordOption {
  public:
    using Value = T;
    constexpr WordOption(OptionSet* set, const char* name, const char* default_value, const char* help,
                         const char* words);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }
    static T value(const fx_value& v) { return static_cast<T>(v.number); }

  private:
    std::size_t index_;
};
// Any text, e.g. a path.
class TextOption {
  public:
    using Value = std::string_view;
    constexpr TextOption(OptionSet* set, const char* name, const char* default_value, const char* help);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }
    static std::string_view value(const fx_value& v) { return v.text; }

  private:
    std::size_t index_;
};

// The options of a plugin or sink, in their order: a struct that derives from it and whose members are options. At most
// kMost.
class OptionSet {
  public:
    static constexpr std::size_t kMost = 32;

    template <typename T>
    using Number = NumberOption<T>;
    using Duration = DurationOption;
    using Switch = SwitchOption;
    using Text = TextOption;
    template <typename T>
    using OptionalNumber = OptionalNumberOption<T>;
    template <typename T>
    using Word = WordOption<T>;

    [[nodiscard]] constexpr std::span<const fx_option> all() const { return {options_, count_}; }

  private:
    template <typename>
    friend class NumberOption;
    template <typename>
    friend class OptionalNumberOption;
    template <typename>
    friend class WordOption;
    friend class DurationOption;
    friend class SwitchOption;
    friend class TextOption;

    constexpr std::size_t add(const fx_option& option)
    {
        if (count_ == kMost)
            throw "more options than OptionSet::kMost";
        options_[count_] = option;
        return count_++;
    }

    fx_option options_[kMost] = {};
    std::size_t count_ = 0;
};

template <typename T>
constexpr NumberOption<T>::NumberOption(OptionSet* set, const char* name, const char* default_value, const char* help,
                                        std::uint64_t low, std::uint64_t high)
    : index_(set->add({name, default_value, help, low, high, FX_OPTION_NUMBER, 0, nullptr}))
{
    if (low > high || high > static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
        throw "a range that the option's type does not hold";
}
template <typename T>
constexpr OptionalNumberOption<T>::OptionalNumberOption(OptionSet* set, const char* name, const char* help,
                                                        std::uint64_t low, std::uint64_t high)
    : index_(set->add({name, "", help, low, high, FX_OPTION_NUMBER, 0, nullptr}))
{
    if (low > high || high > static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
        throw "a range that the option's type does not hold";
}
template <typename T>
constexpr WordOption<T>::WordOption(OptionSet* set, const char* name, const char* default_value, const char* help,
                                    const char* words)
    : index_(set->add({name, default_value, help, 0, 0, FX_OPTION_WORD, 0, words}))
{
}
constexpr DurationOption::DurationOption(OptionSet* set, const char* name, const char* default_value, const char* help,
                                         std::uint32_t low_ms, std::uint32_t high_ms)
    : index_(set->add({name, default_value, help, low_ms, high_ms, FX_OPTION_DURATION, 0, nullptr}))
{
}
constexpr SwitchOption::SwitchOption(OptionSet* set, const char* name, const char* default_value, const char* help)
    : index_(set->add({name, default_value, help, 0, 1, FX_OPTION_SWITCH, 0, nullptr}))
{
}
constexpr TextOption::TextOption(OptionSet* set, const char* name, const char* default_value, const char* help)
    : index_(set->add({name, default_value, help, 0, 0, FX_OPTION_TEXT, 0, nullptr}))
{
}

// What the options were set to. Valid while the plugin or sink is created.
class OptionValues {
  public:
    explicit OptionValues(const fx_value* values) : values_(values) {}
    template <typename Option>
    [[nodiscard]] typename Option::Value operator[](const Option& option) const
    {
        return Option::value(values_[option.index()]);
    }

  private:
    const fx_value* values_;
};

} // namespace flowxdp
