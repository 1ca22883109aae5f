// SPDX-License-Identifier: BSD-2-Clause
#include "dhcp_parse.h"

namespace flowxdp {

namespace {

using namespace dhcp;

constexpr unsigned kMostRelays = 8; // HOP_COUNT_LIMIT of RFC 8415 7.6

// RFC 8415 7.3
enum Type : std::uint8_t {
    kAdvertise = 2,
    kReply = 7,
    kReconfigure = 10,
    kRelayForward = 12,
    kRelayReply = 13,
    kLastType = 37, // IANA, DHCPv6 message types
};

enum Option : std::uint16_t {
    kClientId = 1,
    kIaNa = 3,
    kIaTa = 4,
    kIaAddress = 5,
    kOptionRequest = 6,
    kElapsedTime = 8,
    kRelayMessage = 9,
    kStatusCode = 13,
    kVendorClass = 16,
    kDnsServers = 23,
    kDomainList = 24,
    kIaPd = 25,
    kIaPrefix = 26,
    kClientFqdn = 39,
};

bool is_reply(std::uint8_t type)
{
    return type == kAdvertise || type == kReply || type == kReconfigure || type == kRelayReply;
}

struct Parser {
    DhcpMessage* m;
    bool reply = false;
    bool whole = true; // all of the message was captured
    Bytes relayed = {};

    bool needs(Bytes value, std::size_t size)
    {
        if (value.size() < size)
            m->status |= DHCP_STAT_BAD_LENGTH;
        return value.size() >= size;
    }

    // RFC 8415 11: a DUID of types 1 and 3 has the client's hardware address.
    void client_id(Bytes duid)
    {
        if (!needs(duid, 2))
            return;
        const unsigned type = load16(duid, 0);
        if (type != 1 && type != 3)
            return;
        const std::size_t address = type == 1 ? 8 : 4;
        if (!needs(duid, address))
            return;
        put_hardware_type(m, load16(duid, 2));
        if (load16(duid, 2) != 1 || duid.size() != address + 6) {
            m->status |= DHCP_STAT_NOT_ETHERNET;
            return;
        }
        m->has_mac = true;
        std::memcpy(m->mac, &duid[address], 6);
    }
    void identity_association(Bytes value, bool with_times)
    {
        if (!needs(value, with_times ? 12 : 4))
            return;
        if (with_times && reply) {
            m->has_renew = m->has_rebind = true;
            m->renew_s = load32(value, 4);
            m->rebind_s = load32(value, 8);
        }
        options(value.subspan(with_times ? 12 : 4), 1);
    }
    // The first address or prefix stands for all.
    void put_address(Bytes address, std::uint32_t valid_s)
    {
        DhcpAddress* to = reply ? &m->your : &m->requested;
        if (to->version)
            return;
        *to = address6(address);
        if (reply) {
            m->has_lease = true;
            m->lease_s = valid_s;
        }
    }
    void domain_list(Bytes value)
    {
        while (!value.empty()) {
            DhcpText<255> text = {};
            const std::size_t taken = read_domain_name(value, &text);
            if (!taken) {
                m->status |= DHCP_STAT_BAD_OPTIONS;
                return;
            }
            put_name(m, m->domains, &m->domain_count, text.view());
            value = value.subspan(taken);
        }
    }
    void client_fqdn(Bytes value)
    {
        if (!needs(value, 1))
            return;
        DhcpText<255> text = {};
        if (value.size() > 1 && !read_domain_name(value.subspan(1), &text))
            m->status |= DHCP_STAT_BAD_OPTIONS;
        put_name(m, m->names, &m->name_count, text.view());
    }

    void option(std::uint16_t code, Bytes value, unsigned depth)
    {
        put_option(m, code);
        switch (code) {
        case kClientId:
            return client_id(value);
        case kIaNa:
        case kIaPd:
            if (depth == 0)
                identity_association(value, true);
            return;
        case kIaTa:
            if (depth == 0)
                identity_association(value, false);
            return;
        case kIaAddress: // address, preferred and valid lifetime, options
            if (needs(value, 24)) {
                put_address(value, load32(value, 20));
                if (depth == 1)
                    options(value.subspan(24), 2);
            }
            return;
        case kIaPrefix: // preferred and valid lifetime, length, prefix, options
            if (needs(value, 25)) {
                put_address(value.subspan(9), load32(value, 4));
                if (depth == 1)
                    options(value.subspan(25), 2);
            }
            return;
        case kOptionRequest:
            for (std::size_t at = 0; at + 2 <= value.size(); at += 2)
                put_parameter(m, load16(value, at));
            return;
        case kElapsedTime: // hundredths of a second
            if (needs(value, 2))
                m->seconds = static_cast<std::uint16_t>(load16(value, 0) / 100);
            return;
        case kRelayMessage:
            if (depth == 0)
                relayed = value;
            return;
        case kStatusCode:
            if (needs(value, 2) && value.size() > 2)
                put_text(m, &m->text, text_of(value.subspan(2)));
            return;
        case kVendorClass: // enterprise, then length and data
            if (needs(value, 6))
                put_text(m, &m->vendor,
                         text_of(value.subspan(6, std::min<std::size_t>(load16(value, 4), value.size() - 6))));
            return;
        case kDnsServers:
            if (needs(value, 16))
                m->dns = address6(value);
            return;
        case kDomainList:
            return domain_list(value);
        case kClientFqdn:
            return client_fqdn(value);
        default:
            return;
        }
    }

    void options(Bytes rest, unsigned depth)
    {
        while (!rest.empty()) {
            if (rest.size() < 4 || rest.size() - 4 < load16(rest, 2)) {
                if (whole)
                    m->status |= DHCP_STAT_BAD_OPTIONS;
                return;
            }
            const std::size_t length = load16(rest, 2);
            option(load16(rest, 0), rest.subspan(4, length), depth);
            rest = rest.subspan(4 + length);
        }
    }
};

} // namespace

DhcpMessage parse_dhcp6(std::span<const std::uint8_t> bytes, std::size_t claimed)
{
    DhcpMessage m = {};
    m.status = DHCP_STAT_DETECTED;
    Parser parser = {&m};
    parser.whole = bytes.size() >= claimed;
    if (!parser.whole)
        m.status |= DHCP_STAT_CAPTURE_CUT;
    Bytes message = bytes;
    for (unsigned relays = 0;; relays++) {
        const bool is_relay = !message.empty() && (message[0] == kRelayForward || message[0] == kRelayReply);
        if (message.size() < (is_relay ? 34u : 4u)) {
            if (!message.empty())
                put_type(&m, message[0]);
            if (parser.whole)
                m.status |= DHCP_STAT_MALFORMED;
            return m;
        }
        const std::uint8_t type = message[0];
        put_type(&m, type);
        if (type == 0 || type > kLastType)
            m.status |= DHCP_STAT_UNKNOWN_TYPE;
        parser.reply = is_reply(type);
        m.status |= parser.reply ? DHCP_STAT_REPLY : DHCP_STAT_REQUEST;
        if (!is_relay) {
            m.transaction = load32(message, 0) & 0xffffff;
            parser.options(message.subspan(4), 0);
            return m;
        }
        put_hops(&m, message[1]);
        if (!m.relay.version && !is_zero(message.subspan(2, 16)))
            m.relay = address6(message.subspan(2));
        parser.relayed = {};
        parser.options(message.subspan(34), 0);
        if (parser.relayed.empty())
            return m;
        if (relays == kMostRelays) {
            m.status |= DHCP_STAT_DEEP_RELAY;
            return m;
        }
        message = parser.relayed;
    }
}

} // namespace flowxdp
