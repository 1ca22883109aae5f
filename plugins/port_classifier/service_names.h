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
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/printable.h"
#include "port_classifier/name_file.h"

namespace flowxdp {

class ServiceNames {
  public:
    // As read_name_file().
    void load(const std::string& path)
    {
        read_name_file(path, "services", [this](std::string_view line) { add_line(line); });
    }

    void add_line(std::string_view line)
    {
        line = without_comment(line);
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
