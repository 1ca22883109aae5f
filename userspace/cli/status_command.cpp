// SPDX-License-Identifier: BSD-2-Clause
#include "cli/status_command.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "cli/json_object.h"
#include "cli/sensor_status.h"
#include "core/number.h"
#include "core/printable.h"
#include "live/live_sensor.h"
#include "report/end_report.h"

namespace flowxdp {
namespace {

struct CounterText {
    const char* name;
    const char* help;
};
constexpr CounterText kCounters[] = {
#define X(name, text, help) {text, help},
    FX_COUNTERS(X)
#undef X
};

// Stopped by a signal, or by a debugger: the letter in /proc/PID/stat.
bool is_stopped(std::uint32_t pid)
{
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(") ");
    return name_end != std::string::npos && name_end + 2 < line.size() && std::tolower(line[name_end + 2]) == 't';
}

// ", NAME: its last error" of the one whose queue is fullest.
std::string slow_sink(const SensorStateRecord& state)
{
    const SinkStateRecord* fullest = nullptr;
    for (unsigned i = 0; i < kStateSinks && i < state.sinks_in_all; i++)
        if (const SinkStateRecord& sink = state.sinks[i];
            sink.queued_bytes && (!fullest || sink.queued_bytes > fullest->queued_bytes))
            fullest = &sink;
    if (!fullest)
        return "";
    return fmt::format(", {}{}", fullest->label, *fullest->last_error ? fmt::format(" ({})", fullest->last_error) : "");
}

std::string daemon_text(const SensorStatus& s)
{
    if (!s.sensor.served)
        return fmt::format(
            "none: the kernel counts alone; attach with the same plugins and options takes over, 'flowxdp "
            "detach --export {} -w PREFIX' exports the flows and ends it",
            s.sensor.interface);
    if (!s.sensor.state)
        return "running; it has said nothing of itself yet, or is of another version";
    std::string text =
        fmt::format("pid {}, uid {}, since {}",
                    s.sensor.daemon ? std::to_string(s.sensor.daemon) : std::string("not to be seen from here"),
                    s.sensor.state->uid, utc_date(s.sensor.state->daemon_started_ns));
    if (s.last_word_s >= 0 && !s.answers())
        return text + fmt::format("\n             does not answer since {:.0f} s{}; the kernel goes on counting",
                                  s.last_word_s,
                                  s.sensor.daemon && is_stopped(s.sensor.daemon)
                                      ? fmt::format(": it is stopped (kill -CONT {} lets it go on)", s.sensor.daemon)
                                      : "");
    if (s.last_round_s > 3)
        text += fmt::format("\n             last round {:.0f} s ago: it waits for a sink{}", s.last_round_s,
                            slow_sink(*s.sensor.state));
    return text;
}

std::string books_text(const SensorView::Books& b)
{
    const std::string sum = fmt::format("{} packets = {} exported + {} in live flows + {} on their way + {} without a "
                                        "flow",
                                        b.seen, b.exported, b.alive, b.waiting, b.without_flow);
    if (b.at_rest)
        return sum + (b.difference()
                          ? fmt::format(": {} packets differ (a defect of flowxdp, please report it)", b.difference())
                          : ": balanced");
    return sum + fmt::format(" ({:+} while packets arrived between the readings)", b.difference());
}

// Comma-separated names in lines of at most 80 columns.
void print_wrapped(const std::string& heading, std::string names)
{
    constexpr std::size_t kWidth = 80;
    std::string line = heading;
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(','), names.size() - 1) + 1;
        if (line.size() + end > kWidth && line.size() > heading.size()) {
            fmt::print("{}\n", line);
            line.assign(heading.size(), ' ');
        }
        line += names.substr(0, end);
        names.erase(0, end);
    }
    fmt::print("{}\n", line);
}

void print_sinks(const SensorStateRecord& state, bool served, bool all)
{
    fmt::print("    sinks{}\n", served ? "" : " (as the daemon left them)");
    for (unsigned i = 0; i < kStateSinks && i < state.sinks_in_all; i++) {
        const SinkStateRecord& s = state.sinks[i];
        fmt::print("        {}: {} rows, {} sent", s.label, s.rows, s.sent);
        for (const auto& [count, what] :
             {std::pair{s.retried, "retried"}, {s.dropped, "dropped"}, {s.skipped, "skipped"}, {s.errors, "errors"}}) {
            if (!count && !all)
                continue;
            fmt::print(", {} {}", count, what);
            if (count && what == std::string_view("dropped"))
                fmt::print(" ({} queue full, {} not delivered)", s.dropped_queue_full,
                           s.dropped - std::min(s.dropped, s.dropped_queue_full));
        }
        fmt::print(", queue {} of {}\n", size_text(s.queued_bytes), size_text(s.queue_limit_bytes));
        if (s.last_error[0])
            fmt::print("            last error: {}\n", s.last_error);
    }
    if (state.sinks_in_all > kStateSinks)
        fmt::print("        and {} more\n", state.sinks_in_all - kStateSinks);
}

void print_status(const SensorStatus& s, bool all)
{
    const SensorStateRecord* state = s.sensor.state ? &*s.sensor.state : nullptr;
    std::string names = s.sensor.interface;
    for (const std::string& name : s.sensor.merged_names())
        names += "+" + name;
    fmt::print("{}: ifindex {}, {} mode, program {}{}{}{}\n", names, s.sensor.index,
               s.mode.empty() ? "unknown" : s.mode, s.sensor.program_id, s.sensor.egress ? ", both directions" : "",
               s.sensor.here ? "" : ", in another network namespace",
               s.sensor.index ? "" : "; detached, or the interface is gone: nothing is counted");
    fmt::print("    daemon   {}\n", daemon_text(s));
    if (state) {
        const std::int64_t age = boot_clock_ns() + wall_offset_ns() - state->attached_ns;
        const std::string human = human_duration(age);
        fmt::print("    since    {} ({})\n", utc_date(state->attached_ns),
                   human.empty() ? fmt::format("{}s", age / 1000000000) : human);
        fmt::print("    program  flowxdp {}, layout {:016x}\n", state->program, state->layout_id);
        if (*state->bundle)
            fmt::print("    bundle   {}\n", printable(state->bundle));
        print_wrapped("    plugins  ", state->plugins);
    }
    if (s.dispatcher)
        fmt::print("    runs in  dispatcher {}: {}{}\n", s.dispatcher->id, s.dispatcher->text(),
                   s.dispatcher->frags ? "" : "; no jumbo frames: not every program takes them");
    if (!s.filter.empty())
        fmt::print("    filter   {}\n", s.filter);
    fmt::print("    pins     {}\n", s.sensor.folder);
    fmt::print("    traffic  {} packets, {} octets\n", s.counts.counter[COUNTER_PACKETS_SEEN],
               s.counts.totals.wire_bytes);
    fmt::print("    flows    {} made, {} ended, {} alive of {} ({:.2f}%)\n", s.counts.counter[COUNTER_FLOWS_STARTED],
               s.ended(), s.alive(), s.capacity, 100 * s.occupancy());
    fmt::print("    books    {}\n    counters{}\n", books_text(s.books), all ? "" : " (those not zero; -a: all)");
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        if (all || s.counts.counter[i])
            fmt::print("        {:<26}{:>12}  {}\n", kCounters[i].name, s.counts.counter[i], kCounters[i].help);
    if (state)
        print_sinks(*state, s.sensor.served, all);
}

} // namespace

ExitCode run_status_command(const StatusOptions& options)
{
    const bool json = options.json;
    const std::vector<PinnedSensor> sensors = find_pinned_sensors("read the sensors' state", options.interfaces);
    std::vector<std::string> objects;
    ExitCode code = ExitCode::kOk;
    for (const PinnedSensor& sensor : sensors) {
        try {
            const SensorStatus status = read_sensor_status(sensor);
            if (json)
                objects.push_back(sensor_status_json(status));
            else
                print_status(status, options.all);
        } catch (const StartupError& error) {
            // Of another version, or just going: the others are shown all the same.
            code = error.code();
            if (json)
                objects.push_back(unreadable_sensor_json(sensor, error.what()));
            else
                fmt::print("{}: {}\n", sensor.interface, error.what());
        }
    }
    if (json)
        fmt::print("{}\n", JsonObject::list(objects));
    else if (sensors.empty())
        fmt::print("no sensor is attached\n");
    return code;
}

} // namespace flowxdp
