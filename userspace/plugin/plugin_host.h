// SPDX-License-Identifier: BSD-2-Clause
// plugin_host.h - chooses, orders and runs plugins' user halves.
//
// Life: find the libraries (plugin_library.h), choose what runs, create() instances against a bundle (which fixes the
// layout of records), then fill rows. All hooks run on the thread that fills rows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine.h"
#include "flowxdp/plugin.h"
#include "plugin/column_fillers.h"
#include "plugin/plugin_instance.h"
#include "plugin/plugin_library.h"
#include "plugin/wanted_packets.h"
#include "row/row_batch.h"

namespace flowxdp {

// --plugin NAME[:key=value,...]
struct PluginSpec {
    std::string name;
    std::map<std::string, std::string> options;
};
Result<PluginSpec> parse_plugin_spec(const std::string& text);

// The plugins that the command line chose.
struct PluginChoice {
    bool replace_default = false;             // --plugins a,b
    std::vector<PluginSpec> add;              // --plugin and --plugins
    std::vector<std::string> remove;          // --no-plugin
    std::vector<NeededColumn> columns_needed; // of sinks and options: plugins that fill them are enabled
};

// Country and organisation of an address for plugins (fx_host.geo).
class GeoService {
  public:
    virtual ~GeoService() = default;
    virtual void look_up(const std::uint8_t address[16], int version, std::string_view* country,
                         std::string_view* organisation) = 0;
    [[nodiscard]] virtual bool has_data() const = 0;
};

// Alarms of one flow direction.
struct FlowAlarms {
    std::uint64_t count = 0; // raised in total
    unsigned plugins = 0;    // plugins that raised some
};

class PluginHost {
  public:
    struct Services {
        GeoService* geo = nullptr; // may be null
        std::function<void(int level, const std::string& text)> log;
        std::string output_prefix;
        std::uint32_t sensor_id = 666;
        // What each plugin may keep of live flows, and all together of TCP streams.
        std::uint64_t memory_bytes = 256u << 20;
    };

    // The functions that plugins get. They use the services, which must keep their address.
    static fx_host make_host(Services* services);

    // Chooses, orders by number, checks dependencies and the bundle's sizes, lays records out, creates instances.
    // flow: gets everything that depends on plugins (enabled, sizes, offsets, flags). Throws StartupError.
    PluginHost(const std::vector<PluginLibrary>& libraries, const PluginChoice& choice, const bundle_descriptor& bundle,
               bool packet_mode, Services services, flow_config* flow);
    ~PluginHost();
    PluginHost(const PluginHost&) = delete;
    PluginHost& operator=(const PluginHost&) = delete;

    // The options of the bundle's kernel halves, for every engine: engine_options.plugin_options.
    [[nodiscard]] std::span<const std::uint8_t> plugin_options() const { return plugin_options_; }
    [[nodiscard]] const std::shared_ptr<const Schema>& flow_schema() const { return flow_schema_; }
    [[nodiscard]] const std::shared_ptr<const Schema>& packet_schema() const { return packet_schema_; }

    // Adds one row for a direction; returns its alarms. wall times are applied here.
    FlowAlarms add_flow_row(const ended_record& ended, unsigned direction, RowBatch* rows);
    void add_packet_row(const packet_record& packet, RowBatch* rows);
    // Packets that user halves want, streams, and what they keep of live flows.
    [[nodiscard]] WantedPackets& wanted_packets() { return *wanted_; }
    [[nodiscard]] const WantedPackets& wanted_packets() const { return *wanted_; }
    // A figure of a plugin, as it is at this moment (fx_figure in plugin.h). Any thread may ask for them.
    struct Figure {
        std::string plugin, name, help;
        bool is_gauge;
        std::uint64_t value;
    };
    [[nodiscard]] std::vector<Figure> figures() const;
    // One of them, any thread. Nothing: no active plugin has it.
    [[nodiscard]] std::optional<std::uint64_t> figure(std::string_view plugin, std::string_view name) const;
    void report(const fx_report& out) const;
    void summary() const;

    struct Active {
        std::string name, version;
        unsigned number;
        bool can_alarm;
    };
    [[nodiscard]] std::vector<Active> active() const;
    // Number of active plugins that can raise alarms.
    [[nodiscard]] unsigned alarming_plugins() const { return alarming_plugins_; }

  private:
    std::vector<const fx_plugin*> choose(const std::vector<PluginLibrary>& libraries, const PluginChoice& choice,
                                         std::map<std::string, PluginSpec>* specs) const;
    void lay_out(const bundle_descriptor& bundle, flow_config* flow);

    Services services_;
    fx_host host_{};
    std::vector<std::uint8_t> plugin_options_; // of the bundle's size
    std::vector<std::unique_ptr<PluginInstance>> instances_;
    std::shared_ptr<const Schema> flow_schema_, packet_schema_;
    std::size_t payload_column_ = 0;
    flow_config slots_{}; // as laid out: where states are in records (flow_slots.h)
    unsigned alarming_plugins_ = 0;
    std::optional<WantedPackets> wanted_;
};

} // namespace flowxdp
