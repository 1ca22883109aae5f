// SPDX-License-Identifier: BSD-2-Clause
// frame_files.h - extracted frames of a capture: in one file, or in a file for each flow.
//
// Few files are open at a time, however many flows there are. The one that had no frame for longest is left, and goes
// on with its flow's next frame.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "extract/capture_writer.h"

namespace flowxdp {

class FrameFiles {
  public:
    static constexpr std::size_t kMostOpen = 128;

    // One file; "-" is standard output, which names ending in .gz or .zst compress.
    static FrameFiles one(std::string path) { return {std::move(path), false}; }
    // PREFIX_flow_35.pcapng.
    static FrameFiles per_flow(std::string prefix) { return {std::move(prefix), true}; }
    static std::string path_of_flow(const std::string& prefix, std::uint64_t flow);

    // Opens the file of all frames, so that it is there without a frame, too.
    Result<void> begin();
    Result<void> write(std::uint64_t flow, const Frame& frame, const std::string& interface_name);
    // Everything is in the files.
    Result<void> finish();
    // Removes the files that were begun; standard output, a device, a pipe, a link stay.
    void remove();

    [[nodiscard]] const std::string& path() const { return path_; } // or prefix
    [[nodiscard]] std::uint64_t frames() const { return frames_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; } // of the frames
    [[nodiscard]] std::size_t files() const { return left_.size() + open_.size(); }

  private:
    struct Open {
        std::uint64_t flow; // 0: of all
        std::unique_ptr<CaptureWriter> writer;
    };

    FrameFiles(std::string path, bool per_flow) : path_(std::move(path)), per_flow_(per_flow) {}
    [[nodiscard]] std::string path_of(std::uint64_t flow) const
    {
        return per_flow_ ? path_of_flow(path_, flow) : path_;
    }
    Result<CaptureWriter*> writer_of(std::uint64_t flow);
    Result<void> leave_one();

    std::string path_; // or prefix
    bool per_flow_;
    std::list<Open> open_; // written last in front
    std::map<std::uint64_t, std::list<Open>::iterator> by_flow_;
    std::map<std::uint64_t, CaptureWriter::Left> left_;
    std::uint64_t frames_ = 0, bytes_ = 0;
};

} // namespace flowxdp
