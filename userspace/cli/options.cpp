// SPDX-License-Identifier: BSD-2-Clause
#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <iostream>
#include <span>
#include <sstream>

#include "cli/command_line.h"
#include "cli/top_table.h"
#include "core/number.h"
#include "core/printable.h"
#include "core/result.h"
#include "core/text_file.h"
#include "flowxdp_version.h" // generated
#include "geo/geo_options.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kMostFlows = 1u << 28;
constexpr const char* kSignals =
    "Signals: SIGINT and SIGTERM end the input, write every flow and report; a second one kills. SIGHUP does the same "
    "where a terminal closed. SIGUSR1 prints the report as it stands.";

Error empty_value()
{
    return Error{"'' is empty: give a value, or leave the option out"};
}

OptionRow& add_split_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row = table->other(
        "-W,--split", "PREFIX[:SIZE[f]][,START]",
        "As -w, with a new flow file after SIZE bytes, or flows with f behind it; START is the first number");
    row.read = [run](const std::string& text) -> Result<void> {
        SplitOutput split;
        split.prefix = text;
        if (const std::size_t comma = split.prefix.rfind(','); comma != std::string::npos) {
            split.start = split.prefix.substr(comma + 1);
            split.prefix.resize(comma);
        }
        if (const std::size_t colon = split.prefix.rfind(':'); colon != std::string::npos) {
            split.size = split.prefix.substr(colon + 1);
            split.prefix.resize(colon);
        }
        if (split.prefix.empty())
            return empty_value();
        run->split = std::move(split);
        return {};
    };
    row.values = [run] {
        if (!run->split)
            return std::vector<std::string>();
        const SplitOutput& split = *run->split;
        return std::vector{
            fmt::format("{}:{}{}{}", split.prefix, split.size, split.start.empty() ? "" : ",", split.start)};
    };
    return row.with_example("-W out:500M, -W out:10000f").with_one_of("output");
}

bool operator==(const SinkSpec& a, const SinkSpec& b)
{
    return a.name == b.name && a.target == b.target && a.options == b.options;
}
bool operator==(const PluginSpec& a, const PluginSpec& b)
{
    return a.name == b.name && a.options == b.options;
}

// A table of a configuration file says no more than the option could: pins and messages hold the option's text.
template <typename Spec>
Result<void> same_spec(const Spec& spec, const Result<Spec>& again, const std::string& text)
{
    if (again.ok() && again.value() == spec)
        return {};
    return Error{
        fmt::format("'{}' cannot be told apart from another one: leave comma, colon and equal sign out of names, "
                    "and the comma out of values",
                    printable(text, kValueBytes))};
}

OptionRow& add_sink_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row =
        table->other("--sink", "NAME[:TARGET][,key=value...]", "Send rows to a sink; 'flowxdp sinks' lists them");
    row.repeats = true;
    row.read = [run](const std::string& text) -> Result<void> {
        if (text.empty())
            return empty_value();
        auto spec = parse_sink_spec(text);
        if (!spec.ok())
            return spec.error();
        run->sinks.push_back(spec.take());
        return {};
    };
    row.read_table = [run](const ModuleTable& module) -> Result<void> {
        SinkSpec spec{module.name, module.target, {module.options.begin(), module.options.end()}};
        if (auto one_text = same_spec(spec, parse_sink_spec(sink_text(spec)), sink_text(spec)); !one_text.ok())
            return one_text;
        run->sinks.push_back(std::move(spec));
        return {};
    };
    row.values = [run] {
        std::vector<std::string> texts;
        for (const SinkSpec& spec : run->sinks)
            texts.push_back(sink_text(spec));
        return texts;
    };
    return row.with_example("--sink json:flows.json.gz").with_change(Change::kDaemon);
}

// Plugins decide what the kernel keeps of a flow. What of it a sensor's identity depends on is what becomes of them
// with a bundle, not these words.
void add_plugin_options(OptionTable* table, RunOptions* run)
{
    const auto by_the_plan = [] { return std::string(); };
    auto texts_of = [](const std::vector<PluginSpec>& specs) {
        std::vector<std::string> texts;
        for (const PluginSpec& spec : specs)
            texts.push_back(plugin_text(spec));
        return texts;
    };
    OptionRow& one =
        table->other("--plugin", "NAME[:key=value,...]", "Add or configure a plugin; 'flowxdp plugins' lists them");
    one.repeats = true;
    one.read = [run](const std::string& text) -> Result<void> {
        if (text.empty())
            return empty_value();
        auto spec = parse_plugin_spec(text);
        if (!spec.ok())
            return spec.error();
        run->plugins.push_back(spec.take());
        return {};
    };
    one.read_table = [run](const ModuleTable& module) -> Result<void> {
        PluginSpec spec{module.name, {module.options.begin(), module.options.end()}};
        if (!module.target.empty())
            spec.options.emplace("target", module.target);
        if (auto one_text = same_spec(spec, parse_plugin_spec(plugin_text(spec)), plugin_text(spec)); !one_text.ok())
            return one_text;
        run->plugins.push_back(std::move(spec));
        return {};
    };
    one.values = [run, texts_of] { return texts_of(run->plugins); };
    one.with_example("--plugin tcp_win:threshold=100").with_identity(by_the_plan);

    OptionRow& list = table->other("--plugins", "NAME,...", "Exactly these plugins instead of the default ones");
    list.joint = ',';
    list.read = [run](const std::string& text) -> Result<void> {
        auto specs = read_plugin_list(text);
        if (!specs.ok())
            return specs.error();
        run->plugin_list = specs.take();
        return {};
    };
    list.values = [run, texts_of] {
        return run->plugin_list.empty() ? std::vector<std::string>()
                                        : std::vector{fmt::format("{}", fmt::join(texts_of(run->plugin_list), ","))};
    };
    list.with_identity(by_the_plan);
    table->list("--no-plugin", "NAME", &run->no_plugins, "Leave a plugin out").with_identity(by_the_plan);
}

OptionRow& add_extract_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row = table->other(
        "-e,--extract", "all[:FILE]",
        "Write the packets too, as pcapng, to FILE or PREFIX.pcapng; replay of that file gives the same rows");
    row.read = [run](const std::string& text) -> Result<void> {
        if (text.empty())
            return empty_value();
        if (text != "all" && !text.starts_with("all:"))
            return Error{fmt::format("'{}' is not known: write -e all or -e all:FILE", printable(text, kValueBytes))};
        run->extract = Extraction{text.size() > 4 ? text.substr(4) : ""};
        return {};
    };
    row.values = [run] {
        if (!run->extract)
            return std::vector<std::string>();
        return std::vector{"all" + (run->extract->file.empty() ? "" : ":" + run->extract->file)};
    };
    // The program sends every frame then, whatever the file is.
    return row.with_example("-e all:run.pcapng.zst").with_identity([run] {
        return std::string(run->extract ? "on" : "");
    });
}

OptionRow& add_tunnel_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row = table->other(
        "--tunnel", "KIND=PORT,...|none",
        "Look into these tunnels. KIND=PORT,...: the UDP ports of vxlan, geneve, gtp, l2tp, teredo, ayiya, "
        "capwap, lwapp or mpls; KIND: its own ports; KIND=none: not into it; ip=none: not into GRE, IP in IP "
        "and EtherIP; none: into none, flows are the outer ones. VLAN, MPLS and PPPoE are no tunnels");
    row.repeats = true;
    row.read = [run](const std::string& text) { return text.empty() ? empty_value() : run->tunnels.take(text); };
    row.values = [run] { return run->tunnels.values; };
    return row.with_example("--tunnel vxlan=4789,8472").with_identity([run] {
        return tunnel_text(run->tunnels.config);
    });
}

// What replay, attach and detach --export share.
void add_run_options(OptionTable* table, RunOptions* run)
{
    table->group("Output");
    table
        ->text("-w,--write", "PREFIX", &run->write_prefix,
               "Write PREFIX_flows.txt and companions, the report to standard output; a directory: files named after "
               "the input; -, or neither -w nor --sink: rows to standard output")
        .with_example("-w out")
        .with_one_of("output")
        .with_change(Change::kDaemon);
    add_split_option(table, run).with_change(Change::kDaemon);
    table->flag("-s,--packet-mode", &run->packet_mode, "Packet mode: one more row for each packet with a flow")
        .with_change(Change::kSensor);
    add_sink_option(table, run);
    table
        ->choice("--alarm", &run->alarm, kAlarmWords,
                 "Only alarmed flows reach the sinks: those of any plugin, or of all that can alarm")
        .with_change(Change::kReload);
    table->number("-x,--sensor-id", "ID", &run->sensor_id, 0, 0xffffffff, 666, "Sensor id")
        .with_change(Change::kDaemon);

    table->group("Plugins");
    add_plugin_options(table, run);
    table
        ->text("--geo-country", "FILE", &run->geo_country,
               "MMDB with countries; if not given, what 'flowxdp geo status' says")
        .with_change(Change::kDaemon);
    table->text("--geo-asn", "FILE", &run->geo_asn, "MMDB with organisations").with_change(Change::kDaemon);
    table->text("--lib", "DIR", &run->library_folder, "Folder with engine bundle and plugins (plugin build makes one)")
        .with_change(Change::kDaemon);

    table->group("Flows");
    table
        ->duration("--idle-timeout", &run->idle_timeout_ms, 1, kLongestTimeoutMs,
                   "End a flow after this long without a packet; tcp_states sets its own for TCP")
        .with_change(Change::kSensor);
    OptionRow& active = table->duration("--active-timeout", &run->active_timeout_ms, 1, kLongestTimeoutMs,
                                        "Cut a flow that is older than this at its next packet; 0: never");
    active.default_text = "0";
    active.read = [run, read = active.read](const std::string& text) {
        if (text != "0")
            return read(text);
        run->active_timeout_ms = 0;
        return Result<void>();
    };
    active.values = [run, values = active.values] {
        return run->active_timeout_ms ? values() : std::vector<std::string>{"0"};
    };
    active.with_change(Change::kSensor);
    table
        ->number("--max-flows", "N", &run->max_flows, 16, kMostFlows, 1u << 18,
                 "Biflows in memory; a full table evicts the least recently active")
        .with_change(Change::kKept);
    table->real("-f,--flow-factor", &run->flow_factor, 0.001, 1000, 2, "Multiply --max-flows")
        .with_change(Change::kKept);
    add_tunnel_option(table, run);

    table->group("Packets");
    table->text("--filter", "EXPR", &run->filter, "tcpdump's filter expression, instead of words at the end")
        .with_example("--filter 'tcp port 443'")
        .with_one_of("filter")
        .with_identity([run] { return run->filter.find_first_not_of(" \t") == std::string::npos ? "" : run->filter; });
    table->text("-F,--filter-file", "FILE", &run->filter_file, "Read the filter expression from a file")
        .with_one_of("filter")
        .with_identity([] { return std::string(); }); // what is in it is the filter
    table->number("-c,--count", "N", &run->max_packets, 1, kNoLimit, 1000, "Stop after so many packets")
        .with_change(Change::kDaemon);
    table
        ->number("-S,--snapshot-length", "BYTES", &run->snap_len, 0, 0xffffffff, 128,
                 "Look at no more than this of each packet; 0: at all of it")
        .with_change(Change::kSensor);

    table->group("Report");
    table->flag("-l,--log-file", &run->log_file, "Write the report to PREFIX_log.txt instead of standard output")
        .with_change(Change::kDaemon);
    table->flag("--json", &run->json, "Report as one JSON object").with_change(Change::kDaemon);
    table->flag("--quiet,-q", &run->quiet, "No report, no progress, errors only").with_change(Change::kReload);
    table->counter("--verbose,-v", &run->verbose, "Say more").with_change(Change::kReload);

    table->group("Configuration");
    table
        ->text(
            "--config", "NAME|FILE", &run->config,
            "Read options from a TOML file; NAME, without slash and dot, is /etc/flowxdp/NAME.toml. An option of the "
            "command line takes the place of the file's")
        .with_example("--config edge, --config ./site.toml")
        .with_change(Change::kDaemon)
        .not_in_files();
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

constexpr std::size_t kMaxFilterFileBytes = 1U << 20;

Result<std::string> read_filter_file(const std::string& path)
{
    const Result<std::string> file = read_text_file(path, kMaxFilterFileBytes);
    if (!file)
        return Error{fmt::format("option -F: cannot read filter file '{}': {}", printable(path, kValueBytes),
                                 file.error().message)};
    std::string text;
    std::istringstream lines(*file);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t comment = line.find('#');
        text += (text.empty() ? "" : " ") + line.substr(0, comment);
    }
    return text;
}

// Words of the filter, instead of an option for it.
Result<void> take_filter(RunOptions* run, std::span<const std::string> words)
{
    std::string filter;
    for (const std::string& word : words)
        filter += (filter.empty() ? "" : " ") + word;
    if (filter.empty())
        return {};
    if (!run->filter.empty() || !run->filter_file.empty())
        return Error{fmt::format("a filter expression is given twice: by {} and by words ('{}'); leave one of both out",
                                 run->filter.empty() ? "-F" : "--filter", printable(filter, kValueBytes))};
    run->filter = std::move(filter);
    return {};
}

Result<void> check_run(const RunOptions& run)
{
    if (run.split && !run.write_prefix.empty())
        return Error{"both -w and -W are given: -W writes too, leave -w out"};
    const std::string& prefix = run.split ? run.split->prefix : run.write_prefix;
    if (run.log_file && (prefix.empty() || prefix == "-"))
        return Error{"-l needs a file prefix: add -w PREFIX"};
    if (!run.filter.empty() && !run.filter_file.empty())
        return Error{"a filter expression is given twice: by --filter and by -F; leave one of both out"};
    const double flows = run.max_flows * run.flow_factor;
    if (flows < 16 || flows > kMostFlows)
        return Error{fmt::format("option -f: {} times the {} of --max-flows is {:.0f} flows: a table has from 16 to {}",
                                 run.flow_factor, run.max_flows, flows, kMostFlows)};
    return {};
}

// After check_run().
Result<void> settle_run(RunOptions* run)
{
    run->max_flows = static_cast<std::uint32_t>(run->max_flows * run->flow_factor);
    run->ring_bytes = std::bit_ceil(run->ring_bytes);
    if (run->filter_file.empty())
        return {};
    auto text = read_filter_file(run->filter_file);
    if (!text.ok())
        return text.error();
    run->filter = text.take();
    return {};
}

int inputs_of(const ReplayOptions& replay)
{
    return static_cast<int>(!replay.files.empty()) + static_cast<int>(!replay.list_file.empty()) +
           static_cast<int>(!replay.series.empty());
}

Result<void> take_replay_words(ReplayOptions* replay, const std::vector<std::string>& words)
{
    std::size_t i = 0;
    const bool other_input = !replay->list_file.empty() || !replay->series.empty();
    for (; i < words.size(); i++) {
        if (!(i == 0 && !other_input) && !is_file_word(words[i]))
            break;
        replay->files.push_back(words[i]);
    }
    return take_filter(&replay->run, std::span(words).subspan(i));
}

Result<void> check_replay(const ReplayOptions& replay)
{
    if (inputs_of(replay) > 1)
        return Error{"replay takes one kind of input: capture files, -R LIST or --series EXPR"};
    return check_run(replay.run);
}

// The first word, and those behind it that name an interface of this machine; the rest is a filter.
Result<void> take_attach_words(AttachOptions* attach, const std::vector<std::string>& words)
{
    std::size_t i = 0;
    for (; i < words.size() && (i == 0 || if_nametoindex(words[i].c_str())); i++)
        attach->interfaces.push_back(words[i]);
    return take_filter(&attach->run, std::span(words).subspan(i));
}

Result<void> check_attach(const AttachOptions& attach)
{
    if (auto run = check_run(attach.run); !run.ok())
        return run;
    if (attach.run.extract && attach.direction == DirectionWish::kBoth)
        return Error{"option -e: leaving buffers are not yet the frames they become (GSO), so there is nothing to "
                     "write: leave --direction both out"};
    if (attach.merge && attach.dispatcher)
        return Error{"option --merge: the dispatcher takes a program for one interface: leave one of both out"};
    if (attach.priority != kDispatcherPriority && !attach.dispatcher)
        return Error{"option --priority: it is a place in the dispatcher: add --dispatcher"};
    return {};
}

Result<void> take_detach_words(DetachOptions* detach, const std::vector<std::string>& words)
{
    detach->interfaces = words;
    const RunOptions& run = detach->run;
    if (!detach->export_flows && (!run.write_prefix.empty() || run.split || !run.sinks.empty()))
        return Error{"detach writes flows only with --export"};
    return {};
}

Result<void> check_detach(const DetachOptions& detach)
{
    if (detach.interfaces.empty() != detach.all)
        return Error{detach.all
                         ? "detach takes interfaces or --all, not both"
                         : "detach needs an interface, or --all for every sensor; e.g. sudo flowxdp detach eth0"};
    return check_run(detach.run);
}

CommandRow replay_command(Options* options)
{
    ReplayOptions* replay = &options->replay;
    CommandRow row{"replay", "Capture files become flows", "FILE... [FILTER]", {}, {}, {}, {}};
    row.options.group("Input");
    row.options.words("files", "FILE", &replay->files, "Capture files; - is standard input").with_one_of("input");
    row.options.text("-R,--list", "LIST", &replay->list_file, "File with one capture path a line, instead of FILE")
        .with_one_of("input");
    row.options
        .text("--series", "EXPR[:SEPARATOR][,STOP]", &replay->series,
              "Numbered series of files that may still grow, instead of FILE")
        .with_example("--series out.pcap0")
        .with_one_of("input");
    row.options.choice("--engine", &replay->engine, kEngineWords,
                       "In this process, or the kernel's program by test-run (root); the rows are the same");
    add_run_options(&row.options, &replay->run);
    row.examples = {
        {"flowxdp replay capture.pcap", "rows to standard output, the report to standard error"},
        {"flowxdp replay capture.pcap -w out", "out_flows.txt, out_headers.txt; the report to standard output"},
        {"flowxdp replay a.pcap b.pcap.gz -w - tcp port 443", "two files as one stream, filtered as tcpdump does"},
        {"flowxdp replay capture.pcap --plugin tcp_win:threshold=100,force_at=5", "a plugin with options of its own"},
        {"flowxdp replay capture.pcap --sink json --sink ipfix:udp://127.0.0.1:4739", "two sinks, no T2 files"},
        {"flowxdp replay - < capture.pcapng", "from standard input"},
    };
    row.notes = {
        "FILE is pcap or pcapng, plain, .gz or .zst; - is standard input. FILTER is tcpdump's language; it begins "
        "at the first word that is no file.",
        kSignals,
        "Exit codes: 0 ok, 1 run-time error, 2 usage, 3 finished but input was damaged or something was lost."};
    row.finish = [options, replay](const std::vector<std::string>& words) {
        options->command = Command::kReplay;
        return take_replay_words(replay, words);
    };
    row.check = [replay] { return check_replay(*replay); };
    row.settle = [replay]() -> Result<void> {
        if (!inputs_of(*replay))
            return Error{"replay needs an input: a capture file, - for standard input, -R LIST or --series EXPR; "
                         "e.g. flowxdp replay capture.pcap"};
        return settle_run(&replay->run);
    };
    return row;
}

CommandRow attach_command(Options* options)
{
    AttachOptions* attach = &options->attach;
    CommandRow row{
        "attach", "Observe interfaces: the kernel counts, rows leave as flows end", "IFACE... [FILTER]", {}, {}, {},
        {}};
    row.options.group("Interfaces");
    // Their indexes are part of the sensor's identity.
    row.options.words("interfaces", "IFACE", &attach->interfaces, "Interfaces to observe").with_identity([] {
        return std::string();
    });
    row.options
        .choice("--mode", &attach->mode, kModeWords,
                "XDP in the driver (native), in the stack (generic), or what works")
        .with_change(Change::kKept);
    // What becomes of it on an interface is part of the sensor's identity, not the wish.
    row.options
        .choice("--direction", &attach->direction, kDirectionWords,
                "Received frames alone (ingress), or those that are sent, too (both); auto: both where the host "
                "sends by the interface (it has an address), ingress where it only listens")
        .with_identity([] { return std::string(); });
    row.options
        .flag("--merge", &attach->merge, "One table for all interfaces named: the two legs of a TAP, or of a bond")
        .with_identity([] { return std::string(); }); // the interfaces themselves are
    row.options
        .flag("--fix-offloads", &attach->fix_offloads,
              "Turn off VLAN offload, which hides tags from XDP, while attached")
        .with_change(Change::kDaemon);
    row.options
        .flag("--dispatcher", &attach->dispatcher,
              "Share the interface with other XDP programs, through libxdp's dispatcher")
        .with_change(Change::kKept);
    row.options
        .number("--priority", "N", &attach->priority, 0, 0x7fffffff, kDispatcherPriority,
                "With --dispatcher: low runs first, before programs that drop")
        .with_change(Change::kKept);
    row.options.text("--user", "NAME", &attach->user, "Run as this user once attached; files are opened as that user")
        .with_change(Change::kDaemon);
    row.options
        .size("--ring", &attach->run.ring_bytes, 4096, std::uint64_t{1} << 30,
              "Memory between kernel and daemon for ends, packet rows and frames; rounded up to a power of two")
        .with_change(Change::kKept);
    add_extract_option(&row.options, &attach->run);
    add_run_options(&row.options, &attach->run);
    row.examples = {
        {"sudo flowxdp attach eth0", "rows to standard output as flows end"},
        {"sudo flowxdp attach eth0 -w /var/log/flows", "/var/log/flows_flows.txt"},
        {"sudo flowxdp attach eth0 tcp port 443", "filtered in the kernel; other frames are only counted"},
        {"sudo flowxdp attach eth0 --sink ipfix:udp://192.0.2.1:4739", "to a collector"},
        {"sudo flowxdp attach eth0 -w run -e all", "run.pcapng too: 'flowxdp replay run.pcapng' gives the same rows"},
        {"sudo flowxdp attach eth0 --dispatcher", "beside other XDP programs, those of xdp-loader for instance"},
    };
    row.notes = {
        "Observed is what an interface receives and, where the host sends by it (it has an address), what leaves: "
        "the first line says so; --direction chooses otherwise. A killed daemon leaves the kernel counting; the next "
        "attach with the "
        "same plugins and options takes over without losing a packet.",
        "Once attached it keeps the capabilities cap_bpf and cap_net_admin alone (--dispatcher: cap_sys_admin "
        "too). An interface that is removed is exported and the others go on; without any left it ends.",
        kSignals,
        "Exit codes: 0 ok, 1 run-time error or every interface is gone, 2 usage, 3 something was lost, 77 a "
        "privilege is missing."};
    row.finish = [options, attach](const std::vector<std::string>& words) {
        options->command = Command::kAttach;
        return take_attach_words(attach, words);
    };
    row.check = [attach] { return check_attach(*attach); };
    row.settle = [attach]() -> Result<void> {
        if (attach->interfaces.empty())
            return Error{"attach needs an interface ('flowxdp interfaces' lists them); e.g. sudo flowxdp attach eth0"};
        return settle_run(&attach->run);
    };
    return row;
}

CommandRow detach_command(Options* options)
{
    DetachOptions* detach = &options->detach;
    CommandRow row{
        "detach", "End sensors: stop their daemon, or remove what a killed one left", "[IFACE...]", {}, {}, {}, {}};
    row.options.group("Which and how");
    row.files_of = "attach";
    row.options.words("interfaces", "IFACE", &detach->interfaces, "Interfaces whose sensors end")
        .with_one_of("which")
        .with_change(Change::kDaemon);
    row.options.flag("--all", &detach->all, "Every sensor of this machine").with_one_of("which").not_in_files();
    row.options
        .flag("--export", &detach->export_flows,
              "Without a daemon: write the flows that the kernel still holds, then remove")
        .not_in_files();
    add_run_options(&row.options, &detach->run);
    row.examples = {
        {"sudo flowxdp detach eth0", "stop the daemon, which exports every flow"},
        {"sudo flowxdp detach --export eth0 -w /var/log/last",
         "after a kill -9: the flows that are still in the kernel"},
        {"sudo flowxdp detach --all", "every sensor of this machine"},
    };
    row.notes = {"A sensor is exported with the bundle, plugins and options that it was attached with: its pins name "
                 "them. When that "
                 "bundle is gone, or was built anew, both are named; --lib names another, and detach without --export "
                 "removes the "
                 "sensor with its flows.",
                 "Exit codes: 0 ok, 1 run-time error, 2 usage, 3 something was lost, 77 a privilege is missing."};
    row.finish = [options, detach](const std::vector<std::string>& words) {
        options->command = Command::kDetach;
        return take_detach_words(detach, words);
    };
    row.check = [detach] { return check_detach(*detach); };
    row.settle = [detach] { return settle_run(&detach->run); };
    return row;
}

CommandRow status_command(Options* options)
{
    CommandRow row{
        "status", "What the attached sensors have counted, and how their sinks are", "[IFACE...]", {}, {}, {}, {}};
    row.options.flag("--all,-a", &options->status.all, "Counters that are zero, too");
    row.options.flag("--json", &options->status.json, "As JSON");
    row.examples = {{"sudo flowxdp status", "every sensor"}, {"sudo flowxdp status -a eth0", "all counters of one"}};
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kStatus;
        options->status.interfaces = words;
        return Result<void>();
    };
    return row;
}

CommandRow top_command(Options* options)
{
    TopOptions* top = &options->top;
    CommandRow row{"top", "The busiest flows and talkers, now", "[IFACE...]", {}, {}, {}, {}};
    row.options.choice("--sort,-o", &top->sort, kTopKeys, "What to sort by, largest first; idle: smallest first");
    row.options.duration("--interval,-i", &top->interval_ms, 1, 3600000,
                         "Time between two looks, over which rates are taken");
    row.options.number("-n", "N", &top->count, 1, 1000000, 20, "At most so many lines; 20 with --once")
        .with_default("what fits");
    row.options.flag("--all,-a", &top->all, "With --once: every flow and talker");
    row.options.flag("--once", &top->once, "One table instead of a screen; what is no terminal gets one anyway");
    row.options.flag("--json", &top->json, "One table as JSON");
    row.examples = {{"sudo flowxdp top", "a screen; h explains its keys"},
                    {"sudo flowxdp top --once -n 5 -o bytes eth0", "the five largest flows and talkers"}};
    row.notes = {
        "Keys: h or ? help; q quit; s, left, right: sort; t: talkers or flows; up, down, page up, page down: "
        "scroll; p: pause.",
        "Bytes are IP octets, of flows without IP bytes on the wire. It reads the kernel's table, which goes on "
        "counting."};
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kTop;
        options->top.interfaces = words;
        return Result<void>();
    };
    return row;
}

CommandRow doctor_command(Options* options)
{
    DoctorOptions* doctor = &options->doctor;
    CommandRow row{"doctor", "Would a sensor work here? What to do where not", "[IFACE...]", {}, {}, {}, {}};
    row.options.text("-w", "PREFIX", &doctor->write_prefix, "Where flows will be written");
    row.options.flag("--json", &doctor->json, "As JSON");
    row.options.text("--lib", "DIR", &doctor->library_folder, "Folder with engine bundle and plugins");
    row.examples = {{"sudo flowxdp doctor eth0 -w /var/log/flows", "this machine, an interface, a place for rows"}};
    row.notes = {"Nothing is attached. Exit codes: 0 ready, 1 not ready: the last line says what to do first."};
    row.finish = [options](const std::vector<std::string>& words) {
        options->command = Command::kDoctor;
        options->doctor.interfaces = words;
        return Result<void>();
    };
    return row;
}

// plugins, sinks: all, or those named.
CommandRow listing_command(Options* options, Command command, const char* name, const char* summary,
                           const char* example)
{
    CommandRow row{name, summary, "[NAME...]", {}, {}, {}, {}};
    row.options.flag("--json", &options->list.json, "As JSON");
    row.options.text("--lib", "DIR", &options->list.library_folder, "Folder with engine bundle and plugins");
    row.examples = {{example, "one of them"}};
    row.finish = [options, command](const std::vector<std::string>& words) {
        options->command = command;
        options->list.names = words;
        return Result<void>();
    };
    return row;
}

CommandRow interfaces_command(Options* options)
{
    CommandRow row{"interfaces", "List interfaces with driver, MTU and XDP programs", "", {}, {}, {}, {}};
    row.options.flag("--json", &options->list.json, "As JSON");
    row.finish = [options](const std::vector<std::string>&) {
        options->command = Command::kInterfaces;
        return Result<void>();
    };
    return row;
}

CommandRow decode_command(Options* options)
{
    CommandRow row{"decode", "Explain the bits of a column's value", "COLUMN=VALUE", {}, {}, {}, {}};
    row.options.flag("--json", &options->list.json, "As JSON");
    row.options.text("--lib", "DIR", &options->list.library_folder, "Folder with engine bundle and plugins");
    row.examples = {{"flowxdp decode flowStat=0x0400020000004000", "which bits are set, and what they mean"}};
    row.finish = [options](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kDecode;
        if (words.size() != 1)
            return Error{words.empty() ? "decode needs a value: COLUMN=VALUE, e.g. flowxdp decode "
                                         "flowStat=0x0400020000004000"
                                       : fmt::format("decode takes one COLUMN=VALUE, and '{}' is one more",
                                                     printable(words[1], kValueBytes))};
        options->decode = words[0];
        return {};
    };
    return row;
}

CommandRow plugin_build_command(Options* options)
{
    PluginOptions* plugin = &options->plugin;
    CommandRow row;
    row.name = "plugin build";
    row.summary = "Compile plugin folders and the installed plugins into a bundle";
    row.words = "DIR...";
    row.options
        .text("--output,-o", "FOLDER", &plugin->output, "The bundle's folder; a bundle that is there is replaced")
        .with_default("flowxdp-bundle");
    row.examples = {{"flowxdp plugin build my_plugin", "a bundle in ./flowxdp-bundle"},
                    {"flowxdp replay --lib flowxdp-bundle --plugin my_plugin FILE", "rows with its columns"}};
    row.notes = {"DIR is a folder NAME with NAME.cpp, and with NAME.bpf.h when the plugin counts in the kernel. The "
                 "installed headers and the compilers that are there are used: $CLANG, $CXX, with $CXXFLAGS and "
                 "$LDFLAGS for user halves. A build that fails leaves the bundle that was there."};
    row.finish = [options, plugin](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kPlugin;
        plugin->action = PluginOptions::Action::kBuild;
        plugin->folders = words;
        if (words.empty())
            return Error{"plugin build needs a plugin's folder; 'flowxdp plugin new NAME' writes one"};
        return {};
    };
    return row;
}

CommandRow plugin_new_command(Options* options)
{
    PluginOptions* plugin = &options->plugin;
    CommandRow row;
    row.name = "plugin new";
    row.summary = "Write a plugin to start from, with a test";
    row.words = "NAME";
    row.options.text("--directory,-C", "FOLDER", &plugin->folder, "Where the folder NAME is made").with_default(".");
    row.examples = {{"flowxdp plugin new my_plugin && my_plugin/test.sh", "it builds, and its test passes"}};
    row.finish = [options, plugin](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kPlugin;
        plugin->action = PluginOptions::Action::kNew;
        if (words.size() != 1)
            return Error{words.empty() ? "plugin new needs a name: lower case letters, digits and _"
                                       : fmt::format("plugin new takes one name, and '{}' is one more",
                                                     printable(words[1], kValueBytes))};
        plugin->name = words[0];
        return {};
    };
    return row;
}

CommandRow plugin_list_command(Options* options)
{
    PluginOptions* plugin = &options->plugin;
    CommandRow row;
    row.name = "plugin list";
    row.summary = "List the folders of plugins, what is in them, and what is wrong with it";
    row.options.flag("--json", &plugin->json, "As JSON");
    row.options.text("--lib", "DIR", &plugin->library_folder, "Folder with engine bundle and plugins");
    row.notes = {
        "Nearest first: --lib or $FLOWXDP_LIB, the user's ($XDG_DATA_HOME/flowxdp or ~/.local/share/flowxdp), the "
        "administrator's (/usr/local/lib/flowxdp), the installation's. 'flowxdp plugins' has options and columns."};
    row.finish = [options, plugin](const std::vector<std::string>&) {
        options->command = Command::kPlugin;
        plugin->action = PluginOptions::Action::kList;
        return Result<void>();
    };
    return row;
}

constexpr const char* kConfigCommands[] = {"attach", "replay"};

CommandRow config_check_command(Options* options)
{
    CommandRow row;
    row.name = "config check";
    row.summary = "Say what is wrong in configuration files";
    row.words = "FILE...";
    row.options
        .choice("--command", &options->config.command, kConfigCommands,
                "Whose options the files hold; if not given, the options themselves tell")
        .with_default("");
    row.options.text("--lib", "DIR", &options->config.library_folder, "Folder with engine bundle and plugins");
    row.examples = {{"flowxdp config check edge ./site.toml", "/etc/flowxdp/edge.toml, and a file of this folder"}};
    row.notes = {"Every mistake is named with its file and line. Exit codes: 0 none, 2 some."};
    row.finish = [options](const std::vector<std::string>& words) -> Result<void> {
        options->command = Command::kConfigCheck;
        options->config.files = words;
        if (words.empty())
            return Error{"config check needs a file, or the NAME of /etc/flowxdp/NAME.toml"};
        return {};
    };
    return row;
}

// Takes the options of attach or replay, as they do, and runs neither.
CommandRow config_dump_command(Options* options, bool of_replay)
{
    CommandRow row = of_replay ? replay_command(options) : attach_command(options);
    row.name = "config dump";
    row.summary = "Print the options of attach or replay as a configuration file";
    row.words = "[options and words of the command]";
    row.options.hide();
    row.options.group("Options");
    row.options.choice("--command", &options->config.command, kConfigCommands, "Whose options")
        .with_default("attach")
        .not_in_files();
    row.examples = {{"flowxdp config dump", "every option of attach, with its default"},
                    {"flowxdp config dump --config edge --sink csv:x", "what attach would take, and from where it is"},
                    {"flowxdp config dump --command replay -s", "a file for replay"}};
    row.notes = {
        "It takes every option of the command ('flowxdp help attach'). Lines that begin with # hold defaults."};
    row.finish = [options, finish = row.finish](const std::vector<std::string>& words) {
        auto taken = finish(words);
        options->command = Command::kConfigDump;
        return taken;
    };
    row.settle = nullptr;
    return row;
}

// Whether the words ask for the options of replay: "config dump --command replay".
bool dumps_replay(std::span<const std::string> words)
{
    if (words.size() < 2 || words[0] != "config" || words[1] != "dump")
        return false;
    for (std::size_t i = 2; i < words.size(); i++)
        if (words[i] == "--command=replay" ||
            (words[i] == "--command" && i + 1 < words.size() && words[i + 1] == "replay"))
            return true;
    return false;
}

} // namespace

std::string sink_text(const SinkSpec& spec)
{
    std::string text = spec.name + (spec.target.empty() ? "" : ":" + spec.target);
    for (const auto& [key, value] : spec.options)
        text += fmt::format(",{}={}", key, value);
    return text;
}

std::string plugin_text(const PluginSpec& spec)
{
    std::string text = spec.name;
    for (const auto& [key, value] : spec.options)
        text += fmt::format("{}{}={}", text.size() == spec.name.size() ? ':' : ',', key, value);
    return text;
}

Result<std::vector<PluginSpec>> read_plugin_list(const std::string& text)
{
    std::vector<PluginSpec> specs;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        if (end > at) {
            auto spec = parse_plugin_spec(text.substr(at, end - at));
            if (!spec.ok())
                return spec.error();
            specs.push_back(spec.take());
        }
        at = end + 1;
    }
    if (specs.empty())
        return Error{
            fmt::format("'{}' names no plugin: give one, or leave the option out", printable(text, kValueBytes))};
    return specs;
}

std::string sensor_identity(const RunOptions& run)
{
    Options options;
    options.attach.run = run;
    const CommandRow attach = attach_command(&options);
    std::string text;
    for (const OptionRow& row : attach.options.rows())
        if (row.change == Change::kSensor)
            text += fmt::format("{}={}\n", row.key,
                                row.identity ? row.identity() : fmt::format("{}", fmt::join(row.values(), ",")));
    return text;
}

std::vector<CommandRow> command_table(Options* options, std::span<const std::string> words)
{
    std::vector<CommandRow> commands;
    commands.push_back(replay_command(options));
    commands.push_back(attach_command(options));
    commands.push_back(detach_command(options));
    commands.push_back(status_command(options));
    commands.push_back(top_command(options));
    commands.push_back(doctor_command(options));
    commands.push_back(interfaces_command(options));
    commands.push_back(listing_command(options, Command::kPlugins, "plugins",
                                       "List plugins with their options and columns", "flowxdp plugins tcp_win"));
    commands.push_back(
        listing_command(options, Command::kSinks, "sinks", "List sinks with their options", "flowxdp sinks json"));
    commands.push_back(plugin_list_command(options));
    commands.push_back(plugin_new_command(options));
    commands.push_back(plugin_build_command(options));
    commands.push_back(decode_command(options));
    commands.push_back(config_check_command(options));
    commands.push_back(config_dump_command(options, dumps_replay(words)));
    geo::add_geo_commands(&commands, &options->geo);
    for (CommandRow& command : commands)
        if (command.name.starts_with("geo ")) {
            command.finish = [options, finish = command.finish](const std::vector<std::string>& given) {
                options->command = Command::kGeo;
                return finish(given);
            };
        }
    return commands;
}

std::string command_line_text(int argc, char** argv)
{
    std::string text;
    for (int i = 0; i < argc; i++)
        text += (i ? " " : "") + std::string(argv[i]);
    return text;
}

bool parse_options(int argc, char** argv, Options* options, int* exit_code)
{
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    const auto reply =
        read_command_line(command_table(options, words), words, std::string("flowxdp ") + FLOWXDP_VERSION);
    if (!reply)
        return true;
    if (reply->code == ExitCode::kOk)
        std::cout << reply->text << std::flush;
    else
        std::cerr << printable_lines(reply->text) << std::flush; // with words as they were given
    *exit_code = static_cast<int>(reply->code);
    return false;
}

} // namespace flowxdp
