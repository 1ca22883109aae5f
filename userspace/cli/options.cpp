// SPDX-License-Identifier: BSD-2-Clause
#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>

#include "core/result.h"
#include "flowxdp_version.h" // generated
#include "geo/geo_options.h"

namespace flowxdp {
namespace {

constexpr const char* kReplayFooter =
    R"(Examples:
  flowxdp replay capture.pcap                          flows to standard output, report to standard error
  flowxdp replay capture.pcap -w out                   out_flows.txt, out_headers.txt; report to standard output
  flowxdp replay capture.pcap -w out -s                packet rows too: out_packets.txt
  flowxdp replay a.pcap b.pcap.gz -w - tcp port 443    two files as one stream, filtered as tcpdump does
  flowxdp replay capture.pcap --plugin tcp_win:threshold=100,force_at=5
  flowxdp replay capture.pcap --sink json:flows.json --sink ipfix:udp://127.0.0.1:4739
  flowxdp replay - < capture.pcapng                    from standard input

Exit codes: 0 ok, 1 run-time error, 2 usage, 3 finished but input was damaged or something was lost.)";

constexpr const char* kAttachFooter =
    R"(Examples:
  sudo flowxdp attach eth0                             flows to standard output as they end
  sudo flowxdp attach eth0 -w /var/log/flows           /var/log/flows_flows.txt
  sudo flowxdp attach eth0 tcp port 443                filtered in the kernel; other frames are only counted
  sudo flowxdp attach eth0 --sink ipfix:udp://192.0.2.1:4739
  sudo flowxdp attach eth0 -w run -e all               run.pcapng too: 'flowxdp replay run.pcapng' gives the same rows
  sudo flowxdp attach eth0 --dispatcher                beside other XDP programs, those of xdp-loader for instance

XDP sees what an interface receives. SIGINT or SIGTERM: detach, export every flow, report. A killed daemon leaves the
kernel counting; the next attach with the same plugins and options takes over without losing a packet.
Once attached it keeps the capabilities cap_bpf and cap_net_admin alone (--dispatcher: cap_sys_admin too). An interface that is removed is exported and the
others go on; without any left it ends.
Exit codes: 0 ok, 1 run-time error or every interface is gone, 2 usage, 3 something was lost, 77 a privilege is missing.)";

constexpr const char* kDetachFooter =
    R"(Examples:
  sudo flowxdp detach eth0                             stop the daemon, which exports every flow
  sudo flowxdp detach --export eth0 -w /var/log/last   after a kill -9: the flows that are still in the kernel
  sudo flowxdp detach --all

A sensor is exported with the plugins and options that it was attached with. Another flowxdp, with other plugins built in,
cannot read its records: it says so, and detach without --export removes them.
Exit codes: 0 ok, 1 run-time error, 2 usage, 3 something was lost, 77 a privilege is missing.)";

// Durations: seconds, or with a unit: 500ms, 30s, 5m, 2h.
std::uint64_t parse_duration_ms(const std::string& name, const std::string& text)
{
    char* end = nullptr;
    double value = std::strtod(text.c_str(), &end);
    const std::string unit(end);
    if (unit == "ms")
        value /= 1000;
    else if (unit == "m" || unit == "min")
        value *= 60;
    else if (unit == "h")
        value *= 3600;
    else if (!unit.empty() && unit != "s")
        value = -1;
    if (text.empty() || !(value >= 0.001) || value > 2e6)
        throw CLI::ValidationError(name, fmt::format("'{}' is not a duration: write e.g. 182, 0.5, 30s, 5m, 2h", text));
    return static_cast<std::uint64_t>(std::llround(value * 1000));
}

void add_run_options(CLI::App* app, RunOptions* run)
{
    app->add_option(
           "-w", run->write_prefix,
           "Write PREFIX_flows.txt and companions; a directory: files named after the input; -: standard output")
        ->type_name("PREFIX");
    app->add_option("-W", run->split, "As -w, with a new flow file after SIZE bytes (500M, 1e6) or flows (10000f)")
        ->type_name("PREFIX[:SIZE[f]][,START]");
    app->add_flag("-s", run->packet_mode, "Packet mode: one row for each packet with a flow");
    app->add_flag("-l", run->log_file, "Write the report to PREFIX_log.txt instead of standard output");
    app->add_option("--plugin", run->plugins, "Add or configure a plugin")->type_name("NAME[:key=value,...]");
    app->add_option("--plugins", run->plugin_list, "Exactly these plugins instead of the default ones")
        ->type_name("NAME,...");
    app->add_option("--no-plugin", run->no_plugins, "Leave a plugin out")->type_name("NAME");
    app->add_option("--sink", run->sinks, "Send rows to a sink beside the files ('flowxdp sinks' lists them)")
        ->type_name("NAME[:TARGET][,key=value...]");
    app->add_option("--alarm", run->alarm, "Only alarmed flows reach the sinks: off, any plugin's alarm, all plugins'")
        ->check(CLI::IsMember({"off", "any", "all"}))
        ->type_name("off|any|all");
    app->add_option("--max-flows", run->max_flows, "Biflows in memory; a full table evicts the least recently active")
        ->check(CLI::Range(16u, 1u << 28))
        ->type_name("N");
    app->add_option("-f", run->flow_factor, "Multiply --max-flows")->check(CLI::Range(0.001, 1000.0))->type_name("N");
    app->add_option("-x", run->sensor_id, "Sensor id")->type_name("ID");
    app->add_option_function<std::string>(
           "--idle-timeout",
           [run](const std::string& text) {
               run->idle_timeout_ms = static_cast<std::uint32_t>(parse_duration_ms("--idle-timeout", text));
           },
           "End a flow after this long without a packet (default 182s; tcp_states sets its own)")
        ->type_name("TIME");
    app->add_option_function<std::string>(
           "--active-timeout",
           [run](const std::string& text) {
               run->active_timeout_ms = text == "0" ? 0 : parse_duration_ms("--active-timeout", text);
           },
           "Cut a flow that is older than this at its next packet (default: never)")
        ->type_name("TIME");
    app->add_option("-c", run->max_packets, "Stop after so many packets")->type_name("N");
    app->add_option("-S", run->snap_len, "Look at no more than this of each packet")->type_name("BYTES");
    app->add_option("-F", run->filter_file, "Read the filter expression from a file")->type_name("FILE");
    app->add_option("--geo-country", run->geo_country, "MMDB with countries (default: as 'flowxdp geo status' says)")
        ->type_name("FILE");
    app->add_option("--geo-asn", run->geo_asn, "MMDB with organisations")->type_name("FILE");
    app->add_option("--lib", run->library_folder, "Folder with engine bundle and plugins")->type_name("DIR");
    app->add_flag("--json", run->json, "Report as one JSON object");
    app->add_flag("-q,--quiet", run->quiet, "No report, no progress, errors only");
    app->add_flag("-v,--verbose", run->verbose, "Say more");
}

// Words before the filter expression are files: the first one, and whatever exists or looks like a capture.
bool is_file_word(const std::string& word)
{
    std::error_code ignored; // a long filter in one word is no file: its name would be too long
    if (word == "-" || std::filesystem::exists(word, ignored))
        return true;
    const std::string_view name(word);
    for (const char* suffix : {".pcap", ".pcapng", ".cap", ".gz", ".zst", ".ntar"})
        if (name.ends_with(suffix))
            return true;
    return word.find('/') != std::string::npos && name.find(".pcap") != std::string_view::npos;
}

std::string read_filter_file(const std::string& path)
{
    std::ifstream file(path);
    if (!file)
        throw CLI::ValidationError("-F", fmt::format("cannot read filter file '{}'", path));
    std::string text;
    for (std::string line; std::getline(file, line);) {
        const std::size_t comment = line.find('#');
        text += (text.empty() ? "" : " ") + line.substr(0, comment);
    }
    return text;
}

// Words of the filter, or -F's file; one of them.
void finish_filter(RunOptions* run, std::span<const std::string> words)
{
    for (const std::string& word : words)
        run->filter += (run->filter.empty() ? "" : " ") + word;
    if (run->filter_file.empty())
        return;
    if (!run->filter.empty())
        throw CLI::ValidationError("-F", "a filter expression is given twice: by -F and by words");
    run->filter = read_filter_file(run->filter_file);
}

// --max-flows times -f.
std::uint32_t scaled_max_flows(const RunOptions& run)
{
    return static_cast<std::uint32_t>(
        std::min(static_cast<double>(1u << 28), std::max(16.0, run.max_flows * run.flow_factor)));
}

void finish_replay_options(ReplayOptions* replay, const std::vector<std::string>& words)
{
    std::size_t i = 0;
    const bool other_input = !replay->list_file.empty() || !replay->series.empty();
    for (; i < words.size(); i++) {
        if (!(i == 0 && !other_input) && !is_file_word(words[i]))
            break;
        replay->files.push_back(words[i]);
    }
    finish_filter(&replay->run, std::span(words).subspan(i));
    const int inputs = static_cast<int>(!replay->files.empty()) + static_cast<int>(!replay->list_file.empty()) +
                       static_cast<int>(!replay->series.empty());
    if (inputs != 1)
        throw CLI::ValidationError("input", inputs ? "give capture files, -R LIST or --series, only one of them"
                                                   : "no input: give a capture file, - for standard input, -R LIST or "
                                                     "--series EXPRESSION");
    replay->run.max_flows = scaled_max_flows(replay->run);
}

// The first word, and those behind it that name an interface of this machine; the rest is a filter.
void finish_attach_options(AttachOptions* attach, const std::vector<std::string>& words)
{
    std::size_t i = 0;
    for (; i < words.size() && (i == 0 || if_nametoindex(words[i].c_str())); i++)
        attach->interfaces.push_back(words[i]);
    finish_filter(&attach->run, std::span(words).subspan(i));
    attach->run.max_flows = scaled_max_flows(attach->run);
    attach->run.ring_bytes = std::bit_ceil(attach->run.ring_bytes);
    if (const std::string& e = attach->run.extract; !e.empty() && e != "all" && !e.starts_with("all:"))
        throw CLI::ValidationError("-e", fmt::format("'{}' is not known: write -e all or -e all:FILE", e));
    if (!attach->run.extract.empty() && attach->direction == "both")
        throw CLI::ValidationError("-e",
                                   "leaving buffers are not yet the frames they become (GSO), so there is nothing "
                                   "to write: leave --direction both out");
    if (attach->merge && attach->dispatcher)
        throw CLI::ValidationError("--merge",
                                   "the dispatcher takes a program for one interface: leave one of both out");
}

CLI::App* add_top_options(CLI::App* app, TopOptions* top)
{
    CLI::App* top_app = app->add_subcommand("top", "The busiest flows and talkers, now");
    top_app->add_option("IFACE", top->interfaces, "Interfaces; none = all");
    top_app->add_option("-o,--sort", top->sort, "Sort by rate (bit/s), bytes, packets, pps, duration, idle")
        ->check(CLI::IsMember({"rate", "bytes", "packets", "pps", "duration", "idle"}))
        ->type_name("KEY");
    top_app
        ->add_option_function<std::string>(
            "-i,--interval", [top](const std::string& text) { top->interval_ms = parse_duration_ms("-i", text); },
            "Time between two looks, over which rates are taken (default 1s)")
        ->type_name("TIME");
    top_app->add_option("-n", top->count, "At most so many lines")->check(CLI::PositiveNumber)->type_name("N");
    top_app->add_flag("--once", top->once, "One table instead of a screen; what is no terminal gets one anyway");
    top_app->add_flag("--json", top->json, "One table as JSON");
    top_app->footer(
        "Keys: q quit; s, left, right: sort; t: talkers or flows; up, down, page up, page down: scroll; p: "
        "pause.\nBytes are IP octets, of flows without IP bytes on the wire. Reads the kernel's table, which "
        "goes on counting.");
    return top_app;
}

void finish_detach_options(const DetachOptions& detach)
{
    if (detach.interfaces.empty() != detach.all)
        throw CLI::ValidationError("IFACE", detach.all ? "name interfaces or give --all, not both"
                                                       : "name interfaces, or give --all for every sensor");
    const RunOptions& run = detach.run;
    if (!detach.export_flows && (!run.write_prefix.empty() || !run.split.empty() || !run.sinks.empty()))
        throw CLI::ValidationError("-w", "detach writes flows only with --export");
}

} // namespace

std::string command_line_text(int argc, char** argv)
{
    std::string text;
    for (int i = 0; i < argc; i++)
        text += (i ? " " : "") + std::string(argv[i]);
    return text;
}

bool parse_options(int argc, char** argv, Options* options, int* exit_code)
{
    CLI::App app{"flowxdp: a network flow sensor. Captures and live interfaces become flows with plugins' columns.",
                 "flowxdp"};
    app.set_version_flag("-V,--version", std::string("flowxdp ") + FLOWXDP_VERSION);
    app.require_subcommand(1);
    app.get_formatter()->column_width(38);

    ReplayOptions& replay = options->replay;
    std::vector<std::string> words;
    CLI::App* replay_app = app.add_subcommand("replay", "Capture files become flows");
    replay_app->add_option("FILE", words, "Capture files (pcap, pcapng; .gz, .zst; - is standard input), then a filter")
        ->type_name("FILE... [FILTER]");
    replay_app->add_option("-R", replay.list_file, "File with one capture path a line")->type_name("LIST");
    replay_app->add_option("--series", replay.series, "Numbered series of files that may still grow")
        ->type_name("EXPR[:SEPARATOR][,STOP]");
    replay_app->add_option("--engine", replay.engine, "native, or bpf: the kernel's program by test-run (root)")
        ->check(CLI::IsMember({"native", "bpf"}));
    add_run_options(replay_app, &replay.run);
    replay_app->footer(kReplayFooter);

    AttachOptions& attach = options->attach;
    CLI::App* attach_app =
        app.add_subcommand("attach", "Observe interfaces: the kernel counts, rows leave as flows end");
    attach_app->add_option("IFACE", words, "Network interfaces, each a table of its own, then a filter as tcpdump's")
        ->type_name("IFACE... [FILTER]")
        ->required();
    attach_app->add_option("--mode", attach.mode, "XDP in the driver (native), in the stack (generic), or what works")
        ->check(CLI::IsMember({"auto", "native", "generic"}));
    attach_app
        ->add_option("-e", attach.run.extract,
                     "Write the packets too, as pcapng: all of them, to FILE (.gz, .zst compress; default "
                     "PREFIX.pcapng). Replay of that file gives the same rows")
        ->type_name("all[:FILE]");
    attach_app
        ->add_option("--ring", attach.run.ring_bytes,
                     "Memory between kernel and daemon for ends, packet rows and frames; rounded up to a power of "
                     "two (default 32M)")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(std::uint64_t{4096}, std::uint64_t{1} << 30))
        ->type_name("SIZE");
    attach_app->add_flag("--dispatcher", attach.dispatcher,
                         "Share the interface with other XDP programs, through libxdp's dispatcher");
    attach_app
        ->add_option("--priority", attach.priority,
                     fmt::format("With --dispatcher: low runs first (default {}, before programs that drop)",
                                 kDispatcherPriority))
        ->type_name("N")
        ->needs("--dispatcher");
    attach_app
        ->add_option("--direction", attach.direction,
                     "Received frames (ingress), or leaving ones too (both): a second program at the egress hook")
        ->check(CLI::IsMember({"ingress", "both"}));
    attach_app->add_flag("--merge", attach.merge,
                         "One table for all interfaces named: the two legs of a TAP, or of a bond");
    attach_app->add_flag("--fix-offloads", attach.fix_offloads,
                         "Turn off VLAN offload, which hides tags from XDP, while attached");
    attach_app->add_option("--user", attach.user, "Run as this user once attached (files are opened as that user)")
        ->type_name("NAME");
    add_run_options(attach_app, &attach.run);
    attach_app->footer(kAttachFooter);
    DetachOptions& detach = options->detach;
    CLI::App* detach_app =
        app.add_subcommand("detach", "End sensors: stop their daemon, or remove what a killed one left");
    detach_app->add_option("IFACE", detach.interfaces, "Interfaces with a sensor");
    detach_app->add_flag("--all", detach.all, "Every sensor of this machine");
    detach_app->add_flag("--export", detach.export_flows,
                         "Without a daemon: write the flows that the kernel still holds, then remove");
    add_run_options(detach_app, &detach.run);
    detach_app->footer(kDetachFooter);
    CLI::App* status_app =
        app.add_subcommand("status", "What the attached sensors have counted, and how their sinks are");
    status_app->add_option("IFACE", options->interfaces, "Interfaces; none = all");
    status_app->add_flag("--json", options->list.json, "As JSON");
    CLI::App* top_app = add_top_options(&app, &options->top);
    CLI::App* doctor_app = app.add_subcommand("doctor", "Would a sensor work here? What to do where not");
    doctor_app->add_option("IFACE", options->doctor.interfaces, "Interfaces to look at; nothing is attached");
    doctor_app->add_option("-w", options->doctor.write_prefix, "Where flows will be written")->type_name("PREFIX");
    doctor_app->add_flag("--json", options->doctor.json, "As JSON");
    doctor_app->add_option("--lib", options->doctor.library_folder, "Folder with engine bundle and plugins");
    CLI::App* interfaces_app = app.add_subcommand("interfaces", "List interfaces with driver, MTU and XDP programs");
    interfaces_app->add_flag("--json", options->list.json, "As JSON");

    CLI::App* plugins_app = app.add_subcommand("plugins", "List plugins with their options and columns");
    CLI::App* sinks_app = app.add_subcommand("sinks", "List sinks with their options");
    for (CLI::App* list : {plugins_app, sinks_app}) {
        list->add_flag("--json", options->list.json, "As JSON");
        list->add_option("--lib", options->list.library_folder, "Folder with engine bundle and plugins");
    }
    CLI::App* decode_app = app.add_subcommand("decode", "Explain the bits of a column's value");
    decode_app->add_option("COLUMN=VALUE", options->decode, "e.g. flowStat=0x0400020000004000")->required();
    decode_app->add_option("--lib", options->list.library_folder, "Folder with engine bundle and plugins");
    decode_app->add_flag("--json", options->list.json, "As JSON");
    CLI::App* geo_app = app.add_subcommand("geo", "Country and organisation data");
    geo::add_geo_options(*geo_app, options->geo);

    try {
        app.parse(argc, argv);
        if (*replay_app) {
            options->command = Command::kReplay;
            finish_replay_options(&replay, words);
        } else if (*attach_app) {
            options->command = Command::kAttach;
            finish_attach_options(&attach, words);
        } else if (*detach_app) {
            options->command = Command::kDetach;
            finish_detach_options(detach);
        } else if (*status_app) {
            options->command = Command::kStatus;
        } else if (*top_app) {
            options->command = Command::kTop;
        } else if (*doctor_app) {
            options->command = Command::kDoctor;
        } else if (*interfaces_app) {
            options->command = Command::kInterfaces;
        } else if (*plugins_app) {
            options->command = Command::kPlugins;
        } else if (*sinks_app) {
            options->command = Command::kSinks;
        } else if (*decode_app) {
            options->command = Command::kDecode;
        } else if (*geo_app) {
            options->command = Command::kGeo;
        }
        return true;
    } catch (const CLI::ParseError& e) {
        // CLI11 says "a subcommand is required" of an unknown one too.
        if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
            std::string known;
            for (const CLI::App* command : app.get_subcommands({}))
                known += (known.empty() ? "" : ", ") + command->get_name();
            std::fputs(fmt::format("flowxdp: there is no command '{}'; there are: {}\nRun with --help for more "
                                   "information.\n",
                                   argv[1], known)
                           .c_str(),
                       stderr);
            *exit_code = static_cast<int>(ExitCode::kUsage);
            return false;
        }
        // CLI11's own codes are 105 and the like; help and version are successes.
        *exit_code = app.exit(e) == 0 ? static_cast<int>(ExitCode::kOk) : static_cast<int>(ExitCode::kUsage);
        return false;
    }
}

} // namespace flowxdp
