// SPDX-License-Identifier: BSD-2-Clause
// progress.h - a progress bar on standard error, only on a terminal and at most ten times a second.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>

namespace flowxdp {

class Progress {
  public:
    explicit Progress(bool wanted) : active_(wanted && isatty(2)), start_(Clock::now()) {}
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    [[nodiscard]] bool active() const { return active_; }

    // total 0: unknown, no bar and no remaining time.
    void update(std::uint64_t packets, std::uint64_t bytes, std::uint64_t total)
    {
        const auto now = Clock::now();
        if (!active_ || now - shown_ < std::chrono::milliseconds(100))
            return;
        shown_ = now;
        const double elapsed = std::chrono::duration<double>(now - start_).count();
        const double rate = elapsed > 0 ? static_cast<double>(packets) / elapsed : 0;
        std::string line = fmt::format("{} packets, {:.2f} M/s", packets, rate / 1e6);
        if (total) {
            const double done = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total));
            const auto filled = static_cast<std::size_t>(done * 30);
            line = fmt::format("[{}{}] {:3.0f}% {}", std::string(filled, '='), std::string(30 - filled, ' '),
                               done * 100, line);
            if (done > 0.001)
                line += fmt::format(", {:.0f} s left", elapsed / done - elapsed);
        }
        std::fprintf(stderr, "\r\033[K%s", line.c_str());
        std::fflush(stderr);
    }
    void clear()
    {
        if (active_)
            std::fputs("\r\033[K", stderr);
        active_ = false;
    }

  private:
    using Clock = std::chrono::steady_clock;
    bool active_;
    Clock::time_point start_, shown_{};
};

} // namespace flowxdp
