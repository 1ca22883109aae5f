// SPDX-License-Identifier: BSD-2-Clause
// capture_stream.h - the common part of a list of files and a growing series: the current file and the counts.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/capture_file.h"

namespace flowxdp {

// Opens one file; nothing is read yet. Error: the reason, without the file's name.
Result<std::unique_ptr<CaptureFile>> open_capture_file(const std::string& path, const CaptureOptions& options);

// The sentence for a file that cannot be begun.
Error cannot_read(const std::string& path, const std::string& reason);

class CaptureStream : public Capture {
  public:
    [[nodiscard]] FrameBytes bytes() const override { return current_->bytes(); }
    [[nodiscard]] std::string interface_name(std::uint32_t if_id) const override;
    [[nodiscard]] std::uint64_t bytes_read() const override { return bytes_read_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t bytes_total() const override { return bytes_total_; }
    [[nodiscard]] const std::vector<CaptureFileInfo>& files() const override { return files_; }
    [[nodiscard]] const std::vector<CaptureDamage>& damages() const override { return damages_; }

  protected:
    explicit CaptureStream(std::uint64_t bytes_total) : bytes_total_(bytes_total) {}

    // Makes file the one that is read and reported.
    void begin_file(std::unique_ptr<CaptureFile> file);
    // CaptureFile::read() of the current file, counted. Precondition: its header was read.
    std::size_t read_current(std::span<Frame> out);
    // Ends the current file: its damage, if any, is recorded and its bytes count as consumed to the end.
    void end_file();
    // A file that could not even be begun.
    void record_damage(CaptureDamage damage) { damages_.push_back(std::move(damage)); }
    [[nodiscard]] CaptureFile* current() const { return current_.get(); }

  private:
    void keep_accounts();

    std::unique_ptr<CaptureFile> current_;
    std::vector<CaptureFileInfo> files_;
    std::vector<CaptureDamage> damages_;
    std::uint64_t bytes_before_ = 0; // of the files read before
    std::atomic<std::uint64_t> bytes_read_ = 0;
    std::uint64_t bytes_total_;
};

} // namespace flowxdp
