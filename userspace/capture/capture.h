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

// A place where reading a file stopped early. Every packet before it was delivered.
struct CaptureDamage {
    std::string file;
    std::uint64_t offset = 0; // bytes, in the uncompressed stream of that file
    std::string reason;       // a sentence: what was found, what was expected
};

// The end report's facts about one input file.
struct CaptureFileInfo {
    std::string name;
    std::uint64_t size_bytes = 0; // on disk; 0 for a pipe
    std::uint64_t packets = 0;
    std::uint32_t link_type = 0; // of the first interface
    std::uint32_t snap_len = 0;  // of the first interface
    bool pcapng = false;
    bool nanoseconds = false;
    std::uint64_t clamped_times = 0; // time stamps beyond kTimeLimitNs (pcapng only)
    // In a live sensor's own capture (extract/capture_writer.h): observed until then, ns; 0 = not known so far.
    std::int64_t observed_until_ns = 0;
};

struct CaptureOptions {
    // Poll interval for a growing series or a file that still grows, milliseconds; the series ends when stop() says so.
    std::uint32_t poll_ms = 250;
    // Called while waiting for more input (a growing series, a silent pipe): true ends the stream. An incomplete record
    // at the end of the file is then no damage: the writer has not finished it. Empty = wait for ever.
    std::function<bool()> stop;
};

// Keeps bytes of frames where they are, for as long as it is held. Any thread.
using FrameBytes = std::shared_ptr<const std::uint8_t[]>;

class Capture {
  public:
    virtual ~Capture() = default;

    // Fills up to out.size() frames; returns how many, 0 at the end of input. Frames stay valid until the next call, or
    // as long as somebody holds their bytes. Fewer than out.size(): the next call takes more of the input, and may wait
    // for it. A damaged file ends that file, not the stream; see damages().
    virtual std::size_t read(std::span<Frame> out) = 0;
    // The bytes of the frames of the last read(). Precondition: it gave some.
    [[nodiscard]] virtual FrameBytes bytes() const = 0;

    // Name of the interface of a frame from the last read(): pcapng's if_name, else the file's name without folders.
    [[nodiscard]] virtual std::string interface_name(std::uint32_t if_id) const = 0;

    // Bytes of input consumed so far and in all (0 = unknown: a pipe, a growing series), as on disk. Any thread.
    [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes_total() const = 0;

    // Files opened so far, in order.
    [[nodiscard]] virtual const std::vector<CaptureFileInfo>& files() const = 0;
    // Where reading had to stop early; empty = all input was read.
    [[nodiscard]] virtual const std::vector<CaptureDamage>& damages() const = 0;
};

// Opens files as one stream, in the order given; "-" is stdin. Every file must exist and begin like a capture. A file
// after the first that cannot be read when its turn comes is a damage, not an error; a pipe after the first is not read
// before its turn. Waits for the first bytes when the first file is a pipe. Error: names file and reason, e.g. "cannot
// read capture 'x.pcap': No such file or directory".
Result<std::unique_ptr<Capture>> open_captures(const std::vector<std::string>& files, const CaptureOptions& options);

// Bytes that a list file may have: a hundred thousand files with long paths.
inline constexpr std::size_t kMaxListBytes = 16U << 20;
// Reads a list file (T2 -R): one path a line, '#' comments and blank lines skipped, relative paths relative to the
// working directory. Error: names the list file and line.
Result<std::vector<std::string>> read_capture_list(const std::string& path);

// A numbered series that may still grow (T2 -D): EXPR[:SEPARATOR][,STOP]. EXPR is the first file, which must exist (it
// may still be empty), e.g. "out.pcap0" or "out7.pcap". The number follows the last SEPARATOR character (default 'p':
// tcpdump -C writes out.pcap, out.pcap1, ..., the first without a number). Without SEPARATOR, it may also stand at the
// end of the name or before its extension. Leading zeros keep their width. Files are read in number order; the reader
// waits for the next one until STOP has been read or options.stop returns true. A file is finished when its successor
// exists: only then is a partial record at its end a damage. The file STOP is also finished when it ends with a whole
// record and rested for poll_ms. Error: the mistake in the expression, or as open_captures().
Result<std::unique_ptr<Capture>> open_capture_series(const std::string& expression, const CaptureOptions& options);

// Name of a LINKTYPE_ value as tcpdump prints it ("EN10MB"), "UNKNOWN" when there is none.
std::string link_type_name(std::uint32_t link_type);
// Its description ("Ethernet"), empty when there is none.
std::string link_type_description(std::uint32_t link_type);

} // namespace flowxdp
