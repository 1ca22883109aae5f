// SPDX-License-Identifier: BSD-2-Clause
#include "cli/sensor_status.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/interfaces_command.h"
#include "cli/json_object.h"
#include "core/printable.h"
#include "live/live_sensor.h"
#include "report/end_report.h"

namespace flowxdp {
namespace {

constexpr const char* kCounterNames[] = {
#define X(name, text, help) text,
    FX_COUNTERS(X)
#undef X
};

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

} // namespace

SensorStatus read_sensor_status(const PinnedSensor& sensor)
{
    return read_sensor_status(sensor, SensorView(sensor), read_filter_text(sensor.folder));
}

SensorStatus read_sensor_status(const PinnedSensor& sensor, const SensorView& view, const std::string& filter)
{
    const auto info = read_interface(sensor.interface);
    const bool asks_interface = sensor.here && sensor.index && info.ok();
    SensorStatus status{sensor,
                        {},
                        view.books(),
                        view.capacity(),
                        asks_interface ? info.value().xdp_mode : "",
                        asks_interface ? read_dispatcher(info.value()) : std::nullopt,
                        printable(filter),
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

std::string sensor_status_json(const SensorStatus& s)
{
    JsonObject counters;
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        counters.add(kCounterNames[i], s.counts.counter[i]);
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

std::string unreadable_sensor_json(const PinnedSensor& sensor, const std::string& reason)
{
    return JsonObject().add("interface", sensor.interface).add("error", reason).text();
}

} // namespace flowxdp
