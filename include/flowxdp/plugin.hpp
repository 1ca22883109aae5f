// SPDX-License-Identifier: BSD-2-Clause
// plugin.hpp - the C++ layer that a plugin's user half is written with, over plugin.h.
//
// A plugin is its columns (row.hpp), its options (option.hpp), a description, a class and one line:
//     class TtlPlugin : public flowxdp::Plugin { ... };
//     FLOWXDP_PLUGIN(TtlPlugin, kDescription)
// where kDescription is a constexpr flowxdp::PluginDescription. The class is made from its options' values; what it
// throws there becomes the start-up error of flowxdp.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "flowxdp/count_text.hpp"
#include "flowxdp/figure.hpp"
#include "flowxdp/option.hpp"
#include "flowxdp/plugin.h"
#include "flowxdp/row.hpp"

namespace flowxdp {

// What a plugin may ask of flowxdp. Cheap to copy; valid as long as the plugin.
class Host {
  public:
    explicit Host(const fx_host& host) : host_(&host) {}

    // Each distinct line is printed once.
    void warn(const std::string& text) const { host_->log(host_->context, 1, text.c_str()); }
    void inform(const std::string& text) const { host_->log(host_->context, 2, text.c_str()); }

    // Where an address belongs; "-" where nothing is known. address: 16 bytes, IPv4 mapped into IPv6.
    struct Place {
        std::string_view country, organisation;
    };
    [[nodiscard]] Place place_of(const std::uint8_t* address, int ip_version) const
    {
        const char *country = "-", *organisation = "-";
        std::size_t country_len = 1, organisation_len = 1;
        host_->geo(host_->context, address, ip_version, &country, &country_len, &organisation, &organisation_len);
        return {{country, country_len}, {organisation, organisation_len}};
    }
    // Whether a geo database is loaded.
    [[nodiscard]] bool knows_places() const { return host_->has_geo(host_->context) != 0; }

    // As the flow file prints them.
    [[nodiscard]] std::string ip_text(const std::uint8_t* address, int ip_version) const
    {
        char text[64];
        return {text, host_->ip_text(host_->context, address, ip_version, text, sizeof text)};
    }
    [[nodiscard]] std::string quoted_text(std::string_view bytes) const
    {
        std::string text(6 * bytes.size() + 2, '\0'); // every byte may become \u00XX
        text.resize(host_->quoted_text(host_->context, bytes.data(), bytes.size(), text.data(), text.size()));
        return text;
    }
    // Opens a file of the plugin's own for writing, empty. Returns its descriptor; -1 with the reason in *error.
    [[nodiscard]] int open_output(const std::string& path, std::string* error) const
    {
        char reason[256] = "";
        const int fd = host_->open_output(host_->context, path.c_str(), reason, sizeof reason);
        if (fd < 0)
            *error = reason;
        return fd;
    }

    // Writes a file of the plugin's own, whole. One that cannot be written does not fail the run: a warning says so.
    void write_summary(const char* plugin, const std::string& path, std::string_view text) const
    {
        struct Close {
            void operator()(std::FILE* file) const { std::fclose(file); }
        };
        std::string reason;
        const int fd = open_output(path, &reason);
        // After fflush() fclose() has nothing left to write.
        const std::unique_ptr<std::FILE, Close> file(fd >= 0 ? fdopen(fd, "w") : nullptr);
        if (fd >= 0 &&
            (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() || std::fflush(file.get())))
            reason = std::strerror(errno);
        if (!reason.empty())
            warn(std::string(plugin) + ": cannot write '" + path + "': " + reason);
    }

    // Of -w; empty when rows go to standard output: then no file is written.
    [[nodiscard]] std::string output_prefix() const { return host_->output_prefix; }
    [[nodiscard]] std::uint32_t sensor_id() const { return host_->sensor_id; }

  private:
    const fx_host* host_;
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
    // The packets that the plugin wants to see, when it has no kernel half that says so. Called once, after
    // construction; the array lives as long as the plugin.
    [[nodiscard]] virtual std::span<const fx_packet_need> packet_needs() const { return {}; }
    // A packet that was wanted; plugin.h says in which order they come.
    virtual void on_packet(const fx_packet& packet) { (void)packet; }
    // More bytes of a TCP direction (FX_NEED_STREAM). Returns whether the plugin wants more of this direction; once it
    // does not, the direction comes no more. fx_stream.complete says that this is the last call.
    virtual bool on_stream(const fx_stream& stream)
    {
        (void)stream;
        return false;
    }
    // Packet mode: fills the packet columns of any packet.
    virtual void on_packet_row(const fx_packet& packet, RowWriter& row)
    {
        (void)packet;
        (void)row;
    }
    // Of the figures in the description (FigureValues::all()).
    [[nodiscard]] virtual const std::uint64_t* figure_values() const { return nullptr; }
    virtual void report(ReportWriter& out) { (void)out; }
    virtual void summary() {}
    [[nodiscard]] virtual std::uint32_t flow_config_flags() const { return 0; }
};

// Bytes of a kernel half's structs; all 0 without one.
struct KernelHalf {
    std::uint32_t state_size = 0, cold_size = 0, packet_state_size = 0, config_size = 0;
};

struct None {}; // a state that a kernel half does not have

// The types of a plugin's kernel half: their sizes for the description, and the flow's and packet's states as what they
// are. Cold and PacketState are None where there is none.
template <typename State, typename Config, typename Cold = None, typename PacketState = None>
struct KernelHalfOf {
    static constexpr KernelHalf sizes = {sizeof(State), std::is_same_v<Cold, None> ? 0 : sizeof(Cold),
                                         std::is_same_v<PacketState, None> ? 0 : sizeof(PacketState), sizeof(Config)};

    static const State& state(const fx_flow& flow) { return *static_cast<const State*>(flow.slot); }
    static const Cold& cold(const fx_flow& flow) requires(!std::is_same_v<Cold, None>)
    {
        return *static_cast<const Cold*>(flow.cold);
    }
    static const PacketState* packet_state(const fx_packet& packet) requires(!std::is_same_v<PacketState, None>)
    {
        return static_cast<const PacketState*>(packet.state);
    }
};

// The states of the nth plugin that a description names as a dependency.
template <std::size_t Index, typename State, typename Cold = None>
struct DependencyOf {
    static const State& state(const fx_flow& flow) { return *static_cast<const State*>(flow.dependency_slots[Index]); }
    static const Cold& cold(const fx_flow& flow) requires(!std::is_same_v<Cold, None>)
    {
        return *static_cast<const Cold*>(flow.dependency_colds[Index]);
    }
};

// What a plugin keeps of a live flow: bytes that are zero at first and need no destructor. A memory that
// is all zero after a hook is given back.
template <typename Memory>
struct FlowMemoryOf {
    static_assert(std::is_trivially_copyable_v<Memory> && std::is_trivially_destructible_v<Memory>,
                  "flow memory is made of zero bytes and forgotten without a call");
    static_assert(sizeof(Memory) % 8 == 0 && alignof(Memory) <= 8,
                  "memories of several plugins lie behind one another");
    static constexpr std::uint32_t size = sizeof(Memory);

    static Memory& of(const fx_packet& packet) { return *static_cast<Memory*>(packet.memory); }
    static Memory& of(const fx_stream& stream) { return *static_cast<Memory*>(stream.memory); }
    // NULL: no packet of the flow was wanted, or the memory was dropped.
    static const Memory* of(const fx_flow& flow) { return static_cast<const Memory*>(flow.memory); }
};

// The description of a plugin.
struct PluginDescription {
    std::uint16_t number; // 100 to 899: order of columns and hooks; unique
    bool default_on = false;
    const char* name;
    const char* version;
    const char* help;
    KernelHalf kernel = {};
    const char* const* dependencies = nullptr; // names of plugins with lower numbers, NULL after the last
    std::span<const fx_option> options = {};
    std::span<const fx_column> columns = {};
    std::span<const fx_column> packet_columns = {};
    bool can_alarm = false;
    std::uint32_t flow_memory_size = 0; // FlowMemoryOf<...>::size
    std::uint32_t stream_bytes = 0;     // of a TCP direction's head; FX_NEED_STREAM
    std::span<const fx_figure> figures = {};
};

// Makes the C descriptor of a plugin class. Class has a constructor (OptionValues, void* kernel_config, Host).
template <typename Class>
const fx_plugin* make_plugin_descriptor(const PluginDescription& d)
{
    static fx_plugin plugin;
    plugin = fx_plugin{
        FX_PLUGIN_API_VERSION,
        sizeof(fx_plugin),
        d.kernel.state_size,
        d.kernel.cold_size,
        d.kernel.packet_state_size,
        d.kernel.config_size,
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
        d.flow_memory_size,
        d.stream_bytes,
        d.figures.data(),
        d.figures.size(),
        [](const fx_value* values, void* config, const fx_host* host, char* error, std::size_t size) -> void* {
            try {
                return static_cast<Plugin*>(new Class(OptionValues(values), config, Host(*host)));
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
        [](void* p, const fx_packet_need** needs) -> std::size_t {
            const std::span<const fx_packet_need> all =
                static_cast<const Plugin*>(static_cast<Plugin*>(p))->packet_needs();
            *needs = all.data();
            return all.size();
        },
        [](void* p, const fx_packet* packet) { static_cast<Class*>(static_cast<Plugin*>(p))->on_packet(*packet); },
        [](void* p, const fx_stream* stream) -> int {
            return static_cast<Class*>(static_cast<Plugin*>(p))->on_stream(*stream);
        },
        [](void* p, const fx_packet* packet, fx_row* row) {
            RowWriter writer(row);
            static_cast<Class*>(static_cast<Plugin*>(p))->on_packet_row(*packet, writer);
        },
        [](void* p) { return static_cast<const Plugin*>(static_cast<Plugin*>(p))->figure_values(); },
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
    FX_PLUGIN_INTERFACE(FX_PLUGIN_API_VERSION, sizeof(fx_plugin));                                                     \
    extern "C" const fx_plugin* flowxdp_plugin()                                                                       \
    {                                                                                                                  \
        return flowxdp::make_plugin_descriptor<Class>(description);                                                    \
    }
