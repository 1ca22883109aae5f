// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/split_file.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/number.h"

namespace flowxdp {

Result<SplitRule> parse_split_rule(const std::string& size, const std::string& start)
{
    SplitRule rule;
    const bool flows = size.ends_with('f');
    const auto number =
        read_size(std::string_view(size).substr(0, size.size() - (flows ? 1 : 0)), 1, 9000000000000000000U);
    if (!number.ok())
        return Error{fmt::format("split size: {}; 500M if not given, with f after it so many flows: 10000f",
                                 number.error().message)};
    (flows ? rule.rows : rule.bytes) = number.value();
    if (!start.empty()) {
        const auto first = read_number(start, 0, kNoLimit, 0);
        if (!first.ok())
            return Error{fmt::format("split start: {}", first.error().message)};
        rule.first_index = first.value();
    }
    return rule;
}

std::string SplitFile::piece_name(std::uint64_t index) const
{
    if (series_)
        return series_->part();
    return rule_.split.splits() && path_ != "-" ? path_ + std::to_string(index) : path_;
}

SinkFile SplitFile::sink_file(const std::string& path, const CutRule& rule, std::size_t first_word)
{
    const auto at = static_cast<std::uint8_t>(first_word);
    const auto word = [at](int n) { return static_cast<std::uint8_t>(at + n); };
    if (path == "-")
        return {path, false, PlaceWords{at, word(1), 0}};
    if (rule.rotation.rotates())
        return {path + ".part0", true, PlaceWords{at, word(1), word(3)}};
    if (rule.split.splits())
        return {path + std::to_string(rule.split.first_index), true, PlaceWords{at, word(1), word(3)}};
    return {path, false, PlaceWords{at, word(1), 0}};
}

Result<void> SplitFile::open(const std::string& path, const CutRule& rule, std::string_view header, bool resumable,
                             std::span<const std::uint64_t> resume)
{
    path_ = path;
    header_ = header;
    rule_ = rule;
    resumable_ = resumable;
    index_ = rule.split.first_index;
    const bool goes_on = resume.size() >= position_words(rule);
    const RowFileStart start = goes_on ? RowFileStart{resumable, resume[0], resume[1]} : RowFileStart{resumable};
    if (rule.rotation.rotates() && path != "-") {
        series_.emplace(path, rule.rotation, resumable);
        const bool fresh = !goes_on || std::ranges::all_of(resume, [](std::uint64_t word) { return word == 0; });
        if (auto begun = series_->begin(fresh ? resume.first(0) : resume.subspan(3, FileSeries::Words().size()),
                                        start.resume_at != 0);
            !begun.ok())
            return begun;
        piece_rows_ = goes_on ? resume[2] : 0;
    } else if (rule.split.splits() && goes_on && resume[0]) {
        piece_rows_ = resume[2];
        index_ = resume[3];
        // A predecessor began these pieces and never committed them: their rows come again.
        for (std::uint64_t next = index_ + 1; ::unlink(piece_name(next).c_str()) == 0; next++) {
        }
    }
    if (auto opened = file_.open(piece_name(index_), start); !opened.ok())
        return opened;
    if (file_.resumed()) {
        piece_bytes_ = start.resume_at;
        return {};
    }
    if (series_)
        series_->part_is_new();
    piece_rows_ = 0;
    piece_bytes_ = header.size();
    return header.empty() ? Result<void>() : file_.write_header(header);
}

Result<void> SplitFile::reopen()
{
    const Result<bool> began = file_.reopen();
    if (!began.ok())
        return began.error();
    if (!began.value())
        return {};
    piece_rows_ = 0;
    if (series_)
        series_->part_is_new();
    const bool has_header = every_piece_has_header() || index_ == rule_.split.first_index; // of pieces the first one
    piece_bytes_ = has_header ? header_.size() : 0;
    return has_header && !header_.empty() ? file_.write_header(header_) : Result<void>();
}

bool SplitFile::full() const
{
    const SplitRule& split = rule_.split;
    return (split.bytes && piece_bytes_ >= split.bytes) || (split.rows && piece_rows_ >= split.rows);
}

Result<void> SplitFile::open_piece()
{
    if (auto opened = file_.open(piece_name(index_), {resumable_, 0}); !opened.ok())
        return opened;
    piece_rows_ = piece_bytes_ = 0;
    if (!every_piece_has_header() || header_.empty())
        return {};
    piece_bytes_ = header_.size();
    return file_.write_header(header_);
}

// Ends the file of a series. The next one is opened by its first row.
Result<void> SplitFile::rotate()
{
    Result<void> closed = file_.flush(true);
    Result<void> named = series_->end_part();
    piece_rows_ = piece_bytes_ = 0;
    return closed.ok() ? named : closed;
}

Result<TextBuffer*> SplitFile::begin_row(std::int64_t time_ns)
{
    if (series_) {
        if (series_->is_due(piece_bytes_, piece_rows_, time_ns))
            if (Result<void> rotated = rotate(); !rotated.ok())
                ended_ = rotated;
    } else if (full()) {
        if (auto ended = file_.flush(true); !ended.ok())
            return ended.error();
        index_++;
        piece_bytes_ = piece_rows_ = 0;
    }
    if (!file_.is_open()) // the next piece, or one that could not be opened before
        if (auto opened = open_piece(); !opened.ok())
            return opened.error();
    if (series_)
        series_->note_row(time_ns);
    row_start_ = file_.buffer()->size();
    return file_.buffer();
}

Result<void> SplitFile::row_done()
{
    piece_bytes_ += file_.buffer()->size() - row_start_;
    piece_rows_++;
    Result<void> done = file_.row_done();
    if (!ended_.ok())
        done = std::exchange(ended_, {});
    return done;
}

Result<void> SplitFile::tick(std::int64_t clock_ns)
{
    if (!series_)
        return {};
    Result<void> settled = series_->settle();
    if (!file_.is_open() || !series_->is_due(piece_bytes_, piece_rows_, clock_ns))
        return settled;
    Result<void> rotated = rotate();
    return settled.ok() ? rotated : settled;
}

Result<void> SplitFile::flush(bool final)
{
    Result<void> flushed = file_.flush(final);
    if (!series_)
        return flushed;
    Result<void> named = final ? series_->finish() : series_->poll();
    return flushed.ok() ? named : flushed;
}

Result<void> SplitFile::commit()
{
    Result<void> committed = file_.commit();
    if (!series_)
        return committed;
    Result<void> settled = series_->settle();
    return committed.ok() ? settled : committed;
}

std::vector<std::uint64_t> SplitFile::positions() const
{
    if (series_) {
        const bool open = file_.is_open();
        std::vector<std::uint64_t> all = {open ? file_.position() : 0, open ? file_.identity() : 0, piece_rows_};
        for (const std::uint64_t word : series_->words())
            all.push_back(word);
        series_->note_positions();
        return all;
    }
    if (rule_.rotation.rotates()) // standard output
        return std::vector<std::uint64_t>(position_words(rule_));
    if (!rule_.split.splits())
        return {file_.position(), file_.identity()};
    return {file_.position(), file_.identity(), piece_rows_, index_};
}

std::vector<std::string> SplitFile::report() const
{
    return series_ ? series_->report() : std::vector<std::string>();
}

} // namespace flowxdp
