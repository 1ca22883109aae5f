// SPDX-License-Identifier: BSD-2-Clause
// options.h - the command line as plain structs, validated once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "geo/geo_command.h"
#include "live/dispatcher.h"

namespace flowxdp {

// What `replay` and `attach` share.
struct RunOptions {
    std::string write_prefix;            // -w
    std::string split;                   // -W PREFIX[:SIZE[f]][,START]
    bool packet_mode = false;            // -s
    bool log_file = false;               // -l
    std::vector<std::string> plugins;    // --plugin
    std::string plugin_list;             // --plugins a,b
    std::vector<std::string> no_plugins; // --no-plugin
    std::vector<std::string> sinks;      // --sink
    std::string alarm = "off";           // --alarm off|any|all
    std::uint32_t max_flows = 1u << 18;  // --max-flows
    double flow_factor = 1;              // -f
    std::uint32_t sensor_id = 666;       // -x
    std::uint32_t idle_timeout_ms = 182000;
    std::uint64_t active_timeout_ms = 0;
    std::uint64_t max_packets = 0;       // -c
    std::uint32_t snap_len = 0;          // -S
    std::string extract;                 // -e WHAT[:FILE]; attach only
    std::uint64_t ring_bytes = 1u << 25; // --ring; a power of two; attach only
    std::string filter_file;             // -F
    std::string filter;                  // trailing words, or the file's
    std::string geo_country, geo_asn;    // --geo-country, --geo-asn
    bool json = false;
    bool quiet = false;
    int verbose = 0;
    std::string library_folder; // --lib
};

struct ReplayOptions {
    RunOptions run;
    std::vector<std::string> files;
    std::string list_file;         // -R
    std::string series;            // --series
    std::string engine = "native"; // --engine
};

struct AttachOptions {
    RunOptions run;
    std::vector<std::string> interfaces;
    std::string mode = "auto"; // --mode
    bool fix_offloads = false;
    std::string direction = "ingress";       // --direction
    bool merge = false;                      // --merge: one table for all interfaces
    bool dispatcher = false;                 // --dispatcher: beside other XDP programs
    unsigned priority = kDispatcherPriority; // --priority, of --dispatcher
    std::string user;                        // --user; empty = stay who we are
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
    std::size_t count = 1000;            // -n
    bool once = false, json = false;
};

struct DoctorOptions {
    std::vector<std::string> interfaces;
    std::string write_prefix; // -w
    bool json = false;
    std::string library_folder;
};

enum class Command {
    kNone,
    kDoctor,
    kReplay,
    kAttach,
    kDetach,
    kStatus,
    kTop,
    kInterfaces,
    kPlugins,
    kSinks,
    kDecode,
    kGeo
};

struct Options {
    Command command = Command::kNone;
    ReplayOptions replay;
    AttachOptions attach;
    DetachOptions detach;
    TopOptions top;
    DoctorOptions doctor;
    std::vector<std::string> interfaces; // status; empty = all
    std::string decode;                  // COLUMN=VALUE
    geo::GeoCommand geo;
    RunOptions list; // plugins, sinks: --json, --lib
};

// Parses argv. Prints help or version and returns false when there is nothing more to do (*exit_code is set); usage
// errors are printed with the way out and give 2.
bool parse_options(int argc, char** argv, Options* options, int* exit_code);

// The command line as it was given, for reports.
std::string command_line_text(int argc, char** argv);

} // namespace flowxdp
