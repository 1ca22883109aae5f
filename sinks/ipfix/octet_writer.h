// SPDX-License-Identifier: BSD-2-Clause
// octet_writer.h - appends numbers in network byte order (RFC 7011 6.1.1, RFC 3954 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flowxdp::ipfix {

class OctetWriter {
  public:
    explicit OctetWriter(std::vector<std::uint8_t>* out) : out_(out) {}

    void u8(std::uint64_t value) { number(value, 1); }
    void u16(std::uint64_t value) { number(value, 2); }
    void u32(std::uint64_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    // The low `length` octets of value, 1..8 of them, most significant first.
    void number(std::uint64_t value, std::size_t length);
    void bytes(std::span<const std::uint8_t> bytes);
    void zeros(std::size_t count);

  private:
    // Adds zero octets and returns their position.
    std::size_t grow(std::size_t count);

    std::vector<std::uint8_t>* out_;
};

// Overwrites four octets at `at` of a message that is already built.
void put_u32(std::vector<std::uint8_t>* message, std::size_t at, std::uint32_t value);

} // namespace flowxdp::ipfix
