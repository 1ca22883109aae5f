// SPDX-License-Identifier: BSD-2-Clause
#include "cli/run_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace flowxdp {
namespace {

// A process without a controlling terminal, or whose terminal hung up, cannot open this.
bool has_terminal()
{
    return static_cast<bool>(UniqueFd(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)));
}

bool is_ignored(int number)
{
    struct sigaction action = {};
    return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

} // namespace

RunSignals::RunSignals(MayHandOver may_hand_over) : had_terminal_(has_terminal())
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1})
        sigaddset(&set, number);
    if (may_hand_over == MayHandOver::kYes)
        sigaddset(&set, SIGUSR2);
    if (!is_ignored(SIGHUP))
        sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    fd_ = UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

RunSignal RunSignals::meaning_of(const signalfd_siginfo& info)
{
    if (info.ssi_signo == SIGUSR1)
        return RunSignal::kReport;
    if (info.ssi_signo == SIGUSR2)
        return RunSignal::kHandOver;
    // The kernel itself tells of a terminal that hung up; a shell that tells its jobs does so after it.
    const bool hung_up = info.ssi_code == SI_KERNEL || (had_terminal_ && !has_terminal());
    return info.ssi_signo == SIGHUP && !hung_up ? RunSignal::kReopen : RunSignal::kStop;
}

void RunSignals::stop()
{
    if (stopped_)
        return;
    stopped_ = true;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool RunSignals::stop_asked() const
{
    sigset_t pending;
    return stopped_ || (sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM)));
}

RunSignal RunSignals::next()
{
    signalfd_siginfo info = {};
    if (read(fd_.get(), &info, sizeof info) != sizeof info)
        return RunSignal::kNone;
    const RunSignal signal = meaning_of(info);
    if (signal == RunSignal::kStop)
        stop();
    return signal;
}

} // namespace flowxdp
