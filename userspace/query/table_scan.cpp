// SPDX-License-Identifier: BSD-2-Clause
#include "query/table_scan.h"

#include <algorithm>

namespace flowxdp::query {
namespace {

constexpr unsigned kMostThreads = 8;

} // namespace

TableScan::TableScan(const Table& table, ScanPlan plan) : table_(table), plan_(std::move(plan))
{
    for (unsigned n = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads); n > 0; n--)
        threads_.emplace_back([this] { work(); });
}

TableScan::~TableScan()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

// The next file. False: there is none, or failed_ says why it cannot be opened. Holds reading_.
bool TableScan::open_file()
{
    if (file_ == table_.files.size())
        return false;
    const TableFile& file = table_.files[file_++];
    auto opened = LineSource::open(file.path);
    if (!opened.ok()) {
        const std::lock_guard lock(mutex_);
        failed_ = opened.error();
        return false;
    }
    source_ = opened.take();
    parser_ = std::make_shared<const RowParser>(table_, file, plan_);
    header_ = file.format == FileFormat::kCsv;
    return true;
}

std::optional<std::pair<std::unique_ptr<RowBlock>, std::shared_ptr<const RowParser>>> TableScan::take_lines()
{
    while (source_ || open_file()) {
        auto block = std::make_unique<RowBlock>();
        const Result<void> read = source_->read(&block->bytes);
        if (!read.ok()) {
            const std::lock_guard lock(mutex_);
            failed_ = read.error();
            return std::nullopt;
        }
        if (block->bytes.empty()) {
            source_.reset();
            continue;
        }
        if (std::exchange(header_, false)) {
            const auto end = std::ranges::find(block->bytes, '\n');
            block->bytes.erase(block->bytes.begin(), end == block->bytes.end() ? end : end + 1);
        }
        return std::pair{std::move(block), parser_};
    }
    return std::nullopt;
}

void TableScan::work()
{
    for (;;) {
        std::uint64_t number = 0;
        std::optional<std::pair<std::unique_ptr<RowBlock>, std::shared_ptr<const RowParser>>> lines;
        {
            const std::lock_guard reading(reading_);
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [this] { return stopping_ || taken_ < given_ + kAhead; });
                if (stopping_)
                    return;
            }
            lines = take_lines();
            number = taken_++;
        }
        if (lines)
            lines->second->parse(lines->first.get());
        const std::lock_guard lock(mutex_);
        ready_[number] = lines ? std::move(lines->first) : nullptr;
        changed_.notify_all();
        if (!lines)
            return;
    }
}

Result<std::unique_ptr<RowBlock>> TableScan::next()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.contains(given_); });
    std::unique_ptr<RowBlock> block = std::move(ready_[given_]);
    if (!block) { // the end stays there
        if (failed_)
            return *failed_;
        return block;
    }
    ready_.erase(given_++);
    damaged_ += block->damaged;
    changed_.notify_all();
    return block;
}

} // namespace flowxdp::query
