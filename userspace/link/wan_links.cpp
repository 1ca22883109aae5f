// SPDX-License-Identifier: BSD-2-Clause
// wan_links.cpp - serial lines and virtual circuits: PPP, SLIP, Cisco HDLC, Frame Relay, ATM, POS, Juniper's copies.
#include "link/link_step.h"

namespace flowxdp::link {

namespace {

constexpr std::uint32_t kHdlcUnicast = 0x0f, kHdlcMulticast = 0x8f;

// RFC 1490/2427: what an NLPID names.
std::uint32_t kind_of_nlpid(std::uint32_t nlpid)
{
    switch (nlpid) {
    case 0xcc:
        return 0x0800;
    case 0x8e:
        return 0x86dd;
    case 0xcf:
        return HEADER_KIND_PPP;
    default:
        return HEADER_KIND_UNKNOWN;
    }
}

bool is_ip_nibble(const LinkStep& step)
{
    std::uint32_t first = step.byte(0);

    return (first >= 0x45 && first <= 0x4f) || (first >> 4) == 6;
}

} // namespace

// Cisco HDLC uses the first byte for unicast and multicast; PPP's is 0xff or, compressed, a protocol.
LinkOutcome strip_ppp(LinkStep& step)
{
    if (step.has(4) && (step.byte(0) == kHdlcUnicast || step.byte(0) == kHdlcMulticast))
        return strip_cisco_hdlc(step);
    step.kind = HEADER_KIND_PPP;
    return LinkOutcome::kOk;
}

// NetBSD's pppd puts the direction where PPP has its address byte.
LinkOutcome strip_ppp_pppd(LinkStep& step)
{
    if (!step.has(2))
        return LinkOutcome::kShortFrame;
    return step.strip(step.byte(1) == 0x03 ? 2 : 0, HEADER_NONE, HEADER_KIND_PPP);
}

LinkOutcome strip_ppp_with_direction(LinkStep& step)
{
    return step.strip(1, HEADER_NONE, HEADER_KIND_PPP);
}

// RFC 2516: the header after the Ethertype; code 0 is the session stage.
LinkOutcome strip_ppp_ether(LinkStep& step)
{
    if (!step.has(6))
        return LinkOutcome::kShortFrame;
    step.kind = step.byte(1) == 0 ? 0x8864 : 0x8863;
    return LinkOutcome::kOk;
}

// BSD: direction byte and 15 bytes of the compressed header before IP.
LinkOutcome strip_slip(LinkStep& step)
{
    return step.strip(16, HEADER_NONE, HEADER_KIND_IP_BY_NIBBLE);
}

// RFC 1547 4.3.1: address, control, Ethertype; 0x8035 is SLARP here, not RARP.
LinkOutcome strip_cisco_hdlc(LinkStep& step)
{
    if (!step.has(4))
        return LinkOutcome::kShortFrame;
    std::uint32_t type = step.be16(2);

    return step.strip(4, HEADER_CHDLC, kind_of_ethertype(type == 0x8035 ? 0 : type));
}

LinkOutcome strip_cisco_hdlc_with_direction(LinkStep& step)
{
    LinkOutcome outcome = step.strip(1, HEADER_NONE);

    return outcome == LinkOutcome::kOk ? strip_cisco_hdlc(step) : outcome;
}

// Q.922 address of two to four bytes (the last one has bit 0 set), then RFC 2427 or Cisco's bare Ethertype.
LinkOutcome strip_frame_relay(LinkStep& step)
{
    std::uint32_t n = 0;

    do {
        if (!step.has(n + 1))
            return LinkOutcome::kShortFrame;
    } while (!(step.byte(n++) & 1) && n < 4);
    if (n < 2) // Q.922 has no address of one byte
        return step.unreadable(HEADER_FR);
    if (!step.has(n + 2))
        return LinkOutcome::kShortFrame;
    if (step.byte(n) != 0x03)
        return step.strip(n + 2, HEADER_FR, kind_of_ethertype(step.be16(n)));
    n++;
    if (step.byte(n) == 0) // padding for alignment
        n++;
    if (!step.has(n + 1))
        return LinkOutcome::kShortFrame;
    if (step.byte(n) != 0x80)
        return step.strip(n + 1, HEADER_FR, kind_of_nlpid(step.byte(n)));
    if (!step.has(n + 6)) // SNAP: NLPID, OUI, type
        return LinkOutcome::kShortFrame;
    std::uint32_t oui = step.be32(n) & 0xffffff, type = step.be16(n + 4);

    if (oui == 0x0080c2 && (type == 1 || type == 7)) // bridged Ethernet
        return step.strip(n + 6, HEADER_FR, HEADER_KIND_ETHERNET);
    return step.strip(n + 6, HEADER_FR, kind_of_ethertype(oui == 0 ? type : 0));
}

LinkOutcome strip_frame_relay_with_direction(LinkStep& step)
{
    LinkOutcome outcome = step.strip(1, HEADER_NONE);

    return outcome == LinkOutcome::kOk ? strip_frame_relay(step) : outcome;
}

// RFC 2684: LLC encapsulation, or, on a circuit of its own, bare IP. No LLC SAP in use begins as IP does.
LinkOutcome strip_atm_rfc1483(LinkStep& step)
{
    if (!step.has(3))
        return LinkOutcome::kShortFrame;
    return step.strip(0, HEADER_ATM, is_ip_nibble(step) ? HEADER_KIND_IP_BY_NIBBLE : HEADER_KIND_LLC);
}

// RFC 1577 on Linux: bare IP when the circuit carries only IP.
LinkOutcome strip_atm_clip(LinkStep& step)
{
    if (!step.has(6))
        return LinkOutcome::kShortFrame;
    bool llc = step.be16(0) == 0xaaaa && step.byte(2) == 3;

    return step.strip(0, HEADER_ATM, llc ? HEADER_KIND_LLC : HEADER_KIND_IP_BY_NIBBLE);
}

// SunATM: type in the low nibble of the first byte, then VPI and VCI. LANE: LEC id, then 802.3.
LinkOutcome strip_sun_atm(LinkStep& step)
{
    if (!step.has(4))
        return LinkOutcome::kShortFrame;
    switch (step.byte(0) & 15) {
    case 1:
        return step.strip(6, HEADER_SUNATM, HEADER_KIND_ETHERNET);
    case 2:
        return step.strip(4, HEADER_SUNATM, HEADER_KIND_LLC);
    default:
        return step.strip(4, HEADER_SUNATM, HEADER_KIND_UNKNOWN);
    }
}

LinkOutcome strip_mpls(LinkStep& step)
{
    step.kind = 0x8847;
    return LinkOutcome::kOk;
}

// Endace extensible record format: 16 bytes, extension headers of 8 while their first bit says so, then by type.
LinkOutcome strip_erf(LinkStep& step)
{
    if (!step.has(16))
        return LinkOutcome::kShortFrame;
    std::uint32_t type = step.byte(8) & 0x7f, n = 16;
    bool extended = (step.byte(8) & 0x80) != 0;

    while (extended) {
        if (!step.has(n + 8))
            return LinkOutcome::kShortFrame;
        extended = (step.byte(n) & 0x80) != 0;
        n += 8;
    }
    switch (type) {
    case 2:
    case 11:
    case 16:
    case 20: // Ethernet after two bytes of padding
        return step.strip(n + 2, HEADER_NONE, HEADER_KIND_ETHERNET);
    case 1:
    case 10:
    case 15:
    case 19: { // packet over SONET: PPP or Cisco HDLC
        LinkOutcome outcome = step.strip(n, HEADER_NONE);

        return outcome == LinkOutcome::kOk ? strip_ppp(step) : outcome;
    }
    case 22:
        return step.strip(n, HEADER_NONE, 0x0800);
    case 23:
        return step.strip(n, HEADER_NONE, 0x86dd);
    default:
        return step.strip(n, HEADER_NONE, HEADER_KIND_UNKNOWN);
    }
}

namespace {

// Juniper: "MGC", flags, an extension when flags say so; without link header four bytes more, then IP.
LinkOutcome strip_juniper(LinkStep& step, bool* has_link)
{
    constexpr std::uint32_t kMagic = 0x4d4743, kNoLink = 0x02, kExtension = 0x80;

    *has_link = false;
    if (!step.has(6))
        return LinkOutcome::kShortFrame;
    std::uint32_t flags = step.byte(3), n = 4;

    if (step.be32(0) >> 8 != kMagic)
        return LinkOutcome::kUnsupported;
    if (flags & kExtension)
        n += 2 + step.be16(4);
    if (flags & kNoLink)
        return step.strip(n + 4, HEADER_JUNIPER, HEADER_KIND_IP_BY_NIBBLE);
    *has_link = true;
    return step.strip(n, HEADER_JUNIPER, HEADER_KIND_ETHERNET);
}

LinkOutcome strip_juniper_then(LinkStep& step, LinkHandler next)
{
    bool has_link;
    LinkOutcome outcome = strip_juniper(step, &has_link);

    return outcome == LinkOutcome::kOk && has_link ? next(step) : outcome;
}

} // namespace

LinkOutcome strip_juniper_ether(LinkStep& step)
{
    return strip_juniper_then(step, strip_ethernet);
}

LinkOutcome strip_juniper_ppp(LinkStep& step)
{
    return strip_juniper_then(step, strip_ppp);
}

LinkOutcome strip_juniper_frame_relay(LinkStep& step)
{
    return strip_juniper_then(step, strip_frame_relay);
}

LinkOutcome strip_juniper_chdlc(LinkStep& step)
{
    return strip_juniper_then(step, strip_cisco_hdlc);
}

} // namespace flowxdp::link
