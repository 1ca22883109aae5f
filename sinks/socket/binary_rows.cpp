// SPDX-License-Identifier: BSD-2-Clause
#include "binary_rows.h"

#include <cstring>

namespace flowxdp {
namespace {

template <typename T>
void put(T value, std::string* out)
{
    char bytes[sizeof value];
    for (std::size_t i = 0; i < sizeof value; i++)
        bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
    out->append(bytes, sizeof value);
}

// Puts a number of the host's byte order, as wide as T, from p.
template <typename T>
void put_from(const std::uint8_t* p, std::string* out)
{
    T value;
    std::memcpy(&value, p, sizeof value);
    put(value, out);
}

void put_bytes(const std::uint8_t* p, std::size_t n, std::string* out)
{
    out->append(reinterpret_cast<const char*>(p), n);
}

void put_value(const RowView& row, fx_type type, const std::uint8_t* p, std::string* out)
{
    switch (type) {
    case FX_U8:
    case FX_H8:
    case FX_CHAR:
        put_bytes(p, 1, out);
        break;
    case FX_U16:
    case FX_H16:
        put_from<std::uint16_t>(p, out);
        break;
    case FX_U32:
    case FX_H32:
        put_from<std::uint32_t>(p, out);
        break;
    case FX_U64:
    case FX_I64:
    case FX_H64:
    case FX_FLOAT:
    case FX_TIME:
    case FX_DURATION:
        put_from<std::uint64_t>(p, out);
        break;
    case FX_MAC:
        put_bytes(p, 6, out);
        break;
    case FX_IP: // version, then as many bytes as it has
        put_bytes(p + 16, 1, out);
        if (p[16] == 4)
            put_bytes(p + 12, 4, out);
        else if (p[16] == 6)
            put_bytes(p, 16, out);
        break;
    case FX_MAC_PAIR:
        put_bytes(p, 12, out);
        put_from<std::uint32_t>(p + 12, out);
        break;
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        fx_span s;
        std::memcpy(&s, p, sizeof s);
        put(s.count, out);
        put_bytes(row.tail(s.offset), s.count, out);
        break;
    }
    }
}

// Starts a record. end_record() writes its length, which counts the bytes after the length.
std::size_t begin_record(BinaryRecord type, std::string* out)
{
    const std::size_t at = out->size();
    put<std::uint32_t>(0, out);
    out->push_back(static_cast<char>(type));
    return at;
}

void end_record(std::size_t at, std::string* out)
{
    std::string length;
    put(static_cast<std::uint32_t>(out->size() - at - 4), &length);
    out->replace(at, 4, length);
}

} // namespace

void append_binary_schema(const Schema& schema, BinaryRows kind, std::uint32_t sensor_id, std::string* out)
{
    const std::size_t at = begin_record(BinaryRecord::kSchema, out);
    out->append(kBinaryRowsMagic, 4);
    put(kBinaryRowsVersion, out);
    out->push_back(static_cast<char>(kind));
    put(sensor_id, out);
    put(static_cast<std::uint16_t>(schema.columns().size()), out);
    for (const Column& column : schema.columns()) {
        out->push_back(static_cast<char>(column.type));
        out->push_back(static_cast<char>((column.list ? FX_LIST : 0) | (column.optional ? FX_OPTIONAL : 0)));
        out->push_back(static_cast<char>(column.name.size()));
        out->append(column.name);
    }
    end_record(at, out);
}

void append_binary_origin(std::uint32_t sensor_id, std::uint64_t boot, std::string* out)
{
    if (boot == 0)
        return;
    const std::size_t at = begin_record(BinaryRecord::kOrigin, out);
    put(sensor_id, out);
    put(boot, out);
    end_record(at, out);
}

void append_binary_row(const RowView& row, const Schema& schema, std::string* out)
{
    const std::size_t at = begin_record(BinaryRecord::kRow, out);
    const RowHeader header = row.header();
    put(static_cast<std::uint64_t>(header.end_clock_ns), out);
    put(header.flow_id, out);
    out->push_back(static_cast<char>(header.reason));
    out->push_back(static_cast<char>(header.direction));
    const std::size_t present = out->size();
    const auto& columns = schema.columns();
    out->append((columns.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < columns.size(); i++) {
        const Column& column = columns[i];
        if (!row.present(column))
            continue;
        char& byte = (*out)[present + i / 8];
        byte = static_cast<char>(static_cast<unsigned char>(byte) | 0x80u >> i % 8);
        if (!column.list) {
            put_value(row, column.type, row.bytes(column), out);
            continue;
        }
        const fx_span list = row.list(column);
        const std::uint32_t width = Schema::width_of(column.type);
        put(list.count, out);
        for (std::uint32_t k = 0; k < list.count; k++)
            put_value(row, column.type, row.tail(list.offset + k * width), out);
    }
    end_record(at, out);
}

} // namespace flowxdp
