// SPDX-License-Identifier: BSD-2-Clause
// host_links.cpp - headers that an operating system adds: loopback, "cooked", firewall logs, process information.
#include "link/link_step.h"

namespace flowxdp::link {

namespace {

// linux/if_arp.h: device types under which a cooked header's protocol field means something else.
enum : std::uint32_t {
    kArphrdFrameRelay = 770,
    kArphrdIpGre = 778,
    kArphrdDot11 = 801,
    kArphrdPrism = 802,
    kArphrdRadiotap = 803,
    kArphrdIp6Gre = 823,
    kArphrdNetlink = 824,
};

// Strips a cooked header of `bytes` bytes; its device type and protocol field tell what follows.
LinkOutcome strip_cooked(LinkStep& step, std::uint32_t bytes, header_id id, std::uint32_t arphrd,
                         std::uint32_t protocol)
{
    LinkOutcome outcome = step.strip(bytes, id);

    if (outcome != LinkOutcome::kOk)
        return outcome;
    step.kind = HEADER_KIND_UNKNOWN;
    switch (arphrd) {
    case kArphrdRadiotap:
        return strip_inner(step, 127);
    case kArphrdPrism:
        return strip_inner(step, 119);
    case kArphrdDot11:
        return strip_inner(step, 105);
    case kArphrdFrameRelay:
        return strip_inner(step, 107);
    case kArphrdNetlink:
        return outcome; // the protocol field is a netlink family
    case kArphrdIpGre:  // a GRE protocol type: Ethertypes as far as they carry IP
    case kArphrdIp6Gre:
        step.kind = static_cast<std::uint16_t>(kind_of_ethertype(protocol));
        return outcome;
    default:
        break;
    }
    switch (protocol) { // linux/if_ether.h, dummy types; 1 (ETH_P_802_3) is Novell's frame without LLC
    case 0x0003:        // ETH_P_ALL: a device that names no protocol, the frame is Ethernet
        step.kind = HEADER_KIND_ETHERNET;
        break;
    case 0x0004: // ETH_P_802_2
    case 0x0011: // ETH_P_TR_802_2
        step.kind = HEADER_KIND_LLC;
        break;
    case 0x0007: // ETH_P_WAN_PPP
    case 0x0008: // ETH_P_PPP_MP
        step.kind = HEADER_KIND_PPP;
        break;
    default:
        step.kind = static_cast<std::uint16_t>(kind_of_ethertype(protocol));
        break;
    }
    return outcome;
}

} // namespace

LinkOutcome strip_raw(LinkStep& step)
{
    return step.strip(0, HEADER_RAW, HEADER_KIND_IP_BY_NIBBLE);
}

LinkOutcome strip_raw_ipv4(LinkStep& step)
{
    return step.strip(0, HEADER_RAW, 0x0800);
}

LinkOutcome strip_raw_ipv6(LinkStep& step)
{
    return step.strip(0, HEADER_RAW, 0x86dd);
}

namespace {

// Kind after four bytes that are no 32-bit address family in either byte order: the last two are an Ethertype (Linux
// kept the end of an Ethernet header), or the first two a family of 16 bits (IRIX).
std::uint32_t kind_of_halves(const LinkStep& step)
{
    std::uint32_t ethertype = step.be16(2);
    std::uint32_t family = step.be16(0) < step.le16(0) ? step.be16(0) : step.le16(0);

    if (ethertype == 0x0800 || ethertype == 0x86dd)
        return ethertype;
    if (kind_of_family(family) != HEADER_KIND_UNKNOWN)
        return kind_of_family(family);
    return kind_of_ethertype(ethertype);
}

// An address family of four bytes in the capturing host's byte order; some systems store 16 bits or an Ethertype, some
// put PPP here.
LinkOutcome strip_family(LinkStep& step, header_id id)
{
    if (!step.has(4))
        return LinkOutcome::kShortFrame;
    if (step.be16(0) == 0xff03) {
        step.kind = HEADER_KIND_PPP;
        return LinkOutcome::kOk;
    }
    std::uint32_t family = step.le32(0);

    if (family & 0xffff0000)
        family = step.be32(0);
    if (family & 0xffff0000)
        return step.strip(4, id, kind_of_halves(step));
    if (family < 0x600 && (family & 0xff) == 0)
        family >>= 8; // 16 bits in the other byte order
    return step.strip(4, id, family >= 0x600 ? family : kind_of_family(family));
}

} // namespace

LinkOutcome strip_null(LinkStep& step)
{
    return strip_family(step, HEADER_NULL);
}

LinkOutcome strip_loop(LinkStep& step)
{
    return strip_family(step, HEADER_LOOP);
}

LinkOutcome strip_linux_sll(LinkStep& step)
{
    if (!step.has(16))
        return LinkOutcome::kShortFrame;
    return strip_cooked(step, 16, HEADER_SLL, step.be16(2), step.be16(14));
}

LinkOutcome strip_linux_sll2(LinkStep& step)
{
    if (!step.has(20))
        return LinkOutcome::kShortFrame;
    return strip_cooked(step, 20, HEADER_SLL2, step.be16(8), step.be16(0));
}

// OpenBSD and FreeBSD enc(4): family, SPI, flags, in host byte order.
LinkOutcome strip_enc(LinkStep& step)
{
    if (!step.has(12))
        return LinkOutcome::kShortFrame;
    std::uint32_t family = step.le32(0) & 0xffff0000 ? step.be32(0) : step.le32(0);

    return step.strip(12, HEADER_ENC, kind_of_family(family));
}

// pflog(4): length (padding to four not counted), family.
LinkOutcome strip_pflog(LinkStep& step)
{
    if (!step.has(4))
        return LinkOutcome::kShortFrame;
    std::uint32_t length = (step.byte(0) + 3) & ~3u;

    if (length < 4)
        return step.unreadable(HEADER_PFLOG);
    return step.strip(length, HEADER_PFLOG, kind_of_family(step.byte(1)));
}

// Solaris ipnet(7D): version, family (Solaris numbers), 22 bytes of zones and interfaces.
LinkOutcome strip_ipnet(LinkStep& step)
{
    if (!step.has(24))
        return LinkOutcome::kShortFrame;
    return step.strip(24, HEADER_IPNET, kind_of_family(step.byte(1)));
}

namespace {

// Finds NFULA_PAYLOAD among the attributes, whose lengths and types are in the host's byte order. 0 = not there.
std::uint32_t nflog_payload_at(const LinkStep& step, bool little_endian)
{
    constexpr std::uint32_t kPayload = 9, kHeader = 4;
    std::uint32_t at = kHeader;

    while (step.has(at + kHeader)) {
        std::uint32_t length = little_endian ? step.le16(at) : step.be16(at);
        std::uint32_t type = little_endian ? step.le16(at + 2) : step.be16(at + 2);

        if (length < kHeader)
            return 0;
        if ((type & 0x7fff) == kPayload)
            return at + kHeader;
        at += (length + 3) & ~3u;
    }
    return 0;
}

} // namespace

LinkOutcome strip_nflog(LinkStep& step)
{
    if (!step.has(4))
        return LinkOutcome::kShortFrame;
    std::uint32_t family = step.byte(0), payload = 0;

    if (step.byte(1) == 0) { // the only version there is
        payload = nflog_payload_at(step, true);
        if (payload == 0)
            payload = nflog_payload_at(step, false);
    }
    if (payload == 0)
        return step.strip(4, HEADER_NFLOG, HEADER_KIND_UNKNOWN);
    return step.strip(payload, HEADER_NFLOG, kind_of_family(family == 2 || family == 10 ? family : 0));
}

namespace {

constexpr std::uint32_t kPktapMinimum = 48; // up to process id and name; today's headers have 108 bytes or more

// Darwin's pktap(4), little endian: length, type (1 = packet), DLT_ of what follows.
bool pktap_plausible(const LinkStep& step)
{
    return step.has(12) && step.le32(0) >= kPktapMinimum && step.le32(0) <= 4096 && step.le32(4) <= 1;
}

} // namespace

LinkOutcome strip_pktap(LinkStep& step)
{
    if (!step.has(12))
        return LinkOutcome::kShortFrame;
    if (!pktap_plausible(step))
        return step.unreadable(HEADER_PKTAP);
    std::uint32_t type = step.le32(4), dlt = step.le32(8);
    LinkOutcome outcome = step.strip(step.le32(0), HEADER_PKTAP, HEADER_KIND_UNKNOWN);

    return outcome == LinkOutcome::kOk && type == 1 ? strip_inner(step, dlt) : outcome;
}

// LINKTYPE_USER2 is free for anybody; Darwin wrote pktap under it.
LinkOutcome strip_user2_pktap(LinkStep& step)
{
    if (!pktap_plausible(step) || !step.has(step.le32(0)))
        return LinkOutcome::kUnsupported;
    return strip_pktap(step);
}

// Symantec Enterprise Firewall: version 2 has the Ethertype at 6 of 44 bytes, version 3 at 36 of 56.
LinkOutcome strip_symantec(LinkStep& step)
{
    if (!step.has(44))
        return LinkOutcome::kShortFrame;
    if (step.be16(6) != 0)
        return step.strip(44, HEADER_NONE, kind_of_ethertype(step.be16(6)));
    return step.strip(56, HEADER_NONE, kind_of_ethertype(step.be16(36)));
}

} // namespace flowxdp::link
