// SPDX-License-Identifier: BSD-2-Clause
// capture.h - capture files as one stream of frames.
//
// A Capture reads pcap (micro- and nanosecond, both byte orders, the modified record header of magic 0xa1b2cd34),
// pcapng (several sections, interfaces with their own link type, snap length and time resolution, simple and obsolete
// packet blocks), plain or compressed with gzip or zstd, from files, stdin, a list file or a growing numbered series.
// One thread uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capture/frame.h"
#include "core/result.h"

namespace flowxdp {

// A place where a file could not be read on. Every packet before it was delivered.
struct CaptureDamage {
    std::string file;
    std::uint64_t offset = 0; // bytes, in the uncompressed stream of that file
    std::string reason;       // a sentence: what was found, what was expected
};

// What the end report says of one input file.
struct CaptureFileInfo {
    std::string name;
    std::uint64_t size_bytes = 0; // on disk; 0 for a pipe
    std::uint64_t packets = 0;
    std::uint32_t link_type = 0; // of the first interface
    std::uint32_t snap_len = 0;  // of the first interface
    bool pcapng = false;
    bool nanoseconds = false;
    std::uint64_t clamped_times = 0; // time stamps beyond kTimeLimitNs (pcapng only)
    // A live sensor's own capture (extract/capture_writer.h) says until when it observed, ns; 0 = not said, so far.
    std::int64_t observed_until_ns = 0;
};

struct CaptureOptions {
    // Poll interval for a growing series or a file that still grows, milliseconds; the series ends when stop() says so.
    std::uint32_t poll_ms = 250;
    // Asked while waiting for more input (a growing series, a silent pipe): true ends the stream. What stands unread at
    // the end of the file by then was not yet written whole: no damage. Empty = wait for ever.
    std::function<bool()> stop;
};

class Capture {
  public:
    virtual ~Capture() = default;

    // Fills up to out.size() frames; returns how many, 0 at the end of input. Frames stay valid until the next call.
    // A damaged file ends that file, not the stream; see damages().
    virtual std::size_t read(std::span<Frame> out) = 0;

    // What the interface of a frame that the last read() gave is called: pcapng's if_name, else the file's name without
    // folders.
    [[nodiscard]] virtual std::string interface_name(std::uint32_t if_id) const = 0;

    // Bytes of input consumed so far and in all (0 = unknown: a pipe, a growing series), as on disk. Any thread.
    [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes_total() const = 0;

    // Files opened so far, in order.
    [[nodiscard]] virtual const std::vector<CaptureFileInfo>& files() const = 0;
    // Where reading had to stop early; empty = all input was read.
    [[nodiscard]] virtual const std::vector<CaptureDamage>& damages() const = 0;
};

// Opens files as one stream, in the order given; "-" is stdin. Every file must exist and begin like a capture (a file
// of a later position that turns out unreadable when its turn comes is a damage, not an error; a pipe of a later
// position is not looked at before its turn). Waits for the first bytes when the first file is a pipe.
// Error: names file and reason, e.g. "cannot read capture 'x.pcap': No such file or directory".
Result<std::unique_ptr<Capture>> open_captures(const std::vector<std::string>& files, const CaptureOptions& options);

// Reads a list file (T2 -R): one path a line, '#' comments and blank lines skipped, relative paths relative to the
// working directory. Error: names the list file and line.
Result<std::vector<std::string>> read_capture_list(const std::string& path);

// A numbered series that may still grow (T2 -D): EXPR[:SEPARATOR][,STOP]. EXPR is the first file, which must exist (it
// may still be empty), e.g. "out.pcap0" or "out7.pcap". The number stands behind the last SEPARATOR character (default
// 'p', as tcpdump -C writes out.pcap, out.pcap1, ...: no number there is the first file of such a series), or, when no
// SEPARATOR is given, at the end of the name or before its extension; leading zeros keep their width. Files are read in
// number order, waiting for each next one until STOP has been read or options.stop says so. A file is taken as finished
// when its successor exists: a partial record at its end is a damage only then. The file STOP is also finished when it
// ends with a whole record and rested for poll_ms. Error: the mistake in the expression, or as open_captures().
Result<std::unique_ptr<Capture>> open_capture_series(const std::string& expression, const CaptureOptions& options);

// Name of a LINKTYPE_ value as tcpdump prints it ("EN10MB"), "UNKNOWN" when there is none.
std::string link_type_name(std::uint32_t link_type);
// Its description ("Ethernet"), empty when there is none.
std::string link_type_description(std::uint32_t link_type);

} // namespace flowxdp
