// SPDX-License-Identifier: BSD-2-Clause
#include "row_chunk.h"

#include <algorithm>
#include <cstring>

#include "core/utf8.h"
#include "row/cell_text.h"

namespace flowxdp {
namespace {

struct ElementType {
    DuckdbType type;
    const char* name;
};

ElementType element_type(fx_type type)
{
    switch (type) {
    case FX_U8:
    case FX_H8:
        return {DuckdbType::kUtinyint, "UTINYINT"};
    case FX_U16:
    case FX_H16:
        return {DuckdbType::kUsmallint, "USMALLINT"};
    case FX_U32:
    case FX_H32:
        return {DuckdbType::kUinteger, "UINTEGER"};
    case FX_U64:
    case FX_H64:
        return {DuckdbType::kUbigint, "UBIGINT"};
    case FX_I64:
        return {DuckdbType::kBigint, "BIGINT"};
    case FX_DURATION:
        return {DuckdbType::kBigint, "DECIMAL(18, 9)"}; // a bigint of nanoseconds in memory
    case FX_FLOAT:
        return {DuckdbType::kDouble, "DOUBLE"};
    case FX_TIME:
        return {DuckdbType::kTimestampNs, "TIMESTAMP_NS"};
    case FX_PAYLOAD:
        return {DuckdbType::kBlob, "BLOB"};
    default:
        return {DuckdbType::kVarchar, "VARCHAR"};
    }
}

void* make_type(const DuckdbLibrary& library, const Column& column)
{
    void* element = column.type == FX_DURATION
                        ? library.create_decimal_type(18, 9)
                        : library.create_logical_type(static_cast<int>(element_type(column.type).type));
    if (!column.list)
        return element;
    void* list = library.create_list_type(element);
    library.destroy_logical_type(&element);
    return list;
}

} // namespace

std::string duckdb_type(const Column& column)
{
    return element_type(column.type).name + std::string(column.list ? "[]" : "");
}

RowChunk::RowChunk(std::shared_ptr<const DuckdbLibrary> library, const Schema& schema, std::uint32_t sensor,
                   std::uint64_t boot)
    : library_(std::move(library)), columns_(schema.columns()), sensor_(sensor), boot_(boot),
      capacity_(library_->vector_size())
{
    std::vector<void*> types = {library_->create_logical_type(static_cast<int>(DuckdbType::kUinteger)),
                                library_->create_logical_type(static_cast<int>(DuckdbType::kUbigint))};
    for (const Column& column : columns_)
        types.push_back(make_type(*library_, column));
    types.push_back(library_->create_logical_type(static_cast<int>(DuckdbType::kUbigint)));
    chunk_ = library_->create_data_chunk(types.data(), types.size());
    for (void*& type : types)
        library_->destroy_logical_type(&type);
    cells_.resize(types.size());
    learn_vectors();
}

RowChunk::~RowChunk()
{
    library_->destroy_data_chunk(&chunk_);
}

void RowChunk::learn_vectors()
{
    for (std::size_t i = 0; i < cells_.size(); i++) {
        void* vector = library_->data_chunk_get_vector(chunk_, i);
        cells_[i] = {vector, library_->vector_get_data(vector), 0};
    }
}

void RowChunk::set_null(void* vector, std::uint64_t at)
{
    library_->vector_ensure_validity_writable(vector);
    library_->validity_set_row_invalid(library_->vector_get_validity(vector), at);
}

// DuckDB's texts are UTF-8: other bytes become U+FFFD.
void RowChunk::put_text(void* vector, std::uint64_t at, std::string_view text)
{
    text_.clear();
    while (!text.empty()) {
        const std::size_t n = utf8_length(text);
        if (n == 0)
            text_ += "\xef\xbf\xbd";
        else
            text_ += text.substr(0, n);
        text.remove_prefix(n ? n : 1);
    }
    library_->vector_assign_string_element_len(vector, at, text_.data(), text_.size());
}

void RowChunk::put(const RowView& row, fx_type type, const std::uint8_t* value, void* vector, void* data,
                   std::uint64_t at)
{
    std::string text;
    switch (type) {
    case FX_MAC:
        append_mac(value, &text);
        return put_text(vector, at, text);
    case FX_IP:
        if (!value[16])
            return set_null(vector, at);
        append_ip(value, value[16], &text);
        return put_text(vector, at, text);
    case FX_MAC_PAIR: {
        append_mac(value, &text);
        text.push_back('_');
        append_mac(value + 6, &text);
        text.push_back('_');
        std::uint32_t count;
        std::memcpy(&count, value + 12, sizeof count);
        append_unsigned(count, &text);
        return put_text(vector, at, text);
    }
    case FX_CHAR:
        return put_text(vector, at, {reinterpret_cast<const char*>(value), 1});
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        fx_span span;
        std::memcpy(&span, value, sizeof span);
        const std::string_view bytes(reinterpret_cast<const char*>(row.tail(span.offset)), span.count);
        if (type == FX_PAYLOAD)
            library_->vector_assign_string_element_len(vector, at, bytes.data(), bytes.size());
        else
            put_text(vector, at, bytes);
        return;
    }
    default: {
        const std::uint32_t width = Schema::width_of(type);
        std::memcpy(static_cast<std::uint8_t*>(data) + at * width, value, width);
    }
    }
}

void RowChunk::put_list(const RowView& row, const Column& column, Cells* cells)
{
    const fx_span list = row.present(column) ? row.list(column) : fx_span{};
    const DuckdbListEntry entry = {cells->elements, list.count};
    std::memcpy(static_cast<std::uint8_t*>(cells->data) + rows_ * sizeof entry, &entry, sizeof entry);
    cells->elements += list.count;
    library_->list_vector_reserve(cells->vector, cells->elements);
    library_->list_vector_set_size(cells->vector, cells->elements);
    void* child = library_->list_vector_get_child(cells->vector);
    void* data = library_->vector_get_data(child); // moves when it grows
    const std::uint32_t width = Schema::width_of(column.type);
    for (std::uint32_t i = 0; i < list.count; i++)
        put(row, column.type, row.tail(list.offset + i * width), child, data, entry.offset + i);
    if (!row.present(column))
        set_null(cells->vector, rows_);
}

void RowChunk::add(const RowView& row, std::uint64_t number)
{
    std::memcpy(static_cast<std::uint8_t*>(cells_[0].data) + rows_ * sizeof sensor_, &sensor_, sizeof sensor_);
    std::memcpy(static_cast<std::uint8_t*>(cells_[1].data) + rows_ * sizeof boot_, &boot_, sizeof boot_);
    for (std::size_t i = 0; i < columns_.size(); i++) {
        Cells& cells = cells_[i + 2];
        if (columns_[i].list)
            put_list(row, columns_[i], &cells);
        else if (!row.present(columns_[i]))
            set_null(cells.vector, rows_);
        else
            put(row, columns_[i].type, row.bytes(columns_[i]), cells.vector, cells.data, rows_);
    }
    std::memcpy(static_cast<std::uint8_t*>(cells_.back().data) + rows_ * sizeof number, &number, sizeof number);
    rows_++;
}

void* RowChunk::chunk()
{
    library_->data_chunk_set_size(chunk_, rows_);
    return chunk_;
}

void RowChunk::clear()
{
    rows_ = 0;
    library_->data_chunk_reset(chunk_);
    learn_vectors();
}

} // namespace flowxdp
