// SPDX-License-Identifier: BSD-2-Clause
// row_file.h - one output file of a sink: plain, gzip, Zstandard or standard output.
//
// A row is either whole in the file or counted as dropped. Rows collect in a buffer that is written when it is large or
// at flush(). When a write fails (a full disk), the rows not begun are dropped and counted; the bytes begun are kept
// and written first the next time, so that a disk with room again continues with whole rows. A file that ends inside a
// row is cut back to its last whole row; a compressed one cannot be cut and ends truncated, which the error says.
//
// In replay a full buffer of a file that is not compressed is written on a thread of its own, while the next one fills;
// its error comes with the next call.
//
// Live, a daemon that takes over after a crash resumes after the last flush(): position() says where. A compressed file
// then is a chain of gzip members or Zstandard frames, one for each flush with rows; every reader joins them.
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
#include "flowxdp/sink.hpp"
#include "row/text_buffer.h"
#include "sink/file/write_behind.h"

namespace flowxdp {

class Compressor;

// How a file begins.
struct RowFileStart {
    bool resumable = false;      // live: after every flush() a successor can resume at position()
    std::uint64_t resume_at = 0; // a predecessor's position(): later bytes are cut off; 0 = a new file
    std::uint64_t identity = 0;  // a predecessor's identity(): a file with another one is not resumed
};

class RowFile {
  public:
    // counts: the sink's; sent, dropped and retried are kept here. Must outlive this object.
    explicit RowFile(SinkCounts* counts);
    ~RowFile();
    RowFile(const RowFile&) = delete;
    RowFile& operator=(const RowFile&) = delete;

    // "-" is standard output; names ending in .gz or .zst are compressed. An existing file is emptied, or resumed as
    // start says. When start's file was moved away (the identity differs, or the length is below resume_at), a new one
    // begins. May be called again after flush(true).
    Result<void> open(const std::string& path, const RowFileStart& start = {});
    // When the open file was renamed or removed: ends it and begins a new one by the old name. The value: true
    // when a new one began; it has no header yet.
    Result<bool> reopen();
    // True when open() resumed a predecessor's file: its header is there.
    [[nodiscard]] bool resumed() const { return resumed_; }
    // After flush(): bytes that hold whole rows; a successor can resume after them. 0 when it cannot: standard output,
    // a pipe, a compressed file that is not resumable. Any thread.
    [[nodiscard]] std::uint64_t position() const
    {
        return regular_ && (!compressor_ || resumable_) ? static_cast<std::uint64_t>(whole_bytes_.load()) : 0;
    }
    // The identity of that file (file_identity.h); 0 when position() is 0.
    [[nodiscard]] std::uint64_t identity() const { return identity_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] const std::string& path() const { return path_; }

    // Writes text that belongs to no row (a header line), before the first row. Reports a full disk at once.
    Result<void> write_header(std::string_view text);
    // Where the caller appends one row; row_done() after each.
    TextBuffer* buffer() { return &buffer_; }
    // Writes when enough has collected. Error: names file and reason; the file stays usable.
    Result<void> row_done();
    // Writes the collected rows. Compressed files that are not resumable hold rows back for up to a second: otherwise
    // they would hardly compress.
    // final: ends the compressed stream, cuts a torn row off and closes.
    Result<void> flush(bool final);
    // As flush(false); also cuts off a row that could be written only in part (a full disk) and counts it as dropped:
    // every row is in the file, before position(), or counted. A pipe keeps the bytes begun.
    Result<void> commit();

  private:
    enum class Push { kRows, kSync, kFinish };
    Result<void> push(Push how);
    Result<void> push_behind();
    Result<void> flush_rest(bool final);
    void begin_rows();
    Result<void> write_out();
    void settle_plain();
    void drop_buffer();
    void lose(std::uint64_t rows);
    Error failed(const char* operation, int error_number) const;
    Result<void> close_file();
    Result<void> cut_off_begun();

    SinkCounts* counts_;
    std::string path_;
    UniqueFd owned_;
    int fd_ = -1;
    bool regular_ = false, resumable_ = false, resumed_ = false;
    bool broken_ = false; // nobody reads (EPIPE), or the compressor failed: all further rows are dropped
    bool unread_ = false; // nobody reads standard output: its reader (head) has enough
    std::unique_ptr<Compressor> compressor_;
    TextBuffer buffer_;                    // rows not begun
    std::vector<std::size_t> buffer_ends_; // where each of them ends
    TextBuffer out_;                       // bytes begun: must be written before anything else
    std::size_t out_at_ = 0;
    std::vector<std::size_t> out_ends_;        // plain files: where each row of out_ ends
    bool torn_ = false;                        // plain files: bytes before out_ in the file belong to its first row
    std::uint64_t inside_ = 0;                 // compressed files: rows in the compressor that no reader can get yet
    bool member_begun_ = false;                // compressed files: the compressor took bytes since its stream began
    std::atomic<std::int64_t> whole_bytes_{0}; // length up to the last whole row; compressed: whole member
    std::atomic<std::uint64_t> identity_{0};
    std::int64_t written_bytes_ = 0;
    std::chrono::steady_clock::time_point oldest_; // when the first row that is not synchronised came
    WriteBehind behind_;                           // last: it may be writing out_
};

// The file of a sink whose target is empty: PREFIX + suffix, or standard output when there is no prefix.
std::string default_row_path(const SinkContext& context, std::string_view suffix);
// The packet rows' file beside the flow rows' file: "x_flows.json.gz" -> "x_packets.json.gz", "x.json" ->
// "x_packets.json".
std::string packet_path_beside(const std::string& path);

} // namespace flowxdp
