// SPDX-License-Identifier: BSD-2-Clause
// link_step.h - one frame while its link headers are stripped: the rest of it and the headers found. Private to link/.
#pragma once

#include <cstdint>
#include <cstring>

#include "link/link_header.h"

namespace flowxdp::link {

// Reads are bounded by the caller: has(n) before the first of n bytes. Offsets count from the first byte not stripped.
class LinkStep {
  public:
    LinkStep(const std::uint8_t* data, std::uint32_t cap_len) : data_(data), left_(cap_len) {}

    [[nodiscard]] const std::uint8_t* data() const { return data_; }
    [[nodiscard]] std::uint32_t left() const { return left_; }
    [[nodiscard]] bool has(std::uint32_t bytes) const { return bytes <= left_; }
    [[nodiscard]] std::uint32_t stripped() const { return stripped_; }

    [[nodiscard]] std::uint32_t byte(std::uint32_t offset) const { return data_[offset]; }
    [[nodiscard]] std::uint32_t be16(std::uint32_t o) const { return byte(o) << 8 | byte(o + 1); }
    [[nodiscard]] std::uint32_t le16(std::uint32_t o) const { return byte(o + 1) << 8 | byte(o); }
    [[nodiscard]] std::uint32_t be32(std::uint32_t o) const { return be16(o) << 16 | be16(o + 2); }
    [[nodiscard]] std::uint32_t le32(std::uint32_t o) const { return le16(o + 2) << 16 | le16(o); }

    // Strips the first `bytes` bytes, a header named `id` (HEADER_NONE = no name in hdrDesc).
    LinkOutcome strip(std::uint32_t bytes, header_id id)
    {
        if (!has(bytes))
            return LinkOutcome::kShortFrame;
        name(id);
        data_ += bytes;
        left_ -= bytes;
        stripped_ += bytes;
        return LinkOutcome::kOk;
    }
    // As strip(), and sets the kind of the next header.
    LinkOutcome strip(std::uint32_t bytes, header_id id, std::uint32_t next_kind)
    {
        kind = static_cast<std::uint16_t>(next_kind);
        return strip(bytes, id);
    }

    // A header whose own fields contradict each other: its end is unknown, so the frame is an L2 flow.
    LinkOutcome unreadable(header_id id) { return strip(0, id, HEADER_KIND_UNKNOWN); }

    // frame_meta has room for two names; a third link header stays unnamed.
    void name(header_id id)
    {
        if (id == HEADER_NONE)
            return;
        if (headers[0] == 0)
            headers[0] = static_cast<std::uint8_t>(id);
        else if (headers[1] == 0)
            headers[1] = static_cast<std::uint8_t>(id);
    }

    std::uint16_t kind = HEADER_KIND_UNKNOWN; // enum header_kind of data()[0]
    std::uint8_t headers[2] = {0, 0};         // enum header_id
    std::uint8_t depth = 0;                   // link headers that carry another link type (PPI, PKTAP, SLL) so far

  private:
    const std::uint8_t* data_;
    std::uint32_t left_;
    std::uint32_t stripped_ = 0;
};

// Strips one link type's headers and sets the kind of the next header. kShortFrame when they do not fit.
using LinkHandler = LinkOutcome (*)(LinkStep&);

// The handler of a LINKTYPE_ value, nullptr when there is none.
LinkHandler handler_of(std::uint32_t link_type);

// Continues with an inner frame of another link type: a DLT_ value, which differs from LINKTYPE_ for a few old types
// only.
LinkOutcome strip_inner(LinkStep& step, std::uint32_t dlt);

// Header kind of an address family as any BSD, Linux, Windows or Solaris numbers it; HEADER_KIND_UNKNOWN for others.
std::uint32_t kind_of_family(std::uint32_t family);
// Header kind of a type field: an Ethertype, or HEADER_KIND_UNKNOWN below 0x600.
inline std::uint32_t kind_of_ethertype(std::uint32_t type)
{
    return type >= 0x600 ? type : static_cast<std::uint32_t>(HEADER_KIND_UNKNOWN);
}

// lan_links.cpp: links with stations
LinkOutcome strip_ethernet(LinkStep& step);
LinkOutcome strip_token_ring(LinkStep& step);
LinkOutcome strip_fddi(LinkStep& step);
LinkOutcome strip_arcnet_bsd(LinkStep& step);
LinkOutcome strip_arcnet_linux(LinkStep& step);
LinkOutcome strip_ip_over_fc(LinkStep& step);
LinkOutcome strip_ip_over_1394(LinkStep& step);
LinkOutcome strip_ipoib(LinkStep& step);
LinkOutcome strip_mpacket(LinkStep& step);
LinkOutcome strip_netanalyzer(LinkStep& step);
LinkOutcome strip_netanalyzer_transparent(LinkStep& step);
LinkOutcome strip_docsis(LinkStep& step);
LinkOutcome strip_brcm_tag(LinkStep& step);
LinkOutcome strip_brcm_prepend(LinkStep& step);
LinkOutcome strip_dsa_tag(LinkStep& step);
LinkOutcome strip_edsa_tag(LinkStep& step);

// wireless_links.cpp: IEEE 802.11 and what capture tools put in front of it
LinkOutcome strip_dot11(LinkStep& step);
LinkOutcome strip_radiotap(LinkStep& step);
LinkOutcome strip_prism(LinkStep& step);
LinkOutcome strip_avs(LinkStep& step);
LinkOutcome strip_ppi(LinkStep& step);

// wan_links.cpp: serial lines and virtual circuits
LinkOutcome strip_ppp(LinkStep& step);
LinkOutcome strip_ppp_pppd(LinkStep& step);
LinkOutcome strip_ppp_with_direction(LinkStep& step);
LinkOutcome strip_ppp_ether(LinkStep& step);
LinkOutcome strip_slip(LinkStep& step);
LinkOutcome strip_cisco_hdlc(LinkStep& step);
LinkOutcome strip_cisco_hdlc_with_direction(LinkStep& step);
LinkOutcome strip_frame_relay(LinkStep& step);
LinkOutcome strip_frame_relay_with_direction(LinkStep& step);
LinkOutcome strip_atm_rfc1483(LinkStep& step);
LinkOutcome strip_atm_clip(LinkStep& step);
LinkOutcome strip_sun_atm(LinkStep& step);
LinkOutcome strip_mpls(LinkStep& step);
LinkOutcome strip_erf(LinkStep& step);
LinkOutcome strip_juniper_ether(LinkStep& step);
LinkOutcome strip_juniper_ppp(LinkStep& step);
LinkOutcome strip_juniper_frame_relay(LinkStep& step);
LinkOutcome strip_juniper_chdlc(LinkStep& step);

// host_links.cpp: headers that an operating system adds
LinkOutcome strip_raw(LinkStep& step);
LinkOutcome strip_raw_ipv4(LinkStep& step);
LinkOutcome strip_raw_ipv6(LinkStep& step);
LinkOutcome strip_null(LinkStep& step);
LinkOutcome strip_loop(LinkStep& step);
LinkOutcome strip_linux_sll(LinkStep& step);
LinkOutcome strip_linux_sll2(LinkStep& step);
LinkOutcome strip_enc(LinkStep& step);
LinkOutcome strip_pflog(LinkStep& step);
LinkOutcome strip_ipnet(LinkStep& step);
LinkOutcome strip_nflog(LinkStep& step);
LinkOutcome strip_pktap(LinkStep& step);
LinkOutcome strip_user2_pktap(LinkStep& step);
LinkOutcome strip_symantec(LinkStep& step);

} // namespace flowxdp::link
