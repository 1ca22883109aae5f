// SPDX-License-Identifier: BSD-2-Clause
// oui_table.h - vendor labels by MAC prefix, read from the usual text files.
//
// A line counts when it begins with a prefix of 6 to 12 hex digits, plain or separated by ':', '-' or '.', and a name
// follows:
//     00-24-E8   (hex)		Dell Inc.          IEEE oui.txt; also its "(base 16)" lines
//     00:24:E8	Dell	Dell Inc.                  Wireshark manuf: the short name; /28 and /36 masks are honoured
//     0024E8 Dell                                 nmap-mac-prefixes
// The first label of a prefix counts; the longest prefix of an address is taken.
#pragma once

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/printable.h"
#include "core/text_file.h"

namespace flowxdp {

class OuiTable {
  public:
    // Bytes of a line of the file, which is a prefix and a name.
    static constexpr std::size_t kLongestLine = 4096;

    // Throws std::invalid_argument when the file cannot be read, or has a longer line.
    void load(const std::string& path)
    {
        std::ifstream file(path);
        if (!file)
            throw std::invalid_argument("cannot open MAC prefix file '" + path + "': " + std::strerror(errno));
        LineReader lines(file, kLongestLine);
        std::string line;
        while (lines.next(&line))
            add_line(line);
        if (lines.too_long())
            throw std::invalid_argument("MAC prefix file '" + path + "': line " + std::to_string(lines.number()) +
                                        " is longer than " + std::to_string(kLongestLine) +
                                        " bytes: it is no list of prefixes");
        if (file.bad())
            throw std::invalid_argument("cannot read MAC prefix file '" + path + "': " + std::strerror(errno));
    }

    void add_line(std::string_view line)
    {
        std::uint64_t prefix = 0;
        unsigned digits = 0;
        std::size_t at = 0;
        for (; at < line.size() && digits < 12; at++) {
            const int d = digit_of(line[at]);
            if (d >= 0) {
                prefix = prefix << 4 | static_cast<unsigned>(d);
                digits++;
            } else if (digits == 0 || !is_separator(line[at])) {
                break;
            }
        }
        if (digits < 6 || at >= line.size())
            return;
        unsigned bits = digits * 4;
        prefix <<= 48 - bits;
        if (line[at] == '/') {
            unsigned mask = 0;
            for (at++; at < line.size() && mask < 100 && std::isdigit(static_cast<unsigned char>(line[at])); at++)
                mask = mask * 10 + static_cast<unsigned>(line[at] - '0');
            if (mask == 0 || mask > 48)
                return;
            bits = mask;
        }
        std::string_view name = trimmed(line.substr(at));
        if (name.size() == line.size() - at) // no blank behind the prefix: an ordinary word that looks like hex
            return;
        for (const std::string_view noise : {"(hex)", "(base 16)"})
            if (name.starts_with(noise))
                name = trimmed(name.substr(noise.size()));
        name = trimmed(name.substr(0, name.find('\t')));
        if (name.empty() || name.front() == '#')
            return;
        by_prefix_.emplace(key_of(prefix, bits), cell_label(name));
        lengths_ |= 1ULL << bits;
    }

    // "-" when the prefix is unknown.
    [[nodiscard]] std::string_view find(const std::uint8_t* mac) const
    {
        std::uint64_t address = 0;
        for (int i = 0; i < 6; i++)
            address = address << 8 | mac[i];
        for (unsigned bits = 48; bits > 0; bits--) {
            if (!(lengths_ >> bits & 1))
                continue;
            const auto found = by_prefix_.find(key_of(address, bits));
            if (found != by_prefix_.end())
                return found->second;
        }
        return "-";
    }

    [[nodiscard]] bool empty() const { return by_prefix_.empty(); }

  private:
    static int digit_of(char c)
    {
        if (c >= '0' && c <= '9')
            return c - '0';
        const char lower = static_cast<char>(c | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    }
    static bool is_separator(char c) { return c == ':' || c == '-' || c == '.'; }
    static std::string_view trimmed(std::string_view s)
    {
        const std::size_t first = s.find_first_not_of(" \t\r");
        if (first == std::string_view::npos)
            return {};
        return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
    }
    // The bits of the prefix, with its length in the 16 bits above the address.
    static std::uint64_t key_of(std::uint64_t address, unsigned bits)
    {
        return (address >> (48 - bits) << (48 - bits)) | static_cast<std::uint64_t>(bits) << 48;
    }
    // Labels are printed bare and joined by '_' and ';': those and blanks become '-'.
    static std::string cell_label(std::string_view name)
    {
        std::string label = printable(name);
        for (char& c : label)
            if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == ';' || c == '_' || c == '"')
                c = '-';
        return label;
    }

    std::unordered_map<std::uint64_t, std::string> by_prefix_;
    std::uint64_t lengths_ = 0; // bit n: a prefix of n bits is known
};

} // namespace flowxdp
