// SPDX-License-Identifier: BSD-2-Clause
#include "cli/state_publisher.h"

#include <algorithm>
#include <chrono>

#include "live/live_sensor.h"

namespace flowxdp {

StatePublisher::StatePublisher(std::vector<Target> targets, const std::vector<std::unique_ptr<SinkRunner>>& sinks,
                               std::function<std::int64_t()> last_round_ns, const ServiceManager* manager)
    : targets_(std::move(targets)), sinks_(sinks), last_round_ns_(std::move(last_round_ns)), manager_(manager),
      started_ns_(boot_clock_ns())
{
    publish();
    thread_ = std::thread([this] {
        std::unique_lock lock(mutex_);
        while (!wake_.wait_for(lock, std::chrono::milliseconds(500), [this] { return stopping_; }))
            publish();
    });
}

StatePublisher::~StatePublisher()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    publish();
}

// No round for long, though no sink holds rows that the daemon could be waiting for. One that waits for a receiver is
// alive: the kernel's table keeps the flows, and a daemon started anew would wait for the same receiver.
bool StatePublisher::is_stuck() const
{
    constexpr std::int64_t kLongRoundNs = 30000000000;
    if (boot_clock_ns() - std::max(last_round_ns_(), started_ns_) < kLongRoundNs)
        return false;
    return std::ranges::none_of(sinks_, [](const auto& sink) {
        const SinkState c = sink->state();
        return c.queued_bytes || c.sent + c.dropped + c.skipped + c.unread < c.rows + c.dropped_queue_full;
    });
}

void StatePublisher::publish()
{
    if (manager_ && !is_stuck())
        manager_->tell("WATCHDOG=1");
    for (Target& target : targets_) {
        SensorStateRecord& record = target.record;
        record.updated_boot_ns = boot_clock_ns();
        record.round_boot_ns = last_round_ns_();
        record.sinks_in_all = static_cast<std::uint32_t>(sinks_.size());
        for (std::size_t i = 0; i < sinks_.size() && i < kStateSinks; i++) {
            const SinkState c = sinks_[i]->state();
            SinkStateRecord& out = record.sinks[i];
            set_text(out.label, c.label);
            out.rows = c.rows;
            out.sent = c.sent;
            out.retried = c.retried;
            out.dropped = c.dropped;
            out.dropped_queue_full = c.dropped_queue_full;
            out.skipped = c.skipped;
            out.errors = c.errors;
            out.queued_bytes = c.queued_bytes;
            out.queue_limit_bytes = c.queue_limit_bytes;
            set_text(out.last_error, c.last_error);
        }
        target.state->publish(record);
    }
}

} // namespace flowxdp
