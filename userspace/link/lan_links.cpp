// SPDX-License-Identifier: BSD-2-Clause
// lan_links.cpp - links with stations: Ethernet and its variants, token ring, FDDI, Fibre Channel, InfiniBand.
#include "link/link_step.h"

namespace flowxdp::link {

LinkOutcome strip_ethernet(LinkStep& step)
{
    step.kind = HEADER_KIND_ETHERNET; // the shared parser's own start: it counts a short one
    return LinkOutcome::kOk;
}

// IEEE 802.5: AC, FC, two addresses, optional source routing; LLC in frames of type 01.
LinkOutcome strip_token_ring(LinkStep& step)
{
    if (!step.has(14))
        return LinkOutcome::kShortFrame;
    std::uint32_t bytes = 14, frame_control = step.byte(1);

    if (step.byte(8) & 0x80) { // the source address' multicast bit: routing information follows
        if (!step.has(16))
            return LinkOutcome::kShortFrame;
        std::uint32_t routing = step.byte(14) & 0x1f;

        bytes += routing < 2 ? 2 : routing;
    }
    return step.strip(bytes, HEADER_TOKENRING, (frame_control & 0xc0) == 0x40 ? HEADER_KIND_LLC : HEADER_KIND_UNKNOWN);
}

// ANSI X3.139: FC and two addresses; LLC in asynchronous and synchronous LLC frames.
LinkOutcome strip_fddi(LinkStep& step)
{
    if (!step.has(13))
        return LinkOutcome::kShortFrame;
    bool llc = (step.byte(0) & 0x70) == 0x50;

    return step.strip(13, HEADER_FDDI, llc ? HEADER_KIND_LLC : HEADER_KIND_UNKNOWN);
}

namespace {

// RFC 1201 and 1051: protocol byte at `type_at`, for RFC 1201 followed by flag and sequence number.
LinkOutcome strip_arcnet(LinkStep& step, std::uint32_t type_at)
{
    if (!step.has(type_at + 1))
        return LinkOutcome::kShortFrame;
    switch (step.byte(type_at)) {
    case 240:
        return step.strip(type_at + 1, HEADER_NONE, 0x0800);
    case 241:
        return step.strip(type_at + 1, HEADER_NONE, 0x0806);
    case 212:
        return step.strip(type_at + 4, HEADER_NONE, 0x0800);
    case 213:
        return step.strip(type_at + 4, HEADER_NONE, 0x0806);
    case 214:
        return step.strip(type_at + 4, HEADER_NONE, 0x8035);
    case 196:
        return step.strip(type_at + 4, HEADER_NONE, 0x86dd);
    default:
        return step.strip(type_at + 1, HEADER_NONE, HEADER_KIND_UNKNOWN);
    }
}

} // namespace

LinkOutcome strip_arcnet_bsd(LinkStep& step)
{
    return strip_arcnet(step, 2);
}

LinkOutcome strip_arcnet_linux(LinkStep& step)
{
    return strip_arcnet(step, 4);
}

// RFC 4338 network header: two 8-byte names, then LLC.
LinkOutcome strip_ip_over_fc(LinkStep& step)
{
    return step.strip(16, HEADER_IPFC, HEADER_KIND_LLC);
}

// Apple IP over IEEE 1394: two 8-byte addresses and an Ethertype.
LinkOutcome strip_ip_over_1394(LinkStep& step)
{
    if (!step.has(18))
        return LinkOutcome::kShortFrame;
    return step.strip(18, HEADER_NONE, kind_of_ethertype(step.be16(16)));
}

// RFC 4391 after a pseudo-header of two 20-byte addresses: Ethertype, two reserved bytes.
LinkOutcome strip_ipoib(LinkStep& step)
{
    if (!step.has(44))
        return LinkOutcome::kShortFrame;
    return step.strip(44, HEADER_IPOIB, kind_of_ethertype(step.be16(40)));
}

// IEEE 802.3br 99.3: preamble, then a delimiter that tells whole frames and first fragments from later fragments.
LinkOutcome strip_mpacket(LinkStep& step)
{
    std::uint32_t n = 0;

    while (n < 7 && step.has(n + 1) && step.byte(n) == 0x55)
        n++;
    if (!step.has(n + 1))
        return LinkOutcome::kShortFrame;
    switch (step.byte(n)) {
    case 0xd5: // SFD: express
    case 0xe6:
    case 0x4c:
    case 0x7f:
    case 0xb3: // SMD-S0..3: preemptable, its start
        return step.strip(n + 1, HEADER_MPACKET, HEADER_KIND_ETHERNET);
    default:
        return step.strip(n + 1, HEADER_MPACKET, HEADER_KIND_UNKNOWN);
    }
}

// Hilscher netANALYZER: four bytes of status, transparent mode also shows preamble and SFD.
LinkOutcome strip_netanalyzer(LinkStep& step)
{
    return step.strip(4, HEADER_NONE, HEADER_KIND_ETHERNET);
}

LinkOutcome strip_netanalyzer_transparent(LinkStep& step)
{
    return step.strip(12, HEADER_NONE, HEADER_KIND_ETHERNET);
}

// DOCSIS MAC header (MULPI 6.2): FC, MAC_PARM (length of the extended header when FC says so), length, check sequence.
LinkOutcome strip_docsis(LinkStep& step)
{
    if (!step.has(6))
        return LinkOutcome::kShortFrame;
    std::uint32_t control = step.byte(0), extended = control & 1 ? step.byte(1) : 0;

    return step.strip(6 + extended, HEADER_NONE, (control >> 6) == 0 ? HEADER_KIND_ETHERNET : HEADER_KIND_UNKNOWN);
}

// A tag between the addresses and the type: the shared parser skips it, so no frame has to be rewritten.
LinkOutcome strip_brcm_tag(LinkStep& step)
{
    step.kind = HEADER_KIND_ETHERNET_BRCM;
    return LinkOutcome::kOk;
}

LinkOutcome strip_dsa_tag(LinkStep& step)
{
    step.kind = HEADER_KIND_ETHERNET_DSA;
    return LinkOutcome::kOk;
}

LinkOutcome strip_edsa_tag(LinkStep& step)
{
    step.kind = HEADER_KIND_ETHERNET_EDSA;
    return LinkOutcome::kOk;
}

LinkOutcome strip_brcm_prepend(LinkStep& step)
{
    return step.strip(4, HEADER_BRCM, HEADER_KIND_ETHERNET);
}

} // namespace flowxdp::link
