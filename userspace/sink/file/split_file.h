// SPDX-License-Identifier: BSD-2-Clause
// split_file.h - an output file that starts anew after so many bytes or rows (T2 -W).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sink/file/row_file.h"

namespace flowxdp {

// T2's -W PREFIX[:SIZE[f]][,START]: SIZE in bytes with K, M, G or an exponent (1e5), suffix f = flows.
struct SplitRule {
    std::uint64_t bytes = 0; // 0 = no limit
    std::uint64_t rows = 0;  // 0 = no limit
    std::uint64_t first_index = 0;
    [[nodiscard]] bool splits() const { return bytes || rows; }
};
Result<SplitRule> parse_split_rule(const std::string& size, const std::string& start);

// A row file in pieces: with a rule they are named PATH followed by their index. Path "-" is standard output.
class SplitFile {
  public:
    // counts: the sink's, kept by the files. Must outlive this object.
    explicit SplitFile(SinkCounts* counts) : file_(counts) {}

    // header: text before the first row of the first piece. resumable, resume: as for a sink (SinkContext): the words
    // of positions(), empty for a fresh start.
    Result<void> open(const std::string& path, const SplitRule& rule, std::string_view header, bool resumable,
                      std::span<const std::uint64_t> resume);
    // Where the caller appends one row, which ends in a newline; row_done() after each. Opens the next piece first when
    // this one is full. Error: the file can be used further.
    Result<TextBuffer*> begin_row();
    Result<void> row_done();
    // As RowFile::reopen(); a new file that has to begin with the header does.
    Result<void> reopen();
    Result<void> flush(bool final) { return file_.flush(final); }
    Result<void> commit() { return file_.commit(); }
    // After commit(): length and identity of the piece and, with a rule, its rows and its index.
    [[nodiscard]] std::vector<std::uint64_t> positions() const;
    // How many words positions() gives for a rule.
    static std::size_t position_words(const SplitRule& rule) { return rule.splits() ? 4 : 2; }

  private:
    [[nodiscard]] std::string piece_name(std::uint64_t index) const;
    [[nodiscard]] bool full() const;

    std::string path_, header_;
    SplitRule rule_;
    RowFile file_;
    bool resumable_ = false;
    std::uint64_t index_ = 0, piece_bytes_ = 0, piece_rows_ = 0;
    std::size_t row_start_ = 0;
};

} // namespace flowxdp
