// SPDX-License-Identifier: BSD-2-Clause
// row_batch.h - rows on their way to the sinks: flat, typed, nothing formatted.
//
// A batch is filled by the pipeline's thread, then shared read-only by every sink. Fixed parts follow one another,
// row_size() bytes each, unaligned: cells are copied out with memcpy. Lists and strings are in one tail; kTailSlack
// bytes after it may be read, so that a short text is copied with one fixed length.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "row/schema.h"

namespace flowxdp {

class RowBatch {
  public:
    static constexpr std::uint32_t kTailSlack = FX_TAIL_SLACK;

    explicit RowBatch(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) { grow(&tail_, 0); }

    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] std::size_t size() const { return rows_; }
    [[nodiscard]] std::size_t bytes() const { return fixed_.size() + tail_.used; }
    [[nodiscard]] RowView row(std::size_t i) const { return view().row(i); }
    // The rows as sinks get them; valid until the next change.
    [[nodiscard]] Rows view() const { return {schema_.get(), {fixed_.data(), tail_.bytes, rows_}}; }
    operator Rows() const { return view(); } // NOLINT(google-explicit-constructor): a batch is rows

    // Prefetches a row that is read soon; any number.
    void prefetch(std::size_t i) const
    {
        if (i >= rows_)
            return;
        const std::uint8_t* row = fixed_.data() + i * schema_->row_size();
        for (std::uint32_t at = 0; at < schema_->row_size(); at += 64)
            __builtin_prefetch(row + at);
    }

    // A zeroed row with every cell present; the pointer is valid until the next add().
    std::uint8_t* add()
    {
        const std::vector<std::uint8_t>& blank = schema_->blank();
        fixed_.insert(fixed_.end(), blank.begin(), blank.end());
        rows_++;
        return fixed_.data() + fixed_.size() - blank.size();
    }
    // Removes the last row (alarm mode).
    void drop_last()
    {
        fixed_.resize(fixed_.size() - schema_->row_size());
        rows_--;
    }
    // No rows, the memory kept.
    void clear()
    {
        fixed_.clear();
        tail_.used = 0;
        rows_ = 0;
    }
    std::uint8_t* mutable_row(std::size_t i) { return fixed_.data() + i * schema_->row_size(); }
    std::uint32_t append(const void* bytes, std::uint32_t size) { return fx_tail_append(&tail_, bytes, size); }
    [[nodiscard]] const std::uint8_t* tail() const { return tail_.bytes; }
    // For code that fills rows.
    fx_tail* open_tail() { return &tail_; }

  private:
    // The tail as plugins see it, and its memory.
    struct Tail : fx_tail {
        std::unique_ptr<std::uint8_t[]> memory;
    };

    static void grow(fx_tail* tail, std::uint32_t size)
    {
        const std::size_t capacity = 2 * static_cast<std::size_t>(tail->capacity) + size + 256;
        std::unique_ptr<std::uint8_t[]> larger(new std::uint8_t[capacity + kTailSlack]); // not cleared
        if (tail->used)
            std::memcpy(larger.get(), tail->bytes, tail->used);
        auto& memory = static_cast<Tail*>(tail)->memory;
        memory = std::move(larger);
        tail->bytes = memory.get();
        tail->capacity = static_cast<std::uint32_t>(capacity);
    }

    std::shared_ptr<const Schema> schema_;
    std::size_t rows_ = 0;
    std::vector<std::uint8_t> fixed_;
    Tail tail_ = {{nullptr, 0, 0, grow}, nullptr};
};

} // namespace flowxdp
