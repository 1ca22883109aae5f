// SPDX-License-Identifier: BSD-2-Clause
#include "cli/run_setup.h"

#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/nearest_word.h"
#include "core/number.h"
#include "core/output_file.h"
#include "core/printable.h"
#include "flowxdp_version.h"
#include "sink/module_sink.h"
#include "sink/sink_library.h"

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
    choice.replace_default = !options.plugin_list.empty();
    choice.add = options.plugin_list;
    choice.add.insert(choice.add.end(), options.plugins.begin(), options.plugins.end());
    choice.remove = options.no_plugins;
    return choice;
}

// The seed of the fragment slots decides which fragments of a flood find their first fragment, so two replays of a
// capture use the same seed. The seed of the flow table shows in no row and is always drawn at random; else a capture
// could be made whose flows all meet in one place.
constexpr std::uint64_t kReplayFragmentSeed = 0x666c6f7778647031ULL;

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
    for (std::string& line : lines)
        line = printable(line);
    return lines;
}

// The runner's options are not the sink's.
SinkSpec without_queue_options(SinkSpec spec)
{
    spec.options.erase("policy");
    spec.options.erase("queue");
    return spec;
}

// Replay waits for a slow sink: more rows that wait are memory and no speed.
constexpr std::size_t kReplayQueueBytes = 4u << 20;

// The runner's options. Throws StartupError.
SinkRunner::Limits queue_limits(const SinkSpec& spec, SinkPolicy default_policy, RunKind kind)
{
    SinkRunner::Limits limits;
    limits.policy = default_policy;
    if (const auto policy = spec.options.find("policy"); policy != spec.options.end()) {
        if (policy->second != "block" && policy->second != "drop")
            throw StartupError(fmt::format("sink '{}': policy is '{}', give block or drop", spec.name, policy->second),
                               ExitCode::kUsage);
        limits.policy = policy->second == "drop" ? SinkPolicy::kDrop : SinkPolicy::kBlock;
    }
    if (const auto queue = spec.options.find("queue"); queue != spec.options.end()) {
        const auto bytes = read_size(queue->second, 4096, std::uint64_t{1} << 40);
        if (!bytes.ok())
            throw StartupError(fmt::format("sink '{}': option 'queue': {}", spec.name, bytes.error().message),
                               ExitCode::kUsage);
        limits.queue_bytes = bytes.value();
    } else if (kind == RunKind::kReplay && limits.policy == SinkPolicy::kBlock) {
        limits.queue_bytes = kReplayQueueBytes;
    }
    return limits;
}

bool has_option(const fx_sink& sink, std::string_view name)
{
    return std::any_of(sink.options, sink.options + sink.option_count,
                       [name](const fx_option& option) { return option.name == name; });
}

std::string label_of(const SinkSpec& spec)
{
    return spec.name + (spec.target.empty() ? "" : ":" + spec.target);
}

ModuleFolders module_folders(const RunOptions& options, const RunInput& input, RunKind kind)
{
    const ModuleUse use = kind == RunKind::kLive ? ModuleUse::kLive : ModuleUse::kReplay;
    return input.bundle.empty() ? ModuleFolders::of(options.library_folder, use)
                                : ModuleFolders::beside(input.bundle, use);
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

std::string lasting_path(const SinkFile& file)
{
    namespace fs = std::filesystem;
    std::error_code error;
    if (file.path == "-")
        return "";
    if (!file.pieces)
        return fs::canonical(file.path, error).string();
    const fs::path first = fs::absolute(file.path, error);
    const fs::path folder = fs::canonical(first.parent_path(), error);
    std::string name = first.filename();
    name.erase(name.find_last_not_of("0123456789") + 1);
    return error ? "" : (folder / name).string();
}

RunSetup::RunSetup(const RunOptions& options, const RunInput& input, const std::string& command_line, RunKind kind,
                   Log* log)
    : options_(options), kind_(kind), log_(log), folders_(module_folders(options, input, kind))
{
    choose_output(input.name);
    load_modules();
    const std::string found =
        options_.geo_country.empty() && options_.geo_asn.empty() ? geo::find_default_database() : "";
    geo_ = std::make_unique<Geo>(options_.geo_country.empty() ? found : options_.geo_country,
                                 options_.geo_asn.empty() ? found : options_.geo_asn);

    flow_.idle_timeout_ms = options_.idle_timeout_ms;
    flow_.tunnels = options_.tunnels.config;
    flow_.key_beside = options_.key;
    flow_.active_timeout_ns = static_cast<__s64>(options_.active_timeout_ms) * 1000000;
    choose_extraction();
    claim_files(input);
    // With -e all the run must be repeatable: fragments take replay's slots.
    const bool repeatable = kind_ != RunKind::kLive || (options_.extract && !options_.extract->of_flows());
    flow_.fragment_seed = repeatable ? kReplayFragmentSeed : random_seed();
    flow_hash_secret_from(&flow_.table_secret, random_seed());
    plan_sinks();
    lay_out_records();
    check_alarms();
    context_.header_lines = header_file_lines(options_, command_line, *plugins_);
    claim_outputs();
    run_.version = FLOWXDP_VERSION;
    run_.command_line = command_line;
    run_.sensor_id = options_.sensor_id;
    run_.max_flows = options_.max_flows;
    run_.alarm_mode = options_.alarm != AlarmMode::kOff;
    run_.force_mode = (flow_.flags & FLOW_CONFIG_CAN_FORCE) != 0;
    run_.live = kind_ == RunKind::kLive;
    run_.plugins = plugins_->active();
}

// Bundle and plugins. What is not usable is left out and named, so that it stops nothing else.
void RunSetup::load_modules()
{
    broken_ = folders_.refused();
    bundle_ = find_bundle(folders_, &broken_);
    FoundPlugins found = find_plugins(folders_, bundle_.folder, bundle_.descriptor);
    libraries_ = std::move(found.usable);
    broken_.insert(broken_.end(), found.broken.begin(), found.broken.end());
    for (const BrokenModule& broken : broken_)
        log_->write(LogLevel::kWarning, fmt::format("a module is left out: {}", broken.reason));
    // These are reasons why a plugin that is asked for is not there.
    broken_.insert(broken_.end(), found.hidden.begin(), found.hidden.end());
}

// A plugin that is named and that was left out is an error, with the reason.
void RunSetup::need_plugins_named() const
{
    for (const PluginSpec& spec : choice_.add) {
        if (std::ranges::any_of(libraries_, [&](const PluginLibrary& l) { return spec.name == l.descriptor->name; }))
            continue;
        for (const BrokenModule& broken : broken_)
            if (broken.name() == spec.name)
                throw StartupError(broken.reason);
    }
}

RunPlan RunSetup::plan()
{
    std::vector<std::uint64_t> ids;
    for (const PlannedSink& planned : planned_)
        ids.push_back(planned.id);
    return {bundle_, flow_, plugins_->plugin_options(), outputs(), std::move(ids), plugins_->active(), claims_};
}

void RunSetup::listen_to(const RunSignals& signals)
{
    end_.listen_to([&signals] { return signals.stop_asked(); });
}

void RunSetup::open_outputs(const RunOrigin& origin)
{
    open_report_file();
    context_.boot = origin.boot;
    context_.attached_ns = origin.attached_ns;
    for (PlannedSink& planned : planned_)
        open_sink(std::move(planned), origin.resume);
    planned_.clear();
    monitoring_ = std::make_unique<MonitoringOutput>(options_, prefix_, plugins_->figures(), log_);
    pipeline_ = std::make_unique<Pipeline>(plugins_.get(), &sinks_, &end_, options_.alarm);
}

RunSetup::~RunSetup()
{
    if (report_file_)
        std::fclose(report_file_);
}

// -w PREFIX, -w DIR, -w -, nothing; -W adds a split rule.
void RunSetup::choose_output(const std::string& input_name)
{
    std::string prefix = options_.split ? options_.split->prefix : options_.write_prefix;
    rows_to_stdout_ = prefix.empty() || prefix == "-";
    if (rows_to_stdout_)
        return;
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
}

// What is read, and what is written beside the sinks' files.
void RunSetup::claim_files(const RunInput& input)
{
    for (const std::string& file : input.files)
        claims_.add_input(file, fmt::format("input '{}'", printable(file, kValueBytes)));
    for (const auto& [path, option] : {std::pair{options_.filter_file, "-F"},
                                       {options_.geo_country, "--geo-country"},
                                       {options_.geo_asn, "--geo-asn"},
                                       {options_.listen_token_file, "--listen-token-file"}})
        if (!path.empty())
            claims_.add_input(path, fmt::format("file '{}' of {}", printable(path, kValueBytes), option));
    if (options_.log_file)
        claims_.add_output({prefix_ + "_log.txt"}, "-l");
    if (options_.monitoring_s && !prefix_.empty())
        claims_.add_output({MonitoringOutput::file_of(prefix_)}, "-M");
}

// Claims what the sinks write. No line about other outputs is printed when rows are on standard output.
void RunSetup::claim_outputs()
{
    bool to_stdout = false;
    for (const PlannedSink& planned : planned_) {
        const std::string who = fmt::format("sink '{}'", label_of(planned.spec));
        for (const SinkFile& file : planned.sink->files(context_)) {
            claims_.add_output({file.path, file.pieces}, who);
            to_stdout = to_stdout || file.path == "-";
        }
    }
    report_to_stderr_ = rows_to_stdout_ || to_stdout;
    if (rows_to_stdout_ && !to_stdout && !options_.quiet && kind_ != RunKind::kFrames)
        log_->write(
            LogLevel::kInformation,
            "rows go to the sinks named, and to nothing else: -w - writes them to standard output, -w PREFIX to "
            "files, too");
}

// Only flows with alarms reach the sinks, or the capture, so a plugin must be able to raise one.
void RunSetup::check_alarms() const
{
    const bool extracts = options_.extract && options_.extract->packets == ExtractedPackets::kAlarmed;
    if ((options_.alarm == AlarmMode::kOff && !extracts) || plugins_->alarming_plugins())
        return;
    std::string able;
    for (const PluginLibrary& library : libraries_)
        if (library.descriptor->can_alarm)
            able += (able.empty() ? "" : ", ") + std::string(library.descriptor->name);
    const std::string option =
        extracts ? "-e alarmed" : fmt::format("--alarm {}", word_of(kAlarmWords, options_.alarm));
    throw StartupError(fmt::format("{0}: none of the plugins that run can raise an alarm, so no {1} would be "
                                   "written; these can: {2}; add one, or leave {0} out",
                                   option, extracts ? "packet" : "row", able.empty() ? "none" : able),
                       ExitCode::kUsage);
}

void RunSetup::open_report_file()
{
    if (!options_.log_file)
        return;
    auto opened = open_empty_output(prefix_ + "_log.txt");
    report_file_ = opened.ok() ? fdopen(opened->get(), "w") : nullptr;
    if (!report_file_)
        throw StartupError(fmt::format("cannot write '{}_log.txt': {}", prefix_,
                                       opened.ok() ? std::strerror(errno) : opened.error().message));
    opened->release(); // the stream's now
}

// -e. Live packet rows, and frames that replay to the same rows, have one order and their own numbers: packets are then
// taken one at a time.
void RunSetup::choose_extraction()
{
    if (kind_ == RunKind::kLive && options_.packet_mode)
        flow_.flags |= FLOW_CONFIG_IN_ORDER;
    if (!options_.extract)
        return;
    capture_ = options_.extract->file;
    const std::string what = word_of(kExtractionWords, options_.extract->packets);
    const std::string suffix = options_.extract->of_flows() ? "_" + what + ".pcapng" : ".pcapng";
    if (capture_.empty() && !prefix_.empty())
        capture_ = prefix_ + suffix;
    if (capture_.empty() || capture_ == "-")
        throw StartupError(
            fmt::format("extraction needs a file: write -e {}:FILE, or add -w PREFIX for PREFIX{}", what, suffix),
            ExitCode::kUsage);
    if (options_.extract->of_flows())
        flow_.flags |= options_.extract->packets == ExtractedPackets::kMatching ? FLOW_CONFIG_EXTRACT_MATCHING
                                                                                : FLOW_CONFIG_EXTRACT_ALARMED;
    if (kind_ == RunKind::kLive)
        flow_.flags |= options_.extract->of_flows() ? FLOW_CONFIG_FRAMES : FLOW_CONFIG_FRAMES | FLOW_CONFIG_IN_ORDER;
    else
        claims_.add_output({capture_}, "-e");
}

// Sinks are made and asked for the columns they need; none is open yet.
void RunSetup::plan_sinks()
{
    choice_ = choose_plugins(options_);
    if (options_.key == FLOW_KEY_TUNNEL) // rows would not say which of several equal flows they are
        choice_.columns_needed.push_back({"tunnelID", "--key tunnel"});
    need_plugins_named();
    if (kind_ == RunKind::kFrames)
        return;
    // The sink of -w is a sink like the others, on unless only other sinks were asked for.
    if (!prefix_.empty() || options_.write_prefix == "-" || options_.sinks.empty()) {
        const auto name = SinkLibrary(folders_).prefix_sink();
        if (!name.ok())
            throw StartupError(name.error().message);
        SinkSpec rows{name.value(), "", {}};
        if (options_.split) {
            rows.options["split"] = options_.split->size;
            if (!options_.split->start.empty())
                rows.options["start"] = options_.split->start;
        }
        plan_sink(rows);
    }
    for (const SinkSpec& spec : options_.sinks)
        plan_sink(spec);
}

void RunSetup::plan_sink(const SinkSpec& spec)
{
    const auto module = SinkLibrary(folders_).load(spec.name);
    if (!module.ok())
        throw StartupError(module.error().message, ExitCode::kUsage);
    SinkSpec own = without_queue_options(spec);
    // Given for all sinks that write files; a sink's own options go before.
    for (const auto& [name, value] : {std::pair{"rotate", options_.rotate}, {"exec_after", options_.exec_after}})
        if (!value.empty() && has_option(*module->descriptor, name))
            own.options.try_emplace(name, value);
    auto sink = make_sink(module.value(), own);
    if (!sink.ok())
        throw StartupError(sink.error().message, ExitCode::kUsage);
    const fx_sink& descriptor = *module->descriptor;
    for (const char* const* column = descriptor.required_columns; column && *column; column++)
        choice_.columns_needed.push_back({*column, fmt::format("sink '{}'", own.name)});
    const SinkRunner::Limits limits = queue_limits(spec, static_cast<SinkPolicy>(descriptor.policy), kind_);
    planned_.push_back({spec, sink.take(), limits, sink_id(own, prefix_)});
}

// Starts the plugins, and with them the layout of records and the schemas of rows.
void RunSetup::lay_out_records()
{
    PluginHost::Services services;
    services.geo = geo_.get();
    services.log = [this](int level, const std::string& text) {
        if (level > 1 && kind_ == RunKind::kFrames) // of columns
            return;
        log_->write(level == 0 ? LogLevel::kError : level == 1 ? LogLevel::kWarning : LogLevel::kInformation, text);
    };
    services.output_prefix = prefix_;
    services.sensor_id = options_.sensor_id;
    services.memory_bytes = options_.plugin_memory_bytes;
    plugins_ = std::make_unique<PluginHost>(libraries_, choice_, *bundle_.descriptor, options_.packet_mode,
                                            std::move(services), &flow_);
    context_.flow_schema = plugins_->flow_schema();
    context_.packet_schema = plugins_->packet_schema();
    context_.output_prefix = prefix_;
    context_.rows_to_stdout = rows_to_stdout_;
    context_.sensor_id = options_.sensor_id;
    context_.live = kind_ == RunKind::kLive;
    context_.interface_name = [this](std::uint32_t id) { return interfaces_.find(id); };
    context_.figure = [this](const std::string& plugin, const std::string& name) {
        return plugins_->figure(plugin, name);
    };
    context_.end_began = [this] { return end_.began(); };
}

void RunSetup::open_sink(PlannedSink planned, const ResumePoints& resume)
{
    const std::string label = label_of(planned.spec);
    auto runner = std::make_unique<SinkRunner>(label, std::move(planned.sink), planned.limits, planned.id);
    const auto left = resume.find(planned.id);
    context_.resume = left == resume.end() ? std::vector<std::uint64_t>() : left->second;
    if (const auto lost = resume.find(uncommitted_id(planned.id)); lost != resume.end() && !lost->second.empty())
        runner->lose(lost->second.front());
    if (auto opened = runner->open(context_); !opened.ok())
        throw StartupError(fmt::format("sink '{}': {}", label, opened.error().message));
    list_resumable(runner->sink().files(context_), planned.id);
    sinks_.push_back(std::move(runner));
}

void RunSetup::list_resumable(const std::vector<SinkFile>& files, std::uint64_t id)
{
    for (const SinkFile& file : files)
        if (const std::string path = lasting_path(file); file.words && !path.empty())
            resumable_files_.push_back({id, *file.words, file.pieces, path});
}

void RunSetup::say(const std::vector<std::string>& lines)
{
    std::FILE* out = report_file_ ? report_file_ : report_to_stderr_ ? stderr : stdout;
    bool written = true;
    for (const std::string& line : lines)
        written = std::fprintf(out, "%s\n", options_.json ? line.c_str() : printable(line).c_str()) >= 0 && written;
    if (std::fflush(out) == 0 && written)
        return;
    if (errno == EPIPE && out == stdout) // its reader has what it wanted
        return;
    if (!report_lost_) // standard error may be what failed: the exit code says it, too
        log_->write(LogLevel::kError, fmt::format("cannot write the report to {}: {}",
                                                  report_file_        ? prefix_ + "_log.txt"
                                                  : report_to_stderr_ ? "standard error"
                                                                      : "standard output",
                                                  std::strerror(errno)));
    report_lost_ = true;
}

void RunSetup::say_start()
{
    if (!options_.quiet && !options_.json)
        say(start_lines(run_));
}

void RunSetup::say_monitoring(double started_s)
{
    run_.tally = pipeline_->tally();
    run_.elapsed_s = steady_seconds() - started_s;
    run_.sinks.clear();
    for (const auto& runner : sinks_)
        run_.sinks.push_back(runner->state());
    const std::vector<std::string> lines = options_.json ? std::vector{summary_json(run_)} : end_lines(run_);
    for (const std::string& line : lines)
        std::fprintf(stderr, "%s\n", options_.json ? line.c_str() : printable(line).c_str());
    run_.sinks.clear();
}

void RunSetup::monitor(double started_s)
{
    run_.tally = pipeline_->tally();
    run_.elapsed_s = steady_seconds() - started_s;
    run_.plugin_figures = plugins_->figures();
    monitoring_->write(run_);
}

void RunSetup::reopen_files()
{
    monitoring_->reopen();
    for (const auto& runner : sinks_)
        runner->reopen();
    if (report_file_) {
        auto file = open_output(prefix_ + "_log.txt");
        std::FILE* opened = file.ok() ? fdopen(file->get(), "a") : nullptr;
        if (!opened) {
            log_->write(LogLevel::kError,
                        fmt::format("cannot open '{}_log.txt' anew: {}; the report goes on in the old file", prefix_,
                                    file.ok() ? std::strerror(errno) : file.error().message));
            return;
        }
        file->release(); // the stream's now
        std::fclose(std::exchange(report_file_, opened));
    }
    log_->write(LogLevel::kInformation, "SIGHUP: output files that were renamed or removed begin anew");
}

bool RunSetup::nobody_reads() const
{
    return std::ranges::all_of(sinks_, [](const auto& runner) { return runner->sink().counts().unread > 0; });
}

query::FlowNumbering RunSetup::numbering() const
{
    query::FlowNumbering numbering;
    numbering.set("option idle-timeout", duration_text(options_.idle_timeout_ms));
    numbering.set("option active-timeout", duration_text(options_.active_timeout_ms));
    numbering.set("option max-flows", fmt::format("{}", options_.max_flows));
    numbering.set("option tunnel", tunnel_text(flow_.tunnels));
    numbering.set("option key", std::string(word_of(kKeyWords, options_.key)));
    numbering.set("option filter", options_.filter);
    numbering.set("option snapshot-length", fmt::format("{}", options_.snap_len));
    // A kernel half may end flows by its options.
    const bundle_descriptor& bundle = *bundle_.descriptor;
    const std::span<const std::uint8_t> block = plugins_->plugin_options();
    for (std::uint32_t i = 0; i < bundle.half_count; i++)
        if (flow_.enabled & (1u << i)) {
            const auto own = block.subspan(bundle.halves[i].config_offset, bundle.halves[i].config_size);
            numbering.set(fmt::format("plugin {}", bundle.halves[i].name),
                          fmt::format("0x{:016x}", output_id({reinterpret_cast<const char*>(own.data()), own.size()})));
        }
    const InputDigest& digest = run_.input.digest;
    numbering.set("input packets", fmt::format("{}", digest.packets()));
    numbering.set("input begin", fmt::format("0x{:016x}", digest.begin()));
    numbering.set("input digest", fmt::format("0x{:016x}", digest.value()));
    return numbering;
}

// The packets are known at the end alone, when the sink of -w has closed its headers file.
void RunSetup::write_numbering() const
{
    const std::string path = prefix_ + "_headers.txt";
    struct stat file {};
    if (kind_ != RunKind::kReplay || prefix_.empty() || ::stat(path.c_str(), &file) || !S_ISREG(file.st_mode))
        return;
    const std::string text = numbering().text();
    auto opened = open_output(path);
    if (opened.ok() && ::lseek(opened->get(), 0, SEEK_END) >= 0 &&
        ::write(opened->get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
        return;
    log_->write(LogLevel::kWarning, fmt::format("cannot write what flowInd depends on to '{}': {}; 'flowxdp extract' "
                                                "cannot check lists of these flows",
                                                path, opened.ok() ? std::strerror(errno) : opened.error().message));
}

ExitCode RunSetup::finish(double started_s, double processed_s)
{
    pipeline_->finish();
    write_numbering();
    run_.elapsed_s = processed_s - started_s;
    run_.unloading_s = steady_seconds() - started_s;
    run_.tally = pipeline_->tally();
    run_.packet_rows = pipeline_->packet_rows();
    if (options_.monitoring_s) { // so that the differences of all lines add up to the run
        run_.plugin_figures = plugins_->figures();
        monitoring_->write(run_);
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    run_.memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;

    fx_report report{};
    report.context = &run_.plugin_lines;
    report.line = [](void* context, const char* text) {
        static_cast<std::vector<std::string>*>(context)->emplace_back(text);
    };
    report.totals = &run_.counts.totals;
    report.packets = run_.input.frames;
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
