// SPDX-License-Identifier: BSD-2-Clause
// Not inline: g++ 12 -O3 warns of overflows that do not exist (-Wstringop-overflow) when it inlines these functions
// into one that begins with an empty vector.
#include "octet_writer.h"

#include <cstring>

namespace flowxdp::ipfix {

std::size_t OctetWriter::grow(std::size_t count)
{
    const std::size_t at = out_->size();
    out_->resize(at + count);
    return at;
}

void OctetWriter::number(std::uint64_t value, std::size_t length)
{
    const std::size_t start = grow(length);
    std::uint8_t* at = out_->data() + start;
    for (std::size_t i = 0; i < length; i++)
        at[i] = static_cast<std::uint8_t>(value >> (8 * (length - 1 - i)));
}

void OctetWriter::bytes(std::span<const std::uint8_t> bytes)
{
    const std::size_t at = grow(bytes.size());
    if (!bytes.empty())
        std::memcpy(out_->data() + at, bytes.data(), bytes.size());
}

void OctetWriter::zeros(std::size_t count)
{
    grow(count);
}

void put_u32(std::vector<std::uint8_t>* message, std::size_t at, std::uint32_t value)
{
    for (std::size_t i = 0; i < 4; i++)
        (*message)[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

} // namespace flowxdp::ipfix
