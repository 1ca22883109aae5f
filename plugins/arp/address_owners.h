// SPDX-License-Identifier: BSD-2-Clause
// address_owners.h - which MAC address had an IPv4 address last, over a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "arp_message.h"
#include "flowxdp/recent_map.hpp"

namespace flowxdp {

class AddressOwners {
  public:
    static constexpr std::size_t kMost = 65536;

    AddressOwners() : owners_(kMost) {}

    // The address is claimed. vlan: the same address in two VLANs is two; source: stream_header.source. Returns who had
    // it before, when that was another.
    std::optional<MacAddress> claim(const Ipv4Address& ip, std::uint16_t vlan, std::uint16_t source,
                                    const MacAddress& mac)
    {
        const Key key = {ip, vlan, source};
        std::optional<MacAddress> other;
        if (const MacAddress* owner = owners_.find(key); owner && *owner != mac)
            other = *owner;
        owners_.put(key, mac);
        return other;
    }
    // Addresses that left the full table: a conflict of theirs is not seen.
    [[nodiscard]] std::uint64_t forgotten() const { return owners_.forgotten(); }

  private:
    struct Key {
        Ipv4Address ip;
        std::uint16_t vlan, source;
    };

    RecentMap<Key, MacAddress> owners_;
};

} // namespace flowxdp
