// SPDX-License-Identifier: BSD-2-Clause
// main.cpp - wiring only: options -> command -> exit code.
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <iostream>

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include "cli/attach_command.h"
#include "cli/complete_command.h"
#include "cli/config_command.h"
#include "cli/detach_command.h"
#include "cli/doctor_command.h"
#include "cli/extract_command.h"
#include "cli/interfaces_command.h"
#include "cli/listing.h"
#include "cli/options.h"
#include "cli/plugin_command.h"
#include "cli/query_command.h"
#include "cli/replay_command.h"
#include "cli/status_command.h"
#include "cli/top_command.h"
#include "core/log.h"
#include "core/printable.h"
#include "core/result.h"
#include "geo/geo_command.h"

namespace flowxdp {
namespace {

LogLevel log_level(const RunOptions& run)
{
    if (run.quiet)
        return LogLevel::kError;
    return run.verbose ? LogLevel::kDetail : LogLevel::kInformation;
}

// Why the program ends, on standard error.
void say_fatal(const Options& options, const std::string& text)
{
    const bool json = std::ranges::any_of(std::array{&options.replay.run, &options.attach.run, &options.detach.run},
                                          [](const RunOptions* run) { return run->log_format == LogFormat::kJson; });
    const std::string line =
        json ? log_line(LogFormat::kJson, LogLevel::kError, text) : "flowxdp: " + printable_lines(text) + "\n";
    std::fputs(line.c_str(), stderr);
}

ExitCode run_command(const Options& options, const std::string& command_line)
{
    switch (options.command) {
    case Command::kReplay: {
        Log log(log_level(options.replay.run), options.replay.run.log_format);
        return run_replay_command(options.replay, command_line, &log);
    }
    case Command::kExtract: {
        Log log(log_level(options.extract.replay.run), options.extract.replay.run.log_format);
        return run_extract_command(options.extract, command_line, &log);
    }
    case Command::kAttach: {
        Log log(log_level(options.attach.run), options.attach.run.log_format);
        return run_attach_command(options.attach, command_line, &log);
    }
    case Command::kDetach: {
        Log log(log_level(options.detach.run), options.detach.run.log_format);
        return run_detach_command(options.detach, command_line, &log);
    }
    case Command::kStatus:
        return run_status_command(options.status);
    case Command::kTop:
        return run_top_command(options.top);
    case Command::kDoctor:
        return run_doctor_command(options.doctor);
    case Command::kInterfaces:
        return run_interfaces_command(options.list.json);
    case Command::kPlugins:
        return list_plugins(options.list);
    case Command::kPlugin:
        return run_plugin_command(options.plugin);
    case Command::kSinks:
        return list_sinks(options.list);
    case Command::kDecode:
        return decode_value(options.list.library_folder, options.decode, options.list.json);
    case Command::kQuery:
        return run_query_command(options.query);
    case Command::kConfigCheck:
        return run_config_check(options.config);
    case Command::kConfigDump:
        return run_config_dump(options);
    case Command::kComplete:
        return run_complete_command(options);
    case Command::kGeo:
        return geo::run_geo_command(options.geo, std::cin, std::cout, std::cerr);
    case Command::kNone:
        break;
    }
    return ExitCode::kUsage;
}

} // namespace
} // namespace flowxdp

int main(int argc, char** argv)
{
    using namespace flowxdp;
    // libbpf prints to stderr between our lines, even when we only probe for something (a hook's filter). Our messages
    // carry its error numbers and the verifier's log.
    libbpf_set_print(nullptr);
    Options options;
    try {
        int exit_code = 0;
        if (!parse_options(argc, argv, &options, &exit_code))
            return exit_code;
        return static_cast<int>(run_command(options, command_line_text(argc, argv)));
    } catch (const StartupError& e) {
        say_fatal(options, e.what());
        return static_cast<int>(e.code());
    } catch (const std::bad_alloc&) {
        std::fputs("flowxdp: out of memory: lower --max-flows\n", stderr);
        return static_cast<int>(ExitCode::kRuntime);
    } catch (const std::exception& e) {
        say_fatal(options, fmt::format("unexpected error: {}", e.what()));
        return static_cast<int>(ExitCode::kRuntime);
    }
}
