// SPDX-License-Identifier: BSD-2-Clause
// row_batch.h - rows on their way to the sinks: flat, typed, nothing formatted.
//
// A batch is filled by the pipeline's thread, then shared read-only by every sink. Fixed parts stand one behind the
// other, row_size() bytes each, unaligned: cells are copied out with memcpy. Lists and strings stand in one tail,
// behind which kTailSlack bytes may be read: a short text is copied whole, whatever its length.
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
    static constexpr std::uint32_t kTailSlack = 16;

    explicit RowBatch(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) { grow(&tail_, 0); }

    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] std::size_t size() const { return rows_; }
    [[nodiscard]] std::size_t bytes() const { return fixed_.size() + tail_.used; }
    [[nodiscard]] RowView row(std::size_t i) const { return {this, fixed_.data() + i * schema_->row_size()}; }

    // Asks for the memory of a row that is read soon; any number.
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
        tail_.used = 0;
        rows_ = 0;
    }
    std::uint8_t* mutable_row(std::size_t i) { return fixed_.data() + i * schema_->row_size(); }
    std::uint32_t append(const void* bytes, std::uint32_t size) { return fx_tail_append(&tail_, bytes, size); }
    [[nodiscard]] const std::uint8_t* tail() const { return tail_.bytes; }
    // For those who fill rows.
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
