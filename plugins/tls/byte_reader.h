// SPDX-License-Identifier: BSD-2-Clause
// byte_reader.h - big-endian fields and length-prefixed vectors (RFC 8446 section 3), read off the front of some bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace flowxdp::tls {

using Bytes = std::span<const std::uint8_t>;

// Who reads more than there is gets zeros and empty vectors, and ok() is false from then on.
class ByteReader {
  public:
    explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return bytes_.size(); }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u24() { return number(3); }
    std::uint32_t u32() { return number(4); }

    Bytes take(std::size_t size)
    {
        if (size > bytes_.size()) {
            ok_ = false;
            bytes_ = {};
            return {};
        }
        const Bytes front = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return front;
    }
    // Behind a length of one, two or three bytes.
    Bytes vector8() { return take(u8()); }
    Bytes vector16() { return take(u16()); }
    Bytes vector24() { return take(u24()); }

  private:
    std::uint32_t number(std::size_t size)
    {
        std::uint32_t n = 0;
        for (const std::uint8_t byte : take(size))
            n = n << 8 | byte;
        return n;
    }

    Bytes bytes_;
    bool ok_ = true;
};

// Two-byte values behind one another; an odd byte at the end is no value.
class U16View {
  public:
    U16View() = default;
    explicit U16View(Bytes bytes) : bytes_(bytes) {}
    [[nodiscard]] std::size_t size() const { return bytes_.size() / 2; }
    [[nodiscard]] std::uint16_t operator[](std::size_t i) const
    {
        return static_cast<std::uint16_t>(bytes_[2 * i] << 8 | bytes_[2 * i + 1]);
    }

  private:
    Bytes bytes_;
};

} // namespace flowxdp::tls
