// SPDX-License-Identifier: BSD-2-Clause
// hello_builder.h - TLS messages made by hand, for tests.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace flowxdp::tls::test {

using ByteVector = std::vector<std::uint8_t>;

inline ByteVector from_hex(std::string_view digits)
{
    ByteVector bytes;
    auto value = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(value(digits[i]) << 4 | value(digits[i + 1])));
    return bytes;
}

inline std::string to_hex(const std::uint8_t* bytes, std::size_t size)
{
    std::string text;
    for (std::size_t i = 0; i < size; i++)
        for (const int shift : {4, 0})
            text.push_back("0123456789abcdef"[bytes[i] >> shift & 15]);
    return text;
}

inline ByteVector operator+(ByteVector a, const ByteVector& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// size bytes of value in network order.
inline ByteVector number(std::uint64_t value, std::size_t size)
{
    ByteVector bytes;
    for (std::size_t i = 0; i < size; i++)
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * (size - 1 - i))));
    return bytes;
}

// bytes behind their length.
inline ByteVector vector_of(std::size_t length_size, const ByteVector& bytes)
{
    return number(bytes.size(), length_size) + bytes;
}

inline ByteVector text(std::string_view characters)
{
    return {characters.begin(), characters.end()};
}

inline ByteVector u16_list(const std::vector<std::uint16_t>& values)
{
    ByteVector bytes;
    for (const std::uint16_t value : values)
        bytes = bytes + number(value, 2);
    return bytes;
}

inline ByteVector extension(std::uint16_t type, const ByteVector& data)
{
    return number(type, 2) + vector_of(2, data);
}
inline ByteVector server_name(std::string_view name)
{
    return extension(0, vector_of(2, number(0, 1) + vector_of(2, text(name))));
}
inline ByteVector alpn(const std::vector<std::string_view>& names)
{
    ByteVector list;
    for (const std::string_view name : names)
        list = list + vector_of(1, text(name));
    return extension(16, vector_of(2, list));
}

// A random whose first four bytes, once a time, say 2026-03-04.
inline ByteVector random_bytes()
{
    ByteVector bytes = number(1'772'582'400, 4);
    for (std::uint8_t i = 0; i < 28; i++)
        bytes.push_back(static_cast<std::uint8_t>(i + 1));
    return bytes;
}

// The message behind type and length.
inline ByteVector client_hello(std::uint16_t version, const std::vector<std::uint16_t>& ciphers,
                               const ByteVector& extensions, const ByteVector& session_id = {})
{
    return number(version, 2) + random_bytes() + vector_of(1, session_id) + vector_of(2, u16_list(ciphers)) +
           ByteVector{1, 0} + (extensions.empty() ? ByteVector() : vector_of(2, extensions));
}
inline ByteVector server_hello(std::uint16_t version, std::uint16_t cipher, const ByteVector& extensions,
                               const ByteVector& session_id = {}, const ByteVector& random = random_bytes())
{
    return number(version, 2) + random + vector_of(1, session_id) + number(cipher, 2) + ByteVector{0} +
           (extensions.empty() ? ByteVector() : vector_of(2, extensions));
}
inline ByteVector message(std::uint8_t type, const ByteVector& body)
{
    return ByteVector{type} + vector_of(3, body);
}
inline ByteVector record(std::uint8_t type, const ByteVector& content, std::uint16_t version = 0x0303)
{
    return ByteVector{type} + number(version, 2) + vector_of(2, content);
}

} // namespace flowxdp::tls::test
