// SPDX-License-Identifier: BSD-2-Clause
// replay_input.h - what replay and extract read: files, a list of files or a series, and the filter.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "capture/capture.h"
#include "capture/filter.h"
#include "cli/options.h"
#include "cli/run_setup.h"

namespace flowxdp {

struct ReplayInput {
    std::unique_ptr<PacketFilter> filter;         // null: none
    std::unique_ptr<PacketFilter> extract_filter; // of -e matching; null: none
    std::unique_ptr<Capture> capture;
    RunInput files; // their names
};

// stop: asked in the calling thread while the input makes it wait. stop_reading: likewise, in the thread that reads
// ahead. Both must outlive the capture. Throws StartupError.
ReplayInput open_replay_input(const ReplayOptions& options, const std::function<bool()>& stop,
                              const std::atomic<bool>& stop_reading);

} // namespace flowxdp
