// SPDX-License-Identifier: BSD-2-Clause
#include "dhcp_parse.h"

namespace flowxdp {

namespace {

using namespace dhcp;

// RFC 2131 2: offsets of the fixed part.
constexpr std::size_t kChaddr = 28, kSname = 44, kSnameSize = 64, kFile = 108, kFileSize = 128, kMagicAt = 236,
                      kOptionsAt = 240;
constexpr std::uint32_t kMagic = 0x63825363;
constexpr std::uint16_t kBroadcast = 0x8000;
constexpr std::uint8_t kPad = 0, kEnd = 255, kLastType = 18; // 18: DHCPTLS, RFC 7724

// Options of RFC 2132 and later whose value has a column.
enum Option : std::uint8_t {
    kNetmask = 1,
    kRouter = 3,
    kDns = 6,
    kHostName = 12,
    kDomainName = 15,
    kRequestedAddress = 50,
    kLease = 51,
    kOverload = 52,
    kType = 53,
    kServerId = 54,
    kParameters = 55,
    kMessage = 56,
    kRenew = 58,
    kRebind = 59,
    kVendorClass = 60,
    kClientId = 61,
    kClientFqdn = 81,
};

struct Parser {
    DhcpMessage* m;
    Bytes chaddr;
    std::uint8_t hardware_type;
    std::uint8_t overload = 0;
    bool ended = false;

    void address(DhcpAddress* to, Bytes value)
    {
        if (value.size() < 4 || value.size() % 4)
            m->status |= DHCP_STAT_BAD_LENGTH;
        if (value.size() >= 4)
            *to = address4(value);
    }
    void seconds(bool* has, std::uint32_t* to, Bytes value)
    {
        if (value.size() != 4) {
            m->status |= DHCP_STAT_BAD_LENGTH;
            return;
        }
        *has = true;
        *to = load32(value, 0);
    }
    void message_type(Bytes value)
    {
        if (value.size() != 1) {
            m->status |= DHCP_STAT_BAD_LENGTH;
            return;
        }
        if (value[0] == 0 || value[0] > kLastType)
            m->status |= DHCP_STAT_UNKNOWN_TYPE;
        put_type(m, value[0]);
    }
    // RFC 2132 9.14: hardware type and address; types 0 and 255 (RFC 4361) are no hardware.
    void client_id(Bytes value)
    {
        if (value.size() < 2) {
            m->status |= DHCP_STAT_BAD_LENGTH;
            return;
        }
        if (value[0] == 0 || value[0] >= 254)
            return;
        const Bytes address = value.subspan(1);
        if (value[0] != hardware_type || address.size() > chaddr.size() ||
            !std::equal(address.begin(), address.end(), chaddr.begin()))
            m->status |= DHCP_STAT_CLIENT_ID;
    }
    // RFC 4702: flags, two results, the name: as in DNS when flag E is set, else as text.
    void client_fqdn(Bytes value)
    {
        if (value.size() < 3) {
            m->status |= DHCP_STAT_BAD_LENGTH;
            return;
        }
        const Bytes name = value.subspan(3);
        if (!(value[0] & 0x04))
            return put_name(m, m->names, &m->name_count, c_text_of(name));
        DhcpText<255> text = {};
        if (!name.empty() && !read_domain_name(name, &text))
            m->status |= DHCP_STAT_BAD_OPTIONS;
        put_name(m, m->names, &m->name_count, text.view());
    }

    void option(std::uint8_t code, Bytes value)
    {
        put_option(m, code);
        switch (code) {
        case kNetmask:
            return address(&m->netmask, value);
        case kRouter:
            return address(&m->gateway, value);
        case kDns:
            return address(&m->dns, value);
        case kHostName:
            return put_name(m, m->names, &m->name_count, c_text_of(value));
        case kDomainName:
            return put_name(m, m->domains, &m->domain_count, c_text_of(value));
        case kRequestedAddress:
            return address(&m->requested, value);
        case kLease:
            return seconds(&m->has_lease, &m->lease_s, value);
        case kOverload:
            m->status |= DHCP_STAT_OVERLOAD;
            if (value.size() == 1)
                overload = value[0] & 3;
            else
                m->status |= DHCP_STAT_BAD_LENGTH;
            return;
        case kType:
            return message_type(value);
        case kServerId:
            return address(&m->server_id, value);
        case kParameters:
            for (const std::uint8_t parameter : value)
                put_parameter(m, parameter);
            return;
        case kMessage:
            return put_text(m, &m->text, c_text_of(value));
        case kRenew:
            return seconds(&m->has_renew, &m->renew_s, value);
        case kRebind:
            return seconds(&m->has_rebind, &m->rebind_s, value);
        case kVendorClass:
            return put_text(m, &m->vendor, c_text_of(value));
        case kClientId:
            return client_id(value);
        case kClientFqdn:
            return client_fqdn(value);
        default:
            return;
        }
    }

    // Ends at the end option; `ended` says whether there was one.
    void options(Bytes rest)
    {
        ended = false;
        while (!rest.empty()) {
            const std::uint8_t code = rest[0];
            if (code == kEnd) {
                ended = true;
                return;
            }
            if (code == kPad) {
                rest = rest.subspan(1);
                continue;
            }
            if (rest.size() < 2 || rest.size() < 2u + rest[1])
                return;
            option(code, rest.subspan(2, rest[1]));
            rest = rest.subspan(2u + rest[1]);
        }
    }
};

void put_fixed_address(DhcpAddress* to, Bytes bytes)
{
    if (!is_zero(bytes))
        *to = address4(bytes);
}

} // namespace

DhcpMessage parse_dhcp4(std::span<const std::uint8_t> bytes, std::size_t claimed)
{
    DhcpMessage m = {};
    m.status = DHCP_STAT_DETECTED;
    if (bytes.size() < claimed)
        m.status |= DHCP_STAT_CAPTURE_CUT;
    if (bytes.size() < kMagicAt) {
        if (claimed < kMagicAt)
            m.status |= DHCP_STAT_MALFORMED;
        return m;
    }
    const std::uint8_t op = bytes[0], hardware_type = bytes[1], hardware_length = bytes[2];
    m.status |= op == 1 ? DHCP_STAT_REQUEST : op == 2 ? DHCP_STAT_REPLY : DHCP_STAT_MALFORMED;
    put_hardware_type(&m, hardware_type);
    put_hops(&m, bytes[3]);
    m.transaction = load32(bytes, 4);
    // Some senders write their own byte order: the smaller number is the likely one.
    const std::uint16_t big = load16(bytes, 8), little = static_cast<std::uint16_t>(bytes[9] << 8 | bytes[8]);
    m.seconds = std::min(big, little);
    if (little < big)
        m.status |= DHCP_STAT_SECS_LITTLE_ENDIAN;
    if (load16(bytes, 10) & kBroadcast)
        m.status |= DHCP_STAT_BROADCAST;
    put_fixed_address(&m.client, bytes.subspan(12, 4));
    put_fixed_address(&m.your, bytes.subspan(16, 4));
    put_fixed_address(&m.next_server, bytes.subspan(20, 4));
    put_fixed_address(&m.relay, bytes.subspan(24, 4));
    if (hardware_type == 1 && hardware_length == 6) {
        m.has_mac = true;
        std::memcpy(m.mac, &bytes[kChaddr], 6);
    } else {
        m.status |= DHCP_STAT_NOT_ETHERNET;
    }

    Parser parser = {&m, bytes.subspan(kChaddr, std::min<std::size_t>(hardware_length, 16)), hardware_type};
    if (bytes.size() < kOptionsAt) {
        if (claimed < kOptionsAt)
            m.status |= DHCP_STAT_BAD_MAGIC;
    } else if (load32(bytes, kMagicAt) != kMagic) {
        m.status |= DHCP_STAT_BAD_MAGIC;
    } else {
        parser.options(bytes.subspan(kOptionsAt));
        if (!parser.ended && bytes.size() >= claimed)
            m.status |= DHCP_STAT_BAD_OPTIONS;
    }
    // RFC 2131 4.1: with option 52 the fields carry options, first file, then sname.
    const std::uint8_t overload = parser.overload;
    if (overload & 1)
        parser.options(bytes.subspan(kFile, kFileSize));
    else
        put_text(&m, &m.boot_file, c_text_of(bytes.subspan(kFile, kFileSize)));
    if (overload & 2)
        parser.options(bytes.subspan(kSname, kSnameSize));
    else
        put_text(&m, &m.server_name, c_text_of(bytes.subspan(kSname, kSnameSize)));
    return m;
}

} // namespace flowxdp
