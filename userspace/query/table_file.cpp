// SPDX-License-Identifier: BSD-2-Clause
#include "query/table_file.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "query/json_row.h"
#include "query/line_source.h"

namespace flowxdp::query {
namespace {

constexpr std::size_t kMostTableColumns = 1900; // SQLite's own limit is 2,000
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::vector<std::string> text_columns(std::string_view header)
{
    std::vector<std::string> names;
    header.remove_prefix(1);
    for (bool more = true; more;) {
        const std::size_t tab = header.find('\t');
        more = tab != std::string_view::npos;
        names.emplace_back(header.substr(0, tab));
        header.remove_prefix(more ? tab + 1 : header.size());
    }
    return names;
}

bool has(const std::vector<std::string>& names, std::string_view name)
{
    return std::ranges::find(names, name) != names.end();
}

Result<void> check(const TableFile& file)
{
    if (file.columns.size() > kMostTableColumns)
        return Error{fmt::format("{}: it has more than {} columns", file.path, kMostTableColumns)};
    std::set<std::string> seen;
    for (const std::string& name : file.columns)
        if (name.empty() || !seen.insert(name).second)
            return Error{fmt::format("{}: its first line is no header: the name '{}' is {}", file.path, name,
                                     name.empty() ? "empty" : "there twice")};
    return {};
}

// The first object of each kind in the first block.
std::vector<TableFile> json_kinds(const std::string& path, std::string_view block)
{
    std::vector<TableFile> found;
    while (!block.empty() && found.size() < 2) {
        const std::string_view line = first_line(block);
        block.remove_prefix(std::min(line.size() + 1, block.size()));
        TableFile one{path, FileFormat::kJson, false, {}};
        JsonRow row(line);
        std::string_view key;
        JsonValue value;
        while (row.next(&key, &value))
            one.columns.emplace_back(key);
        one.packets = has(one.columns, "pktNo");
        if (!one.columns.empty() &&
            std::ranges::none_of(found, [&](const TableFile& other) { return other.packets == one.packets; }))
            found.push_back(std::move(one));
    }
    return found;
}

} // namespace

std::string_view first_line(std::string_view text)
{
    return text.substr(0, text.find('\n'));
}

std::vector<std::string> csv_fields(std::string_view record)
{
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < record.size(); i++) {
        const char c = record[i];
        if (c == '"' && quoted && i + 1 < record.size() && record[i + 1] == '"')
            fields.back() += record[++i];
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

std::string headers_file_of(const std::string& path)
{
    for (const std::string_view mark : {"_flows", "_packets"})
        if (const std::size_t at = path.rfind(mark); at != std::string::npos && path.find('/', at) == std::string::npos)
            return path.substr(0, at) + "_headers.txt";
    return "";
}

Result<std::vector<TableFile>> look_into(const std::string& path, const std::vector<TableFile>& before)
{
    auto source = LineSource::open(path);
    if (!source.ok())
        return source.error();
    std::vector<char> block;
    if (Result<void> read = source.value()->read(&block); !read.ok())
        return read.error();
    std::string_view text(block.data(), block.size());
    if (text.empty())
        return std::vector<TableFile>();
    if (text.starts_with(kByteOrderMark))
        text.remove_prefix(kByteOrderMark.size());
    if (text.starts_with('{')) {
        std::vector<TableFile> found = json_kinds(path, text);
        if (found.empty())
            return Error{fmt::format("{}: its first line is no JSON object of a row", path)};
        for (const TableFile& one : found)
            if (Result<void> checked = check(one); !checked.ok())
                return checked.error();
        return found;
    }
    std::string_view line = first_line(text);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    TableFile file{path, FileFormat::kText, false, {}};
    const auto tabs = static_cast<std::size_t>(std::ranges::count(line, '\t'));
    if (line.starts_with('%')) {
        file.columns = text_columns(line);
    } else if (tabs != 0) {
        const auto last =
            std::find_if(before.rbegin(), before.rend(), [](const auto& f) { return f.format == FileFormat::kText; });
        if (last == before.rend() || last->columns.size() != tabs + 1)
            return Error{
                fmt::format("{}: it has no header line, and no file before it has one for {} columns", path, tabs + 1)};
        file.columns = last->columns;
    } else {
        file.format = FileFormat::kCsv;
        file.columns = csv_fields(line);
    }
    file.packets = has(file.columns, "pktNo");
    if (!has(file.columns, "flowInd") && !file.packets)
        return Error{fmt::format("{}: this is no file of flows or packets: its first line names no column flowInd. "
                                 "Files of -w, of the json and of the csv sink are read",
                                 path)};
    if (Result<void> checked = check(file); !checked.ok())
        return checked.error();
    return std::vector<TableFile>{std::move(file)};
}

Table Table::of(std::vector<TableFile> files, const ColumnCatalog& catalog)
{
    Table table;
    std::set<std::string> seen;
    for (const TableFile& file : files)
        for (const std::string& name : file.columns)
            if (seen.insert(name).second)
                table.columns.push_back({name, catalog.find(name)});
    table.files = std::move(files);
    return table;
}

} // namespace flowxdp::query
