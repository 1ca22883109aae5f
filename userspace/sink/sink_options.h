// SPDX-License-Identifier: BSD-2-Clause
// sink_options.h - the key=value options of a --sink, checked against what the sink's factory declares.
#pragma once

#include <charconv>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sink/sink_registry.h"

namespace flowxdp {

// Reads options with their defaults. The first error is kept: read everything, then ask error().
class SinkOptions {
  public:
    SinkOptions(const SinkSpec& spec, std::span<const SinkOptionHelp> declared) : spec_(spec), declared_(declared)
    {
        for (const auto& [key, value] : spec.options) {
            bool known = false;
            std::string names;
            for (const SinkOptionHelp& option : declared) {
                known = known || key == option.name;
                names += (names.empty() ? "" : ", ") + std::string(option.name);
            }
            if (!known)
                fail(fmt::format("there is no option '{}'; there are: {}", key, names.empty() ? "none" : names));
        }
    }

    [[nodiscard]] std::string text(std::string_view name) const
    {
        const auto given = spec_.options.find(std::string(name));
        if (given != spec_.options.end())
            return given->second;
        for (const SinkOptionHelp& option : declared_)
            if (name == option.name)
                return option.default_value;
        return {};
    }
    // A whole number in [low, high].
    std::uint64_t number(std::string_view name, std::uint64_t low, std::uint64_t high)
    {
        const std::string value = text(name);
        std::uint64_t n = 0;
        const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), n);
        if (ec != std::errc() || end != value.data() + value.size() || n < low || n > high)
            fail(fmt::format("option '{}' is '{}': give a number from {} to {}", name, value, low, high));
        return n;
    }
    // One of the words, by index.
    std::size_t word(std::string_view name, std::span<const std::string_view> words)
    {
        const std::string value = text(name);
        std::string all;
        for (std::size_t i = 0; i < words.size(); i++) {
            if (value == words[i])
                return i;
            all += (all.empty() ? "" : ", ") + std::string(words[i]);
        }
        fail(fmt::format("option '{}' is '{}': give one of {}", name, value, all));
        return 0;
    }
    void fail(const std::string& reason)
    {
        if (error_.empty())
            error_ = fmt::format("sink '{}': {}", spec_.name, reason);
    }
    [[nodiscard]] Result<void> error() const { return error_.empty() ? Result<void>() : Error{error_}; }

  private:
    const SinkSpec& spec_;
    std::span<const SinkOptionHelp> declared_;
    std::string error_;
};

} // namespace flowxdp
