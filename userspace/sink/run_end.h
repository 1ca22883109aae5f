// SPDX-License-Identifier: BSD-2-Clause
// run_end.h - when a run began to end, for sinks that wait for a receiver.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace flowxdp {

// Any thread may call it.
class RunEnd {
  public:
    using Clock = std::chrono::steady_clock;

    RunEnd() = default;
    RunEnd(const RunEnd&) = delete;
    RunEnd& operator=(const RunEnd&) = delete;

    // asked: somebody wants the run to end, and the run cannot hear it while it waits for a sink. Call this before a
    // sink is opened.
    void listen_to(std::function<bool()> asked) { asked_ = std::move(asked); }
    void begin()
    {
        std::int64_t none = 0;
        began_ns_.compare_exchange_strong(none, Clock::now().time_since_epoch().count());
    }
    // Nothing: the run goes on.
    std::optional<Clock::time_point> began()
    {
        if (!began_ns_ && asked_ && asked_())
            begin();
        const std::int64_t ns = began_ns_;
        return ns ? std::optional(Clock::time_point(Clock::duration(ns))) : std::nullopt;
    }

  private:
    std::function<bool()> asked_;
    std::atomic<std::int64_t> began_ns_{0};
};

} // namespace flowxdp
