// SPDX-License-Identifier: BSD-2-Clause
#include "cli/run_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <sstream>

#include "core/printable.h"
#include "core/text_file.h"
#include "monitor/listen_address.h"

namespace flowxdp {
namespace {

constexpr std::uint32_t kMostFlows = 1u << 28;
OptionRow& add_split_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row = table->other(
        "-W,--split", "PREFIX[:SIZE[f]][,START]",
        "As -w, with a new flow file after SIZE bytes, or flows with f after it; START is the first number");
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
    return row.with_example("--sink json:flows.json.gz").with_noun(Noun::kSinkSpec).with_change(Change::kDaemon);
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
    one.with_example("--plugin NAME:KEY=VALUE").with_noun(Noun::kPluginSpec).with_identity(by_the_plan);

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
    list.with_noun(Noun::kPluginList).with_identity(by_the_plan);
    table->list("--no-plugin", "NAME", &run->no_plugins, "Leave a plugin out")
        .with_noun(Noun::kPlugin)
        .with_identity(by_the_plan);
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
    return row.with_example("--tunnel vxlan=4789,8472").with_noun(Noun::kTunnel).with_identity([run] {
        return tunnel_text(run->tunnels.config);
    });
}

OptionRow& add_listen_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row = table->other(
        "--listen", "ADDRESS:PORT",
        "While replay or attach runs, serve /metrics (Prometheus), /healthz, /readyz, /status.json and, live, /flows "
        "over HTTP. Another address than a loopback one needs --listen-token-file");
    row.read = [run](const std::string& text) -> Result<void> {
        if (text.empty())
            return empty_value();
        if (const auto address = read_listen_address(text); !address.ok())
            return address.error();
        run->listen = text;
        return {};
    };
    row.values = [run] { return run->listen.empty() ? std::vector<std::string>() : std::vector{run->listen}; };
    return row.with_example("--listen 127.0.0.1:9669");
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

void add_library_option(OptionTable* table, RunOptions* run)
{
    table->text("--lib", "DIR", &run->library_folder, "Folder with engine bundle and plugins (plugin build makes one)")
        .with_change(Change::kDaemon);
}

void add_flow_options(OptionTable* table, RunOptions* run)
{
    table->group("Flows");
    table
        ->duration("--idle-timeout", &run->idle_timeout_ms, 1, kLongestTimeoutMs,
                   "End a flow after this long without a packet; a plugin may set its own, as for TCP")
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
    table
        ->choice("--key", &run->key, kKeyWords,
                 "What keeps flows with the same addresses and ports apart: the innermost VLAN, the innermost tunnel "
                 "by its id (VNI, TEID, GRE key), or nothing")
        .with_change(Change::kSensor);
}

void add_packet_options(OptionTable* table, RunOptions* run)
{
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
}

void add_config_option(OptionTable* table, RunOptions* run)
{
    table->group("Configuration");
    table
        ->text(
            "--config", "NAME|FILE", &run->config,
            "Read options from a TOML file; NAME, without slash and dot, is /etc/flowxdp/NAME.toml. An option of the "
            "command line takes the place of the file's")
        .with_example("--config edge, --config ./site.toml")
        .with_noun(Noun::kConfig)
        .with_change(Change::kDaemon)
        .not_in_files();
}

void add_monitoring_options(OptionTable* table, RunOptions* run)
{
    table
        ->number("-M,--monitoring", "SECONDS", &run->monitoring_s, 1, 86400, 10,
                 "A line of figures every so often: to standard error, and to PREFIX_monitoring.txt of -w")
        .with_change(Change::kDaemon);
    table
        ->choice("--monitoring-mode", &run->monitoring_mode, kMonitoringWords,
                 "What a line of -M counts: since the start, or since the line before")
        .with_change(Change::kDaemon);
}

void add_listen_options(OptionTable* table, RunOptions* run)
{
    add_listen_option(table, run).with_change(Change::kDaemon);
    table
        ->text("--listen-token-file", "FILE", &run->listen_token_file,
               "Answer only who sends the token in this file: Authorization: Bearer TOKEN")
        .with_change(Change::kDaemon);
}

} // namespace

Error empty_value()
{
    return Error{"'' is empty: give a value, or leave the option out"};
}

void add_run_options(OptionTable* table, RunOptions* run, Lasting lasting)
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
    table
        ->text("--rotate", "LIMIT[/LIMIT...]", &run->rotate,
               "Of every sink that writes files: finish a file at a time, a size or so many rows, and begin the next; "
               "names of finished files have their time")
        .with_example("--rotate 1h, --rotate 1d/500M/1000000f")
        .with_change(Change::kDaemon);
    table
        ->text("--exec-after", "COMMAND", &run->exec_after,
               "With --rotate: run this for each finished file, with its name as the last word; no shell reads it")
        .with_example("--exec-after 'zstd -q --rm'")
        .with_change(Change::kDaemon);
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
        ->size("--plugin-memory", &run->plugin_memory_bytes, 1u << 20, std::uint64_t{1} << 36,
               "What each plugin may keep of live flows, and all together of TCP streams; the oldest gives way")
        .with_change(Change::kDaemon);
    table
        ->text("--geo-country", "FILE", &run->geo_country,
               "MMDB with countries; if not given, what 'flowxdp geo status' says")
        .with_change(Change::kDaemon);
    table->text("--geo-asn", "FILE", &run->geo_asn, "MMDB with organisations").with_change(Change::kDaemon);
    add_library_option(table, run);
    add_flow_options(table, run);
    add_packet_options(table, run);

    table->group("Report");
    table->flag("-l,--log-file", &run->log_file, "Write the report to PREFIX_log.txt instead of standard output")
        .with_change(Change::kDaemon);
    if (lasting == Lasting::kYes)
        add_monitoring_options(table, run);
    table->flag("--json", &run->json, "Report as one JSON object").with_change(Change::kDaemon);
    table->flag("--quiet,-q", &run->quiet, "No report, no progress, errors only").with_change(Change::kReload);
    table->counter("--verbose,-v", &run->verbose, "Say more").with_change(Change::kReload);

    table
        ->choice("--log-format", &run->log_format, kLogFormatWords,
                 "Messages on standard error as lines of text, or as a JSON object each: time, level, message")
        .with_change(Change::kDaemon);
    if (lasting == Lasting::kYes)
        add_listen_options(table, run);
    add_config_option(table, run);
}

void add_extract_option(OptionTable* table, RunOptions* run)
{
    OptionRow& row = table->other(
        "-e,--extract", "all|alarmed|matching[:FILE]",
        "Write packets too, as pcapng. all: every one, to FILE or PREFIX.pcapng; replay of that file gives the same "
        "rows. alarmed: those of alarmed flows from the packet on that raised the alarm, to FILE or "
        "PREFIX_alarmed.pcapng. matching: those of flows from the first packet on that --extract-filter matches, to "
        "FILE or PREFIX_matching.pcapng");
    row.read = [run](const std::string& text) -> Result<void> {
        if (text.empty())
            return empty_value();
        const std::size_t colon = std::min(text.find(':'), text.size());
        const std::string what = text.substr(0, colon);
        for (const auto& [word, packets] : kExtractionWords)
            if (what == word) {
                run->extract = Extraction{packets, text.substr(std::min(colon + 1, text.size()))};
                return {};
            }
        return Error{fmt::format("'{}' is not known: write all, alarmed or matching, with :FILE or -w PREFIX; 'flowxdp "
                                 "extract --flows FILE' writes the packets of listed flows",
                                 printable(text, kValueBytes))};
    };
    row.values = [run] {
        if (!run->extract)
            return std::vector<std::string>();
        return std::vector{std::string(word_of(kExtractionWords, run->extract->packets)) +
                           (run->extract->file.empty() ? "" : ":" + run->extract->file)};
    };
    // The program sends these frames then, whatever the file is.
    row.with_example("-e all:run.pcapng.zst, -e alarmed").with_noun(Noun::kExtraction).with_identity([run] {
        if (!run->extract)
            return std::string();
        return std::string(run->extract->of_flows() ? word_of(kExtractionWords, run->extract->packets) : "on");
    });
    table
        ->text(
            "--extract-filter", "EXPR", &run->extract_filter,
            "tcpdump's filter expression of -e matching: a packet that it matches, and what follows in its flow, both "
            "ways")
        .with_example("-e matching --extract-filter 'host 192.0.2.7 and tcp port 22'")
        .with_change(Change::kSensor);
}

void add_numbering_options(OptionTable* table, RunOptions* run)
{
    table->group("Plugins");
    add_plugin_options(table, run);
    add_library_option(table, run);
    add_flow_options(table, run);
    add_packet_options(table, run);
    table->group("Report");
    table->flag("--quiet,-q", &run->quiet, "No report, no progress, errors only");
    add_config_option(table, run);
}

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

namespace {

// -e matching and --extract-filter come together. Error: what is missing.
Result<void> check_extraction(const RunOptions& run)
{
    const bool matching = run.extract && run.extract->packets == ExtractedPackets::kMatching;
    const bool has_filter = run.extract_filter.find_first_not_of(" \t") != std::string::npos;
    if (matching && !has_filter)
        return Error{"-e matching needs an expression: add --extract-filter EXPR"};
    if (!matching && has_filter)
        return Error{"--extract-filter is the expression of -e matching: add -e matching, or leave it out"};
    return {};
}

} // namespace

Result<void> check_run(const RunOptions& run)
{
    if (run.split && !run.write_prefix.empty())
        return Error{"both -w and -W are given: -W writes too, leave -w out"};
    const std::string& prefix = run.split ? run.split->prefix : run.write_prefix;
    if (run.log_file && (prefix.empty() || prefix == "-"))
        return Error{"-l needs a file prefix: add -w PREFIX"};
    if (!run.listen_token_file.empty() && run.listen.empty())
        return Error{"option --listen-token-file: nothing listens: add --listen ADDRESS:PORT"};
    if (!run.listen.empty() && run.listen_token_file.empty()) {
        const auto address = read_listen_address(run.listen);
        if (address.ok() && !address.value().loopback)
            return Error{fmt::format("option --listen: {} can be reached by others, and pages say who spoke with whom: "
                                     "add --listen-token-file FILE, or listen on 127.0.0.1",
                                     run.listen)};
    }
    if (run.split && !run.rotate.empty())
        return Error{"both -W and --rotate are given: -W makes numbered pieces, --rotate files with a time; leave one "
                     "of both out"};
    if (!run.exec_after.empty() && run.rotate.empty())
        return Error{"--exec-after runs a command for finished files: add --rotate LIMIT"};
    if (!run.filter.empty() && !run.filter_file.empty())
        return Error{"a filter expression is given twice: by --filter and by -F; leave one of both out"};
    if (auto extraction = check_extraction(run); !extraction.ok())
        return extraction;
    const double flows = run.max_flows * run.flow_factor;
    if (flows < 16 || flows > kMostFlows)
        return Error{fmt::format("option -f: {} times the {} of --max-flows is {:.0f} flows: a table has from 16 to {}",
                                 run.flow_factor, run.max_flows, flows, kMostFlows)};
    return {};
}

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

} // namespace flowxdp
