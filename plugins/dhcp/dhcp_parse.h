// SPDX-License-Identifier: BSD-2-Clause
// dhcp_parse.h - what the parsers of DHCP and DHCPv6 share: reading, and putting what was read into a message.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "dhcp_message.h"

namespace flowxdp::dhcp {

using Bytes = std::span<const std::uint8_t>;

inline std::uint16_t load16(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
inline std::uint32_t load32(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint32_t>(load16(bytes, at)) << 16 | load16(bytes, at + 2);
}
inline std::string_view text_of(Bytes bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
// Without what follows a zero byte: some senders count the end of a C string.
inline std::string_view c_text_of(Bytes bytes)
{
    const std::string_view text = text_of(bytes);
    return text.substr(0, text.find('\0'));
}

inline DhcpAddress address4(Bytes bytes)
{
    DhcpAddress a = {};
    a.version = 4;
    a.bytes[10] = a.bytes[11] = 0xff;
    std::memcpy(a.bytes + 12, bytes.data(), 4);
    return a;
}
inline DhcpAddress address6(Bytes bytes)
{
    DhcpAddress a = {};
    a.version = 6;
    std::memcpy(a.bytes, bytes.data(), 16);
    return a;
}
inline bool is_zero(Bytes bytes)
{
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

template <std::size_t Most>
void put_text(DhcpMessage* m, DhcpText<Most>* to, std::string_view text)
{
    if (!to->assign(text))
        m->status |= DHCP_STAT_TEXT_CUT;
}
// Another name of a list, once.
inline void put_name(DhcpMessage* m, DhcpMessage::Name* list, std::uint8_t* count, std::string_view text)
{
    if (text.empty())
        return;
    DhcpMessage::Name name = {};
    put_text(m, &name, text);
    for (std::uint8_t i = 0; i < *count; i++)
        if (list[i].view() == name.view())
            return;
    if (*count == DhcpMessage::kMostNames)
        m->status |= DHCP_STAT_NAMES_CUT;
    else
        list[(*count)++] = name;
}
inline void put_type(DhcpMessage* m, std::uint8_t type)
{
    if (m->type_count == DhcpMessage::kMostTypes)
        m->status |= DHCP_STAT_LIST_CUT;
    else
        m->types[m->type_count++] = type;
}
inline void put_parameter(DhcpMessage* m, std::uint16_t code)
{
    if (m->parameter_count == DhcpMessage::kMostParameters)
        m->status |= DHCP_STAT_LIST_CUT;
    else
        m->parameters[m->parameter_count++] = code;
}
inline void put_option(DhcpMessage* m, unsigned code)
{
    m->option_count++;
    if (code < m->options.size())
        m->options.set(code);
    else
        m->status |= DHCP_STAT_LIST_CUT;
}
inline void put_hardware_type(DhcpMessage* m, unsigned type)
{
    m->hardware_types |= std::uint64_t{1} << std::min(type, 63u);
}
inline void put_hops(DhcpMessage* m, unsigned hops)
{
    m->hops |= std::uint32_t{1} << (hops <= 16 ? hops : 31);
}

// A name of RFC 1035 3.1 at the start of bytes, as text with dots; compression is not allowed here. Returns the bytes
// it takes, 0 when it is malformed. The text is cut silently at 255 bytes, which no name exceeds.
inline std::size_t read_domain_name(Bytes bytes, DhcpText<255>* name)
{
    name->length = 0;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::size_t label = bytes[at++];
        if (label == 0)
            return at;
        if (label > 63 || bytes.size() - at < label)
            return 0;
        if (name->length && name->length < sizeof name->bytes)
            name->bytes[name->length++] = '.';
        const std::size_t room = sizeof name->bytes - name->length, taken = std::min(label, room);
        std::memcpy(name->bytes + name->length, &bytes[at], taken);
        name->length = static_cast<std::uint8_t>(name->length + taken);
        at += label;
    }
    return at; // RFC 4704 4.2: a partial name ends without the empty label
}

} // namespace flowxdp::dhcp
