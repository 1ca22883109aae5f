// SPDX-License-Identifier: BSD-2-Clause
// split_file.h - an output file that starts anew after so many bytes or rows (T2 -W).
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/result.h"
#include "core/unique_fd.h"
#include "row/text_buffer.h"

namespace flowxdp {

// T2's -W PREFIX[:SIZE[f]][,START]: SIZE in bytes with K, M, G or an exponent (1e5), suffix f = flows.
struct SplitRule {
    std::uint64_t bytes = 0; // 0 = no limit
    std::uint64_t rows = 0;  // 0 = no limit
    std::uint64_t first_index = 0;
    [[nodiscard]] bool splits() const { return bytes || rows; }
};
Result<SplitRule> parse_split_rule(const std::string& size, const std::string& start);

// Buffered writer. Path "-" is stdout. With a rule, pieces are named PATH followed by their index.
class SplitFile {
  public:
    Result<void> open(const std::string& path, const SplitRule& rule);
    // Goes on in an existing file, cut to bytes. Without a rule.
    Result<void> resume(const std::string& path, std::uint64_t bytes);
    // Bytes of the current piece, what is buffered included.
    [[nodiscard]] std::uint64_t position() const { return written_bytes_ + buffer_.size(); }
    // Where the next row goes: append one that ends in a newline, then call end_row(). A piece is left only between
    // rows.
    TextBuffer* row() { return &buffer_; }
    Result<void> end_row();
    // Appends bytes that belong to no row (a header line).
    Result<void> write_raw(const std::string& text);
    Result<void> flush();
    // True when the next row starts a new piece; opens it.
    Result<bool> advance();
    [[nodiscard]] const std::string& name() const { return name_; }
    // Rows ended that a failed write lost since the last call.
    [[nodiscard]] std::uint64_t take_lost_rows() { return std::exchange(lost_rows_, 0); }

  private:
    Result<void> open_piece();
    Result<void> write_out();

    std::string path_, name_;
    TextBuffer buffer_;
    SplitRule rule_;
    UniqueFd fd_;
    std::uint64_t index_ = 0, piece_rows_ = 0;
    std::uint64_t written_bytes_ = 0; // of the piece, without what is buffered
    std::uint64_t buffered_rows_ = 0, lost_rows_ = 0;
};

} // namespace flowxdp
