// SPDX-License-Identifier: BSD-2-Clause
// fnv.h - the hash FNV-1a with 64 bits: the same on every machine and in every version, so ids that outlive a process
// are made with it. Not for keys that an attacker chooses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flowxdp {

class Fnv1a {
  public:
    Fnv1a& add(const void* bytes, std::size_t size)
    {
        for (std::size_t i = 0; i < size; i++)
            hash_ = (hash_ ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001b3ULL;
        return *this;
    }
    Fnv1a& add(std::string_view text) { return add(text.data(), text.size()); }
    // The low byte first.
    Fnv1a& add(std::uint64_t number)
    {
        for (int i = 0; i < 8; i++, number >>= 8)
            hash_ = (hash_ ^ (number & 0xff)) * 0x100000001b3ULL;
        return *this;
    }
    [[nodiscard]] std::uint64_t value() const { return hash_; }
    // Where 0 means that there is no id.
    [[nodiscard]] std::uint64_t value_not_zero() const { return hash_ ? hash_ : 1; }

  private:
    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

} // namespace flowxdp
