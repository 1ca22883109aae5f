// SPDX-License-Identifier: BSD-2-Clause
// run_signals.h - what signals ask of a run, read between its steps instead of interrupting them.
//
//   SIGINT, SIGTERM      end the input, drain, report; a second one takes its default way
//   SIGHUP               the terminal is gone: likewise. Otherwise it is a person or logrotate: open the files anew
//   SIGUSR1              report as things stand
//   SIGUSR2              of a live run: end without touching the sensor, which the next daemon takes over
//   SIGPIPE              ignored: a write says EPIPE
#pragma once

#include <sys/signalfd.h>

#include <atomic>

#include "core/unique_fd.h"

namespace flowxdp {

enum class RunSignal { kNone, kStop, kReport, kReopen, kHandOver };

// Does the run leave something that another process may take over? Else SIGUSR2 has its default way.
enum class MayHandOver { kNo, kYes };

class RunSignals {
  public:
    // Blocks the signals, so it belongs before the first thread: threads inherit the mask. A SIGHUP that is ignored
    // (nohup) stays so.
    explicit RunSignals(MayHandOver may_hand_over = MayHandOver::kNo);

    [[nodiscard]] int fd() const { return fd_.get(); } // readable when there is something; non-blocking
    // The next signal that came; kNone when there is none.
    RunSignal next();
    // kStop was given out, or stop() was called.
    [[nodiscard]] bool stopped() const { return stopped_; }
    // Likewise, or a SIGINT or SIGTERM waits for next(). Any thread.
    [[nodiscard]] bool stop_asked() const;
    // As if a SIGTERM had come: from here on another one kills.
    void stop();

  private:
    RunSignal meaning_of(const signalfd_siginfo& info);

    UniqueFd fd_;
    bool had_terminal_;
    std::atomic<bool> stopped_{false};
};

} // namespace flowxdp
