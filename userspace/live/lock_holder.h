// SPDX-License-Identifier: BSD-2-Clause
// lock_holder.h - finds the process that serves a sensor. It asks the kernel, because the owner of the pins may have
// written any pid into them.
#pragma once

#include <sys/types.h>

#include <optional>

#include "core/unique_fd.h"

namespace flowxdp {

struct LockHolder {
    pid_t pid;
    UniqueFd process; // a pidfd: the kernel may reuse the number as soon as the process has ended
};

// The process of the folder's owner that holds the lock (flock) on a folder. Nothing when there is none, when its pid
// namespace is not visible from here, or when it is another user's.
std::optional<LockHolder> find_lock_holder(int folder_fd);

} // namespace flowxdp
