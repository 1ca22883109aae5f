// SPDX-License-Identifier: BSD-2-Clause
// split_file.h - an output file that starts anew: after so many bytes or rows in numbered pieces (T2 -W), or by time,
// size and rows in files with names of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sink/file/file_series.h"
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

// How a row file is cut: in numbered pieces, by time and size into files with names of their own, or not at all.
struct CutRule {
    SplitRule split;
    Rotation rotation; // excludes split
};

// A row file, cut as a rule says. In pieces they are named PATH followed by their index, and the first has the header;
// files that rotate (file_series.h) have it each. Path "-" is standard output, which is one.
class SplitFile {
  public:
    // counts: the sink's, kept by the files. Must outlive this object.
    explicit SplitFile(SinkCounts* counts) : file_(counts) {}

    // header: text before the first row. resumable, resume: as for a sink (SinkContext): the words of positions(),
    // empty for a fresh start.
    Result<void> open(const std::string& path, const CutRule& rule, std::string_view header, bool resumable,
                      std::span<const std::uint64_t> resume);
    [[nodiscard]] bool in_use() const { return !path_.empty(); }
    // Where the caller appends one row, which ends in a newline; row_done() after each. Opens the next piece first when
    // this one is full. time_ns: the row's. Error: the file can be used further.
    Result<TextBuffer*> begin_row(std::int64_t time_ns);
    Result<void> row_done();
    // The packet clock moved: a file whose time is over ends, and a finished one gets its name.
    Result<void> tick(std::int64_t clock_ns);
    // As RowFile::reopen(); a new file that has to begin with the header does.
    Result<void> reopen();
    Result<void> flush(bool final);
    Result<void> commit();
    // After commit(): length and identity of the piece. With a rule for pieces its rows and its index follow, with
    // rotation its rows and FileSeries::Words.
    [[nodiscard]] std::vector<std::uint64_t> positions() const;
    // How many words positions() gives for a rule.
    static std::size_t position_words(const CutRule& rule)
    {
        return rule.rotation.rotates() ? 3 + FileSeries::Words().size() : rule.split.splits() ? 4 : 2;
    }
    // The file for SinkFile, by where its words begin.
    static SinkFile sink_file(const std::string& path, const CutRule& rule, std::size_t first_word);
    // What became of the files, with rotation. Any thread.
    [[nodiscard]] std::vector<std::string> report() const;

  private:
    [[nodiscard]] std::string piece_name(std::uint64_t index) const;
    [[nodiscard]] bool full() const;
    [[nodiscard]] bool every_piece_has_header() const { return series_.has_value(); }
    Result<void> open_piece();
    Result<void> rotate();

    std::string path_, header_;
    CutRule rule_;
    RowFile file_;
    bool resumable_ = false;
    std::uint64_t index_ = 0, piece_bytes_ = 0, piece_rows_ = 0;
    std::size_t row_start_ = 0;
    mutable std::optional<FileSeries> series_; // positions() tells it that it was asked
    Result<void> ended_;                       // what ending the last file said: the row after it is not at fault
};

} // namespace flowxdp
