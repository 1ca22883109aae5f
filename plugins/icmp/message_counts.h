// SPDX-License-Identifier: BSD-2-Clause
// message_counts.h - ICMP and ICMPv6 messages of the run by type and code, and the summary file that says so.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace flowxdp {

class MessageCounts {
  public:
    // ip_version: 4 for ICMP, 6 for ICMPv6.
    void add(std::uint8_t ip_version, std::uint8_t type, std::uint8_t code)
    {
        Version& v = versions_[ip_version == 6];
        v.messages++;
        v.of_type[{type, code}]++;
    }

    [[nodiscard]] std::string text() const
    {
        std::string out;
        add_totals("ICMP", 8, 0, versions_[0], &out);
        add_totals("ICMPv6", 128, 129, versions_[1], &out);
        add_table("ICMP", kNames, versions_[0], &out);
        add_table("ICMPv6", kNames6, versions_[1], &out);
        return out;
    }

  private:
    struct Version {
        std::uint64_t messages = 0;
        std::map<std::pair<std::uint8_t, std::uint8_t>, std::uint64_t> of_type; // type, code

        [[nodiscard]] std::uint64_t of(std::uint8_t type) const
        {
            std::uint64_t sum = 0;
            for (auto at = of_type.lower_bound({type, 0}); at != of_type.end() && at->first.first == type; ++at)
                sum += at->second;
            return sum;
        }
    };
    struct Name {
        std::uint8_t type;
        std::string_view name;
    };
    // RFC 792, 950, 1256, 8335; the others were never used or are deprecated (RFC 6918).
    static constexpr std::array<Name, 16> kNames = {{
        {0, "Echo reply"},
        {3, "Destination unreachable"},
        {4, "Source quench"},
        {5, "Redirect"},
        {8, "Echo request"},
        {9, "Router advertisement"},
        {10, "Router solicitation"},
        {11, "Time exceeded"},
        {12, "Parameter problem"},
        {13, "Timestamp"},
        {14, "Timestamp reply"},
        {15, "Information request"},
        {16, "Information reply"},
        {17, "Address mask request"},
        {18, "Address mask reply"},
        {42, "Extended echo request"},
    }};
    // RFC 4443, 2710, 3810, 4861.
    static constexpr std::array<Name, 15> kNames6 = {{
        {1, "Destination unreachable"},
        {2, "Packet too big"},
        {3, "Time exceeded"},
        {4, "Parameter problem"},
        {128, "Echo request"},
        {129, "Echo reply"},
        {130, "Multicast listener query"},
        {131, "Multicast listener report"},
        {132, "Multicast listener done"},
        {133, "Router solicitation"},
        {134, "Router advertisement"},
        {135, "Neighbour solicitation"},
        {136, "Neighbour advertisement"},
        {137, "Redirect"},
        {143, "Multicast listener report, version 2"},
    }};

    static void add_totals(std::string_view protocol, std::uint8_t request, std::uint8_t reply, const Version& v,
                           std::string* out)
    {
        *out += fmt::format("# Total number of {} messages: {}\n", protocol, v.messages);
        const std::uint64_t requests = v.of(request), replies = v.of(reply);
        if (requests && replies)
            *out += fmt::format("# {} echo reply / request ratio: {:.2f}\n", protocol,
                                static_cast<double>(replies) / static_cast<double>(requests));
    }

    template <std::size_t Count>
    static void add_table(std::string_view protocol, const std::array<Name, Count>& names, const Version& v,
                          std::string* out)
    {
        *out += fmt::format("\n# {} Type\tCode\tPackets\tDescription\n", protocol);
        for (const auto& [kind, messages] : v.of_type) {
            std::string_view name;
            for (const Name& one : names)
                if (one.type == kind.first)
                    name = one.name;
            *out += fmt::format("{}\t{}\t{} [{:6.2f}%]\t{}\n", kind.first, kind.second, messages,
                                100.0 * static_cast<double>(messages) / static_cast<double>(v.messages), name);
        }
    }

    std::array<Version, 2> versions_; // ICMP, ICMPv6
};

} // namespace flowxdp
