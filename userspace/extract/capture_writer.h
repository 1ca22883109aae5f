// SPDX-License-Identifier: BSD-2-Clause
// capture_writer.h - frames out: a pcapng file, of a sensor or of a replay. A sensor's replays to the rows it wrote.
//
// One section, an interface description for each interface, nanoseconds. Replay also needs facts beside the frames,
// which pcapng has places for (draft-ietf-opsawg-pcapng): the section's application is "flowxdp VERSION"; an
// interface's description is "ifindex N"; the interface statistics at the end say until when the sensor observed, so
// that flows which fell due after the last packet end as they did live. capture/pcapng_format.cpp reads them back, in
// flowxdp's own sections only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "capture/frame.h"
#include "core/result.h"
#include "sink/file/row_file.h"
#include "sink/resume_points.h"

namespace flowxdp {

// The words of CaptureWriter::positions().
inline constexpr PlaceWords kCaptureWords = {0, 1, 0};
// output_id() of a capture in a file.
std::uint64_t capture_id(const std::string& path);

// A capture as reports show it.
struct CaptureState {
    std::string path;
    std::uint64_t frames = 0, dropped = 0; // taken; taken but not written
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

    // The numbers in the section, by ifindex (of a capture: its number there) and link type.
    using Interfaces = std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t>;

    CaptureWriter() = default;
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;

    // A name in .gz or .zst compresses. resume: a predecessor's file that is in it is continued. Error: names file and
    // reason. A later failure is counted (dropped) and kept (last_error); the file stays usable.
    Result<void> open(const std::string& path, std::span<const Interface> interfaces, const ResumePoints& resume);
    // Where a file that was left goes on.
    struct Left {
        std::string path;
        std::uint64_t position = 0, identity = 0;
        Interfaces interfaces;
        std::uint64_t frames = 0;
    };
    // Writes everything and closes the file, which may go on later. Error: the write failed.
    Result<Left> leave();
    Result<void> go_on(const Left& left);
    // bytes: the captured part of a frame of wire_len bytes; interface: its ifindex; ts_ns: since the epoch.
    void write(std::uint32_t interface, std::int64_t ts_ns, std::uint32_t wire_len,
               std::span<const std::uint8_t> bytes);
    // A frame as a capture has it. Describes its interface by this name (empty: none) when it is the first one of it.
    void write(const Frame& frame, const std::string& interface_name);
    // Ends the file, without what only a sensor knows.
    void close() { note(file_.flush(true)); }
    void commit() { note(file_.commit()); }
    // Ends the file: the sensor observed until end_ns (since the epoch) and received `received` frames, of which `lost`
    // never reached this writer.
    void finish(std::int64_t end_ns, std::uint64_t received, std::uint64_t lost);

    // After commit(): where a successor's open() resumes: length and identity of the file.
    [[nodiscard]] ResumePoints positions() const { return {{id_, {file_.position(), file_.identity()}}}; }
    [[nodiscard]] const std::string& last_error() const { return last_error_; } // empty: none
    [[nodiscard]] CaptureState state() const { return {file_.path(), frames_, counts_.dropped, last_error_}; }

  private:
    void note(const Result<void>& written);
    // Appends to *out, which becomes part of the file with the row.
    static void put_section(std::string* out);
    void put_interface(const Interface& interface, std::string* out);
    static void put_frame(std::uint32_t number, std::int64_t ts_ns, std::uint32_t wire_len,
                          std::span<const std::uint8_t> bytes, std::string* out);

    SinkCounts counts_;
    RowFile file_{&counts_};
    std::string block_; // that is written
    Interfaces interfaces_;
    std::uint64_t dropped_before_ = 0; // when the section began
    std::uint64_t id_ = 0;
    std::uint64_t frames_ = 0;
    std::string last_error_;
};

} // namespace flowxdp
