// SPDX-License-Identifier: BSD-2-Clause
// row_file.h - one output file of a sink: plain, gzip, Zstandard or standard output.
//
// A row is either whole in the file or counted as dropped. Rows collect in a buffer that is written when it is large or
// at flush(). When a write fails (a full disk), the rows not begun are dropped and counted, the rest of what was begun
// is kept and written first the next time, so a disk that gets room again continues with whole rows. A file that ends
// while a row is begun is cut back to the last whole row; a compressed one cannot be and ends truncated, which the
// error says.
//
// Live, a daemon that takes over after a crash goes on behind the last flush(): position() says where. A compressed
// file then is a chain of gzip members or Zstandard frames, one for each flush with rows; every reader joins them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "sink/sink.h"

namespace flowxdp {

class Compressor;

// How a file begins.
struct RowFileStart {
    bool resumable = false;      // live: after every flush() a successor can go on at position()
    std::uint64_t resume_at = 0; // a predecessor's position(): what lies behind is cut off; 0 = a new file
};

class RowFile {
  public:
    // counts: the sink's; sent, dropped and retried are kept here. Must outlive this object.
    explicit RowFile(SinkCounts* counts);
    ~RowFile();
    RowFile(const RowFile&) = delete;
    RowFile& operator=(const RowFile&) = delete;

    // "-" is standard output; names ending in .gz or .zst are compressed. An existing file is replaced, unless start
    // says where to go on; one that is shorter than that was moved away, and a new one begins. May be called again
    // after flush(true).
    Result<void> open(const std::string& path, const RowFileStart& start = {});
    // Goes on in a predecessor's file: its header is there.
    [[nodiscard]] bool resumed() const { return resumed_; }
    // After flush(): bytes that hold whole rows and can be gone on behind. 0 when there is no way: standard output, a
    // pipe, a compressed file that is not resumable. Any thread.
    [[nodiscard]] std::uint64_t position() const
    {
        return regular_ && (!compressor_ || resumable_) ? static_cast<std::uint64_t>(whole_bytes_.load()) : 0;
    }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] const std::string& path() const { return path_; }

    // Writes text that belongs to no row (a header line), before the first row. A full disk is known here already.
    Result<void> write_header(std::string_view text);
    // Where the caller appends one row; row_done() after each.
    std::string* buffer() { return &buffer_; }
    // Writes when enough has collected. Error: names file and reason; the file can be used further.
    Result<void> row_done();
    // Writes what has collected. Compressed files that are not resumable hold rows back for up to a second, or they
    // would hardly compress.
    // final: ends the compressed stream, cuts a torn row off and closes.
    Result<void> flush(bool final);

  private:
    enum class Push { kRows, kSync, kFinish };
    Result<void> push(Push how);
    Result<void> write_out();
    void settle_plain();
    void drop_buffer();
    Error failed(const char* operation, int error_number) const;
    Result<void> close_file();

    SinkCounts* counts_;
    std::string path_;
    UniqueFd owned_;
    int fd_ = -1;
    bool regular_ = false, resumable_ = false, resumed_ = false;
    bool broken_ = false; // nobody reads (EPIPE), or the compressor failed: everything further is dropped
    std::unique_ptr<Compressor> compressor_;
    std::string buffer_;                   // rows not begun
    std::vector<std::size_t> buffer_ends_; // where each of them ends
    std::string out_;                      // bytes begun: must be written before anything else
    std::size_t out_at_ = 0;
    std::vector<std::size_t> out_ends_; // plain files: where each row of out_ ends
    bool torn_ = false;                 // plain files: bytes before out_ in the file belong to its first row
    std::uint64_t inside_ = 0;          // compressed files: rows that the compressor took and no reader can get yet
    bool member_begun_ = false;         // compressed files: the compressor took bytes since its stream began
    std::atomic<std::int64_t> whole_bytes_{0}; // length up to the last whole row; compressed: whole member
    std::int64_t written_bytes_ = 0;
    std::chrono::steady_clock::time_point oldest_; // when the first row not synchronised came
};

// The file a sink writes when its target is empty: PREFIX + suffix, or standard output when there is no prefix.
std::string default_row_path(const SinkContext& context, std::string_view suffix);
// Where packet rows go beside flow rows in path: "x_flows.json.gz" -> "x_packets.json.gz", "x.json" ->
// "x_packets.json".
std::string packet_path_beside(const std::string& path);

} // namespace flowxdp
