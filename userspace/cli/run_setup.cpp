// SPDX-License-Identifier: BSD-2-Clause
#include "cli/run_setup.h"

#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "flowxdp_version.h"
#include "sink/sink_registry.h"

namespace flowxdp {

double steady_seconds()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The plugins' view of geo::GeoDatabase. Without a file special ranges are still answered.
class RunSetup::Geo final : public GeoService {
  public:
    Geo(const std::string& country, const std::string& asn)
    {
        auto opened = geo::GeoDatabase::open(country, asn);
        if (!opened.ok())
            throw StartupError(opened.error().message);
        database_ = opened.take();
    }
    void look_up(const std::uint8_t address[16], int version, std::string_view* country,
                 std::string_view* organisation) override
    {
        std::array<std::uint64_t, 2> words{};
        std::memcpy(words.data(), address, 16);
        const std::uint64_t hash = (words[0] ^ words[1]) * 0x9e3779b97f4a7c15u;
        Recent& recent = recent_[hash >> (64 - kRecentBits)];
        if (recent.words != words || recent.version != version)
            recent = {words, version, database_->look_up(std::bit_cast<std::array<std::uint8_t, 16>>(words), version)};
        *country = recent.label.country;
        *organisation = recent.label.organisation;
    }
    [[nodiscard]] bool has_data() const override { return database_->has_data(); }

  private:
    // Both rows of a biflow ask for the same two addresses, and busy hosts come again. The database's own cache is
    // large and locked; this one stays in the core's, and plugins ask on one thread.
    struct Recent {
        std::array<std::uint64_t, 2> words{};
        int version = -1; // none yet
        geo::Label label;
    };
    static constexpr int kRecentBits = 8;

    std::unique_ptr<geo::GeoDatabase> database_;
    std::array<Recent, 1u << kRecentBits> recent_;
};

namespace {

PluginChoice choose_plugins(const RunOptions& options)
{
    PluginChoice choice;
    auto add = [&choice](const std::string& text) {
        auto spec = parse_plugin_spec(text);
        if (!spec.ok())
            throw StartupError(spec.error().message, ExitCode::kUsage);
        choice.add.push_back(spec.take());
    };
    if (!options.plugin_list.empty()) {
        choice.replace_default = true;
        for (std::size_t at = 0; at <= options.plugin_list.size();) {
            const std::size_t end = std::min(options.plugin_list.find(',', at), options.plugin_list.size());
            if (end > at)
                add(options.plugin_list.substr(at, end - at));
            at = end + 1;
        }
    }
    for (const std::string& text : options.plugins)
        add(text);
    choice.remove = options.no_plugins;
    return choice;
}

// A fixed seed: flows do not depend on it, and two replays take the same way. Live tables draw a random one.
constexpr std::uint64_t kReplayHashSeed = 0x666c6f7778647031ULL;

std::uint64_t random_seed()
{
    std::uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        throw StartupError(fmt::format("cannot draw a random hash seed: {}", std::strerror(errno)));
    return seed;
}

std::vector<std::string> header_file_lines(const RunOptions& options, const std::string& command_line,
                                           const PluginHost& plugins)
{
    utsname host{};
    uname(&host);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    std::vector<std::string> lines = {
        fmt::format("Date: {}", utc_date(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count())),
        fmt::format("flowxdp {}", FLOWXDP_VERSION),
        "Core configuration: L2, IPv4, IPv6",
        fmt::format("SensorID: {}", options.sensor_id),
        fmt::format("PID: {}", getpid()),
        fmt::format("Command line: {}", command_line),
        fmt::format("HW info: {};{};{};{};{}", host.nodename, host.sysname, host.release, host.version, host.machine),
        "Plugins loaded:",
    };
    unsigned n = 0;
    for (const PluginHost::Active& p : plugins.active())
        lines.push_back(fmt::format("  {:02}: {}, version {}", ++n, p.name, p.version));
    return lines;
}

// The runner's options are not the sink's.
SinkSpec without_queue_options(SinkSpec spec)
{
    spec.options.erase("policy");
    spec.options.erase("queue");
    return spec;
}

// What makes a sink write the same bytes to the same place. Its queue does not.
std::uint64_t sink_id(const SinkSpec& spec, const std::string& prefix)
{
    std::string name = spec.name + ":" + absolute_path(spec.target.empty() ? prefix : spec.target);
    for (const auto& [key, value] : spec.options)
        name += fmt::format(",{}={}", key, value);
    return output_id(name);
}

} // namespace

std::string absolute_path(const std::string& path)
{
    if (path.empty())
        return path;
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    return error ? path : whole.lexically_normal().string();
}

RunSetup::RunSetup(const RunOptions& options, const std::string& input_name, const std::string& command_line,
                   const Attach& attach, Log* log)
    : options_(options), log_(log)
{
    const std::string folder = library_folder(options_.library_folder);
    choose_output(input_name);
    bundle_ = load_bundle(folder);
    libraries_ = load_plugin_libraries(folder + "/plugins");
    const std::string found =
        options_.geo_country.empty() && options_.geo_asn.empty() ? geo::find_default_database() : "";
    geo_ = std::make_unique<Geo>(options_.geo_country.empty() ? found : options_.geo_country,
                                 options_.geo_asn.empty() ? found : options_.geo_asn);

    flow_.idle_timeout_ms = options_.idle_timeout_ms;
    flow_.active_timeout_ns = static_cast<__s64>(options_.active_timeout_ms) * 1000000;
    choose_extraction(static_cast<bool>(attach));
    // With extraction the run must be repeatable: fragments take replay's slots.
    flow_.hash_seed = attach && capture_.empty() ? random_seed() : kReplayHashSeed;
    make_sinks(command_line, attach);
}

RunSetup::~RunSetup()
{
    if (report_file_)
        std::fclose(report_file_);
}

// -w PREFIX, -w DIR, -w -, nothing; -W adds a split rule.
void RunSetup::choose_output(const std::string& input_name)
{
    std::string prefix = options_.write_prefix;
    if (!options_.split.empty()) {
        if (!prefix.empty())
            throw StartupError("both -w and -W are given: -W writes too, leave -w out", ExitCode::kUsage);
        std::string start;
        prefix = options_.split;
        if (const std::size_t comma = prefix.rfind(','); comma != std::string::npos) {
            start = prefix.substr(comma + 1);
            prefix.resize(comma);
        }
        std::string size = "500M";
        if (const std::size_t colon = prefix.rfind(':'); colon != std::string::npos) {
            size = prefix.substr(colon + 1);
            prefix.resize(colon);
        }
        split_ = "split=" + size + (start.empty() ? "" : ",start=" + start);
    }
    rows_to_stdout_ = prefix.empty() || prefix == "-";
    if (rows_to_stdout_) {
        if (options_.log_file)
            throw StartupError("-l needs a file prefix: add -w PREFIX", ExitCode::kUsage);
        return;
    }
    std::error_code error;
    if (std::filesystem::is_directory(prefix, error)) {
        std::filesystem::path stem = std::filesystem::path(input_name == "-" ? "stdin" : input_name).filename();
        for (const char* suffix : {".gz", ".zst"})
            if (stem.extension() == suffix)
                stem = stem.stem();
        prefix = (std::filesystem::path(prefix) / stem.stem()).string();
    }
    if (std::filesystem::is_character_file(prefix, error) || std::filesystem::is_block_file(prefix, error))
        throw StartupError(
            fmt::format("cannot write '{}': it is a device, not a file prefix; - is standard output", prefix));
    prefix_ = prefix;
    if (options_.log_file) {
        report_file_ = std::fopen((prefix_ + "_log.txt").c_str(), "w");
        if (!report_file_)
            throw StartupError(fmt::format("cannot write '{}_log.txt': {}", prefix_, std::strerror(errno)));
    }
}

// -e all[:FILE]. Live, rows of packets have numbers and an order of their own: packets are taken one at a time then.
void RunSetup::choose_extraction(bool live)
{
    if (live && options_.packet_mode)
        flow_.flags |= FLOW_CONFIG_IN_ORDER;
    if (options_.extract.empty())
        return;
    const std::size_t colon = options_.extract.find(':');
    if (colon != std::string::npos)
        capture_ = options_.extract.substr(colon + 1);
    else if (!prefix_.empty())
        capture_ = prefix_ + ".pcapng";
    if (capture_.empty() || capture_ == "-")
        throw StartupError("extraction needs a file: write -e all:FILE, or add -w PREFIX for PREFIX.pcapng",
                           ExitCode::kUsage);
    flow_.flags |= FLOW_CONFIG_FRAMES | FLOW_CONFIG_IN_ORDER;
}

void RunSetup::make_sinks(const std::string& command_line, const Attach& attach)
{
    const bool live = static_cast<bool>(attach);
    std::vector<SinkSpec> specs;
    auto add = [&specs](const std::string& text) {
        auto spec = parse_sink_spec(text);
        if (!spec.ok())
            throw StartupError(spec.error().message, ExitCode::kUsage);
        specs.push_back(spec.take());
    };
    // The text files are a sink like the others, on unless only other sinks were asked for.
    if (!prefix_.empty() || options_.write_prefix == "-" || options_.sinks.empty())
        add("text" + (split_.empty() ? "" : "," + split_));
    for (const std::string& text : options_.sinks)
        add(text);

    PluginChoice choice = choose_plugins(options_);
    std::vector<std::unique_ptr<Sink>> made;
    for (const SinkSpec& spec : specs) {
        const SinkFactory* factory = find_sink_factory(spec.name);
        if (!factory) {
            std::string known;
            for (const SinkFactory& f : sink_factories())
                known += (known.empty() ? "" : ", ") + std::string(f.name);
            throw StartupError(fmt::format("there is no sink '{}'; there are: {}", spec.name, known), ExitCode::kUsage);
        }
        auto sink = factory->create(without_queue_options(spec));
        if (!sink.ok())
            throw StartupError(sink.error().message, ExitCode::kUsage);
        for (const std::string& column : sink.value()->required_columns())
            choice.columns_needed.push_back(column);
        made.push_back(sink.take());
    }

    PluginHost::Services services;
    services.geo = geo_.get();
    services.log = [this](int level, const std::string& text) {
        log_->write(level == 0 ? LogLevel::kError : level == 1 ? LogLevel::kWarning : LogLevel::kInformation, text);
    };
    services.output_prefix = prefix_;
    services.sensor_id = options_.sensor_id;
    plugins_ = std::make_unique<PluginHost>(libraries_, choice, *bundle_.descriptor, options_.packet_mode,
                                            std::move(services), &flow_);

    ResumePoints resume;
    if (attach)
        resume = attach({bundle_, flow_, {prefix_, capture_}, plugins_->active()});

    SinkContext context;
    context.flow_schema = plugins_->flow_schema();
    context.packet_schema = plugins_->packet_schema();
    context.output_prefix = prefix_;
    context.rows_to_stdout = rows_to_stdout_;
    context.sensor_id = options_.sensor_id;
    context.live = live;
    context.interfaces = &interfaces_;
    context.header_lines = header_file_lines(options_, command_line, *plugins_);
    for (std::size_t i = 0; i < made.size(); i++) {
        SinkRunner::Limits limits;
        limits.policy = made[i]->default_policy();
        if (const auto policy = specs[i].options.find("policy"); policy != specs[i].options.end()) {
            if (policy->second != "block" && policy->second != "drop")
                throw StartupError(
                    fmt::format("sink '{}': policy is '{}', give block or drop", specs[i].name, policy->second),
                    ExitCode::kUsage);
            limits.policy = policy->second == "drop" ? SinkPolicy::kDrop : SinkPolicy::kBlock;
        }
        if (const auto queue = specs[i].options.find("queue"); queue != specs[i].options.end()) {
            char* end = nullptr;
            limits.queue_bytes = std::strtoull(queue->second.c_str(), &end, 10);
            if (*end || limits.queue_bytes < 4096)
                throw StartupError(
                    fmt::format("sink '{}': queue is '{}', give bytes of at least 4096", specs[i].name, queue->second),
                    ExitCode::kUsage);
        }
        std::string label = specs[i].name + (specs[i].target.empty() ? "" : ":" + specs[i].target);
        const std::uint64_t id = sink_id(without_queue_options(specs[i]), prefix_);
        auto runner = std::make_unique<SinkRunner>(label, std::move(made[i]), limits, id);
        context.resume = resume[id];
        if (auto opened = runner->open(context); !opened.ok())
            throw StartupError(fmt::format("sink '{}': {}", label, opened.error().message));
        sinks_.push_back(std::move(runner));
    }
    const AlarmMode alarm = options_.alarm == "any"   ? AlarmMode::kAny
                            : options_.alarm == "all" ? AlarmMode::kAll
                                                      : AlarmMode::kOff;
    pipeline_ = std::make_unique<Pipeline>(plugins_.get(), &sinks_, alarm);

    run_.version = FLOWXDP_VERSION;
    run_.command_line = command_line;
    run_.sensor_id = options_.sensor_id;
    run_.max_flows = options_.max_flows;
    run_.alarm_mode = alarm != AlarmMode::kOff;
    run_.force_mode = (flow_.flags & FLOW_CONFIG_CAN_FORCE) != 0;
    run_.live = live;
    run_.plugins = plugins_->active();
}

void RunSetup::say(const std::vector<std::string>& lines)
{
    std::FILE* out = report_file_ ? report_file_ : rows_to_stdout_ ? stderr : stdout;
    bool written = true;
    for (const std::string& line : lines)
        written = std::fprintf(out, "%s\n", line.c_str()) >= 0 && written;
    if (std::fflush(out) == 0 && written)
        return;
    if (!report_lost_) // standard error may be what failed: the exit code says it, too
        log_->write(LogLevel::kError, fmt::format("cannot write the report to {}: {}",
                                                  report_file_      ? prefix_ + "_log.txt"
                                                  : rows_to_stdout_ ? "standard error"
                                                                    : "standard output",
                                                  std::strerror(errno)));
    report_lost_ = true;
}

void RunSetup::say_start()
{
    if (!options_.quiet && !options_.json)
        say(start_lines(run_));
}

void RunSetup::say_monitoring()
{
    run_.tally = pipeline_->tally();
    for (const std::string& line : end_lines(run_))
        std::fprintf(stderr, "%s\n", line.c_str());
}

ExitCode RunSetup::finish(double started_s, double processed_s)
{
    pipeline_->finish();
    run_.elapsed_s = processed_s - started_s;
    run_.unloading_s = steady_seconds() - started_s;
    run_.tally = pipeline_->tally();
    run_.packet_rows = pipeline_->packet_rows();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    run_.memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;

    fx_report report{};
    report.context = &run_.plugin_lines;
    report.line = [](void* context, const char* text) {
        static_cast<std::vector<std::string>*>(context)->emplace_back(text);
    };
    report.totals = &run_.counts.totals;
    report.packets = run_.frames;
    report.flows = run_.tally.directions();
    plugins_->report(report);
    plugins_->summary();
    for (const auto& runner : sinks_) {
        run_.sinks.push_back(runner->state());
        if (const SinkState& state = run_.sinks.back(); state.errors)
            log_->write(LogLevel::kError, fmt::format("sink {}: {}", state.label, state.last_error));
    }
    for (const CaptureDamage& d : run_.damages)
        log_->write(LogLevel::kError,
                    fmt::format("capture '{}' is damaged at offset {}: {}; every packet before was read", d.file,
                                d.offset, d.reason));
    if (run_.ledger_difference())
        log_->write(LogLevel::kError, fmt::format("the books do not balance: {} packets differ (this is a defect of "
                                                  "flowxdp, please report it)",
                                                  run_.ledger_difference()));
    if (options_.json)
        say({summary_json(run_)});
    else if (!options_.quiet)
        say(end_lines(run_));
    if (report_lost_)
        return ExitCode::kRuntime;
    return run_.incomplete() ? ExitCode::kIncomplete : ExitCode::kOk;
}

} // namespace flowxdp
