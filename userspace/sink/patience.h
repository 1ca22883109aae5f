// SPDX-License-Identifier: BSD-2-Clause
// patience.h - how long a sink waits for a receiver from which nothing comes. Once the run ends it waits for another
// time, which counts from the end.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace flowxdp {

class Patience {
  public:
    using Clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;
    using EndBegan = std::function<std::optional<Clock::time_point>()>; // SinkContext::end_began

    // How long without a sign of the receiver: while the run goes on, and when it ends.
    Patience(milliseconds during, milliseconds at_end) : during_(during), at_end_(at_end), moved_(Clock::now()) {}

    void listen_to(EndBegan end) { end_began_ = std::move(end); }
    // A sign of the receiver, or something to wait for after a time without.
    void renew() { moved_ = Clock::now(); }
    // The rows have ended: the whole time of the end counts, from now on when nobody has said that the run ends.
    void rows_ended()
    {
        if (!rows_ended_)
            rows_ended_ = Clock::now();
    }

    // When it is over if nothing comes. at_most: a bound of the time while the run goes on.
    [[nodiscard]] Clock::time_point over_at(milliseconds at_most = milliseconds::max()) const
    {
        const std::optional<Clock::time_point> ended = end_began();
        const Clock::time_point during = moved_ + std::min(during_, at_most);
        if (!ended)
            return during;
        const Clock::time_point last = std::max(moved_, *ended) + at_end_;
        return rows_ended_ ? last : std::min(during, last);
    }
    [[nodiscard]] bool over(milliseconds at_most = milliseconds::max()) const
    {
        return Clock::now() >= over_at(at_most);
    }
    // The time that counts now, for messages.
    [[nodiscard]] milliseconds limit(milliseconds at_most = milliseconds::max()) const
    {
        if (rows_ended_)
            return at_end_;
        const milliseconds during = std::min(during_, at_most);
        return end_began() ? std::min(during, at_end_) : during;
    }
    // What is left once the run ends, 0 or more; the greatest value while it goes on.
    [[nodiscard]] milliseconds left_at_end() const
    {
        const std::optional<Clock::time_point> ended = end_began();
        if (!ended)
            return milliseconds::max();
        const auto left = std::chrono::ceil<milliseconds>(std::max(moved_, *ended) + at_end_ - Clock::now());
        return std::max(left, milliseconds(0));
    }

  private:
    [[nodiscard]] std::optional<Clock::time_point> end_began() const
    {
        const std::optional<Clock::time_point> said = end_began_ ? end_began_() : std::nullopt;
        return said ? said : rows_ended_;
    }

    milliseconds during_, at_end_;
    Clock::time_point moved_;
    EndBegan end_began_;
    std::optional<Clock::time_point> rows_ended_;
};

} // namespace flowxdp
