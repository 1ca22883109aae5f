// SPDX-License-Identifier: BSD-2-Clause
// plugin_host.h - finds, checks, orders and runs plugins' user halves.
//
// Life: load() the plugin folder, choose what runs, create() instances against a bundle (which fixes the layout of
// records), then fill rows. All hooks run on the thread that fills rows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine.h"
#include "plugin/plugin_api.h"
#include "row/row_batch.h"

namespace flowxdp {

// One plugin library found in the folder.
struct PluginLibrary {
    std::string path;
    const fx_plugin* descriptor;
    std::shared_ptr<void> handle; // dlclose
};

// --plugin NAME[:key=value,...]
struct PluginSpec {
    std::string name;
    std::map<std::string, std::string> options;
};
Result<PluginSpec> parse_plugin_spec(const std::string& text);

// What the command line chose.
struct PluginChoice {
    bool replace_default = false;            // --plugins a,b
    std::vector<PluginSpec> add;             // --plugin and --plugins
    std::vector<std::string> remove;         // --no-plugin
    std::vector<std::string> columns_needed; // by sinks: plugins that fill them are enabled
};

// Loads every lib*.so of a folder that is a plugin. Throws StartupError when one is not usable (wrong API version,
// wrong size, a duplicate name or number): a broken plugin must not be silently missing.
std::vector<PluginLibrary> load_plugin_libraries(const std::string& folder);

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
    std::uint64_t count = 0; // raised in all
    unsigned plugins = 0;    // that raised some
};

class PluginHost {
  public:
    struct Services {
        GeoService* geo = nullptr; // may be null
        std::function<void(int level, const std::string& text)> log;
        std::string output_prefix;
        std::uint32_t sensor_id = 666;
    };

    // Chooses, orders by number, checks dependencies and the bundle's sizes, lays records out, creates instances.
    // flow: gets everything that depends on plugins (enabled, sizes, offsets, configs, flags). Throws StartupError.
    PluginHost(const std::vector<PluginLibrary>& libraries, const PluginChoice& choice, const bundle_descriptor& bundle,
               bool packet_mode, Services services, flow_config* flow);
    ~PluginHost();
    PluginHost(const PluginHost&) = delete;
    PluginHost& operator=(const PluginHost&) = delete;

    [[nodiscard]] const std::shared_ptr<const Schema>& flow_schema() const { return flow_schema_; }
    [[nodiscard]] const std::shared_ptr<const Schema>& packet_schema() const { return packet_schema_; }

    // Adds one row for a direction; returns its alarms. wall times are applied here.
    FlowAlarms add_flow_row(const ended_record& ended, unsigned direction, RowBatch* rows);
    void add_packet_row(const packet_record& packet, RowBatch* rows);
    void report(const fx_report& out) const;
    void summary() const;

    struct Active {
        std::string name, version;
        unsigned number;
        bool can_alarm;
    };
    [[nodiscard]] std::vector<Active> active() const;
    // How many active plugins can raise alarms.
    [[nodiscard]] unsigned alarming_plugins() const { return alarming_plugins_; }

  private:
    struct Instance;
    std::vector<const fx_plugin*> choose(const std::vector<PluginLibrary>& libraries, const PluginChoice& choice,
                                         std::map<std::string, PluginSpec>* specs) const;
    void lay_out(const bundle_descriptor& bundle, flow_config* flow);

    Services services_;
    fx_host host_{};
    std::vector<std::unique_ptr<Instance>> instances_;
    std::shared_ptr<const Schema> flow_schema_, packet_schema_;
    std::size_t payload_column_ = 0;
    std::uint32_t packet_record_size_ = 0;
    unsigned alarming_plugins_ = 0;
};

} // namespace flowxdp
