// SPDX-License-Identifier: BSD-2-Clause
// window_report.h - when a report of the window list is due and what it says. README.md has the format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flowxdp/window_list.hpp"

namespace flowxdp {

// The timer of reports, in whole seconds of packet time. A report is due one interval after the mark. The mark starts
// at the last multiple of the interval, so busy traffic has reports at …:05, …:10, …:15. Each report sets it to its own
// second.
class ReportTimer {
  public:
    explicit ReportTimer(std::int64_t interval_s) : interval_s_(interval_s) {}

    // The packet clock, from a tick. When it steps back (by more than 60 s: clock.h) the timer starts again.
    void set_clock(std::int64_t ns);
    // A row's end clock. It may advance the timer, and is never a step back: the last rows of a run are older.
    void at_least(std::int64_t ns);
    // True when a report is due now; sets the mark. nonempty: false when the list is empty and no report is due.
    bool due(bool nonempty);
    // The second of the last report that was due.
    [[nodiscard]] std::int64_t second() const { return mark_s_; }

  private:
    void start(std::int64_t ns);

    std::int64_t interval_s_;
    std::int64_t clock_ns_ = 0;
    std::int64_t mark_s_ = 0;
    bool started_ = false;
};

// The report as one message. datagram_bytes > 0: as messages of at most so many bytes, cut between rows, each with the
// header. Times are in the local time zone. nul: a zero byte ends each message.
std::vector<std::string> print_report(const WindowList& list, std::int64_t second, bool nul,
                                      std::size_t datagram_bytes);

} // namespace flowxdp
