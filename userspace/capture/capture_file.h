// SPDX-License-Identifier: BSD-2-Clause
// capture_file.h - one capture file: bytes, compression and format, with one buffer; with further ones while somebody
// holds the bytes of frames.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/byte_source.h"
#include "capture/capture.h"
#include "capture/capture_format.h"
#include "core/result.h"

namespace flowxdp {

// Owns the buffer the frames point into. One thread uses it.
class CaptureFile {
  public:
    enum class State {
        kReading, // there may be more
        kAtEnd,   // end of the input; a growing file may have more at a later call
        kStopped, // the user asked to stop while the input was silent
        kDamaged, // reading cannot go on: see damage()
    };

    // name is what messages call the file; size_bytes its size on disk, 0 = unknown.
    CaptureFile(std::string name, std::unique_ptr<ByteSource> source, std::uint64_t size_bytes);

    // Reads the file header. False: the input ended, or the user stopped, before it was whole (see state()); may be
    // called again. Error: the reason, without the file's name.
    Result<bool> read_header();

    // Fills frames from whole records; 0: see state(). Frames stay valid until the next call, or as long as somebody
    // holds bytes(). Precondition: read_header() gave true, out is not empty.
    std::size_t read(std::span<Frame> out);
    // The buffer with the frames of the last read().
    [[nodiscard]] FrameBytes bytes() const { return buffer_; }

    // No more input will come: unread bytes at its end become the damage.
    void finish();

    // True when the input stopped inside a record or inside compressed data.
    [[nodiscard]] bool is_cut() const { return !cut_reason().empty(); }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const std::optional<CaptureDamage>& damage() const { return damage_; }
    [[nodiscard]] const CaptureFileInfo& info() const { return info_; }
    // The file's name for the interface; empty = none.
    [[nodiscard]] std::string interface_name(std::uint32_t id) const;
    [[nodiscard]] std::uint64_t raw_bytes() const { return source_->raw_bytes(); }

  private:
    [[nodiscard]] std::span<const std::uint8_t> buffered() const { return {buffer_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t bytes);
    // A buffer of the first size that nobody holds.
    std::shared_ptr<std::uint8_t[]> free_buffer();
    // Reads more, with room for `needed` bytes from begin_ on. False: no bytes came, state_ says why.
    bool fill(std::size_t needed);
    void set_damage(std::string reason);
    [[nodiscard]] std::string cut_reason() const;
    [[nodiscard]] Error unknown_format() const;
    Result<void> start_decompression(std::span<const std::uint8_t> first_bytes);
    void take_format_info();

    std::unique_ptr<ByteSource> source_;
    std::unique_ptr<CaptureFormat> format_;
    std::shared_ptr<std::uint8_t[]> buffer_;
    std::size_t capacity_; // of buffer_
    std::vector<std::shared_ptr<std::uint8_t[]>>
        used_;                 // those before it, of the first size: somebody holds their bytes, or held
    std::size_t begin_ = 0;    // first byte not yet consumed
    std::size_t end_ = 0;      // after the last byte read
    std::uint64_t offset_ = 0; // of begin_, in the uncompressed stream
    bool compressed_ = false;
    State state_ = State::kReading;
    std::string source_cut_; // the source's reason why its data is cut; empty = not cut
    std::optional<CaptureDamage> damage_;
    CaptureFileInfo info_;
};

} // namespace flowxdp
