// SPDX-License-Identifier: BSD-2-Clause
// service_names.h - names of ports by transport protocol, read from a text file.
//
// A line counts when it is one of
//     http            80/tcp     www      # services(5): name, port/protocol, aliases
//     80              tcp        http     T2's portmap.txt: port, protocol, name
// Everything behind # is a comment. The first name of a port counts. Protocols other than tcp, udp, sctp and dccp are
// left out.
#pragma once

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/printable.h"
#include "core/text_file.h"

namespace flowxdp {

class ServiceNames {
  public:
    static constexpr std::size_t kLongestLine = 4096;
    static constexpr std::size_t kLongestName = 64; // bytes; the rest is left out

    // Throws std::invalid_argument when the file cannot be read, or has a longer line.
    void load(const std::string& path)
    {
        std::ifstream file(path);
        if (!file)
            throw std::invalid_argument("cannot open file of services '" + path + "': " + std::strerror(errno));
        LineReader lines(file, kLongestLine);
        std::string line;
        while (lines.next(&line))
            add_line(line);
        if (lines.too_long())
            throw std::invalid_argument("file of services '" + path + "': line " + std::to_string(lines.number()) +
                                        " is longer than " + std::to_string(kLongestLine) + " bytes");
        if (file.bad())
            throw std::invalid_argument("cannot read file of services '" + path + "': " + std::strerror(errno));
    }

    void add_line(std::string_view line)
    {
        line = line.substr(0, line.find('#'));
        const std::string_view first = take_word(&line), second = take_word(&line), third = take_word(&line);
        if (const auto port = port_of(first)) {
            add(*port, second, third);
            return;
        }
        const std::size_t slash = second.find('/');
        if (slash == std::string_view::npos)
            return;
        if (const auto port = port_of(second.substr(0, slash)))
            add(*port, second.substr(slash + 1), first);
    }

    // Empty when the port has no name, or the protocol no ports. UDP-Lite (136) has those of UDP, SCTP those of TCP
    // where it has none of its own.
    [[nodiscard]] std::string_view find(std::uint8_t ip_proto, std::uint16_t port) const
    {
        if (ip_proto == 136)
            ip_proto = 17;
        auto at = names_.find(key(ip_proto, port));
        if (at == names_.end() && ip_proto == 132)
            at = names_.find(key(6, port));
        return at == names_.end() ? std::string_view() : at->second;
    }
    [[nodiscard]] bool empty() const { return names_.empty(); }

  private:
    static std::uint32_t key(std::uint8_t ip_proto, std::uint16_t port) { return ip_proto << 16 | port; }

    static std::string_view take_word(std::string_view* line)
    {
        constexpr std::string_view kBlanks = " \t\r";
        const std::size_t begin = line->find_first_not_of(kBlanks);
        if (begin == std::string_view::npos)
            return {};
        const std::size_t end = line->find_first_of(kBlanks, begin);
        const std::string_view word = line->substr(begin, end == std::string_view::npos ? end : end - begin);
        line->remove_prefix(end == std::string_view::npos ? line->size() : end);
        return word;
    }

    static std::optional<std::uint16_t> port_of(std::string_view text)
    {
        std::uint16_t port = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
        if (error != std::errc() || end != text.data() + text.size())
            return std::nullopt;
        return port;
    }

    void add(std::uint16_t port, std::string_view proto, std::string_view name)
    {
        struct Proto {
            std::string_view name;
            std::uint8_t number;
        };
        static constexpr std::array<Proto, 4> kProtos = {{{"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"dccp", 33}}};
        for (const Proto& p : kProtos)
            if (p.name == proto && !name.empty())
                names_.emplace(key(p.number, port), cell_label(name));
    }

    // Names are printed bare: what would end a cell or an element of a list becomes '-'.
    static std::string cell_label(std::string_view name)
    {
        std::string label = printable(name.substr(0, kLongestName));
        for (char& c : label)
            if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == ';' || c == '"')
                c = '-';
        return label;
    }

    std::unordered_map<std::uint32_t, std::string> names_;
};

} // namespace flowxdp
