// SPDX-License-Identifier: BSD-2-Clause
// daemon_health.h - whether a running daemon does its work, as other threads can see it: for the service manager's
// watchdog, /healthz and /readyz.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sink/sink_runner.h"

namespace flowxdp {

class DaemonHealth {
  public:
    // sinks must outlive this object. last_round_ns: boot clock of the daemon's last round, 0 before the first; any
    // thread.
    DaemonHealth(const std::vector<std::unique_ptr<SinkRunner>>& sinks, std::function<std::int64_t()> last_round_ns);

    [[nodiscard]] std::int64_t last_round_ns() const { return last_round_ns_(); }
    // No round for half a minute, though no sink holds rows that the daemon could be waiting for.
    [[nodiscard]] bool is_stuck() const;
    // Why rows do not leave just now; empty: they do.
    [[nodiscard]] std::string unready() const;
    // From here on the daemon ends.
    void ends() { ends_ = true; }

  private:
    const std::vector<std::unique_ptr<SinkRunner>>& sinks_;
    std::function<std::int64_t()> last_round_ns_;
    std::int64_t started_ns_;
    std::atomic<bool> ends_{false};
};

} // namespace flowxdp
