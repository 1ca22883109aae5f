// SPDX-License-Identifier: BSD-2-Clause
// file_times.h - checks that the files of an input follow each other in time. In another order the packet clock steps
// back between files, and flows that go on from file to file are cut there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "capture/capture.h"

namespace flowxdp {

class FileTimes {
  public:
    // Frames of the last of these files were read, in this order; at least one.
    void add(const std::vector<CaptureFileInfo>& files, std::span<const Frame> frames);
    // One sentence of advice; empty: the files are in order.
    [[nodiscard]] std::string advice(const std::vector<CaptureFileInfo>& files) const;

  private:
    struct Begin {
        std::size_t file; // index in files
        std::int64_t ts_ns;
    };
    std::vector<Begin> begins_; // of the files that had a packet
    // The first file that begins before another one ended.
    std::size_t early_ = 0, late_ = 0, early_files_ = 0;
    std::int64_t early_ns_ = 0, late_ns_ = 0;
    std::size_t newest_file_ = 0; // has the largest time stamp so far
    std::int64_t newest_ns_ = 0;
};

} // namespace flowxdp
