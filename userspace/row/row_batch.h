// SPDX-License-Identifier: BSD-2-Clause
// row_batch.h - rows on their way to the sinks: flat, typed, nothing formatted.
//
// A batch is filled by the pipeline's thread, then shared read-only by every sink. Fixed parts stand one behind the
// other, row_size() bytes each, unaligned: cells are copied out with memcpy. Lists and strings stand in one tail.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "row/schema.h"

namespace flowxdp {

class RowBatch;

// One row. Cheap to copy; valid as long as its batch.
class RowView {
  public:
    RowView(const RowBatch* batch, const std::uint8_t* row) : batch_(batch), row_(row) {}

    [[nodiscard]] RowHeader header() const
    {
        RowHeader h;
        std::memcpy(&h, row_, sizeof h);
        return h;
    }
    [[nodiscard]] bool present(const Column& c) const { return row_[c.present_offset] != 0; }
    // A cell's fixed part as T; T is as wide as the type says.
    template <typename T>
    [[nodiscard]] T get(const Column& c) const
    {
        T v;
        std::memcpy(&v, row_ + c.offset, sizeof v);
        return v;
    }
    [[nodiscard]] const std::uint8_t* bytes(const Column& c) const { return row_ + c.offset; }
    // Strings and payload.
    [[nodiscard]] std::string_view text(const Column& c) const;
    // Lists: number of elements and the first one's bytes (elements are width_of(type) wide; strings are fx_span).
    [[nodiscard]] fx_span list(const Column& c) const { return get<fx_span>(c); }
    [[nodiscard]] const std::uint8_t* tail(std::uint32_t offset) const;
    [[nodiscard]] const Schema& schema() const;
    [[nodiscard]] const std::uint8_t* fixed() const { return row_; }

  private:
    const RowBatch* batch_;
    const std::uint8_t* row_;
};

class RowBatch {
  public:
    explicit RowBatch(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}

    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] std::size_t size() const { return rows_; }
    [[nodiscard]] std::size_t bytes() const { return fixed_.size() + tail_.size(); }
    [[nodiscard]] RowView row(std::size_t i) const { return {this, fixed_.data() + i * schema_->row_size()}; }

    // A zeroed row with every cell present; the pointer is valid until the next add().
    std::uint8_t* add()
    {
        const std::vector<std::uint8_t>& blank = schema_->blank();
        fixed_.insert(fixed_.end(), blank.begin(), blank.end());
        rows_++;
        return fixed_.data() + fixed_.size() - blank.size();
    }
    // Takes the last row away again (alarm mode).
    void drop_last()
    {
        fixed_.resize(fixed_.size() - schema_->row_size());
        rows_--;
    }
    // No rows, the memory kept.
    void clear()
    {
        fixed_.clear();
        tail_.clear();
        rows_ = 0;
    }
    std::uint8_t* mutable_row(std::size_t i) { return fixed_.data() + i * schema_->row_size(); }
    std::uint32_t append(const void* bytes, std::uint32_t size)
    {
        const auto at = static_cast<std::uint32_t>(tail_.size());
        const auto* p = static_cast<const std::uint8_t*>(bytes);
        tail_.insert(tail_.end(), p, p + size);
        return at;
    }
    [[nodiscard]] const std::uint8_t* tail() const { return tail_.data(); }

  private:
    std::shared_ptr<const Schema> schema_;
    std::size_t rows_ = 0;
    std::vector<std::uint8_t> fixed_;
    std::vector<std::uint8_t> tail_;
};

inline std::string_view RowView::text(const Column& c) const
{
    const auto s = get<fx_span>(c);
    return {reinterpret_cast<const char*>(batch_->tail() + s.offset), s.count};
}
inline const Schema& RowView::schema() const
{
    return batch_->schema();
}
inline const std::uint8_t* RowView::tail(std::uint32_t offset) const
{
    return batch_->tail() + offset;
}

} // namespace flowxdp
