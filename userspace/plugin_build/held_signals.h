// SPDX-License-Identifier: BSD-2-Clause
// held_signals.h - signals that end a process, held back until what it began is cleared away: they take effect when
// this object goes.
#pragma once

#include <csignal>

namespace flowxdp {

class HeldSignals {
  public:
    HeldSignals()
    {
        sigemptyset(&held_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP})
            sigaddset(&held_, signal);
        pthread_sigmask(SIG_BLOCK, &held_, &before_);
    }
    ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

    // One of them has come.
    [[nodiscard]] bool pending() const
    {
        sigset_t come;
        sigpending(&come);
        return sigismember(&come, SIGINT) == 1 || sigismember(&come, SIGTERM) == 1 || sigismember(&come, SIGHUP) == 1;
    }

  private:
    sigset_t held_{}, before_{};
};

} // namespace flowxdp
