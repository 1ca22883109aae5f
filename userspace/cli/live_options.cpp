// SPDX-License-Identifier: BSD-2-Clause
#include "cli/live_options.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <filesystem>

#include <fmt/format.h>

#include "capture/filter.h"
#include "cli/run_setup.h"
#include "core/printable.h"
#include "flowxdp_version.h" // generated

namespace flowxdp {

namespace {

// advice: what a mistake in the expression may come from.
FrameFilter compile_for_the_kernel(const std::string& expression, std::uint32_t link_type, const std::string& advice)
{
    if (expression.find_first_not_of(" \t") == std::string::npos)
        return {};
    auto program = compile_filter_program(expression, link_type);
    if (!program.ok())
        throw StartupError(program.error().message + advice, ExitCode::kUsage);
    if (auto body = translate_filter(program.value(), FilterContext::kXdp); !body.ok())
        throw StartupError(fmt::format("filter '{}': {}", expression, body.error().message), ExitCode::kUsage);
    return {expression, program.take()};
}

} // namespace

FrameFilter compile_frame_filter(const std::string& expression, std::uint32_t link_type,
                                 const std::string& last_interface)
{
    return compile_for_the_kernel(expression, link_type,
                                  fmt::format("; the filter begins with the first word after '{}' that names no "
                                              "interface here: '{}'",
                                              last_interface, expression.substr(0, expression.find(' '))));
}

FrameFilter compile_extract_filter(const std::string& expression, std::uint32_t link_type)
{
    return compile_for_the_kernel(expression, link_type, "; it is what --extract-filter says");
}

namespace {

// What status and detach --export will read.
SensorStateRecord describe_run(const RunOptions& run, const RunPlan& plan)
{
    SensorStateRecord record{};
    record.idle_timeout_ms = run.idle_timeout_ms;
    record.active_timeout_ms = run.active_timeout_ms;
    record.packet_mode = run.packet_mode;
    record.snap_len = static_cast<std::uint32_t>(run.snap_len);
    set_text(record.tunnels, tunnel_text(plan.flow.tunnels));
    record.key_beside = plan.flow.key_beside;
    set_text(record.program, FLOWXDP_VERSION);
    std::error_code error;
    // Half a path names another folder: rather none.
    if (!set_text(record.bundle, std::filesystem::canonical(plan.bundle.folder, error).string()))
        set_text(record.bundle, "");
    std::string names, given;
    for (const PluginHost::Active& plugin : plan.plugins)
        names += (names.empty() ? "" : ",") + plugin.name;
    // --plugins a,b may bring an option too; a name alone says nothing that the list does not.
    for (const std::vector<PluginSpec>& specs : {run.plugins, run.plugin_list})
        for (const PluginSpec& spec : specs)
            if (!spec.options.empty())
                given += plugin_text(spec) + "\n";
    if (!set_text(record.plugins, names) || !set_text(record.plugin_options, given))
        throw StartupError(fmt::format("plugins and their options are longer than the {} bytes that are kept with a "
                                       "sensor",
                                       sizeof record.plugin_options - 1),
                           ExitCode::kUsage);
    set_text(record.output, absolute_path(plan.outputs.prefix));
    set_text(record.capture, absolute_path(plan.outputs.capture));
    if (run.extract)
        record.extracted = static_cast<std::uint32_t>(run.extract->packets);
    return record;
}

constexpr std::size_t kRingHeader = 8; // before each record in the ring; BPF_RINGBUF_HDR_SZ

// A record that is larger than the whole ring never fits: only a ring of one page is too small for any, a packet's.
std::uint32_t ring_bytes_for(const RunOptions& run, const flow_config& flow)
{
    std::uint64_t bytes = run.ring_bytes;
    if (flow.flags & (FLOW_CONFIG_PACKET_RECORDS | FLOW_CONFIG_PACKET_NEEDS))
        bytes = std::max<std::uint64_t>(
            bytes, std::bit_ceil(kRingHeader + flow.packet_record_size + std::uint64_t{PACKET_MAX_PAYLOAD} + 7));
    return static_cast<std::uint32_t>(bytes);
}

} // namespace

LiveSensorOptions live_sensor_options(const RunOptions& run, const SensorFilters& filters, const RunPlan& plan)
{
    LiveSensorOptions options;
    options.object.path = plan.bundle.bpf_object;
    options.object.layout_id = plan.bundle.descriptor->layout_id;
    options.object.flow = plan.flow;
    options.object.plugin_options.assign(plan.plugin_options.begin(), plan.plugin_options.end());
    for (const PluginHost::Active& plugin : plan.plugins)
        options.object.plugins.push_back(plugin.name);
    options.object.max_flows = run.max_flows;
    options.object.ring_bytes = ring_bytes_for(run, plan.flow);
    if (plan.flow.flags & FLOW_CONFIG_FRAMES)
        options.object.frame_max = std::min<std::uint32_t>(
            FRAME_SNAP_MAX, options.object.ring_bytes - static_cast<std::uint32_t>(kRingHeader + sizeof(frame_record)));
    options.object.filter = filters.counted;
    options.object.extract_filter = filters.extracted;
    options.object.snap_len = run.snap_len;
    options.identity = sensor_identity(run);
    options.state = describe_run(run, plan);
    return options;
}

SensorStateRecord describe_with_files(LiveSensor& sensor, const RunSetup& setup, Log* log)
{
    SensorStateRecord record = sensor.describe();
    std::vector<ResumableFile> files = setup.resumable_files();
    if (const CaptureWriter* capture = sensor.capture())
        if (const std::string path = lasting_path({capture->state().path}); !path.empty())
            files.push_back({capture_id(capture->state().path), kCaptureWords, false, path});
    for (const std::string& path : set_files(files, &record))
        log->write(LogLevel::kWarning,
                   fmt::format("the pins have no place for the path of '{}': if this daemon is killed and the next one "
                               "writes elsewhere, its last rows may be in both files",
                               path));
    return record;
}

void cut_left_files(std::vector<LeftFile>& files, DaemonOptions* daemon, Log* log)
{
    const auto others =
        std::stable_partition(files.begin(), files.end(), [](const LeftFile& file) { return file.owner == geteuid(); });
    for (CutFile& file : cut_back({files.begin(), others})) {
        if (!file.problem.empty())
            daemon->uncut.push_back(std::move(file));
        else
            log->write(
                LogLevel::kInformation,
                fmt::format("'{}': the last {} bytes, not committed before the kill, are cut off: their rows are "
                            "written again",
                            file.path, file.cut_off));
    }
    files.erase(files.begin(), others);
}

namespace {

// The words of a recorded text; none is empty.
std::vector<std::string> words_of(std::string_view text, char between)
{
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(between, at), text.size());
        if (end > at)
            words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

StartupError damaged(const std::string& reason)
{
    return StartupError(fmt::format("the options that were recorded with the sensor are none that 'attach' takes ({}): "
                                    "the record is damaged; name plugins and options yourself",
                                    reason));
}

PluginSpec recorded(Result<PluginSpec> read)
{
    if (!read.ok())
        throw damaged(read.error().message);
    return read.take();
}

void recorded(const Result<void>& read)
{
    if (!read.ok())
        throw damaged(read.error().message);
}

} // namespace

void recall_options(const SensorStateRecord& state, RunOptions* run)
{
    if (!run->plugins.empty() || !run->plugin_list.empty() || !run->no_plugins.empty())
        return;
    // No attach can have written these: they would be multiplied, and opened, as they are.
    if (!state.idle_timeout_ms || state.idle_timeout_ms > kLongestTimeoutMs ||
        state.active_timeout_ms > kLongestTimeoutMs)
        throw StartupError(fmt::format("the timeouts that were recorded with the sensor ({} ms, {} ms) are none that "
                                       "'attach' takes: the record is damaged; name plugins and options yourself",
                                       state.idle_timeout_ms, state.active_timeout_ms));
    if (state.key_beside > FLOW_KEY_NONE || state.extracted > static_cast<std::uint32_t>(ExtractedPackets::kMatching))
        throw StartupError(fmt::format("what was recorded with the sensor as its --key ({}) and -e ({}) is none that "
                                       "'attach' takes: the record is damaged; name plugins and options yourself",
                                       state.key_beside, state.extracted));
    if (*state.capture && *state.capture != '/')
        throw StartupError(fmt::format("the capture file that was recorded with the sensor ('{}') has no absolute "
                                       "path: the record is damaged; name plugins and options yourself",
                                       printable(state.capture)));
    for (const std::string& name : words_of(state.plugins, ','))
        run->plugin_list.push_back(recorded(parse_plugin_spec(name)));
    for (const std::string& spec : words_of(state.plugin_options, '\n'))
        run->plugins.push_back(recorded(parse_plugin_spec(spec)));
    if (run->tunnels.values.empty()) {
        recorded(run->tunnels.take("none"));
        for (const std::string& tunnel : words_of(state.tunnels, ' '))
            recorded(run->tunnels.take(tunnel));
    }
    run->key = static_cast<flow_key_beside>(state.key_beside);
    run->idle_timeout_ms = state.idle_timeout_ms;
    run->active_timeout_ms = state.active_timeout_ms;
    run->packet_mode = state.packet_mode != 0;
    run->snap_len = state.snap_len;
    if (*state.capture && !run->extract)
        run->extract = Extraction{static_cast<ExtractedPackets>(state.extracted), state.capture};
}

} // namespace flowxdp
