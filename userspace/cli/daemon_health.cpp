// SPDX-License-Identifier: BSD-2-Clause
#include "cli/daemon_health.h"

#include <algorithm>

#include <fmt/format.h>

#include "live/live_sensor.h"

namespace flowxdp {

DaemonHealth::DaemonHealth(const std::vector<std::unique_ptr<SinkRunner>>& sinks,
                           std::function<std::int64_t()> last_round_ns)
    : sinks_(sinks), last_round_ns_(std::move(last_round_ns)), started_ns_(boot_clock_ns())
{
}

namespace {

bool holds_rows(const SinkState& s)
{
    return s.queued_bytes || s.sent + s.dropped + s.skipped + s.unread < s.rows + s.dropped_queue_full;
}

} // namespace

// A daemon that waits for a receiver is alive: the kernel's table keeps the flows, and a daemon started anew would wait
// for the same receiver.
bool DaemonHealth::is_stuck() const
{
    constexpr std::int64_t kLongRoundNs = 30000000000;
    if (boot_clock_ns() - std::max(last_round_ns_(), started_ns_) < kLongRoundNs)
        return false;
    return std::ranges::none_of(sinks_, [](const auto& sink) { return holds_rows(sink->state()); });
}

std::string DaemonHealth::unready() const
{
    constexpr std::int64_t kLateNs = 3000000000; // a round is due four times a second
    if (ends_)
        return "the run ends";
    const std::int64_t last = last_round_ns_();
    if (!last)
        return "no round yet";
    const std::int64_t age = boot_clock_ns() - last;
    if (age < kLateNs)
        return "";
    std::string text = fmt::format("last round {} s ago", age / 1000000000);
    for (const auto& sink : sinks_)
        if (const SinkState state = sink->state(); holds_rows(state))
            text += fmt::format("; sink {} holds rows{}{}", state.label, state.last_error.empty() ? "" : ": ",
                                state.last_error);
    return text;
}

} // namespace flowxdp
