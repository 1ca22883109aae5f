// SPDX-License-Identifier: BSD-2-Clause
// dhcp_memory.h - what is kept of the DHCP messages of a flow: for each direction the last value, or the distinct ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "dhcp_message.h"

namespace flowxdp {

// Plain bytes, zero at first.
struct DhcpDirection {
    static constexpr unsigned kMostTypes = 16, kMostMacs = 6, kMostNames = DhcpMessage::kMostNames;

    std::uint64_t hardware_types;
    std::uint64_t options[4]; // bit n: option n
    std::uint32_t status, hops, transaction;
    std::uint32_t lease_s, renew_s, rebind_s;
    DhcpAddress netmask, gateway, dns, requested, client, your, next_server, relay, server_id;
    DhcpMessage::Name names[kMostNames], domains[kMostNames];
    DhcpText<63> server_name, vendor;
    DhcpText<127> boot_file, text;
    std::uint16_t parameters[DhcpMessage::kMostParameters]; // of the first message that has some
    std::uint16_t option_count, seconds;
    std::uint8_t types[kMostTypes];
    std::uint8_t macs[kMostMacs][6];
    std::uint8_t type_count, mac_count, name_count, domain_count, parameter_count;
    std::uint8_t has_mac, mac[6]; // of the last message
    std::uint8_t pad[6];

    void add(const DhcpMessage& m)
    {
        status |= m.status;
        hops |= m.hops;
        hardware_types |= m.hardware_types;
        transaction = m.transaction;
        seconds = std::max(seconds, m.seconds);
        option_count = static_cast<std::uint16_t>(std::min<unsigned>(option_count + m.option_count, 0xffff));
        for (unsigned code = 0; code < m.options.size(); code++)
            if (m.options.test(code))
                options[code / 64] |= std::uint64_t{1} << code % 64;
        for (unsigned i = 0; i < m.type_count; i++)
            add_type(m.types[i]);
        has_mac = m.has_mac;
        std::memcpy(mac, m.mac, 6);
        if (m.has_mac)
            add_mac(m.mac);
        for (unsigned i = 0; i < m.name_count; i++)
            add_name(m.names[i], names, &name_count);
        for (unsigned i = 0; i < m.domain_count; i++)
            add_name(m.domains[i], domains, &domain_count);
        if (m.has_lease)
            lease_s = m.lease_s;
        if (m.has_renew)
            renew_s = m.renew_s;
        if (m.has_rebind)
            rebind_s = m.rebind_s;
        keep(m.netmask, &netmask);
        keep(m.gateway, &gateway);
        keep(m.dns, &dns);
        keep(m.requested, &requested);
        keep(m.client, &client);
        keep(m.your, &your);
        keep(m.next_server, &next_server);
        keep(m.relay, &relay);
        keep(m.server_id, &server_id);
        keep(m.server_name, &server_name);
        keep(m.vendor, &vendor);
        keep(m.boot_file, &boot_file);
        keep(m.text, &text);
        if (!parameter_count) {
            std::copy_n(m.parameters, m.parameter_count, parameters);
            parameter_count = m.parameter_count;
        }
    }

  private:
    static void keep(const DhcpAddress& from, DhcpAddress* to)
    {
        if (from.version)
            *to = from;
    }
    template <std::size_t Most>
    static void keep(const DhcpText<Most>& from, DhcpText<Most>* to)
    {
        if (from.length)
            *to = from;
    }
    void add_type(std::uint8_t type)
    {
        for (unsigned i = 0; i < type_count; i++)
            if (types[i] == type)
                return;
        if (type_count == kMostTypes)
            status |= DHCP_STAT_LIST_CUT;
        else
            types[type_count++] = type;
    }
    void add_mac(const std::uint8_t* address)
    {
        for (unsigned i = 0; i < mac_count; i++)
            if (!std::memcmp(macs[i], address, 6))
                return;
        if (mac_count == kMostMacs)
            status |= DHCP_STAT_LIST_CUT;
        else
            std::memcpy(macs[mac_count++], address, 6);
    }
    void add_name(const DhcpMessage::Name& name, DhcpMessage::Name* list, std::uint8_t* count)
    {
        for (unsigned i = 0; i < *count; i++)
            if (list[i].view() == name.view())
                return;
        if (*count == kMostNames)
            status |= DHCP_STAT_NAMES_CUT;
        else
            list[(*count)++] = name;
    }
};

struct DhcpMemory {
    DhcpDirection dir[2];
};

} // namespace flowxdp
