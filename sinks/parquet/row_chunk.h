// SPDX-License-Identifier: BSD-2-Clause
// row_chunk.h - rows as columns of DuckDB: a data chunk that fills row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "duckdb_library.h"
#include "flowxdp/row_view.hpp"

namespace flowxdp {

// "UBIGINT", "DECIMAL(18, 9)", "VARCHAR[]". README.md has the table.
std::string duckdb_type(const Column& column);

// Columns: sensor, boot, those of the schema, the row's number.
class RowChunk {
  public:
    RowChunk(std::shared_ptr<const DuckdbLibrary> library, const Schema& schema, std::uint32_t sensor,
             std::uint64_t boot);
    ~RowChunk();
    RowChunk(const RowChunk&) = delete;
    RowChunk& operator=(const RowChunk&) = delete;

    // Precondition: !full().
    void add(const RowView& row, std::uint64_t number);
    [[nodiscard]] bool full() const { return rows_ == capacity_; }
    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    // For the appender.
    [[nodiscard]] void* chunk();
    void clear();

  private:
    struct Cells {
        void* vector;
        void* data;
        std::uint64_t elements; // of lists so far
    };
    void learn_vectors();
    void set_null(void* vector, std::uint64_t at);
    void put(const RowView& row, fx_type type, const std::uint8_t* value, void* vector, void* data, std::uint64_t at);
    void put_text(void* vector, std::uint64_t at, std::string_view text);
    void put_list(const RowView& row, const Column& column, Cells* cells);

    std::shared_ptr<const DuckdbLibrary> library_;
    std::vector<Column> columns_;
    std::uint32_t sensor_;
    std::uint64_t boot_;
    void* chunk_ = nullptr;
    std::vector<Cells> cells_;
    std::uint64_t rows_ = 0, capacity_;
    std::string text_;
};

} // namespace flowxdp
