// SPDX-License-Identifier: BSD-2-Clause
#include "split_file.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

namespace flowxdp {

Result<SplitRule> parse_split_rule(const std::string& size, const std::string& start)
{
    SplitRule rule;
    char* end = nullptr;
    const double number = std::strtod(size.c_str(), &end);
    double unit = 1;
    if (*end == 'K' || *end == 'k')
        unit = 1024;
    else if (*end == 'M' || *end == 'm')
        unit = 1024.0 * 1024;
    else if (*end == 'G' || *end == 'g')
        unit = 1024.0 * 1024 * 1024;
    if (unit > 1)
        end++;
    const bool flows = *end == 'f';
    if (flows)
        end++;
    if (size.empty() || *end || !(number * unit >= 1) || number * unit > 9e18)
        return Error{fmt::format("split size '{}' is not a size: write e.g. 500M, 1e6 or 10000f (flows)", size)};
    (flows ? rule.rows : rule.bytes) = static_cast<std::uint64_t>(number * unit);
    if (!start.empty()) {
        const auto [stop, error] = std::from_chars(start.data(), start.data() + start.size(), rule.first_index);
        if (error != std::errc() || stop != start.data() + start.size())
            return Error{fmt::format("split start '{}' is not a number", start)};
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
    rule_ = rule;
    resumable_ = resumable;
    index_ = rule.first_index;
    RowFileStart start = {resumable, resume.empty() ? 0 : resume[0]};
    if (rule.splits() && resume.size() >= 3 && resume[0]) {
        piece_rows_ = resume[1];
        index_ = resume[2];
        // Pieces that a predecessor began and never vouched for: their rows come again.
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

bool SplitFile::full() const
{
    return (rule_.bytes && piece_bytes_ >= rule_.bytes) || (rule_.rows && piece_rows_ >= rule_.rows);
}

Result<std::string*> SplitFile::begin_row()
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
        return {file_.position()};
    return {file_.position(), piece_rows_, index_};
}

} // namespace flowxdp
