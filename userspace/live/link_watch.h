// SPDX-License-Identifier: BSD-2-Clause
// link_watch.h - wakes the daemon when an interface of this network namespace changes: removed, renamed, set up or down
// (rtnetlink(7), group RTNLGRP_LINK). It only says that something changed; LiveSensor::interface_condition() finds out
// what, so a lost message does no harm.
#pragma once

#include "core/unique_fd.h"

namespace flowxdp {

class LinkWatch {
  public:
    // Throws StartupError when the kernel has no rtnetlink socket for us.
    LinkWatch();
    // Readable after a change.
    [[nodiscard]] int fd() const { return socket_.get(); }
    // Reads and discards all waiting messages.
    void clear();

  private:
    UniqueFd socket_;
};

} // namespace flowxdp
