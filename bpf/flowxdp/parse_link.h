/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_link.h - parser steps below IP: Ethernet, switch tags, VLAN, MPLS and pseudowires, PPP, LLC.
 */
#ifndef FLOWXDP_PARSE_LINK_H
#define FLOWXDP_PARSE_LINK_H

#include "parse_step.h"

/* IEEE 802.3. */
FX_INLINE __u64 packet_parse_ethernet(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	if (!p->steps && p->cap_len < 14)
		FX_SET(p->flags, PACKET_NO_FLOW);
	FX_READ_OR_RETURN(14, L2_SNAPPED);
	__u32 type = fx_load16(q + 12);

	if (!p->link_has_mac) {
		packet_copy_mac(p->mac_dst, q);
		packet_copy_mac(p->mac_src, q + 6);
		p->link_has_mac = 1;
	}
	packet_set_ethertype(p, type);
	packet_enclose_8023(p, offset + 14, type);
	FX_RETURN_NEXT(ETH, offset + 14, packet_kind_of_type(type));
}

/* Ethernet of a switch port: the tag of its chip is in the place of the type. */
FX_INLINE __u64 packet_parse_switch_port(const __u8 *data, const __u8 *end, __u32 offset, __u32 kind, struct packet *p)
{
	const __u8 *q;
	__u32 n = kind == HEADER_KIND_ETHERNET_EDSA ? 16 : 12;

	if (p->cap_len < 14)
		FX_SET(p->flags, PACKET_NO_FLOW);
	FX_READ_OR_RETURN(16, L2_SNAPPED);
	packet_copy_mac(p->mac_dst, q);
	packet_copy_mac(p->mac_src, q + 6);
	p->link_has_mac = 1;
	FX_RETURN_NEXT(ETH, offset + n, kind == HEADER_KIND_ETHERNET_BRCM ? HEADER_KIND_BRCM : HEADER_KIND_DSA);
}

/* The tag of a switch chip; kernel: net/dsa/tag_brcm.c, net/dsa/tag_dsa.c. */
FX_INLINE __u64 packet_parse_switch_tag(const __u8 *data, const __u8 *end, __u32 offset, __u32 kind, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(6, L2_SNAPPED);
	__u32 type = fx_load16(q + 4);

	if (kind == HEADER_KIND_DSA && (fx_load8(q) & 0x20)) /* the frame's own tag, carried in Marvell's */
		packet_add_vlan(p, fx_load16(q + 2));
	packet_set_ethertype(p, type);
	if (kind == HEADER_KIND_DSA)
		FX_RETURN_NEXT(DSA, offset + 6, packet_kind_of_type(type));
	FX_RETURN_NEXT(BRCM, offset + 6, packet_kind_of_type(type));
}

/* IEEE 802.1Q, 802.1ad. */
FX_INLINE __u64 packet_parse_vlan(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L2_SNAPPED);
	__u32 type = fx_load16(q + 2);

	packet_add_vlan(p, fx_load16(q));
	packet_set_ethertype(p, type);
	packet_enclose_8023(p, offset + 4, type);
	FX_RETURN_NEXT(VLAN, offset + 4, packet_kind_of_type(type));
}

/* RFC 3032. */
FX_INLINE __u64 packet_parse_mpls(const __u8 *data, const __u8 *end, __u32 offset, __u32 kind, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L2_SNAPPED);
	p->status |= kind == 0x8847 ? FS(MPLS_UNICAST) : FS(MPLS_MULTICAST);
	p->mpls_count++;
	FX_RETURN_NEXT(MPLS, offset + 4, fx_load32(q) & 0x100 ? (__u32)HEADER_KIND_PSEUDOWIRE : kind);
}

/*
 * Does the IP header at q, of which 14 bytes can be read, claim a length that ends where its enclosing header ends? A check sequence may
 * follow, or padding in a short frame.
 */
FX_INLINE int packet_ip_fits(const __u8 *q, __u32 offset, __u32 version, const struct packet *p)
{
	__u32 len = version == 4 ? fx_load16(q + 2) : 40 + fx_load16(q + 4), ip_end = offset + len;

	if (version == 4 && ((fx_load8(q) & 15) < 5 || len < 20))
		return 0;
	return ip_end <= p->enclosing_end && (p->enclosing_end - ip_end <= 4 || p->wire_len <= 64 + 8);
}

/* What follows the last MPLS label: IP, a control word, or Ethernet without one; RFC 4385, 4448. */
FX_INLINE __u64 packet_parse_pseudowire(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L2_SNAPPED);
	__u32 nibble = fx_load8(q) >> 4;

	/* RFC 4928: a MAC that begins with 4 or 6 looks like IP. It is Ethernet when its type is known and no IP header fits. */
	if ((nibble == 4 || nibble == 6) && offset + 14 <= p->cap_len && q + 14 <= end &&
	    packet_is_common_type(fx_load16(q + 12)) && !packet_ip_fits(q, offset, nibble, p))
		FX_RETURN_NEXT(PW, offset, HEADER_KIND_ETHERNET);
	if (nibble == 4)
		FX_RETURN_NEXT(NONE, offset, 0x0800);
	if (nibble == 6)
		FX_RETURN_NEXT(NONE, offset, 0x86dd);
	if (nibble == 1) { /* associated channel; RFC 4385 5.2: it may carry IP */
		__u32 channel = fx_load16(q + 2);

		if (channel == 0x21 || channel == 0x57)
			FX_RETURN_NEXT(PW, offset + 4, channel == 0x21 ? 0x0800 : 0x86dd);
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(PW);
	}
	if (!nibble && offset + 18 <= p->cap_len && q + 18 <= end && packet_is_common_type(fx_load16(q + 12)) &&
	    !packet_is_common_type(fx_load16(q + 16)))
		nibble = 15; /* no control word: a MAC that begins with 0, and a known type in its place */
	FX_RETURN_NEXT(PW, nibble ? offset : offset + 4, HEADER_KIND_ETHERNET);
}

/* RFC 2516. */
FX_INLINE __u64 packet_parse_pppoe(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(6, L2_SNAPPED);
	p->status |= FS(PPPOE_SESSION);
	if (fx_load8(q + 1)) {
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(PPPOE);
	}
	packet_enclose16(p, offset + 6, fx_load16(q + 4));
	FX_RETURN_NEXT(PPPOE, offset + 6, HEADER_KIND_PPP);
}

/* RFC 1661, 1662. */
FX_INLINE __u64 packet_parse_ppp(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L2_SNAPPED);
	__u32 protocol = fx_load16(q), n = 2;

	if (p->status & (FS(L2TP) | FS(GRE)))
		p->status |= FS(PPP);
	if (protocol == 0xff03) {
		protocol = fx_load16(q + 2);
		n = 4;
	}
	if (protocol & 0x100) { /* protocol field compression */
		protocol >>= 8;
		n -= 1;
	}
	if (protocol == 0x21)
		FX_RETURN_NEXT(PPP, offset + n, 0x0800);
	if (protocol == 0x57)
		FX_RETURN_NEXT(PPP, offset + n, 0x86dd);
	if (protocol == 0x281 || protocol == 0x283)
		FX_RETURN_NEXT(PPP, offset + n, protocol == 0x281 ? 0x8847 : 0x8848);
	if (protocol == 0x31 || protocol == 0x3d) {
		offset += n;
		FX_READ_OR_RETURN(2, L2_SNAPPED);
		__u32 first = fx_load8(q), second = fx_load8(q + 1);

		if (protocol == 0x31 && second == 1) /* RFC 3518: bridged 802.3 */
			FX_RETURN_NEXT(PPP, offset + 2, HEADER_KIND_ETHERNET);
		if (protocol == 0x3d && (first & 0xc0) == 0xc0) /* RFC 1990: first and last fragment in one */
			FX_RETURN_NEXT(PPP, offset + 4, HEADER_KIND_PPP);
	}
	if (protocol == 0x2d || protocol == 0x2f || protocol == 0xfd || protocol == 0xfb)
		p->status |= FS(PPP_UNREADABLE);
	packet_set_ethertype(p, protocol);
	p->status |= FS(STOP_DISSECT);
	FX_RETURN_LAST(PPP);
}

/* IEEE 802.2, SNAP. */
FX_INLINE __u64 packet_parse_llc(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(3, L2_SNAPPED);
	__u32 saps = fx_load16(q), control = fx_load8(q + 2);

	FX_SET(p->flags, PACKET_LLC);
	if (saps == 0x0606 && control == 3)
		FX_RETURN_NEXT(LLC, offset + 3, 0x0800);
	if (saps == 0xfefe && control == 3) { /* RFC 2684 5.2, RFC 2364 7.2: routed, told by an NLPID (ISO/IEC TR 9577) */
		FX_READ_OR_RETURN(4, L2_SNAPPED);
		__u32 nlpid = fx_load8(q + 3);

		if (nlpid == 0xcc || nlpid == 0x8e)
			FX_RETURN_NEXT(LLC, offset + 4, nlpid == 0xcc ? 0x0800 : 0x86dd);
		if (nlpid == 0xcf)
			FX_RETURN_NEXT(LLC, offset + 4, HEADER_KIND_PPP);
	}
	if (saps != 0xaaaa || control != 3) {
		packet_set_ethertype(p, saps);
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(LLC);
	}
	FX_READ_OR_RETURN(8, L2_SNAPPED);
	__u32 oui = fx_load32(q + 2) & 0xffffff, type = fx_load16(q + 6);

	packet_set_ethertype(p, type);
	if ((oui == 0 || oui == 0x0000f8 || oui == 0x080007) && type >= 0x600)
		FX_RETURN_NEXT(SNAP, offset + 8, type);
	if (oui == 0x0080c2 && (type == 1 || type == 7)) /* RFC 2684 bridged Ethernet, two bytes of padding */
		FX_RETURN_NEXT(SNAP, offset + 10, HEADER_KIND_ETHERNET);
	p->status |= FS(STOP_DISSECT);
	FX_RETURN_LAST(SNAP);
}

#endif
