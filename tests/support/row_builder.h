// SPDX-License-Identifier: BSD-2-Clause
// row_builder.h - rows for tests of sinks, cell by cell by column name.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "row/row_batch.h"

namespace flowxdp::test {

inline std::shared_ptr<const Schema> make_schema(std::initializer_list<fx_column> columns)
{
    auto schema = std::make_shared<Schema>();
    schema->add({columns.begin(), columns.size()});
    return schema;
}

inline fx_column column(const char* name, fx_type type, unsigned flags = 0, fx_element element = {})
{
    return {name,
            name,
            nullptr,
            nullptr,
            nullptr,
            element,
            0,
            static_cast<std::uint8_t>(type),
            static_cast<std::uint8_t>(flags)};
}

// A cell of type FX_IP: 16 octets, v4-mapped, and the version. "": zeros, the address of an L2 flow.
inline std::array<std::uint8_t, 17> ip_cell(const std::string& text)
{
    std::array<std::uint8_t, 17> cell{};
    if (text.find(':') != std::string::npos) {
        inet_pton(AF_INET6, text.c_str(), cell.data());
        cell[16] = 6;
    } else if (!text.empty()) {
        cell[10] = cell[11] = 0xff;
        inet_pton(AF_INET, text.c_str(), cell.data() + 12);
        cell[16] = 4;
    }
    return cell;
}

class RowBuilder {
  public:
    explicit RowBuilder(std::shared_ptr<const Schema> schema)
        : schema_(schema), batch_(std::make_shared<RowBatch>(std::move(schema)))
    {
    }

    RowBuilder& row(std::int64_t end_clock_ns = 0, std::uint64_t flow_id = 0)
    {
        RowHeader header{};
        header.end_clock_ns = end_clock_ns;
        header.flow_id = flow_id;
        return row(header);
    }
    RowBuilder& row(const RowHeader& header)
    {
        std::memcpy(batch_->add(), &header, sizeof header);
        return *this;
    }
    template <typename T>
    RowBuilder& put(std::string_view name, T value)
    {
        const Column& c = find(name);
        if (!c.list && sizeof value != Schema::width_of(c.type))
            throw std::logic_error("width of " + std::string(name));
        std::memcpy(cell(c), &value, sizeof value);
        return *this;
    }
    RowBuilder& mac(std::string_view name, const std::vector<std::uint8_t>& bytes) { return raw(name, bytes); }
    RowBuilder& ip(std::string_view name, const std::string& address) { return put(name, ip_cell(address)); }
    RowBuilder& raw(std::string_view name, const std::vector<std::uint8_t>& bytes)
    {
        std::memcpy(cell(find(name)), bytes.data(), bytes.size());
        return *this;
    }
    RowBuilder& text(std::string_view name, std::string_view value) { return put(name, span_of(value)); }
    RowBuilder& texts(std::string_view name, const std::vector<std::string>& values)
    {
        std::vector<fx_span> spans;
        for (const std::string& value : values)
            spans.push_back(span_of(value));
        return list(name, spans);
    }
    template <typename T>
    RowBuilder& list(std::string_view name, const std::vector<T>& values)
    {
        const auto offset = batch_->append(values.data(), static_cast<std::uint32_t>(values.size() * sizeof(T)));
        return put(name, fx_span{offset, static_cast<std::uint32_t>(values.size())});
    }
    RowBuilder& bytes_list(std::string_view name, const std::vector<std::uint8_t>& bytes, std::uint32_t count)
    {
        const auto offset = batch_->append(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
        return put(name, fx_span{offset, count});
    }
    RowBuilder& empty(std::string_view name)
    {
        current()[find(name).present_offset] = 0;
        return *this;
    }

    [[nodiscard]] bool has(std::string_view name) const { return schema_->find(name).has_value(); }
    [[nodiscard]] const RowBatch& batch() const { return *batch_; }
    // The rows, which are the caller's from now on.
    [[nodiscard]] RowBatch take() { return std::move(*batch_); }
    [[nodiscard]] std::shared_ptr<const RowBatch> shared() const { return batch_; }

  private:
    const Column& find(std::string_view name) const
    {
        const auto i = schema_->find(name);
        if (!i)
            throw std::logic_error("no column " + std::string(name));
        return schema_->columns()[*i];
    }
    std::uint8_t* current() { return batch_->mutable_row(batch_->size() - 1); }
    std::uint8_t* cell(const Column& c) { return current() + c.offset; }
    fx_span span_of(std::string_view value)
    {
        return {batch_->append(value.data(), static_cast<std::uint32_t>(value.size())),
                static_cast<std::uint32_t>(value.size())};
    }

    std::shared_ptr<const Schema> schema_;
    std::shared_ptr<RowBatch> batch_;
};

// One column of each type, then lists and an optional one.
inline std::shared_ptr<const Schema> all_types_schema()
{
    return make_schema({column("u8", FX_U8),
                        column("u16", FX_U16),
                        column("u32", FX_U32),
                        column("u64", FX_U64),
                        column("i64", FX_I64),
                        column("h8", FX_H8),
                        column("h16", FX_H16),
                        column("h32", FX_H32),
                        column("h64", FX_H64),
                        column("f", FX_FLOAT),
                        column("time", FX_TIME),
                        column("dur", FX_DURATION),
                        column("mac", FX_MAC),
                        column("ip", FX_IP),
                        column("string", FX_STRING),
                        column("word", FX_WORD),
                        column("char", FX_CHAR),
                        column("pair", FX_MAC_PAIR),
                        column("payload", FX_PAYLOAD),
                        column("u16s", FX_U16, FX_LIST),
                        column("words", FX_WORD, FX_LIST),
                        column("strings", FX_STRING, FX_LIST),
                        column("ips", FX_IP, FX_LIST),
                        column("pairs", FX_MAC_PAIR, FX_LIST),
                        column("maybe", FX_U16, FX_OPTIONAL)});
}

// Two rows: one with every cell filled, one with zeros, empty lists and an absent cell.
inline RowBuilder all_types_rows()
{
    RowBuilder rows(all_types_schema());
    const std::vector<std::uint8_t> pair = {0, 1, 2, 3, 4, 5, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 7, 0, 0, 0};
    std::vector<std::uint8_t> pairs = pair;
    pairs.insert(pairs.end(), pair.begin(), pair.end());
    const std::vector<std::uint8_t> v6 = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    std::vector<std::uint8_t> ips = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1, 4};
    ips.insert(ips.end(), v6.begin(), v6.end());
    ips.push_back(6);
    rows.row(1022171701691172000, 1)
        .put<std::uint8_t>("u8", 255)
        .put<std::uint16_t>("u16", 65535)
        .put<std::uint32_t>("u32", 4294967295u)
        .put<std::uint64_t>("u64", 18446744073709551615u)
        .put<std::int64_t>("i64", -5)
        .put<std::uint8_t>("h8", 0x0a)
        .put<std::uint16_t>("h16", 0x0800)
        .put<std::uint32_t>("h32", 0xdeadbeef)
        .put<std::uint64_t>("h64", 0x0400000200004000)
        .put<double>("f", 0.1)
        .put<std::int64_t>("time", 1022171701691172000)
        .put<std::int64_t>("dur", -1500000000)
        .mac("mac", {0, 0x80, 0x48, 0xb3, 0x22, 0xef})
        .ip("ip", "192.168.1.105")
        .text("string", "a \"b\", c\\d\n\x01\x7f \xc3\xa9 \xff.")
        .text("word", "eth:ipv4:tcp")
        .put<char>("char", 'A')
        .raw("pair", pair)
        .text("payload", std::string_view("GET /\r\n\0\xe9\x80\"", 11))
        .list<std::uint16_t>("u16s", {1, 2, 3})
        .texts("words", {"us", "de"})
        .texts("strings", {"x;y", "z, \"q\""})
        .bytes_list("ips", ips, 2)
        .bytes_list("pairs", pairs, 2)
        .put<std::uint16_t>("maybe", 7);
    rows.row(0, 2).put<char>("char", 'B').empty("maybe");
    return rows;
}

} // namespace flowxdp::test
