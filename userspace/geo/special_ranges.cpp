// SPDX-License-Identifier: BSD-2-Clause
#include "geo/special_ranges.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace flowxdp::geo {
namespace {

// IANA special-purpose registries (RFC 6890, 8190) where they say "not globally reachable", multicast, and the
// transition ranges T2 knows. Ranges the registries call globally reachable (AS112, AMT) stay with the databases.
constexpr std::array kRanges = {
    SpecialRange{4, "0.0.0.0/8", "00", "This network"},                 // RFC 791
    SpecialRange{4, "0.0.0.0/32", "00", "Unspecified"},                 // RFC 1122
    SpecialRange{4, "127.0.0.0/8", "01", "Loopback"},                   // RFC 1122
    SpecialRange{4, "169.254.0.0/16", "02", "Link-local"},              // RFC 3927
    SpecialRange{4, "10.0.0.0/8", "04", "Private network"},             // RFC 1918
    SpecialRange{4, "172.16.0.0/12", "05", "Private network"},          // RFC 1918
    SpecialRange{4, "192.0.0.0/24", "06", "IETF protocol assignments"}, // RFC 6890
    SpecialRange{4, "192.0.0.0/29", "06", "DS-Lite"},                   // RFC 7335
    SpecialRange{4, "192.0.0.8/32", "06", "IPv4 dummy address"},        // RFC 7600
    SpecialRange{4, "192.0.0.9/32", "06", "PCP anycast"},               // RFC 7723
    SpecialRange{4, "192.0.0.10/32", "06", "TURN anycast"},             // RFC 8155
    SpecialRange{4, "192.0.0.170/31", "06", "NAT64 discovery"},         // RFC 7050, 8880
    SpecialRange{4, "192.168.0.0/16", "07", "Private network"},         // RFC 1918
    SpecialRange{4, "198.18.0.0/15", "08", "Benchmarking"},             // RFC 2544
    SpecialRange{4, "224.0.0.0/4", "10", "Multicast"},                  // RFC 5771
    SpecialRange{4, "255.255.255.255/32", "11", "Broadcast"},           // RFC 8190
    SpecialRange{4, "100.64.0.0/10", "20", "Carrier-grade NAT"},        // RFC 6598
    SpecialRange{4, "192.0.2.0/24", "21", "TEST-NET-1"},                // RFC 5737
    SpecialRange{4, "198.51.100.0/24", "22", "TEST-NET-2"},             // RFC 5737
    SpecialRange{4, "203.0.113.0/24", "23", "TEST-NET-3"},              // RFC 5737
    SpecialRange{4, "240.0.0.0/4", "24", "Reserved"},                   // RFC 1112
    SpecialRange{4, "192.88.99.0/24", "60", "6to4 relay anycast"},      // RFC 3068, 7526
    SpecialRange{6, "::/128", "00", "Unspecified"},                     // RFC 4291
    SpecialRange{6, "::1/128", "01", "Loopback"},                       // RFC 4291
    SpecialRange{6, "fe80::/10", "02", "Link-local"},                   // RFC 4291
    SpecialRange{6, "fc00::/7", "03", "Unique local"},                  // RFC 4193
    SpecialRange{6, "fec0::/10", "03", "Site-local (deprecated)"},      // RFC 3879
    SpecialRange{6, "2001::/23", "06", "IETF protocol assignments"},    // RFC 2928
    SpecialRange{6, "2001:1::1/128", "06", "PCP anycast"},              // RFC 7723
    SpecialRange{6, "2001:1::2/128", "06", "TURN anycast"},             // RFC 8155
    SpecialRange{6, "2001:1::3/128", "06", "DNS-SD SRP anycast"},       // RFC 9665
    SpecialRange{6, "2001:2::/48", "08", "Benchmarking"},               // RFC 5180
    SpecialRange{6, "2001:3::/32", "", ""},                             // RFC 7450, AMT: reachable
    SpecialRange{6, "2001:4:112::/48", "", ""},                         // RFC 7535, AS112: reachable
    SpecialRange{6, "2001:10::/28", "26", "ORCHID (deprecated)"},       // RFC 4843
    SpecialRange{6, "2001:20::/28", "26", "ORCHIDv2"},                  // RFC 7343
    SpecialRange{6, "2001:30::/28", "06", "Drone remote ID"},           // RFC 9374
    SpecialRange{6, "5f00::/16", "06", "Segment routing SIDs"},         // RFC 9602
    SpecialRange{6, "ff00::/8", "10", "Multicast"},                     // RFC 4291
    SpecialRange{6, "100::/64", "25", "Discard-only"},                  // RFC 6666
    SpecialRange{6, "100:0:0:1::/64", "25", "Dummy prefix"},            // RFC 9780
    SpecialRange{6, "2001:db8::/32", "27", "Documentation"},            // RFC 3849
    SpecialRange{6, "3fff::/20", "27", "Documentation"},                // RFC 9637
    SpecialRange{6, "::/96", "61", "IPv4-compatible (deprecated)"},     // RFC 4291
    SpecialRange{6, "::ffff:0:0/96", "61", "IPv4-mapped"},              // RFC 4291
    SpecialRange{6, "::ffff:0:0:0/96", "62", "IPv4-translated"},        // RFC 2765
    SpecialRange{6, "64:ff9b::/96", "63", "IPv4/IPv6 translation"},     // RFC 6052
    SpecialRange{6, "64:ff9b:1::/48", "63", "IPv4/IPv6 translation"},   // RFC 8215
    SpecialRange{6, "2001::/32", "64", "Teredo"},                       // RFC 4380
    SpecialRange{6, "2002::/16", "65", "6to4"},                         // RFC 3056
};

struct Matcher {
    AddressNumber value;
    AddressNumber mask;
    const SpecialRange* range;
};

// Matchers of one version, longest prefix first, so that the first hit is the answer.
std::vector<Matcher> make_matchers(int version)
{
    std::vector<Matcher> matchers;
    for (const SpecialRange& range : kRanges) {
        if (range.version != version)
            continue;
        const std::size_t slash = range.prefix.find('/');
        const auto address = parse_address(range.prefix.substr(0, slash));
        unsigned length = 0;
        std::from_chars(range.prefix.data() + slash + 1, range.prefix.data() + range.prefix.size(), length);
        const unsigned bits = version == 4 ? 32 : 128;
        const AddressNumber all = version == 4 ? kLastIpv4 : ~AddressNumber{0};
        // A shift by the full width is undefined: length 0 is a case of its own (not in the table today).
        const AddressNumber mask = length == 0 ? 0 : all & all << (bits - length);
        matchers.push_back({address->number & mask, mask, &range});
    }
    std::stable_sort(matchers.begin(), matchers.end(),
                     [](const Matcher& left, const Matcher& right) { return left.mask > right.mask; });
    return matchers;
}

// The matchers of one version, and the first octets of their ranges: these answer for most addresses.
struct Matchers {
    explicit Matchers(int version) : in_order(make_matchers(version)), shift(version == 4 ? 24 : 120)
    {
        for (unsigned octet = 0; octet < 256; octet++)
            for (const Matcher& matcher : in_order)
                possible[octet] |= ((octet ^ static_cast<unsigned>(matcher.value >> shift)) &
                                    static_cast<unsigned>(matcher.mask >> shift) & 0xff) == 0;
    }
    [[nodiscard]] const SpecialRange* find(AddressNumber number) const
    {
        if (!possible[static_cast<unsigned>(number >> shift) & 0xff])
            return nullptr;
        for (const Matcher& matcher : in_order)
            if ((number & matcher.mask) == matcher.value)
                return matcher.range->code.empty() ? nullptr : matcher.range;
        return nullptr;
    }
    std::vector<Matcher> in_order;
    unsigned shift;
    std::array<bool, 256> possible{};
};

} // namespace

const SpecialRange* find_special(const Address& address)
{
    static const Matchers ipv4(4);
    static const Matchers ipv6(6);
    return (address.version == 4 ? ipv4 : ipv6).find(address.number);
}

std::span<const SpecialRange> special_ranges()
{
    return kRanges;
}

} // namespace flowxdp::geo
