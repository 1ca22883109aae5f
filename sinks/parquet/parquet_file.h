// SPDX-License-Identifier: BSD-2-Clause
// parquet_file.h - rows of one table in Parquet files, one after the other.
//
// A Parquet file is readable when it is finished. Until then its rows are in a DuckDB database beside it, PATH.part,
// which a daemon that takes over goes on with:
//     rows --commit--> PATH.part --due, or the end--> PATH.tmp --rename--> the file
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "duckdb_library.h"
#include "flowxdp/sink.hpp"
#include "row_chunk.h"
#include "sink/file/file_command.h"
#include "sink/file/rotation.h"

namespace flowxdp {

class ParquetFile {
  public:
    // counts must outlive this object. live: files are finished only when each of their rows is in the journal.
    ParquetFile(std::shared_ptr<const DuckdbLibrary> library, std::string path, Rotation rotation, bool live,
                SinkCounts* counts);
    ~ParquetFile();
    ParquetFile(const ParquetFile&) = delete;
    ParquetFile& operator=(const ParquetFile&) = delete;

    // resume: rows of the run that are safe; 0 = a fresh start. What a killed run left gets a file of its own then.
    Result<void> open(const Schema& schema, std::uint32_t sensor, std::uint64_t boot, std::uint64_t resume);
    Result<void> add(const RowView& row);
    // Every row so far is in PATH.part.
    Result<void> commit();
    // In write and tick: finishes the file if it is due before a row with this time.
    Result<void> settle(std::int64_t now_ns);
    // The end of the run.
    Result<void> finish();

    // Rows of the run that are in PATH.part or in files.
    [[nodiscard]] std::uint64_t committed_rows() const { return committed_; }
    [[nodiscard]] std::string report() const { return command_.report(); }

  private:
    Result<void> open_database();
    void close_database();
    Result<void> make_appender();
    Result<void> run(const std::string& sql, std::int64_t* number = nullptr, std::string* text = nullptr);
    Result<void> push_chunk();
    Result<void> finish_part(const std::string& name);
    Result<void> finish_interrupted();
    [[nodiscard]] std::string free_name() const;
    [[nodiscard]] Error named(const std::string& what, const std::string& why) const;

    std::shared_ptr<const DuckdbLibrary> library_;
    std::string path_;
    Rotation rotation_;
    bool live_;
    SinkCounts* counts_;
    FileCommand command_;
    void* database_ = nullptr;
    void* connection_ = nullptr;
    void* appender_ = nullptr;
    std::optional<RowChunk> chunk_;
    std::uint64_t rows_ = 0, committed_ = 0; // of the run
    std::uint64_t appended_ = 0;             // of these, given to the appender since its last flush
    std::uint64_t part_rows_ = 0, part_bytes_ = 0;
    std::int64_t first_ns_ = 0; // of the part
};

} // namespace flowxdp
