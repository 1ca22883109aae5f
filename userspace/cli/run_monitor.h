// SPDX-License-Identifier: BSD-2-Clause
// run_monitor.h - the pages of --listen: /metrics, /healthz, /readyz, /status.json, /flows.
//
// The server's threads read what any thread may read: the sinks' counts, the sensors' maps as `status` and `top` read
// them. What only the thread of the run may read, it publishes itself. Nobody waits for a page.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/daemon_health.h"
#include "cli/options.h"
#include "cli/run_setup.h"
#include "cli/seen_sensor.h"
#include "live/daemon.h"
#include "live/flow_rates.h"
#include "monitor/http_server.h"
#include "monitor/run_figures.h"

namespace flowxdp {

// Binds where the options say and tells the log; null without --listen. Throws StartupError.
std::unique_ptr<HttpServer> bind_monitor(const RunOptions& options, Log* log);

// A value that is made anew when it is older than a moment: askers that come often cost what one costs.
template <typename T>
class Remembered {
  public:
    // make runs on one thread at a time; who comes meanwhile waits for it.
    T get(const std::function<T()>& make)
    {
        using Clock = std::chrono::steady_clock;
        const std::lock_guard lock(mutex_);
        if (!made_ || Clock::now() - *made_ >= kAge) {
            value_ = make();
            made_ = Clock::now();
        }
        return value_;
    }

  private:
    static constexpr std::chrono::milliseconds kAge{500};
    std::mutex mutex_;
    T value_{};
    std::optional<std::chrono::steady_clock::time_point> made_;
};

// What replay and attach share. The setup must outlive this object, which ends the server first.
class RunMonitor {
  public:
    RunMonitor(std::unique_ptr<HttpServer> server, RunSetup* setup);
    RunMonitor(const RunMonitor&) = delete;
    RunMonitor& operator=(const RunMonitor&) = delete;

  protected:
    ~RunMonitor() = default;
    void serve(HttpServer::Pages pages) { server_->start(std::move(pages)); }
    void end() { server_.reset(); }
    [[nodiscard]] RunFigures figures() const;

    RunSetup& setup_;

  private:
    std::vector<PluginHost::Active> plugins_;
    std::string version_, engine_;
    double start_time_s_;
    std::unique_ptr<HttpServer> server_;
};

class LiveMonitor final : public RunMonitor {
  public:
    LiveMonitor(std::unique_ptr<HttpServer> server, RunSetup* setup, const Daemon& daemon, const DaemonHealth& health,
                std::vector<SeenSensor> seen);
    ~LiveMonitor() { end(); }

    // On the daemon's thread: publishes what only it may read, at most a few times a second. sensors: those that it
    // has now; the maps of others are closed.
    void publish(const std::vector<std::unique_ptr<LiveSensor>>& sensors);

  private:
    [[nodiscard]] std::vector<SeenSensor> seen() const;
    [[nodiscard]] RunFigures read_figures();
    [[nodiscard]] std::string read_status();
    [[nodiscard]] HttpPage flows();

    const Daemon& daemon_;
    const DaemonHealth& health_;
    std::int64_t published_ns_ = 0;
    mutable std::mutex mutex_; // of what the daemon's thread changes
    std::vector<SeenSensor> seen_;
    FeederFigures feeder_;
    Remembered<RunFigures> figures_;
    Remembered<std::string> status_;
    Remembered<HttpPage> flows_;
    FlowRates rates_;
    std::int64_t sampled_ns_ = 0;
};

// While a replay reads.
class ReplayMonitor final : public RunMonitor {
  public:
    ReplayMonitor(std::unique_ptr<HttpServer> server, RunSetup* setup);
    ~ReplayMonitor() { end(); }

    // On the thread that reads, which calls it as often as it likes: counts() is asked a few times a second.
    void publish(const std::function<engine_counts()>& counts);

  private:
    std::chrono::steady_clock::time_point published_{};
    mutable std::mutex mutex_;
    SensorFigures sensor_;
    std::string status_ = "{}";
};

} // namespace flowxdp
