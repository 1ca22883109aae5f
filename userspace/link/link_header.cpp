// SPDX-License-Identifier: BSD-2-Clause
// link_header.cpp - which step belongs to which link type, and the resulting frame_meta.
#include "link/link_header.h"

#include "link/link_step.h"

namespace flowxdp {

namespace link {

namespace {

// Link headers nested in link headers: a frame with more (PPI in PKTAP in ...) is an attack.
constexpr std::uint8_t kMaxNesting = 4;

} // namespace

LinkHandler handler_of(std::uint32_t link_type)
{
    switch (link_type) {
    case 0:
        return strip_null;
    case 1:
        return strip_ethernet;
    case 6:
        return strip_token_ring;
    case 7:
        return strip_arcnet_bsd;
    case 8:
    case 15:
        return strip_slip;
    case 9:
    case 50:
        return strip_ppp;
    case 10:
        return strip_fddi;
    case 11:
    case 100:
        return strip_atm_rfc1483;
    case 12:
    case 14:
    case 101:
        return strip_raw;
    case 51:
        return strip_ppp_ether;
    case 99:
        return strip_symantec;
    case 104:
        return strip_cisco_hdlc;
    case 105:
        return strip_dot11;
    case 106:
        return strip_atm_clip;
    case 107:
        return strip_frame_relay;
    case 108:
        return strip_loop;
    case 109:
        return strip_enc;
    case 113:
        return strip_linux_sll;
    case 117:
        return strip_pflog;
    case 119:
        return strip_prism;
    case 122:
        return strip_ip_over_fc;
    case 123:
        return strip_sun_atm;
    case 127:
        return strip_radiotap;
    case 129:
        return strip_arcnet_linux;
    case 138:
        return strip_ip_over_1394;
    case 143:
        return strip_docsis;
    case 149:
        return strip_user2_pktap;
    case 163:
        return strip_avs;
    case 166:
        return strip_ppp_pppd;
    case 178:
        return strip_juniper_ether;
    case 179:
        return strip_juniper_ppp;
    case 180:
        return strip_juniper_frame_relay;
    case 181:
        return strip_juniper_chdlc;
    case 192:
        return strip_ppi;
    case 197:
        return strip_erf;
    case 204:
        return strip_ppp_with_direction;
    case 205:
        return strip_cisco_hdlc_with_direction;
    case 206:
        return strip_frame_relay_with_direction;
    case 219:
        return strip_mpls;
    case 226:
        return strip_ipnet;
    case 228:
        return strip_raw_ipv4;
    case 229:
        return strip_raw_ipv6;
    case 239:
        return strip_nflog;
    case 240:
        return strip_netanalyzer;
    case 241:
        return strip_netanalyzer_transparent;
    case 242:
        return strip_ipoib;
    case 258:
        return strip_pktap;
    case 274:
        return strip_mpacket;
    case 276:
        return strip_linux_sll2;
    case 281:
        return strip_brcm_tag;
    case 282:
        return strip_brcm_prepend;
    case 284:
        return strip_dsa_tag;
    case 285:
        return strip_edsa_tag;
    default:
        return nullptr;
    }
}

LinkOutcome strip_inner(LinkStep& step, std::uint32_t dlt)
{
    // The few DLT_ values that are no LINKTYPE_ value (pcap/dlt.h): Linux Classical IP over ATM.
    LinkHandler handler = handler_of(dlt == 19 ? 106 : dlt);

    if (handler == nullptr || ++step.depth > kMaxNesting)
        return LinkOutcome::kUnsupported;
    return handler(step);
}

std::uint32_t kind_of_family(std::uint32_t family)
{
    switch (family) {
    case 2:
        return 0x0800; // everyone
    case 10:           // Linux
    case 23:           // Windows
    case 24:           // NetBSD, OpenBSD, BSD/OS
    case 26:           // Solaris
    case 28:           // FreeBSD, DragonFly
    case 30:
        return 0x86dd; // Darwin
    default:
        return HEADER_KIND_UNKNOWN;
    }
}

} // namespace link

LinkOutcome strip_link_header(const Frame& frame, const std::uint8_t** bytes, frame_meta* meta)
{
    link::LinkStep step(frame.data, frame.cap_len);
    LinkOutcome outcome = LinkOutcome::kOk;

    if (frame.link_type == kLinkTypeEthernet) { // nearly every frame there is
        step.kind = HEADER_KIND_ETHERNET;
    } else {
        link::LinkHandler handler = link::handler_of(frame.link_type);

        outcome = handler == nullptr ? LinkOutcome::kUnsupported : handler(step);
        if (outcome != LinkOutcome::kOk)
            return outcome;
    }
    std::uint32_t wire_len = frame.wire_len > frame.cap_len ? frame.wire_len : frame.cap_len;

    *bytes = step.data();
    *meta = frame_meta{};
    meta->ts_ns = frame.ts_ns;
    meta->wire_len = wire_len - step.stripped();
    meta->cap_len = step.left();
    meta->if_id = frame.if_id;
    meta->start_kind = step.kind;
    meta->link_headers[0] = step.headers[0];
    meta->link_headers[1] = step.headers[1];
    return outcome;
}

frame_meta link_start(std::uint32_t link_type)
{
    const Frame nothing{nullptr, 0, 0, 0, 0, link_type};
    const std::uint8_t* bytes = nullptr;
    frame_meta start{};
    strip_link_header(nothing, &bytes, &start);
    return start;
}

bool link_type_supported(std::uint32_t link_type)
{
    return link::handler_of(link_type) != nullptr;
}

} // namespace flowxdp
