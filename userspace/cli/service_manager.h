// SPDX-License-Identifier: BSD-2-Clause
// service_manager.h - what a daemon tells the service manager that started it: sd_notify(3)'s protocol, datagrams to
// the socket that $NOTIFY_SOCKET names. Without one nothing is told.
#pragma once

#include <sys/un.h>

#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace flowxdp {

class ServiceManager {
  public:
    ServiceManager();

    // "READY=1", with "STATUS=..." in a line of its own; "WATCHDOG=1"; "STOPPING=1". A manager that does not read is no
    // reason to stop or to wait. Any thread.
    void tell(std::string_view lines) const;

  private:
    sockaddr_un address_ = {};
    socklen_t address_bytes_ = 0;
    UniqueFd socket_; // none: nobody listens
};

} // namespace flowxdp
