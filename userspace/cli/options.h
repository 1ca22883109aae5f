// SPDX-License-Identifier: BSD-2-Clause
// options.h - the command line as plain structs, validated once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/option_table.h"
#include "cli/tunnel_option.h"
#include "core/log.h"
#include "geo/geo_command.h"
#include "live/dispatcher.h"
#include "live/live_sensor.h"
#include "pipeline/pipeline.h"
#include "plugin/plugin_host.h"
#include "query/result_printer.h"
#include "report/monitoring.h"
#include "sink/sink_spec.h"

namespace flowxdp {

inline constexpr std::uint64_t kLongestTimeoutMs = 2000000000; // 23 days; 32 bits hold it

inline constexpr Meaning<MonitoringMode> kMonitoringWords[] = {{"absolute", MonitoringMode::kAbsolute},
                                                               {"difference", MonitoringMode::kDifference}};
inline constexpr Meaning<flow_key_beside> kKeyWords[] = {
    {"vlan", FLOW_KEY_VLAN}, {"tunnel", FLOW_KEY_TUNNEL}, {"none", FLOW_KEY_NONE}};
inline constexpr Meaning<AlarmMode> kAlarmWords[] = {
    {"off", AlarmMode::kOff}, {"any", AlarmMode::kAny}, {"all", AlarmMode::kAll}};
inline constexpr Meaning<AttachMode> kModeWords[] = {
    {"auto", AttachMode::kAuto}, {"native", AttachMode::kNative}, {"generic", AttachMode::kGeneric}};
inline constexpr Meaning<LogFormat> kLogFormatWords[] = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
inline constexpr Meaning<DirectionWish> kDirectionWords[] = {
    {"auto", DirectionWish::kAuto}, {"ingress", DirectionWish::kIngress}, {"both", DirectionWish::kBoth}};
enum class EngineChoice { kNative, kBpf };
inline constexpr Meaning<EngineChoice> kEngineWords[] = {{"native", EngineChoice::kNative},
                                                         {"bpf", EngineChoice::kBpf}};

// -W PREFIX[:SIZE[f]][,START]: as -w, in pieces. Size and start are checked by the sink that writes the pieces.
struct SplitOutput {
    std::string prefix;
    std::string size = "500M";
    std::string start;
};

// -e all[:FILE], -e alarmed[:FILE], -e matching[:FILE]
enum class ExtractedPackets {
    kAll,
    kAlarmed,  // of flows with an alarm
    kMatching, // of flows with a packet that --extract-filter matches
};
inline constexpr Meaning<ExtractedPackets> kExtractionWords[] = {{"all", ExtractedPackets::kAll},
                                                                 {"alarmed", ExtractedPackets::kAlarmed},
                                                                 {"matching", ExtractedPackets::kMatching}};
struct Extraction {
    ExtractedPackets packets = ExtractedPackets::kAll;
    std::string file; // empty: PREFIX.pcapng, PREFIX_alarmed.pcapng, PREFIX_matching.pcapng

    [[nodiscard]] bool of_flows() const { return packets != ExtractedPackets::kAll; }
};

// What `replay` and `attach` share.
struct RunOptions {
    std::string write_prefix;                                   // -w
    std::optional<SplitOutput> split;                           // -W
    std::string rotate;                                         // --rotate; sinks read it
    std::string exec_after;                                     // --exec-after
    bool packet_mode = false;                                   // -s
    bool log_file = false;                                      // -l
    std::uint32_t monitoring_s = 0;                             // -M; 0 = none
    MonitoringMode monitoring_mode = MonitoringMode::kAbsolute; // --monitoring-mode
    std::vector<PluginSpec> plugins;                            // --plugin
    std::vector<PluginSpec> plugin_list;                        // --plugins a,b; empty: the default ones
    std::vector<std::string> no_plugins;                        // --no-plugin
    std::vector<SinkSpec> sinks;                                // --sink
    TunnelChoice tunnels;                                       // --tunnel
    flow_key_beside key = FLOW_KEY_VLAN;                        // --key
    AlarmMode alarm = AlarmMode::kOff;                          // --alarm
    std::uint32_t max_flows = 1u << 18;                         // --max-flows
    std::uint64_t plugin_memory_bytes = 256u << 20;             // --plugin-memory
    double flow_factor = 1;                                     // -f
    std::uint32_t sensor_id = 666;                              // -x
    std::uint32_t idle_timeout_ms = 182000;
    std::uint64_t active_timeout_ms = 0;
    std::uint64_t max_packets = 0;       // -c
    std::uint32_t snap_len = 0;          // -S
    std::optional<Extraction> extract;   // -e
    std::string extract_filter;          // --extract-filter
    std::uint64_t ring_bytes = 1u << 25; // --ring; a power of two; attach only
    std::string filter_file;             // -F
    std::string filter;                  // trailing words, or the file's
    std::string geo_country, geo_asn;    // --geo-country, --geo-asn
    bool json = false;
    bool quiet = false;
    int verbose = 0;
    LogFormat log_format = LogFormat::kText; // --log-format
    std::string listen;                      // --listen; empty = no server
    std::string listen_token_file;           // --listen-token-file
    std::string library_folder;              // --lib
    std::string config;                      // --config
};

struct ReplayOptions {
    RunOptions run;
    std::vector<std::string> files;
    std::string list_file; // -R
    std::string series;    // --series
    EngineChoice engine = EngineChoice::kNative;
};

struct AttachOptions {
    RunOptions run;
    std::vector<std::string> interfaces;
    AttachMode mode = AttachMode::kAuto;
    bool fix_offloads = false;
    DirectionWish direction = DirectionWish::kAuto;
    bool merge = false;                      // --merge: one table for all interfaces
    bool dispatcher = false;                 // --dispatcher: beside other XDP programs
    unsigned priority = kDispatcherPriority; // --priority, of --dispatcher
    std::string user;                        // --user; empty = stay who we are
    bool dry_run = false;                    // --dry-run
};

struct DetachOptions {
    RunOptions run; // of --export
    std::vector<std::string> interfaces;
    bool all = false;          // --all
    bool export_flows = false; // --export
};

struct TopOptions {
    std::vector<std::string> interfaces; // empty = all
    std::string sort = "rate";           // -o, --sort
    std::uint64_t interval_ms = 1000;    // -i, --interval
    std::size_t count = 0;               // -n; 0 = what fits, of one table 20
    bool all = false;                    // --all: every line of one table
    bool once = false, json = false;
};

struct StatusOptions {
    std::vector<std::string> interfaces; // empty = all
    bool all = false;                    // counters that are zero, too
    bool json = false;
};

struct ListOptions {
    std::vector<std::string> names; // plugins, sinks: empty = all
    bool json = false;
    std::string library_folder; // --lib
};

struct QueryOptions {
    std::vector<std::string> files;
    std::string sql;                                          // the last word; empty: a ready question
    bool top = false, talkers = false, health = false;        // ready ones
    std::size_t count = 10;                                   // -n: lines of --top and --talkers
    query::AnswerFormat format = query::AnswerFormat::kTable; // --format
    std::string flows_to;                                     // --flows-to
    std::string library_folder;                               // --lib
};

struct ExtractOptions {
    ReplayOptions replay; // input, and the options of the run that gave the flows their numbers
    std::string flows;    // --flows: file with a list, or rows; - is standard input
    std::string where;    // --where: SQL condition instead
    std::string output;   // -o; "-" is standard output
    std::string prefix;   // -w
    bool per_flow = false;
    bool unchecked = false; // also when the list is of another input or run
};

struct DoctorOptions {
    std::vector<std::string> interfaces;
    std::string write_prefix; // -w
    bool json = false;
    std::string library_folder;
};

struct ConfigOptions {
    std::vector<std::string> files; // of config check
    std::string command;            // --command; empty: attach
    std::string library_folder;     // --lib
};

struct PluginOptions {
    enum class Action { kBuild, kNew, kList };
    Action action = Action::kList;
    std::vector<std::string> folders;      // of plugin build
    std::string name;                      // of plugin new
    std::string output = "flowxdp-bundle"; // -o
    std::string folder = ".";              // -C: where plugin new makes its folder
    std::string library_folder;            // --lib
    bool json = false;
};

enum class Command {
    kNone,
    kDoctor,
    kReplay,
    kExtract,
    kAttach,
    kDetach,
    kStatus,
    kTop,
    kInterfaces,
    kPlugins,
    kPlugin,
    kSinks,
    kDecode,
    kQuery,
    kConfigCheck,
    kConfigDump,
    kComplete,
    kGeo
};

struct Options {
    Command command = Command::kNone;
    ReplayOptions replay;
    ExtractOptions extract;
    AttachOptions attach;
    DetachOptions detach;
    TopOptions top;
    DoctorOptions doctor;
    StatusOptions status;
    std::string decode; // COLUMN=VALUE
    QueryOptions query;
    std::vector<std::string> complete; // words of a command line without the program's name
    geo::GeoCommand geo;
    ConfigOptions config;
    PluginOptions plugin;
    ListOptions list; // plugins, sinks, interfaces, decode
};

// A sink or plugin as its option takes it.
std::string sink_text(const SinkSpec& spec);
std::string plugin_text(const PluginSpec& spec);
// The value of --plugins: "NAME,...", each with an option at most.
Result<std::vector<PluginSpec>> read_plugin_list(const std::string& text);

// The options that the table marks as a sensor's, with their values: "key=value" a line. What plugins and interfaces
// make of their options is not in it: the plan and the sensor know that.
std::string sensor_identity(const RunOptions& run);

// Every command with its options (option_table.h). Reading them fills `options`, which must outlive the table. words:
// of the command line; 'config dump' takes the options of the command that they name.
std::vector<CommandRow> command_table(Options* options, std::span<const std::string> words = {});

// Parses argv. Prints help or version and returns false when there is nothing more to do (*exit_code is set); usage
// errors are printed with the way out and give 2.
bool parse_options(int argc, char** argv, Options* options, int* exit_code);

// The command line as it was given, for reports.
std::string command_line_text(int argc, char** argv);

} // namespace flowxdp
