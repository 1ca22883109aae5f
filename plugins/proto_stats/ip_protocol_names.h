// SPDX-License-Identifier: BSD-2-Clause
// ip_protocol_names.h - names of IP protocol numbers, read from a file in the format of protocols(5):
//     icmp    1    ICMP    # name, number, aliases
#pragma once

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/printable.h"
#include "core/text_file.h"

namespace flowxdp {

class IpProtocolNames {
  public:
    static constexpr std::size_t kLongestLine = 4096;
    static constexpr std::size_t kLongestName = 64; // bytes; the rest is left out

    // Throws std::invalid_argument when the file cannot be read, or has a longer line.
    void load(const std::string& path)
    {
        std::ifstream file(path);
        if (!file)
            throw std::invalid_argument("cannot open file of protocols '" + path + "': " + std::strerror(errno));
        LineReader lines(file, kLongestLine);
        std::string line;
        while (lines.next(&line))
            add_line(line);
        if (lines.too_long())
            throw std::invalid_argument("file of protocols '" + path + "': line " + std::to_string(lines.number()) +
                                        " is longer than " + std::to_string(kLongestLine) + " bytes");
        if (file.bad())
            throw std::invalid_argument("cannot read file of protocols '" + path + "': " + std::strerror(errno));
    }

    // The first alias is the protocol's own spelling (TCP, IPv6-ICMP); the name stands in for it.
    void add_line(std::string_view line)
    {
        line = line.substr(0, line.find('#'));
        const std::string_view name = take_word(&line), number = take_word(&line), alias = take_word(&line);
        std::uint8_t proto = 0;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), proto);
        if (number.empty() || error != std::errc() || end != number.data() + number.size() || !names_[proto].empty())
            return;
        names_[proto] = printable((alias.empty() ? name : alias).substr(0, kLongestName));
    }
    [[nodiscard]] std::string_view find(std::uint8_t proto) const { return names_[proto]; }

  private:
    static std::string_view take_word(std::string_view* line)
    {
        constexpr std::string_view kBlanks = " \t\r";
        const std::size_t begin = std::min(line->find_first_not_of(kBlanks), line->size());
        const std::size_t end = std::min(line->find_first_of(kBlanks, begin), line->size());
        const std::string_view word = line->substr(begin, end - begin);
        line->remove_prefix(end);
        return word;
    }

    std::array<std::string, 256> names_;
};

} // namespace flowxdp
