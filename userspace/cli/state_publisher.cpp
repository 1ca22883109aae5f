// SPDX-License-Identifier: BSD-2-Clause
#include "cli/state_publisher.h"

#include <chrono>

#include "live/live_sensor.h"

namespace flowxdp {

StatePublisher::StatePublisher(std::vector<Target> targets, const std::vector<std::unique_ptr<SinkRunner>>& sinks,
                               const DaemonHealth& health, const ServiceManager* manager)
    : targets_(std::move(targets)), sinks_(sinks), health_(health), manager_(manager)
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

void StatePublisher::publish()
{
    if (manager_ && !health_.is_stuck())
        manager_->tell("WATCHDOG=1");
    for (Target& target : targets_) {
        SensorStateRecord& record = target.record;
        record.updated_boot_ns = boot_clock_ns();
        record.round_boot_ns = health_.last_round_ns();
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
