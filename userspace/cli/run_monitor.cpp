// SPDX-License-Identifier: BSD-2-Clause
#include "cli/run_monitor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "cli/json_object.h"
#include "cli/sensor_status.h"
#include "cli/top_table.h"
#include "core/printable.h"
#include "monitor/listen_address.h"
#include "monitor/run_metrics.h"

namespace flowxdp {
namespace {

constexpr const char* kJson = "application/json";

HttpPage verdict(const std::string& problem)
{
    return problem.empty() ? HttpPage{200, "text/plain; charset=utf-8", "ok\n"}
                           : HttpPage{503, "text/plain; charset=utf-8", printable(problem) + "\n"};
}

HttpPage metrics_page(const RunFigures& figures)
{
    return {200, "text/plain; version=0.0.4; charset=utf-8", run_metrics(figures)};
}

RoundFigures round_figures(const RoundTimes::Figures& times, std::int64_t last_round_ns)
{
    RoundFigures out;
    for (const std::int64_t limit : RoundTimes::kLimitsNs)
        out.limits_s.push_back(static_cast<double>(limit) / 1e9);
    out.rounds.assign(times.rounds.begin(), times.rounds.end());
    out.sum_s = static_cast<double>(times.sum_ns) / 1e9;
    out.last_age_s = last_round_ns ? static_cast<double>(boot_clock_ns() - last_round_ns) / 1e9 : 0;
    return out;
}

SensorFigures sensor_figures(const SeenSensor& seen)
{
    const SensorView& view = *seen.view;
    SensorFigures out;
    out.interface = seen.sensor.interface;
    out.mode = seen.sensor.state ? seen.sensor.state->mode : "";
    out.counts = view.counts();
    out.flows_alive = flows_alive(out.counts);
    out.flows_limit = view.capacity();
    out.ring_bytes = view.ring_used();
    out.ring_limit = view.ring_bytes();
    out.exported_packets = view.journal().packets;
    return out;
}

} // namespace

std::unique_ptr<HttpServer> bind_monitor(const RunOptions& options, Log* log)
{
    if (options.listen.empty())
        return nullptr;
    const auto address = read_listen_address(options.listen);
    if (!address.ok())
        throw StartupError("option --listen: " + address.error().message, ExitCode::kUsage);
    std::string token;
    if (!options.listen_token_file.empty()) {
        auto read = read_listen_token(options.listen_token_file);
        if (!read.ok())
            throw StartupError(fmt::format("option --listen-token-file: cannot use '{}': {}",
                                           printable(options.listen_token_file, kValueBytes), read.error().message));
        token = read.take();
    }
    auto server = HttpServer::bind(address.value(), token);
    if (!server.ok())
        throw StartupError(fmt::format("cannot listen on {}: {}", address.value().text(), server.error().message));
    log->write(LogLevel::kInformation,
               fmt::format("http://{}/metrics, /healthz, /readyz, /status.json and /flows are served{}",
                           server.value()->address().text(), token.empty() ? "" : ", to those who have the token"));
    return server.take();
}

RunMonitor::RunMonitor(std::unique_ptr<HttpServer> server, RunSetup* setup)
    : setup_(*setup), plugins_(setup->run().plugins), version_(setup->run().version), engine_(setup->run().engine),
      start_time_s_(static_cast<double>(boot_clock_ns() + wall_offset_ns()) / 1e9), server_(std::move(server))
{
}

RunFigures RunMonitor::figures() const
{
    RunFigures out;
    out.version = version_;
    out.engine = engine_;
    out.plugins = plugins_;
    out.plugin_figures = setup_.plugins().figures();
    for (const auto& sink : setup_.sinks())
        out.sinks.push_back(sink->state());
    out.tally = setup_.pipeline().tally();
    out.packet_rows = setup_.pipeline().packet_rows();
    out.start_time_s = start_time_s_;
    out.scrapes_refused = server_->refused();
    return out;
}

LiveMonitor::LiveMonitor(std::unique_ptr<HttpServer> server, RunSetup* setup, const Daemon& daemon,
                         const DaemonHealth& health, std::vector<SeenSensor> seen)
    : RunMonitor(std::move(server), setup), daemon_(daemon), health_(health), seen_(std::move(seen))
{
    serve({{"/metrics", [this] { return metrics_page(figures_.get([this] { return read_figures(); })); }},
           {"/healthz",
            [this] { return verdict(health_.is_stuck() ? "no round for long, and no sink is the reason" : ""); }},
           {"/readyz", [this] { return verdict(health_.unready()); }},
           {"/status.json",
            [this] {
                return HttpPage{200, kJson, status_.get([this] { return read_status(); })};
            }},
           {"/flows", [this] { return flows_.get([this] { return flows(); }); }}});
}

void LiveMonitor::publish(const std::vector<std::unique_ptr<LiveSensor>>& sensors)
{
    constexpr std::int64_t kOftenNs = 250000000;
    const std::int64_t now = boot_clock_ns();
    if (now - published_ns_ < kOftenNs)
        return;
    published_ns_ = now;
    FeederFigures feeder{daemon_.records_damaged(), daemon_.lost_interfaces(), daemon_.captures()};
    const std::lock_guard lock(mutex_);
    feeder_ = std::move(feeder);
    std::erase_if(seen_, [&](SeenSensor& seen) {
        const auto there = std::ranges::find_if(sensors, [&](const auto& s) { return pin_id(*s) == seen.sensor.id; });
        if (there == sensors.end())
            return true;
        seen.sensor.interface = printable((*there)->interface());
        return false;
    });
}

// With the daemon's last word of itself.
std::vector<SeenSensor> LiveMonitor::seen() const
{
    std::vector<SeenSensor> seen;
    {
        const std::lock_guard lock(mutex_);
        seen = seen_;
    }
    for (SeenSensor& one : seen) {
        one.sensor.served = true;
        one.sensor.daemon = static_cast<std::uint32_t>(getpid());
        one.sensor.state = one.state->last();
        make_readable(&*one.sensor.state);
    }
    return seen;
}

RunFigures LiveMonitor::read_figures()
{
    RunFigures out = figures();
    for (const SeenSensor& sensor : seen()) {
        try {
            out.sensors.push_back(sensor_figures(sensor));
        } catch (const StartupError&) {
            out.unreadable_sensors++;
        }
    }
    out.rounds = round_figures(daemon_.round_times(), daemon_.last_round_ns());
    const std::lock_guard lock(mutex_);
    out.feeder = feeder_;
    return out;
}

std::string LiveMonitor::read_status()
{
    std::vector<std::string> objects;
    for (const SeenSensor& one : seen()) {
        const PinnedSensor& sensor = one.sensor;
        try {
            objects.push_back(sensor_status_json(read_sensor_status(sensor, *one.view, one.filter)));
        } catch (const StartupError& error) {
            objects.push_back(unreadable_sensor_json(sensor, error.what()));
        }
    }
    return JsonObject::list(objects) + "\n";
}

// Rates need two looks. Who asks every few seconds gets those since the look before.
HttpPage LiveMonitor::flows()
{
    constexpr std::size_t kShown = 100;
    constexpr std::uint64_t kMostFlows = 1u << 20; // a look takes some 300 bytes a flow
    constexpr std::int64_t kOldNs = 10000000000;
    constexpr int kBetweenMs = 250;
    const std::vector<SeenSensor> held = seen(); // the maps stay open until this is over
    std::vector<FlowRates::Seen> sensors;
    for (const SeenSensor& one : held)
        sensors.push_back({one.sensor.interface, one.sensor.id, *one.view});
    std::uint64_t alive = 0;
    for (const SensorFigures& sensor : figures_.get([this] { return read_figures(); }).sensors)
        alive += sensor.flows_alive;
    if (alive > kMostFlows)
        return {503, "text/plain",
                fmt::format("{} flows are alive: more than {} are not sorted here, 'flowxdp top' does it\n", alive,
                            kMostFlows)};
    if (!sampled_ns_ || boot_clock_ns() - sampled_ns_ > kOldNs) {
        rates_.sample(sensors, boot_clock_ns());
        poll(nullptr, 0, kBetweenMs);
    }
    sampled_ns_ = boot_clock_ns();
    RateSample sample = rates_.sample(sensors, sampled_ns_);
    sort_sample("rate", &sample);
    return {200, kJson, sample_json(sample, kShown) + "\n"};
}

ReplayMonitor::ReplayMonitor(std::unique_ptr<HttpServer> server, RunSetup* setup) : RunMonitor(std::move(server), setup)
{
    sensor_.interface = "replay";
    sensor_.mode = setup->run().engine;
    sensor_.flows_limit = setup->max_flows();
    const auto metrics = [this] {
        RunFigures out = figures();
        const std::lock_guard lock(mutex_);
        out.sensors.push_back(sensor_);
        return metrics_page(out);
    };
    const auto status = [this] {
        const std::lock_guard lock(mutex_);
        return HttpPage{200, kJson, status_ + "\n"};
    };
    const auto well = [] { return verdict(""); };
    serve({{"/metrics", metrics}, {"/status.json", status}, {"/healthz", well}, {"/readyz", well}});
}

void ReplayMonitor::publish(const std::function<engine_counts()>& counts)
{
    constexpr std::chrono::milliseconds kOften(250);
    const auto now = std::chrono::steady_clock::now();
    if (now - published_ < kOften)
        return;
    published_ = now;
    setup_.run().counts = counts();
    setup_.run().tally = setup_.pipeline().tally();
    setup_.run().running = RunningBooks::of_replay(setup_.run(), setup_.run().tally);
    std::string status = summary_json(setup_.run());
    const std::uint64_t alive = setup_.run().running->flows_alive;
    setup_.run().running.reset();
    const std::lock_guard lock(mutex_);
    sensor_.counts = reported_counts(setup_.run());
    sensor_.flows_alive = alive;
    status_ = std::move(status);
}

} // namespace flowxdp
