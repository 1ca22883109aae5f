// SPDX-License-Identifier: BSD-2-Clause
#include "sink/batch/batch_sender.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace flowxdp {
namespace {

using std::chrono::milliseconds;

// How long a commit waits for a server that nobody can connect to.
constexpr milliseconds kAwayPatience{2000};
// What a server that failed before gets for an answer when the time of the run's end is over.
constexpr milliseconds kLastChance{500};
constexpr milliseconds kLookAgain{50};

} // namespace

BatchSender::BatchSender(BatchOptions options, BatchServer* server, SinkCounts* counts)
    : options_(options), server_(server), counts_(counts), patience_(options.patience, options.drain),
      backoff_(options.backoff_min)
{
}

Result<void> BatchSender::take_error()
{
    if (error_.empty())
        return {};
    return Error{std::exchange(error_, {})};
}

void BatchSender::pause(Clock::time_point until) const
{
    std::this_thread::sleep_until(std::min({until, std::max(next_attempt_, Clock::now()), Clock::now() + kLookAgain}));
}

void BatchSender::close_batch()
{
    if (filling_.ends.empty())
        return;
    if (queue_.empty())
        patience_.renew(); // it begins with something to send
    // They grew by doubling. A batch may wait for long, and half of its memory would be empty.
    filling_.bytes.shrink_to_fit();
    filling_.ends.shrink_to_fit();
    filling_.times_ns.shrink_to_fit();
    queue_.push_back(std::exchange(filling_, {}));
}

void BatchSender::confirmed()
{
    const Batch& batch = queue_.front();
    queued_bytes_ -= batch.memory();
    waiting_rows_ -= batch.ends.size();
    queue_.pop_front();
    patience_.renew();
    next_attempt_ = {};
    backoff_ = options_.backoff_min;
    giving_up_ = false;
}

// Two halves: one of them has the row that is refused.
void BatchSender::split_front()
{
    Batch& front = queue_.front();
    const std::size_t half = front.ends.size() / 2, cut = front.ends[half - 1];
    Batch second;
    second.bytes = front.bytes.substr(cut);
    for (std::size_t i = half; i < front.ends.size(); i++)
        second.ends.push_back(front.ends[i] - cut);
    second.times_ns.assign(front.times_ns.begin() + static_cast<std::ptrdiff_t>(half), front.times_ns.end());
    front.bytes.resize(cut);
    front.ends.resize(half);
    front.times_ns.resize(half);
    queue_.insert(queue_.begin() + 1, std::move(second));
}

// True: something moved.
bool BatchSender::try_front()
{
    if (queue_.empty() || Clock::now() < next_attempt_)
        return false;
    const Batch& batch = queue_.front();
    const std::uint64_t rows = batch.ends.size();
    // A server that has confirmed so far gets its time, also at the end.
    const bool fails = !reason_.empty();
    const Attempt attempt = server_->deliver(
        {batch.bytes, batch.times_ns}, fails ? std::max(patience_.left_at_end(), kLastChance) : milliseconds::max());
    away_ = attempt.delivery == Delivery::kAway;
    switch (attempt.delivery) {
    case Delivery::kDone:
        counts_->sent += rows;
        outage_said_ = false;
        reason_.clear();
        confirmed();
        return true;
    case Delivery::kRefused:
        if (rows > 1) {
            split_front();
            return true;
        }
        counts_->dropped++;
        error_ = fmt::format("a row is refused and dropped: {}", attempt.reason);
        confirmed();
        return true;
    case Delivery::kAway:
    case Delivery::kLater:
        break;
    }
    counts_->retried += rows;
    reason_ = attempt.reason;
    if (!std::exchange(outage_said_, true))
        error_ = reason_ + "; trying again";
    next_attempt_ = Clock::now() + backoff_;
    backoff_ = std::min(backoff_ * 2, options_.backoff_max);
    return false;
}

Result<void> BatchSender::add(std::string_view row, std::int64_t time_ns)
{
    const std::size_t memory = row.size() + kRowBytes;
    const auto full = [&] { return queued_bytes_ && queued_bytes_ + memory > options_.queue_bytes; };
    if (full())
        close_batch();
    while (full() && !giving_up_) {
        if (try_front())
            continue;
        if (patience_.over()) {
            giving_up_ = true;
            error_ = fmt::format("nothing was confirmed for {} ms: rows are dropped until the server takes them again: "
                                 "{}",
                                 patience_.limit().count(), reason_);
            break;
        }
        pause(patience_.over_at());
    }
    if (full()) {
        try_front(); // once the back-off is over
        if (full()) {
            counts_->dropped++;
            return take_error();
        }
    }
    if (filling_.ends.empty())
        filling_since_ = Clock::now();
    filling_.bytes += row;
    filling_.ends.push_back(filling_.bytes.size());
    filling_.times_ns.push_back(time_ns);
    queued_bytes_ += memory;
    waiting_rows_++;
    if (filling_.bytes.size() >= options_.batch_bytes || filling_.ends.size() >= options_.batch_rows) {
        close_batch();
        while (try_front())
            ;
    }
    return take_error();
}

Result<void> BatchSender::pump()
{
    if (!filling_.ends.empty() && Clock::now() - filling_since_ >= options_.linger)
        close_batch();
    while (try_front())
        ;
    return take_error();
}

Result<void> BatchSender::commit()
{
    close_batch();
    while (try_front())
        ;
    while (!queue_.empty() && !giving_up_) {
        // A server that is away may be away for long: wait shorter than for a slow one, for the sake of other outputs.
        const auto at_most = away_ ? kAwayPatience : milliseconds::max();
        if (patience_.over(at_most)) {
            giving_up_ = true;
            error_ = fmt::format("nothing was confirmed for {} ms: the run does not wait for this server until it "
                                 "takes rows again: {}",
                                 patience_.limit(at_most).count(), reason_);
            break;
        }
        pause(patience_.over_at(at_most));
        while (try_front())
            ;
    }
    return take_error();
}

Result<void> BatchSender::drain()
{
    close_batch();
    patience_.rows_ended();
    next_attempt_ = {}; // the last chance is not spent in a back-off
    while (try_front())
        ;
    while (!queue_.empty() && !patience_.over())
        if (!try_front())
            pause(patience_.over_at());
    if (queue_.empty())
        return take_error();
    counts_->dropped += waiting_rows_;
    const std::string error = fmt::format("{} rows could not be delivered within {} ms and are dropped: {}",
                                          waiting_rows_.load(), patience_.limit().count(), reason_);
    queue_.clear();
    queued_bytes_ = 0;
    waiting_rows_ = 0;
    return Error{error};
}

} // namespace flowxdp
