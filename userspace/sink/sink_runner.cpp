// SPDX-License-Identifier: BSD-2-Clause
#include "sink/sink_runner.h"

#include <algorithm>

namespace flowxdp {

SinkRunner::SinkRunner(std::string label, std::unique_ptr<Sink> sink, Limits limits, std::uint64_t id)
    : label_(std::move(label)), sink_(std::move(sink)), limits_(limits), id_(id)
{
}

SinkRunner::~SinkRunner()
{
    finish();
}

void SinkRunner::start()
{
    thread_ = std::thread([this] { run(); });
}

void SinkRunner::push(std::shared_ptr<const RowBatch> rows, bool packet_rows)
{
    const std::size_t bytes = rows->bytes();
    SinkCounts& counts = sink_->counts();
    std::unique_lock lock(mutex_);
    // One batch always fits an empty queue, however large it is.
    auto fits = [&] { return queued_bytes_ == 0 || queued_bytes_ + bytes <= limits_.queue_bytes; };
    if (!fits()) {
        if (limits_.policy == SinkPolicy::kDrop) {
            counts.dropped += rows->size();
            counts.dropped_queue_full += rows->size();
            return;
        }
        not_full_.wait(lock, fits);
    }
    counts.rows += rows->size();
    pushed_rows_ += rows->size();
    queued_bytes_ += bytes;
    queue_peak_bytes_ = std::max(queue_peak_bytes_, queued_bytes_);
    queue_.push_back({std::move(rows), packet_rows, 0, std::nullopt});
    not_empty_.notify_one();
}

void SinkRunner::tick(std::int64_t clock_ns)
{
    constexpr std::int64_t kSecond = 1000000000;
    constexpr std::size_t kManyItems = 65536;
    const std::lock_guard lock(mutex_);
    // The sink is late: the newest tick replaces all ticks of the same second of clock. Each second keeps one:
    // otherwise the speed of replay would decide which timed reports appear. A sink that hangs does not need all of
    // them.
    if (!queue_.empty() && !queue_.back().rows && !queue_.back().commit && !queue_.back().reopen &&
        (queue_.back().clock_ns / kSecond == clock_ns / kSecond || queue_.size() >= kManyItems))
        queue_.back().clock_ns = clock_ns;
    else
        queue_.push_back({nullptr, false, clock_ns, std::nullopt});
    not_empty_.notify_one();
}

void SinkRunner::begin_commit()
{
    const std::lock_guard lock(mutex_);
    if (committing_)
        return;
    committing_ = true;
    queue_.push_back({nullptr, false, 0, pushed_rows_});
    not_empty_.notify_one();
}

void SinkRunner::wait_for_commit()
{
    constexpr std::chrono::milliseconds kMoment(250);
    std::unique_lock lock(mutex_);
    const auto done = [this] { return !committing_; };
    if (limits_.policy == SinkPolicy::kBlock)
        committed_.wait(lock, done);
    else if (!late_)
        late_ = !committed_.wait_for(lock, kMoment, done);
}

std::vector<std::uint64_t> SinkRunner::positions() const
{
    const std::lock_guard lock(mutex_);
    return positions_;
}

std::uint64_t SinkRunner::uncommitted_rows() const
{
    const std::lock_guard lock(mutex_);
    return pushed_rows_ - committed_rows_;
}

void SinkRunner::lose(std::uint64_t rows)
{
    sink_->counts().rows += rows;
    sink_->counts().dropped += rows;
}

void SinkRunner::reopen()
{
    const std::lock_guard lock(mutex_);
    queue_.push_back({nullptr, false, 0, std::nullopt, true});
    not_empty_.notify_one();
}

void SinkRunner::end()
{
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    not_empty_.notify_one();
}

void SinkRunner::finish()
{
    end();
    if (thread_.joinable())
        thread_.join();
}

SinkState SinkRunner::state() const
{
    const SinkCounts& c = sink_->counts();
    SinkState state;
    state.label = label_;
    state.rows = c.rows;
    state.sent = c.sent;
    state.retried = c.retried;
    state.dropped = c.dropped;
    state.dropped_queue_full = c.dropped_queue_full;
    state.unread = c.unread;
    state.skipped = c.skipped;
    state.errors = c.errors;
    state.policy = limits_.policy;
    state.queue_limit_bytes = limits_.queue_bytes;
    const std::lock_guard lock(mutex_);
    state.queued_bytes = queued_bytes_;
    state.queue_peak_bytes = queue_peak_bytes_;
    state.last_error = last_error_;
    state.lines = lines_;
    return state;
}

// Sinks count on their own thread: other threads see a copy.
void SinkRunner::publish_lines()
{
    lines_at_ = std::chrono::steady_clock::now();
    std::vector<std::string> lines = sink_->report();
    const std::lock_guard lock(mutex_);
    lines_ = std::move(lines);
}

void SinkRunner::note(const Result<void>& result)
{
    if (result.ok())
        return;
    sink_->counts().errors++;
    const std::lock_guard lock(mutex_);
    last_error_ = result.error().message;
}

void SinkRunner::run()
{
    constexpr std::chrono::milliseconds kShortestIdleWait(5), kIdleWait(250);
    std::chrono::milliseconds idle_wait = kIdleWait;
    for (;;) {
        if (std::chrono::steady_clock::now() - lines_at_ >= std::chrono::seconds(1))
            publish_lines();
        Item item;
        {
            std::unique_lock lock(mutex_);
            if (queue_.empty() && !stopping_) {
                // The queue is empty: the sink sends its buffer (a slow link must not wait for a full buffer). While
                // its receiver takes rows it is called again soon, so it does not wait for the receiver itself.
                lock.unlock();
                const std::uint64_t before = sink_->counts().sent;
                note(sink_->flush(false));
                idle_wait = sink_->counts().sent != before ? kShortestIdleWait : std::min(2 * idle_wait, kIdleWait);
                lock.lock();
                not_empty_.wait_for(lock, idle_wait, [this] { return !queue_.empty() || stopping_; });
            }
            if (queue_.empty()) {
                if (!stopping_)
                    continue;
                break;
            }
            item = std::move(queue_.front());
            queue_.pop_front();
        }
        if (item.commit) {
            // With policy drop nobody waits for this sink.
            note(limits_.policy == SinkPolicy::kDrop ? sink_->flush(false) : sink_->commit());
            std::vector<std::uint64_t> positions = sink_->positions();
            const std::lock_guard lock(mutex_);
            positions_ = std::move(positions);
            committed_rows_ = *item.commit;
            committing_ = late_ = false;
            committed_.notify_all();
            continue;
        }
        if (item.reopen) {
            note(sink_->reopen());
            continue;
        }
        if (!item.rows) {
            note(sink_->tick(item.clock_ns));
            continue;
        }
        note(item.packet_rows ? sink_->write_packets(*item.rows) : sink_->write(*item.rows));
        const std::lock_guard lock(mutex_);
        queued_bytes_ -= item.rows->bytes();
        not_full_.notify_one();
    }
    note(sink_->flush(true));
    publish_lines();
}

} // namespace flowxdp
