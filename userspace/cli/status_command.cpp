// SPDX-License-Identifier: BSD-2-Clause
#include "cli/status_command.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "cli/interfaces_command.h"
#include "cli/json_object.h"
#include "core/number.h"
#include "core/printable.h"
#include "live/dispatcher.h"
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

struct SensorStatus {
    const PinnedSensor& sensor;
    engine_counts counts;
    SensorView::Books books;
    std::uint32_t capacity;
    std::string mode;
    std::optional<Dispatcher> dispatcher; // in which it runs
    std::string filter;                   // the expression; empty = none
    double last_round_s;                  // seconds since the daemon's last round; negative = unknown
    double last_word_s;                   // seconds since the daemon last said something of itself, likewise

    [[nodiscard]] std::uint64_t alive() const { return flows_alive(counts); }
    [[nodiscard]] std::uint64_t ended() const { return counts.counter[COUNTER_FLOWS_STARTED] - alive(); }
    // The daemon writes its state twice a second, whatever its sinks do.
    [[nodiscard]] bool answers() const { return last_word_s >= 0 && last_word_s < 3; }
    [[nodiscard]] double occupancy() const
    {
        return capacity ? static_cast<double>(alive()) / static_cast<double>(capacity) : 0;
    }
};

SensorStatus read_status(const PinnedSensor& sensor)
{
    const SensorView view(sensor);
    const auto info = read_interface(sensor.interface);
    const bool asks_interface = sensor.here && sensor.index && info.ok();
    SensorStatus status{sensor,
                        {},
                        view.books(),
                        view.capacity(),
                        asks_interface ? info.value().xdp_mode : "",
                        asks_interface ? read_dispatcher(info.value()) : std::nullopt,
                        printable(read_filter_text(sensor.folder)),
                        -1,
                        -1};
    status.counts = view.counts();
    if (status.mode.empty() && sensor.state)
        status.mode = sensor.state->mode;
    const auto seconds_since = [](std::int64_t boot_ns) {
        return boot_ns ? std::max(0.0, static_cast<double>(boot_clock_ns() - boot_ns) / 1e9) : -1;
    };
    if (sensor.state && sensor.served) {
        status.last_round_s = seconds_since(sensor.state->round_boot_ns);
        status.last_word_s = seconds_since(sensor.state->updated_boot_ns);
    }
    return status;
}

std::string sink_json(const SinkStateRecord& s)
{
    return JsonObject()
        .add("sink", s.label)
        .add("rows", s.rows)
        .add("sent", s.sent)
        .add("retried", s.retried)
        .add("dropped", s.dropped)
        .add("dropped_queue_full", s.dropped_queue_full)
        .add("dropped_not_delivered", s.dropped - std::min(s.dropped, s.dropped_queue_full))
        .add("skipped", s.skipped)
        .add("errors", s.errors)
        .add("queued_bytes", s.queued_bytes)
        .add("queue_limit_bytes", s.queue_limit_bytes)
        .add("last_error", s.last_error)
        .text();
}

std::string status_json(const SensorStatus& s)
{
    JsonObject counters;
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        counters.add(kCounters[i].name, s.counts.counter[i]);
    JsonObject daemon;
    daemon.add("running", s.sensor.served);
    std::vector<std::string> merged;
    for (const std::string& name : s.sensor.merged_names()) {
        merged.emplace_back();
        append_json_string(name, &merged.back());
    }
    JsonObject out;
    out.add("interface", s.sensor.interface)
        .add("merged", merged)
        .add("direction", s.sensor.egress ? "both" : "ingress")
        .add("ifindex", s.sensor.index)
        .add("in_this_namespace", s.sensor.here)
        .add("mode", s.mode)
        .add("program_id", s.sensor.program_id)
        .add("pins", s.sensor.folder)
        .add("in_dispatcher", s.sensor.in_dispatcher)
        .add("xdp_programs", programs_json(s.dispatcher))
        .add("filter", s.filter);
    std::vector<std::string> sinks;
    if (s.sensor.state) {
        const SensorStateRecord& state = *s.sensor.state;
        out.add("layout", fmt::format("{:016x}", state.layout_id))
            .add("bundle", state.bundle)
            .add("version", state.program)
            .add("since_ns", state.attached_ns)
            .add("since", utc_date(state.attached_ns))
            .add("plugins", state.plugins);
        if (s.sensor.served && s.sensor.daemon)
            daemon.add("pid", s.sensor.daemon);
        daemon.add("uid", state.uid).add("since", utc_date(state.daemon_started_ns));
        if (s.last_round_s >= 0)
            daemon.add("last_round_s", s.last_round_s);
        if (s.last_word_s >= 0)
            daemon.add("last_word_s", s.last_word_s).add("answers", s.answers());
        for (unsigned i = 0; i < kStateSinks && i < state.sinks_in_all; i++)
            sinks.push_back(sink_json(state.sinks[i]));
    }
    return out.add_raw("daemon", daemon.text())
        .add("packets", s.counts.counter[COUNTER_PACKETS_SEEN])
        .add("octets", s.counts.totals.wire_bytes)
        .add("flows_started", s.counts.counter[COUNTER_FLOWS_STARTED])
        .add("flows_ended", s.ended())
        .add("live_flows", s.alive())
        .add("capacity", s.capacity)
        .add("occupancy", s.occupancy())
        .add_raw("books", JsonObject()
                              .add("seen", s.books.seen)
                              .add("exported", s.books.exported)
                              .add("alive", s.books.alive)
                              .add("waiting", s.books.waiting)
                              .add("without_flow", s.books.without_flow)
                              .add("difference", s.books.difference())
                              .add("at_rest", s.books.at_rest)
                              .text())
        .add_raw("counters", counters.text())
        .add("sinks", sinks)
        .text();
}

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
            const SensorStatus status = read_status(sensor);
            if (json)
                objects.push_back(status_json(status));
            else
                print_status(status, options.all);
        } catch (const StartupError& error) {
            // Of another version, or just going: the others are shown all the same.
            code = error.code();
            if (json)
                objects.push_back(JsonObject().add("interface", sensor.interface).add("error", error.what()).text());
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
