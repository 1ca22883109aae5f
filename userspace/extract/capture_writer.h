// SPDX-License-Identifier: BSD-2-Clause
// capture_writer.h - frames out: a pcapng file that replays to the rows the sensor wrote (DESIGN 4).
//
// One section, an interface description for each interface, nanoseconds. What replay needs beside the frames stands
// where pcapng has a place for it (draft-ietf-opsawg-pcapng): the section's application is "flowxdp VERSION"; an
// interface's description is "ifindex N"; the interface statistics at the end say until when the sensor observed, so
// that flows which fell due after the last packet end as they did live. capture/pcapng_format.cpp reads both back, in
// flowxdp's own sections only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "sink/resume_points.h"
#include "sink/row_file.h"

namespace flowxdp {

// A capture as reports show it.
struct CaptureState {
    std::string path;
    std::uint64_t frames = 0, dropped = 0; // taken; of these not written
    std::string last_error;                // empty: none
};

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

    // A name in .gz or .zst compresses. resume: goes on in a predecessor's file that is in there. Error: names file and
    // reason. What fails later is counted (dropped) and remembered (last_error); the file can be used further.
    Result<void> open(const std::string& path, std::span<const Interface> interfaces, const ResumePoints& resume);
    // bytes: the captured part of a frame of wire_len bytes; interface: its ifindex; ts_ns: since the epoch.
    void write(std::uint32_t interface, std::int64_t ts_ns, std::uint32_t wire_len,
               std::span<const std::uint8_t> bytes);
    void flush() { note(file_.flush(false)); }
    // Ends the file: the sensor observed until end_ns (since the epoch) and received so many frames, of which lost
    // never came to this writer.
    void finish(std::int64_t end_ns, std::uint64_t received, std::uint64_t lost);

    // After flush(): where a successor's open() goes on.
    [[nodiscard]] ResumePoints positions() const { return {{id_, {file_.position()}}}; }
    [[nodiscard]] CaptureState state() const { return {file_.path(), frames_, counts_.dropped, last_error_}; }

  private:
    void note(const Result<void>& written);

    SinkCounts counts_;
    RowFile file_{&counts_};
    std::vector<std::uint32_t> interfaces_; // ifindex, by number in the section
    std::uint64_t id_ = 0;
    std::uint64_t frames_ = 0;
    std::string last_error_;
};

} // namespace flowxdp
