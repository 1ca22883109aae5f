// SPDX-License-Identifier: BSD-2-Clause
// plugin.h - the C++ layer a plugin's user half is written with, over plugin_api.h.
//
// A plugin is a class and one line:
//     class TtlPlugin : public flowxdp::Plugin { ... };
//     FLOWXDP_PLUGIN(TtlPlugin, kDescription)
// where kDescription is a constexpr flowxdp::PluginDescription. The class is built from its options; a thrown
// std::invalid_argument becomes the start-up error of flowxdp.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "count_text.h"
#include "plugin_api.h"

namespace flowxdp {

// Writes the cells of one row. index: position in the plugin's own column list; the type must be the column's.
class RowWriter {
  public:
    explicit RowWriter(fx_row* row) : row_(row) {}

    // Numbers, times, floats: T must be as wide as the column's fixed part.
    template <typename T>
    void put(std::size_t index, T value)
    {
        std::memcpy(row_->fixed + row_->cell[index], &value, sizeof value);
    }
    void mac(std::size_t index, const std::uint8_t* address)
    {
        std::memcpy(row_->fixed + row_->cell[index], address, 6);
    }
    // address: 16 bytes, v4-mapped; version 4, 6, 0 = none.
    void ip(std::size_t index, const std::uint8_t* address, std::uint8_t version)
    {
        std::uint8_t* cell = row_->fixed + row_->cell[index];
        std::memcpy(cell, address, 16);
        cell[16] = version;
    }
    void text(std::size_t index, std::string_view value)
    {
        span(index, fx_tail_append(row_->tail, value.data(), static_cast<std::uint32_t>(value.size())), value.size());
    }
    template <typename T>
    void list(std::size_t index, std::span<const T> values)
    {
        span(index, fx_tail_append(row_->tail, values.data(), static_cast<std::uint32_t>(values.size_bytes())),
             values.size());
    }
    void text_list(std::size_t index, std::span<const std::string_view> values)
    {
        constexpr std::size_t kMax = 16;
        fx_span spans[kMax];
        const std::size_t n = values.size() < kMax ? values.size() : kMax;
        for (std::size_t i = 0; i < n; i++)
            spans[i] = {fx_tail_append(row_->tail, values[i].data(), static_cast<std::uint32_t>(values[i].size())),
                        static_cast<std::uint32_t>(values[i].size())};
        span(index, fx_tail_append(row_->tail, spans, static_cast<std::uint32_t>(n * sizeof(fx_span))), n);
    }
    void empty(std::size_t index) { row_->present[index] = 0; }

  private:
    void span(std::size_t index, std::uint32_t offset, std::size_t count)
    {
        const fx_span cell = {offset, static_cast<std::uint32_t>(count)};
        std::memcpy(row_->fixed + row_->cell[index], &cell, sizeof cell);
    }
    fx_row* row_;
};

// One output line of a report hook.
class ReportWriter {
  public:
    explicit ReportWriter(const fx_report* report) : report_(report) {}
    void line(const std::string& text) { report_->line(report_->context, text.c_str()); }
    [[nodiscard]] const packet_totals& totals() const { return *report_->totals; }
    [[nodiscard]] std::uint64_t packets() const { return report_->packets; }
    [[nodiscard]] std::uint64_t flows() const { return report_->flows; }

  private:
    const fx_report* report_;
};

class Plugin {
  public:
    Plugin() = default;
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;
    virtual ~Plugin() = default;

    // Fills every column; returns the number of alarms of this direction.
    virtual std::uint64_t on_flow_end(const fx_flow& flow, RowWriter& row) = 0;
    virtual void on_packet(const fx_packet& packet, RowWriter& row)
    {
        (void)packet;
        (void)row;
    }
    virtual void report(ReportWriter& out) { (void)out; }
    virtual void summary() {}
    [[nodiscard]] virtual std::uint32_t flow_config_flags() const { return 0; }
};

// What a plugin says of itself. Sizes are 0 without a kernel half.
struct PluginDescription {
    std::uint16_t number;
    bool default_on;
    const char* name;
    const char* version;
    const char* help;
    std::uint32_t state_size, packet_state_size, config_size;
    const char* const* dependencies; // NULL-terminated
    std::span<const fx_option> options;
    std::span<const fx_column> columns;
    std::span<const fx_column> packet_columns;
    bool can_alarm;
};

// Option values of a plugin, in the order of its description.
class PluginOptions {
  public:
    PluginOptions(const char* const* values, const fx_option* options, std::size_t count)
        : values_(values), options_(options), count_(count)
    {
    }
    [[nodiscard]] std::string_view text(std::string_view name) const
    {
        for (std::size_t i = 0; i < count_; i++)
            if (name == options_[i].name)
                return values_[i];
        throw std::invalid_argument("option '" + std::string(name) + "' is not declared");
    }
    // An unsigned number in [low, high]; throws std::invalid_argument with option, value and range.
    [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t low, std::uint64_t high) const
    {
        const std::string value(text(name));
        char* end = nullptr;
        const std::uint64_t n = std::strtoull(value.c_str(), &end, 10);
        if (value.empty() || value[0] == '-' || *end || n < low || n > high)
            throw std::invalid_argument("option '" + std::string(name) + "' is '" + value + "': give a number from " +
                                        std::to_string(low) + " to " + std::to_string(high));
        return n;
    }
    // Seconds with an optional fraction, as milliseconds in [1, high_ms].
    [[nodiscard]] std::uint32_t seconds_as_ms(std::string_view name, std::uint32_t high_ms = 0x7fffffff) const
    {
        const std::string value(text(name));
        char* end = nullptr;
        const double s = std::strtod(value.c_str(), &end);
        if (value.empty() || *end || !(s >= 0.001) || s * 1000 > high_ms)
            throw std::invalid_argument("option '" + std::string(name) + "' is '" + value +
                                        "': give seconds of at least 0.001");
        return static_cast<std::uint32_t>(std::llround(s * 1000));
    }

  private:
    const char* const* values_;
    const fx_option* options_;
    std::size_t count_;
};

// Makes the C descriptor of a plugin class. Class must have a constructor (const PluginOptions&, void* kernel_config,
// const fx_host&).
template <typename Class>
const fx_plugin* make_plugin_descriptor(const PluginDescription& d)
{
    static const PluginDescription* description = nullptr;
    description = &d;
    static fx_plugin plugin;
    plugin = fx_plugin{
        FX_PLUGIN_API_VERSION,
        sizeof(fx_plugin),
        d.state_size,
        d.packet_state_size,
        d.config_size,
        d.number,
        d.default_on,
        d.name,
        d.version,
        d.help,
        d.dependencies,
        d.options.data(),
        d.options.size(),
        d.columns.data(),
        d.columns.size(),
        d.packet_columns.data(),
        d.packet_columns.size(),
        d.can_alarm,
        [](const char* const* values, void* config, const fx_host* host, char* error, std::size_t size) -> void* {
            try {
                const PluginOptions options(values, description->options.data(), description->options.size());
                return static_cast<Plugin*>(new Class(options, config, *host));
            } catch (const std::exception& e) {
                std::snprintf(error, size, "%s", e.what());
                return nullptr;
            }
        },
        [](void* p) { delete static_cast<Plugin*>(p); },
        [](void* p, const fx_flow* flow, fx_row* row) {
            RowWriter writer(row);
            return static_cast<Class*>(static_cast<Plugin*>(p))->on_flow_end(*flow, writer);
        },
        [](void* p, const fx_packet* packet, fx_row* row) {
            RowWriter writer(row);
            static_cast<Class*>(static_cast<Plugin*>(p))->on_packet(*packet, writer);
        },
        [](void* p, const fx_report* report) {
            ReportWriter writer(report);
            static_cast<Plugin*>(p)->report(writer);
        },
        [](void* p) { static_cast<Plugin*>(p)->summary(); },
        [](void* p) { return static_cast<const Plugin*>(static_cast<Plugin*>(p))->flow_config_flags(); },
    };
    return &plugin;
}

} // namespace flowxdp

#define FLOWXDP_PLUGIN(Class, description)                                                                             \
    extern "C" const fx_plugin* flowxdp_plugin()                                                                       \
    {                                                                                                                  \
        return flowxdp::make_plugin_descriptor<Class>(description);                                                    \
    }
