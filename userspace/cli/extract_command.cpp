// SPDX-License-Identifier: BSD-2-Clause
#include "cli/extract_command.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/progress.h"
#include "cli/query_command.h"
#include "cli/replay_command.h"
#include "cli/replay_input.h"
#include "cli/run_setup.h"
#include "cli/run_signals.h"
#include "core/printable.h"
#include "extract/frame_files.h"
#include "query/flow_list.h"
#include "query/question.h"
#include "replay/frame_extraction.h"
#include "replay/replay.h"

namespace flowxdp {
namespace {

using query::FlowList;
using query::FlowNumbering;

// A folder for the rows of --where; removed with what is in it.
class RowFolder {
  public:
    RowFolder()
    {
        std::error_code error;
        std::string name = (std::filesystem::temp_directory_path(error) / "flowxdp-XXXXXX").string();
        if (error || !::mkdtemp(name.data()))
            throw StartupError(fmt::format("--where: cannot make a folder for rows in '{}': {}; TMPDIR names another",
                                           std::filesystem::path(name).parent_path().string(),
                                           error ? error.message() : std::strerror(errno)));
        path_ = name;
    }
    ~RowFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    RowFolder(const RowFolder&) = delete;
    RowFolder& operator=(const RowFolder&) = delete;
    [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

FlowList read_list(const std::string& path)
{
    auto list = FlowList::read(path);
    if (!list.ok())
        throw StartupError("--flows: " + list.error().message, ExitCode::kUsage);
    return list.take();
}

// The first pass of --where: rows of all flows, and the numbers of those that fulfil the condition. code: of the pass.
FlowList find_flows(const ExtractOptions& options, const std::string& command_line, RunSignals& signals, Log* log,
                    ExitCode* code)
{
    const RowFolder folder;
    ReplayOptions rows = options.replay;
    rows.run.write_prefix = folder.file("rows");
    rows.run.quiet = true;
    *code = run_replay_command(rows, command_line, signals, log);
    if (*code != ExitCode::kOk && *code != ExitCode::kIncomplete)
        throw StartupError("--where: the flows cannot be found", *code);
    query::Question question;
    question.files = {folder.file("rows_flows.txt")};
    question.sql = fmt::format("SELECT DISTINCT flowInd FROM flows WHERE ({})", options.where);
    question.flows_to = folder.file("list");
    const auto answer = query::ask(question, known_columns(options.replay.run.library_folder), stdout);
    if (!answer.ok())
        throw StartupError(fmt::format("--where {}: {}; 'flowxdp plugins' lists the columns",
                                       printable(options.where, kValueBytes), answer.error().message),
                           ExitCode::kUsage);
    return read_list(question.flows_to);
}

// Whether what is written is the flows that the list means.
class NumberingCheck {
  public:
    NumberingCheck(const ExtractOptions& options, const FlowNumbering& listed, Log* log)
        : listed_(listed), unchecked_(options.unchecked), log_(log)
    {
        if (listed_.empty() && !unchecked_)
            log->write(LogLevel::kWarning,
                       "the list does not say which run gave its flows their numbers: they are taken for those of this "
                       "input and these options");
    }

    void options(const FlowNumbering& ours) const
    {
        if (listed_.empty())
            return;
        std::vector<std::string> reasons;
        for (const char* kind : {"option ", "plugin "})
            for (const std::string& name : listed_.differences(ours, kind))
                reasons.push_back(reason(name, listed_.find(name), ours.find(name)));
        if (!reasons.empty())
            refuse(fmt::format("the flows of the list have their numbers from a run with other options: {}",
                               fmt::join(reasons, "; ")),
                   "give the options of that run");
    }
    // Whether the beginning of the input is known to be that of the list, as far as the list tells.
    [[nodiscard]] bool begun() const { return begun_ || listed_.find("input digest").empty(); }
    void packets_so_far(const InputDigest& digest)
    {
        if (begun() || digest.packets() < InputDigest::kBeginPackets)
            return;
        begun_ = true;
        FlowNumbering ours;
        ours.set("input begin", fmt::format("0x{:016x}", digest.begin()));
        if (more_than_listed(digest) || !listed_.differences(ours, "input begin").empty())
            refuse_input(digest);
    }
    void packets(const FlowNumbering& ours, const InputDigest& digest) const
    {
        if (!listed_.differences(ours, "input ").empty())
            refuse_input(digest);
    }

  private:
    static std::string reason(const std::string& name, const std::string& was, const std::string& is)
    {
        if (!name.starts_with("plugin "))
            return fmt::format("{} was '{}' and is '{}'", name, was, is);
        return is.empty() ? name + " is missing" : was.empty() ? name + " was not there" : name + " had other options";
    }
    [[nodiscard]] bool more_than_listed(const InputDigest& digest) const
    {
        const auto listed = read_number(listed_.find("input packets"), 0, kNoLimit, 1);
        return listed.ok() && digest.packets() > listed.value();
    }
    void refuse_input(const InputDigest& digest) const
    {
        if (listed_.find("input digest").empty())
            return;
        refuse(fmt::format("the flows of the list have their numbers from another input: that one had {} packets, this "
                           "one {}{}",
                           listed_.find("input packets"), more_than_listed(digest) ? "at least " : "",
                           digest.packets()),
               "give the files of that run in the same order, and its -c");
    }
    void refuse(const std::string& what, const std::string& way_out) const
    {
        if (!unchecked_)
            throw StartupError(fmt::format("{}; a number would name another flow: {}, or extract all the same with "
                                           "--unchecked",
                                           what, way_out));
        log_->write(LogLevel::kWarning, what);
    }

    const FlowNumbering& listed_;
    bool unchecked_, begun_ = false;
    Log* log_;
};

// Keeps frames until it is known that they are of the right input, so that nothing is overwritten before: those of a
// block more than InputDigest::kBeginPackets at most.
class HeldFrames {
  public:
    using Write = std::function<void(std::uint64_t flow, const Frame& frame)>;
    explicit HeldFrames(Write write) : write_(std::move(write)) {}

    void take(std::uint64_t flow, const Frame& frame)
    {
        if (released_)
            return write_(flow, frame);
        held_.push_back({flow, frame, {frame.data, frame.data + frame.cap_len}});
    }
    void release()
    {
        released_ = true;
        for (Held& held : held_) {
            held.frame.data = held.bytes.data();
            write_(held.flow, held.frame);
        }
        held_ = {};
    }

  private:
    struct Held {
        std::uint64_t flow;
        Frame frame;
        std::vector<std::uint8_t> bytes;
    };

    Write write_;
    std::vector<Held> held_;
    bool released_ = false;
};

// --per-flow could write over what it reads: files are named while packets are read.
void need_other_names(const ExtractOptions& options, const std::vector<std::string>& inputs)
{
    std::error_code error;
    const std::string begin = std::filesystem::weakly_canonical(options.prefix + "_flow_", error).string();
    for (const std::string& input : inputs)
        if (const std::string path = std::filesystem::weakly_canonical(input, error).string();
            !error && path.starts_with(begin) && path.ends_with(".pcapng"))
            throw StartupError(fmt::format("-w {}: a file of a flow could be the input '{}': give another prefix",
                                           printable(options.prefix, kValueBytes), printable(input, kValueBytes)),
                               ExitCode::kUsage);
}

ExitCode report(const ExtractOptions& options, const FlowList& list, const FrameFiles& files, std::uint64_t flows_found,
                const RunSummary& run, Log* log)
{
    ExitCode code = ExitCode::kOk;
    const auto incomplete = [&](LogLevel level, const std::string& text) {
        log->write(level, text);
        code = ExitCode::kIncomplete;
    };
    for (const CaptureDamage& d : run.damages)
        incomplete(LogLevel::kError,
                   fmt::format("capture '{}' is damaged at offset {}: {}; every packet before was read", d.file,
                               d.offset, d.reason));
    for (const std::string& problem : run.problems)
        incomplete(LogLevel::kError, problem);
    if (run.interrupted)
        incomplete(LogLevel::kWarning, "interrupted: packets that were not read are missing");
    else if (list.count() != flows_found)
        incomplete(LogLevel::kWarning,
                   list.count() == kNoLimit
                       ? "numbers of the list name no flow of this input"
                       : fmt::format("{} numbers of the list name no flow of this input", list.count() - flows_found));
    if (!options.replay.run.quiet)
        fmt::print(stderr, "{} of {} flows, {} packets, {} bytes: {}\n", flows_found,
                   run.counts.counter[COUNTER_FLOWS_STARTED], files.frames(), files.bytes(),
                   options.per_flow      ? fmt::format("{} files {}_flow_*.pcapng", files.files(), options.prefix)
                   : files.path() == "-" ? "standard output"
                                         : files.path());
    return code;
}

} // namespace

ExitCode run_extract_command(const ExtractOptions& options, const std::string& command_line, Log* log)
{
    RunSignals signals;
    ExitCode found = ExitCode::kOk;
    const FlowList list =
        options.where.empty() ? read_list(options.flows) : find_flows(options, command_line, signals, log, &found);
    if (signals.stopped())
        return ExitCode::kIncomplete;

    const auto stop = [&signals] {
        for (RunSignal signal = signals.next(); signal != RunSignal::kNone; signal = signals.next())
            if (signal == RunSignal::kReopen)
                signals.stop();
        return signals.stopped();
    };
    std::atomic<bool> stop_reading = false;
    ReplayInput input = open_replay_input(options.replay, stop, stop_reading);
    if (!options.flows.empty())
        input.files.files.push_back(options.flows);
    RunSetup setup(options.replay.run, input.files, command_line, RunKind::kFrames, log);
    NumberingCheck check(options, list.numbering, log);
    check.options(setup.numbering());

    FrameFiles files = options.per_flow
                           ? FrameFiles::per_flow(options.prefix)
                           : FrameFiles::one(options.output.empty() ? options.prefix + ".pcapng" : options.output);
    if (options.per_flow)
        need_other_names(options, input.files.files);
    else
        setup.plan().claims.add_output({files.path()}, options.output.empty() ? "-w" : "-o");

    const auto written = [](const Result<void>& result) {
        if (!result.ok())
            throw StartupError(result.error().message);
    };
    engine_options engine_setup{};
    engine_setup.flow = setup.flow();
    std::uint64_t flows_found = 0;
    HeldFrames frames([&](std::uint64_t flow, const Frame& frame) {
        written(files.write(flow, frame, setup.interfaces().find(frame.if_id).value_or("")));
    });
    FrameExtraction extraction(
        {.wants = [&list](const packet_record& packet) { return list.contains(packet.flow_id); },
         .frame = [&frames](std::uint64_t flow, const Frame& frame) { frames.take(flow, frame); },
         .ended = [&](std::uint64_t flow) { flows_found += list.contains(flow); }},
        nullptr, &engine_setup.flow);
    engine_setup.plugin_options = setup.plugin_options().data();
    engine_setup.plugin_options_size = static_cast<__u32>(setup.plugin_options().size());
    engine_setup.max_flows = setup.max_flows();
    engine_setup.out = extraction.writer();
    const std::unique_ptr<ReplayEngine> engine = make_native_replay_engine(*setup.bundle().descriptor, engine_setup);

    Progress progress(!options.replay.run.quiet);
    ReplayControl control;
    control.stop = stop;
    control.stop_reading = &stop_reading;
    control.interfaces = &setup.interfaces();
    if (progress.active())
        control.progress = [&progress](std::uint64_t packets, const Capture& capture) {
            progress.update(packets, capture.bytes_read(), capture.bytes_total());
        };
    control.taken = [&](const FrameBlock& block) {
        check.packets_so_far(block.input.digest);
        if (check.begun())
            frames.release();
        extraction.take(block);
    };
    RunSummary& run = setup.run();
    try {
        run_replay(*input.capture, {input.filter.get()},
                   {options.replay.run.max_packets, options.replay.run.snap_len, true}, *engine, control, &run);
        extraction.finish();
        if (!run.interrupted)
            check.packets(setup.numbering(), run.input.digest);
        frames.release();
        written(files.begin()); // a list without a flow makes an empty file
        written(files.finish());
    } catch (...) {
        files.remove(); // packets of the wrong flows, or a part
        throw;
    }
    progress.clear();
    const ExitCode code = report(options, list, files, flows_found, run, log);
    return code == ExitCode::kOk ? found : code;
}

} // namespace flowxdp
