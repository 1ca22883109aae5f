// SPDX-License-Identifier: BSD-2-Clause
#include "query/flow_list.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/number.h"
#include "core/output_file.h"
#include "query/json_row.h"
#include "query/line_source.h"
#include "query/table_file.h"

namespace flowxdp::query {
namespace {

constexpr std::string_view kColumn = "flowInd";
constexpr std::uint64_t kFirstFlow = 1;

bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && (is_blank(text.back()) || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

// The cells of a line: between commas (CSV), between tabs, or, of a table for people, between blanks.
std::vector<std::string> cells_of(std::string_view line, char between)
{
    if (between == ',')
        return csv_fields(line);
    std::vector<std::string> cells;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(between), line.size());
        if (end != 0 || between == '\t')
            cells.emplace_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return cells;
}

// Reads lines, one after the other, into a list.
class ListReader {
  public:
    ListReader(FlowList* list, std::string name) : list_(list), name_(std::move(name)) {}

    // Whole lines. Error: one of them names no flow.
    Result<void> take_lines(std::string_view text)
    {
        if (number_ == 0 && text.starts_with("\xef\xbb\xbf")) // a byte order mark
            text.remove_prefix(3);
        while (!text.empty()) {
            const std::string_view line = first_line(text);
            text.remove_prefix(std::min(line.size() + 1, text.size()));
            number_++;
            if (!take(line))
                return Error{fmt::format("{}: line {} names no flow: '{}'; give numbers or ranges (35, 40-44), one a "
                                         "line, or rows with the column flowInd",
                                         name_, number_, printable(trimmed(line), kValueBytes))};
        }
        return {};
    }

  private:
    // False: the line names no flow.
    bool take(std::string_view line)
    {
        list_->numbering.take(line);
        line = trimmed(line);
        if (line.empty() || line.starts_with('#'))
            return true;
        if (line.starts_with('{'))
            return take_json(line);
        if (take_header(line))
            return true;
        if (has_header_)
            return take_cell(cells_of(line, between_), column_);
        // A row of a flow file whose header is not there (grep): the direction comes first, then the number.
        if ((line.front() == 'A' || line.front() == 'B') && line.size() > 1 && (line[1] == '\t' || line[1] == ','))
            return take_cell(cells_of(line, line[1]), 1);
        if (line.starts_with('%')) // a comment of a Tranalyzer2 list
            return true;
        return take_range(line);
    }

    // A line with names, which begins every file of rows; several files may follow each other.
    bool take_header(std::string_view line)
    {
        if (line.starts_with('%'))
            line.remove_prefix(1);
        if (line.find(kColumn) == std::string_view::npos)
            return false;
        for (const char between : {'\t', ',', ' '}) {
            const std::vector<std::string> names = cells_of(line, between);
            const auto found = std::ranges::find(names, kColumn);
            if (found == names.end())
                continue;
            column_ = static_cast<std::size_t>(found - names.begin());
            between_ = between;
            has_header_ = true;
            return true;
        }
        return false;
    }
    bool take_json(std::string_view line)
    {
        JsonRow row(line);
        std::string_view key;
        JsonValue value;
        while (row.next(&key, &value))
            if (key == kColumn)
                return take_number(value.text);
        return false;
    }
    bool take_cell(const std::vector<std::string>& cells, std::size_t column)
    {
        return column < cells.size() && take_number(trimmed(cells[column]));
    }
    bool take_number(std::string_view text)
    {
        const auto flow = read_number(text, kFirstFlow, kNoLimit, 35);
        if (flow.ok())
            list_->add(flow.value());
        return flow.ok();
    }
    bool take_range(std::string_view text)
    {
        text = trimmed(text.substr(0, text.find('#')));
        const std::size_t dash = text.find('-');
        if (dash == std::string_view::npos)
            return take_number(text);
        const auto first = read_number(trimmed(text.substr(0, dash)), kFirstFlow, kNoLimit, 35);
        const auto last = read_number(trimmed(text.substr(dash + 1)), kFirstFlow, kNoLimit, 40);
        if (!first.ok() || !last.ok() || first.value() > last.value())
            return false;
        list_->add(first.value(), last.value());
        return true;
    }

    FlowList* list_;
    std::string name_;         // for messages
    std::uint64_t number_ = 0; // of the line
    bool has_header_ = false;
    std::size_t column_ = 0; // of the last header
    char between_ = '\t';
};

} // namespace

void FlowList::add(std::uint64_t first, std::uint64_t last)
{
    if (!ranges_.empty() && first == ranges_.back().second && first == last)
        return; // rows A and B of a flow follow each other
    ranges_.emplace_back(first, last);
    settled_ = false;
}

// Sorts; ranges that touch become one.
void FlowList::settle()
{
    if (settled_)
        return;
    std::ranges::sort(ranges_);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < ranges_.size(); i++) {
        auto& last = ranges_[kept];
        if (ranges_[i].first <= last.second || ranges_[i].first - last.second == 1)
            last.second = std::max(last.second, ranges_[i].second);
        else
            ranges_[++kept] = ranges_[i];
    }
    if (!ranges_.empty())
        ranges_.resize(kept + 1);
    settled_ = true;
}

Result<FlowList> FlowList::read(const std::string& path)
{
    auto source = LineSource::open(path);
    if (!source.ok())
        return source.error();
    FlowList list;
    ListReader reader(&list, path == "-" ? "standard input" : path);
    std::vector<char> block;
    do {
        if (Result<void> read = source.value()->read(&block); !read.ok())
            return read.error();
        if (Result<void> taken = reader.take_lines({block.data(), block.size()}); !taken.ok())
            return taken.error();
    } while (!block.empty());
    list.settle();
    if (const std::string headers = headers_file_of(path); list.numbering.empty() && !headers.empty())
        list.numbering.take_file(headers);
    return list;
}

Result<FlowList> FlowList::parse(std::string_view text)
{
    FlowList list;
    if (Result<void> taken = ListReader(&list, "the list").take_lines(text); !taken.ok())
        return taken.error();
    list.settle();
    return list;
}

bool FlowList::contains(std::uint64_t flow) const
{
    const auto after = std::ranges::upper_bound(ranges_, flow, {}, &std::pair<std::uint64_t, std::uint64_t>::first);
    return after != ranges_.begin() && flow <= std::prev(after)->second;
}

std::uint64_t FlowList::count() const
{
    std::uint64_t all = 0;
    for (const auto& [first, last] : ranges_) {
        const std::uint64_t more = last - first + 1;
        if (more > kNoLimit - all || more == 0)
            return kNoLimit;
        all += more;
    }
    return all;
}

std::string FlowList::text() const
{
    std::string text = "# flowInd\n" + numbering.text();
    for (const auto& [first, last] : ranges_)
        text += first == last ? fmt::format("{}\n", first) : fmt::format("{}-{}\n", first, last);
    return text;
}

Result<void> FlowList::write(const std::string& path)
{
    settle();
    const std::string text = this->text();
    auto file = open_empty_output(path);
    if (!file.ok())
        return Error{fmt::format("{}: cannot create the file: {}", path, file.error().message)};
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(file->get(), text.data() + done, text.size() - done);
        if (n < 0 && errno != EINTR)
            return Error{fmt::format("{}: cannot write: {}", path, std::strerror(errno))};
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    return {};
}

} // namespace flowxdp::query
