// SPDX-License-Identifier: BSD-2-Clause
// wireless_links.cpp - IEEE 802.11 and what capture tools put in front of it.
#include "link/link_step.h"

namespace flowxdp::link {

namespace {

constexpr std::uint32_t kPrismBytes = 144;
constexpr std::uint32_t kAvsMagic = 0x80211000; // low 12 bits: version

// www.radiotap.org: is the 802.11 header padded to four bytes before its payload?
bool radiotap_pads(const LinkStep& step, std::uint32_t length)
{
    std::uint32_t present = step.le32(4), at = 8;
    constexpr std::uint32_t kTsft = 1, kFlags = 2, kMore = 0x80000000, kDataPad = 0x20;

    for (std::uint32_t word = present; word & kMore; at += 4) {
        if (at + 4 > length)
            return false;
        word = step.le32(at);
    }
    if (!(present & kFlags))
        return false;
    if (present & kTsft)
        at = (at + 7) / 8 * 8 + 8;
    return at < length && (step.byte(at) & kDataPad);
}

} // namespace

LinkOutcome strip_dot11(LinkStep& step)
{
    step.kind = HEADER_KIND_DOT11;
    return LinkOutcome::kOk;
}

LinkOutcome strip_radiotap(LinkStep& step)
{
    if (!step.has(8))
        return LinkOutcome::kShortFrame;
    std::uint32_t length = step.le16(2);

    if (length < 8)
        return step.unreadable(HEADER_RADIOTAP);
    if (!step.has(length))
        return LinkOutcome::kShortFrame;
    return step.strip(length, HEADER_RADIOTAP,
                      radiotap_pads(step, length) ? HEADER_KIND_DOT11_PADDED : HEADER_KIND_DOT11);
}

// An AVS header says its length; some drivers deliver it under the Prism link type.
LinkOutcome strip_avs(LinkStep& step)
{
    if (!step.has(8))
        return LinkOutcome::kShortFrame;
    std::uint32_t length = step.be32(4);

    if (length < 8)
        return step.unreadable(HEADER_AVS);
    return step.strip(length, HEADER_AVS, HEADER_KIND_DOT11);
}

LinkOutcome strip_prism(LinkStep& step)
{
    if (step.has(8) && (step.be32(0) & 0xfffff000) == kAvsMagic)
        return strip_avs(step);
    return step.strip(kPrismBytes, HEADER_PRISM, HEADER_KIND_DOT11);
}

// Per-Packet Information header: length and the DLT_ of what follows, little endian.
LinkOutcome strip_ppi(LinkStep& step)
{
    if (!step.has(8))
        return LinkOutcome::kShortFrame;
    std::uint32_t length = step.le16(2), dlt = step.le32(4);

    if (length < 8)
        return step.unreadable(HEADER_PPI);
    LinkOutcome outcome = step.strip(length, HEADER_PPI);

    return outcome == LinkOutcome::kOk ? strip_inner(step, dlt) : outcome;
}

} // namespace flowxdp::link
