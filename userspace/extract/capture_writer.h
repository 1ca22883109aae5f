// SPDX-License-Identifier: BSD-2-Clause
// capture_writer.h - frames out: a pcapng file that replays to the rows the sensor wrote (DESIGN 4).
//
// One section, one interface, nanoseconds. What replay needs beside the frames stands where pcapng has a place for it
// (draft-ietf-opsawg-pcapng): the section's application is "flowxdp VERSION"; the interface's description is "ifindex
// N"; the interface statistics at the end say until when the sensor observed, so that flows which fell due after the
// last packet end as they did live. capture/pcapng_format.cpp reads both back, in flowxdp's own sections only.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "sink/row_file.h"

namespace flowxdp {

class CaptureWriter {
  public:
    struct Interface {
        std::string name;
        std::uint32_t index = 0;     // ifindex: what rows show as interface
        std::uint32_t link_type = 1; // LINKTYPE_*
        std::uint32_t snap_len = 0;  // bytes; 0 = no limit
    };

    CaptureWriter() = default;
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;

    // A name in .gz or .zst compresses. Error: names file and reason.
    Result<void> open(const std::string& path, const Interface& interface, const RowFileStart& start);
    // bytes: the captured part of a frame of wire_len bytes; ts_ns: since the epoch. Error: this frame or ones before
    // it could not be written; dropped() counts them, the file can be used further.
    Result<void> write(std::int64_t ts_ns, std::uint32_t wire_len, std::span<const std::uint8_t> bytes);
    Result<void> flush() { return file_.flush(false); }
    // Ends the file: the sensor observed until end_ns (since the epoch) and received so many frames, of which lost
    // never came to this writer.
    Result<void> finish(std::int64_t end_ns, std::uint64_t received, std::uint64_t lost);

    [[nodiscard]] const std::string& path() const { return file_.path(); }
    // As Sink::positions().
    [[nodiscard]] std::uint64_t position() const { return file_.position(); }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }
    [[nodiscard]] std::uint64_t dropped() const { return counts_.dropped; }

  private:
    SinkCounts counts_;
    RowFile file_{&counts_};
    std::uint64_t frames_ = 0; // taken by write()
};

} // namespace flowxdp
