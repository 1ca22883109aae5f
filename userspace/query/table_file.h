// SPDX-License-Identifier: BSD-2-Clause
// table_file.h - files of rows: their format, their kind and the columns that they have.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "query/column_catalog.h"

namespace flowxdp::query {

enum class FileFormat : std::uint8_t { kText, kCsv, kJson };

struct TableFile {
    std::string path;
    FileFormat format = FileFormat::kText;
    bool packets = false;             // rows of packets; else of flows
    std::vector<std::string> columns; // in the file's order; JSON: those of its first object of this kind
};

// What a file holds: a JSON file may have objects of both kinds, an empty one has none. before: files without a header
// (pieces of -W after the first) have the columns of the last text file in it. Error: a sentence with the file's name.
Result<std::vector<TableFile>> look_into(const std::string& path, const std::vector<TableFile>& before);

struct TableColumn {
    std::string name;
    ColumnType type;
};

// Files of one kind as one table: every column that one of them has.
struct Table {
    std::vector<TableColumn> columns;
    std::vector<TableFile> files;

    static Table of(std::vector<TableFile> files, const ColumnCatalog& catalog);
};

// The first line of a text, or all of it; without its end.
std::string_view first_line(std::string_view text);
// The fields of a CSV record without its line end (RFC 4180).
std::vector<std::string> csv_fields(std::string_view record);
// The path of the headers file of a flow or packet file: "x_flows.txt" -> "x_headers.txt". Empty: its name says none.
std::string headers_file_of(const std::string& path);

} // namespace flowxdp::query
