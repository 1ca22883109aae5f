// SPDX-License-Identifier: BSD-2-Clause
#include "cli/live_options.h"

#include <filesystem>

#include <fmt/format.h>

#include "capture/filter.h"
#include "cli/run_setup.h"
#include "flowxdp_version.h" // generated

namespace flowxdp {

FrameFilter compile_frame_filter(const std::string& expression, std::uint32_t link_type,
                                 const std::string& last_interface)
{
    if (expression.find_first_not_of(" \t") == std::string::npos)
        return {};
    auto program = compile_filter_program(expression, link_type);
    if (!program.ok()) {
        const std::string word = expression.substr(0, expression.find(' '));
        throw StartupError(fmt::format("{}; the filter begins with the first word behind '{}' that names no interface "
                                       "here: '{}'",
                                       program.error().message, last_interface, word),
                           ExitCode::kUsage);
    }
    if (auto body = translate_filter(program.value(), FilterContext::kXdp); !body.ok())
        throw StartupError(fmt::format("filter '{}': {}", expression, body.error().message), ExitCode::kUsage);
    return {expression, program.take()};
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
    set_text(record.program, FLOWXDP_VERSION);
    std::string names, given;
    for (const PluginHost::Active& plugin : plan.plugins)
        names += (names.empty() ? "" : ",") + plugin.name;
    // --plugins a,b may bring an option too; a name alone says nothing that the list does not.
    for (const std::string& spec : run.plugins)
        if (spec.find(':') != std::string::npos)
            given += spec + "\n";
    for (std::size_t at = 0; at < run.plugin_list.size();) {
        const std::size_t end = std::min(run.plugin_list.find(',', at), run.plugin_list.size());
        if (const std::string spec = run.plugin_list.substr(at, end - at); spec.find(':') != std::string::npos)
            given += spec + "\n";
        at = end + 1;
    }
    if (!set_text(record.plugins, names) || !set_text(record.plugin_options, given))
        throw StartupError(fmt::format("plugins and their options are longer than the {} bytes that are kept with a "
                                       "sensor",
                                       sizeof record.plugin_options - 1),
                           ExitCode::kUsage);
    set_text(record.output, absolute_path(plan.outputs.prefix));
    set_text(record.capture, absolute_path(plan.outputs.capture));
    return record;
}

} // namespace

LiveSensorOptions live_sensor_options(const RunOptions& run, const FrameFilter& filter, const RunPlan& plan)
{
    LiveSensorOptions options;
    options.object.path = plan.bundle.bpf_object;
    options.object.flow = plan.flow;
    options.object.max_flows = run.max_flows;
    options.object.ring_bytes = static_cast<std::uint32_t>(run.ring_bytes);
    options.object.filter = filter;
    options.object.snap_len = run.snap_len;
    options.layout_id = plan.bundle.descriptor->layout_id;
    options.state = describe_run(run, plan);
    return options;
}

void recall_options(const SensorStateRecord& state, RunOptions* run)
{
    if (!run->plugins.empty() || !run->plugin_list.empty() || !run->no_plugins.empty())
        return;
    run->plugin_list = state.plugins;
    const std::string given = state.plugin_options;
    for (std::size_t at = 0; at < given.size();) {
        const std::size_t end = given.find('\n', at);
        run->plugins.push_back(given.substr(at, end - at));
        at = end + 1;
    }
    run->idle_timeout_ms = state.idle_timeout_ms;
    run->active_timeout_ms = state.active_timeout_ms;
    run->packet_mode = state.packet_mode != 0;
    run->snap_len = state.snap_len;
    if (*state.capture && run->extract.empty())
        run->extract = std::string("all:") + state.capture;
}

} // namespace flowxdp
