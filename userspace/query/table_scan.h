// SPDX-License-Identifier: BSD-2-Clause
// table_scan.h - one pass through the files of a table: threads read ahead, blocks come in order.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "query/line_source.h"
#include "query/row_block.h"

namespace flowxdp::query {

class TableScan {
  public:
    // table must outlive it.
    TableScan(const Table& table, ScanPlan plan);
    ~TableScan();
    TableScan(const TableScan&) = delete;
    TableScan& operator=(const TableScan&) = delete;

    [[nodiscard]] const ScanPlan& plan() const { return plan_; }
    // The next block, in the order of files and lines; null at the end. Error: a file cannot be read.
    Result<std::unique_ptr<RowBlock>> next();
    // Lines so far that are no rows.
    [[nodiscard]] std::uint64_t damaged() const { return damaged_; }

  private:
    void work();
    // Lines and who reads them. Nothing: the end, or failed_.
    std::optional<std::pair<std::unique_ptr<RowBlock>, std::shared_ptr<const RowParser>>> take_lines();
    bool open_file();

    static constexpr std::size_t kAhead = 8; // blocks that wait

    const Table& table_;
    const ScanPlan plan_;
    // Of whoever holds reading_: the lines go to the threads one after the other.
    std::mutex reading_;
    std::unique_ptr<LineSource> source_;
    std::shared_ptr<const RowParser> parser_;
    std::size_t file_ = 0;
    bool header_ = false;
    std::uint64_t taken_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, std::unique_ptr<RowBlock>> ready_; // null: the end
    std::uint64_t given_ = 0;
    std::optional<Error> failed_;
    bool stopping_ = false;
    std::uint64_t damaged_ = 0;
    std::vector<std::thread> threads_; // last: they use all of the above
};

} // namespace flowxdp::query
