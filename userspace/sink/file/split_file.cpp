// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/split_file.h"

#include <unistd.h>

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
    return rule_.splits() && path_ != "-" ? path_ + std::to_string(index) : path_;
}

Result<void> SplitFile::open(const std::string& path, const SplitRule& rule, std::string_view header, bool resumable,
                             std::span<const std::uint64_t> resume)
{
    path_ = path;
    header_ = header;
    rule_ = rule;
    resumable_ = resumable;
    index_ = rule.first_index;
    const bool goes_on = resume.size() >= position_words(rule);
    const RowFileStart start = goes_on ? RowFileStart{resumable, resume[0], resume[1]} : RowFileStart{resumable};
    if (rule.splits() && goes_on && resume[0]) {
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
    piece_rows_ = 0;
    piece_bytes_ = header.size();
    return file_.write_header(header);
}

Result<void> SplitFile::reopen()
{
    const Result<bool> began = file_.reopen();
    if (!began.ok())
        return began.error();
    if (!began.value())
        return {};
    piece_rows_ = 0;
    const bool has_header = index_ == rule_.first_index; // of all pieces the first one
    piece_bytes_ = has_header ? header_.size() : 0;
    return has_header ? file_.write_header(header_) : Result<void>();
}

bool SplitFile::full() const
{
    return (rule_.bytes && piece_bytes_ >= rule_.bytes) || (rule_.rows && piece_rows_ >= rule_.rows);
}

Result<TextBuffer*> SplitFile::begin_row()
{
    if (full()) {
        if (auto ended = file_.flush(true); !ended.ok())
            return ended.error();
        index_++;
        piece_bytes_ = piece_rows_ = 0;
        if (auto opened = file_.open(piece_name(index_), {resumable_, 0}); !opened.ok())
            return opened.error();
    }
    if (!file_.is_open()) // the next piece could not be opened: try again
        if (auto opened = file_.open(piece_name(index_), {resumable_, 0}); !opened.ok())
            return opened.error();
    row_start_ = file_.buffer()->size();
    return file_.buffer();
}

Result<void> SplitFile::row_done()
{
    piece_bytes_ += file_.buffer()->size() - row_start_;
    piece_rows_++;
    return file_.row_done();
}

std::vector<std::uint64_t> SplitFile::positions() const
{
    if (!rule_.splits())
        return {file_.position(), file_.identity()};
    return {file_.position(), file_.identity(), piece_rows_, index_};
}

} // namespace flowxdp
