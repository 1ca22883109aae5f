// SPDX-License-Identifier: BSD-2-Clause
// ip_protocol_names.h - names of IP protocol numbers, read from a file in the format of protocols(5):
//     icmp    1    ICMP    # name, number, aliases
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/printable.h"
#include "port_classifier/name_file.h"

namespace flowxdp {

class IpProtocolNames {
  public:
    // As read_name_file().
    void load(const std::string& path)
    {
        read_name_file(path, "protocols", [this](std::string_view line) { add_line(line); });
    }

    // The first alias is the protocol's own spelling (TCP, IPv6-ICMP); the name stands in for it.
    void add_line(std::string_view line)
    {
        line = without_comment(line);
        const std::string_view name = take_word(&line), number = take_word(&line), alias = take_word(&line);
        std::uint8_t proto = 0;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), proto);
        if (number.empty() || error != std::errc() || end != number.data() + number.size() || !names_[proto].empty())
            return;
        names_[proto] = printable((alias.empty() ? name : alias).substr(0, kLongestName));
    }
    [[nodiscard]] std::string_view find(std::uint8_t proto) const { return names_[proto]; }

  private:
    std::array<std::string, 256> names_;
};

} // namespace flowxdp
