/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h - the one packet parser: frame bytes -> struct packet.
 *
 * packet_parse() is the way of a frame: packet_parse_start() takes the common frame (Ethernet, at most one VLAN tag,
 * IPv4 or IPv6, TCP or UDP) in a straight line; everything else goes through packet_parse_step() in a bounded loop, one
 * header a step; packet_parse_l4() reads the transport header of the innermost IP header that was usable.
 *
 * A tunnel counts only when a usable IP header is reached inside: until then the outer header stays the flow's, so a
 * VXLAN frame that carries ARP belongs to the outer UDP flow.
 *
 * Bounds: a byte is read only when it lies below cap_len and below the readable end. Errors never stop the packet: they
 * raise flowStat bits. The only outcome without a flow is PACKET_NO_FLOW.
 */
#ifndef FLOWXDP_PARSE_H
#define FLOWXDP_PARSE_H

#include "compat.h"
#include "packet.h"

/* Result of a step: the header's id << 32 | kind of the next header << 16 | its offset; kind 0 ends dissection. */
#define FX_NEXT(id, offset, kind) \
	return ((__u64)HEADER_##id << 32 | (__u64)(__u16)(kind) << 16 | (__u64)(__u16)(offset))
#define FX_END(id) return ((__u64)HEADER_##id << 32)

/* Makes q point to n captured bytes at offset, or ends dissection with a flowStat bit. */
#define FX_NEED(n, snapped_bit)                                           \
	do {                                                              \
		q = data + fx_bound(offset);                              \
		if (offset + (n) > p->cap_len || q + (n) > end) {         \
			p->status |= FS(snapped_bit) | FS(STOP_DISSECT);  \
			return 0;                                         \
		}                                                         \
	} while (0)

FX_INLINE void packet_set_ethertype(struct packet *p, __u32 ethertype)
{
	if (!p->ip_version)
		p->ethertype = (__u16)ethertype;
}

/* IEEE 802.3 clause 3.2.6: below 0x600 the field is a length and LLC follows. */
FX_INLINE __u32 packet_kind_of_type(__u32 type)
{
	return type < 0x600 ? (__u32)HEADER_KIND_LLC : type;
}

/* Types that tell Ethernet from Ethernet behind a pseudowire control word, which nothing announces. */
FX_INLINE int packet_is_common_type(__u32 type)
{
	return type == 0x0800 || type == 0x86dd || type == 0x8100 || type == 0x88a8 || type == 0x0806 || type == 0x8847;
}

FX_INLINE void packet_copy_mac(__u8 *to, const __u8 *from)
{
	for (int i = 0; i < 6; i++)
		to[i] = from[i];
}

/*
 * A tag's VID. The innermost one that is not a priority tag keys the flow (DESIGN 2). Behind an IP header it waits until
 * a further IP header is reached: a tunnel that carries tagged ARP leaves the outer flow's key alone.
 */
FX_INLINE void packet_add_vlan(struct packet *p, __u32 tci)
{
	__u16 vid = tci & 0xfff;
	__u8 n = p->vlan_count;

	p->status |= FS(VLAN);
	if (!vid)
		p->status |= FS(PRIORITY_TAG);
	else if (p->ip_version)
		p->pending_vlan = vid;
	else
		p->vlan_id = vid;
	if (n == 0)
		p->vlan_stack[0] = vid;
	else if (n == 1)
		p->vlan_stack[1] = vid;
	else if (n == 2)
		p->vlan_stack[2] = vid;
	p->vlan_count = (__u8)(n + 1);
}

/* A usable IP header was reached: the tags in front of it are the packet's. */
FX_INLINE void packet_commit_vlan(struct packet *p)
{
	if (p->pending_vlan)
		p->vlan_id = p->pending_vlan;
	p->pending_vlan = 0;
}

/* An inner header of n bytes behind what the IP header around it claims is padding, not a tunnel. */
FX_INLINE int packet_behind_outer(const struct packet *p, __u32 offset, __u32 n)
{
	return FX_UNLIKELY(p->ip_version && offset + n > p->l3_end);
}

/* An IP header that cannot be used: the frame's own makes an L2 flow, an inner one leaves the outer header's flow. */
FX_INLINE __u64 packet_bogus_ip(struct packet *p, __u64 more)
{
	p->status |= FS(IP_BOGUS) | FS(STOP_DISSECT) | more;
	return 0;
}

/* Remember which header was fragmented; the outermost wins, its later fragments carry nothing but its addresses. */
FX_INLINE void packet_note_fragment(struct packet *p, __u32 id, __u32 offset_units, int more, __u32 proto)
{
	__u16 position = offset_units ? (more ? PACKET_LATER_FRAGMENT : PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT)
	                              : PACKET_FIRST_FRAGMENT;

	p->status |= FS(FRAGMENT);
	p->fragment_offset = (__u16)offset_units;
	if (!offset_units && !more)
		return; /* RFC 6946 atomic fragment: whole */
	FX_SET(p->flags, position);
	if (p->fragment_version)
		return;
	p->fragment_version = p->ip_version;
	p->fragment_proto = (__u8)proto;
	p->fragment_id = id;
	p->fragment_vlan = p->vlan_id;
	for (int i = 0; i < 4; i++) {
		p->fragment_src[i] = p->src[i];
		p->fragment_dst[i] = p->dst[i];
	}
}

/* RFC 791 */
FX_INLINE __u64 packet_parse_ipv4(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_NEED(20, L3_HEADER_SNAPPED);
	__u32 version_ihl = fx_load8(q), header_len = (version_ihl & 15) * 4;
	__u32 total_len = fx_load16(q + 2), fragment = fx_load16(q + 6), proto = fx_load8(q + 9);

	if (packet_behind_outer(p, offset, 20)) {
		p->status |= FS(LENGTH_MISMATCH) | FS(STOP_DISSECT);
		return 0;
	}
	if (FX_UNLIKELY((version_ihl >> 4) == 6)) /* announced as IPv4: the version field is believed, as Wireshark does */
		FX_NEXT(NONE, offset, 0x86dd);
	if (FX_UNLIKELY((version_ihl >> 4) != 4))
		return packet_bogus_ip(p, 0);
	if (FX_UNLIKELY(header_len < 20))
		return packet_bogus_ip(p, FS(IPV4_HEADER_SHORT));
	if (FX_UNLIKELY(total_len && total_len < header_len))
		return packet_bogus_ip(p, 0);

	packet_commit_vlan(p);
	p->ip_version = 4;
	p->ethertype = 0x0800;
	p->tos = fx_load8(q + 1);
	p->ip_id = fx_load16(q + 4);
	p->ip_flags = (__u8)(fragment >> 13);
	p->ttl = fx_load8(q + 8);
	p->ip_proto = (__u8)proto;
	p->ip_header_len = (__u8)header_len;
	p->src[0] = 0;
	p->src[1] = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	p->src[2] = 0xffff0000;
	p->dst[2] = 0xffff0000;
#else
	p->src[2] = 0x0000ffff;
	p->dst[2] = 0x0000ffff;
#endif
	p->src[3] = fx_load_raw32(q + 12);
	p->dst[0] = 0;
	p->dst[1] = 0;
	p->dst[3] = fx_load_raw32(q + 16);
	p->l3_offset = offset;
	p->l3_end = total_len ? offset + total_len : p->wire_len; /* 0: TSO left it to the driver */
	p->l4_offset = offset + header_len;
	p->status = (p->status & ~(FS(IPV6_FLOW) | FS(IPV6_PACKET))) | FS(IPV4_FLOW) | FS(IPV4_PACKET);
	if (!total_len)
		p->status |= FS(LENGTH_MISMATCH);
	if (header_len > 20)
		FX_SET(p->flags, PACKET_IP_OPTIONS);
	if (FX_UNLIKELY(fragment & 0x3fff)) {
		packet_note_fragment(p, p->ip_id, fragment & 0x1fff, (fragment >> 13) & 1, proto);
		if (fragment & 0x1fff) {
			p->status |= FS(STOP_DISSECT);
			FX_END(IPV4);
		}
	}
	FX_NEXT(IPV4, offset + header_len, HEADER_KIND_OF_PROTO(proto));
}

/* RFC 8200 */
FX_INLINE __u64 packet_parse_ipv6(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_NEED(40, L3_HEADER_SNAPPED);
	__u32 first_word = fx_load32(q), payload_len = fx_load16(q + 4), next = fx_load8(q + 6);

	if (packet_behind_outer(p, offset, 40)) {
		p->status |= FS(LENGTH_MISMATCH) | FS(STOP_DISSECT);
		return 0;
	}
	if (FX_UNLIKELY((first_word >> 28) != 6))
		return packet_bogus_ip(p, 0);

	packet_commit_vlan(p);
	p->ip_version = 6;
	p->ethertype = 0x86dd;
	p->tos = (__u8)(first_word >> 20);
	p->ip_id = 0;
	p->ip_flags = 0;
	p->ttl = fx_load8(q + 7);
	p->ip_proto = (__u8)next;
	p->ip_header_len = 40;
	p->ip_option_count = 0;
	for (int i = 0; i < 4; i++) {
		p->src[i] = fx_load_raw32(q + 8 + 4 * i);
		p->dst[i] = fx_load_raw32(q + 24 + 4 * i);
	}
	p->l3_offset = offset;
	/* 0: jumbogram (RFC 2675), TSO, or nothing follows (a Teredo bubble) */
	p->l3_end = payload_len || next == 59 ? offset + 40 + payload_len : p->wire_len;
	p->l4_offset = offset + 40;
	p->status = (p->status & ~(FS(IPV4_FLOW) | FS(IPV4_PACKET))) | FS(IPV6_FLOW) | FS(IPV6_PACKET);
	FX_NEXT(IPV6, offset + 40, HEADER_KIND_OF_PROTO(next));
}

/* A hop-by-hop or destination header and the type of its first option. */
FX_INLINE void packet_note_ip6_option(struct packet *p, int destination, __u32 type)
{
	if (destination) {
		p->ip_option[1] = (__u8)type;
		p->ip_option_count = (__u8)((p->ip_option_count + 16) & 0x7f);
	} else {
		p->ip_option[0] = (__u8)type;
		FX_SET(p->ip_option_count, 1);
	}
}

/*
 * UDP ports that carry tunnels (T2's list; VXLAN 4789, 8472, GPE 4790; GENEVE 6081; GTP 2123, 2152, 3386; L2TP 1701;
 * Teredo 3544; AYIYA 5072; CAPWAP data 5247; LWAPP 12222; MPLS 6635). The header behind must still look like one.
 */
FX_INLINE __u32 udp_tunnel_kind(__u32 port)
{
	switch (port) {
	case 4789: case 4790: case 8472: return HEADER_KIND_VXLAN;
	case 6081: return HEADER_KIND_GENEVE;
	case 2152: case 2123: case 3386: return HEADER_KIND_GTP;
	case 1701: return HEADER_KIND_L2TP;
	case 3544: return HEADER_KIND_TEREDO;
	case 5072: return HEADER_KIND_AYIYA;
	case 5247: return HEADER_KIND_CAPWAP;
	case 12222: return HEADER_KIND_LWAPP;
	case 6635: return 0x8847; /* RFC 7510 */
	default: return HEADER_KIND_NONE;
	}
}

/* One name per IP protocol that ends dissection; 0 = unknown to hdrDesc. */
FX_INLINE __u32 header_of_final_proto(__u32 proto)
{
	switch (proto) {
	case 1: return HEADER_ICMP;
	case 2: return HEADER_IGMP;
	case 6: return HEADER_TCP;
	case 17: return HEADER_UDP;
	case 33: return HEADER_DCCP;
	case 50: return HEADER_ESP;
	case 58: return HEADER_ICMPV6;
	case 88: return HEADER_EIGRP;
	case 89: return HEADER_OSPF;
	case 103: return HEADER_PIM;
	case 112: return HEADER_VRRP;
	case 115: return HEADER_L2TP;
	case 132: return HEADER_SCTP;
	case 136: return HEADER_UDPLITE;
	default: return HEADER_NONE;
	}
}

/*
 * Dissects one header of the given kind at offset. Returns id, next kind and next offset (FX_NEXT), 0 when the header
 * could not be read. Never reads behind cap_len or end.
 */
FX_INLINE __u64 packet_parse_step(const __u8 *data, const __u8 *end, __u32 offset, __u32 kind, struct packet *p)
{
	const __u8 *q;

	if (offset > PACKET_MAX_HEADER_OFFSET) {
		p->status |= FS(STOP_DISSECT);
		return 0;
	}
	switch (kind) {
	case HEADER_KIND_ETHERNET: { /* IEEE 802.3 */
		if (!p->steps && p->cap_len < 14)
			FX_SET(p->flags, PACKET_NO_FLOW);
		FX_NEED(14, L2_SNAPPED);
		__u32 type = fx_load16(q + 12);

		if (!p->link_has_mac) {
			packet_copy_mac(p->mac_dst, q);
			packet_copy_mac(p->mac_src, q + 6);
			p->link_has_mac = 1;
		}
		packet_set_ethertype(p, type);
		FX_NEXT(ETH, offset + 14, packet_kind_of_type(type));
	}
	case HEADER_KIND_ETHERNET_BRCM: case HEADER_KIND_ETHERNET_DSA: case HEADER_KIND_ETHERNET_EDSA: {
		__u32 n = kind == HEADER_KIND_ETHERNET_EDSA ? 16 : 12;

		if (p->cap_len < 14)
			FX_SET(p->flags, PACKET_NO_FLOW);
		FX_NEED(16, L2_SNAPPED);
		packet_copy_mac(p->mac_dst, q);
		packet_copy_mac(p->mac_src, q + 6);
		p->link_has_mac = 1;
		FX_NEXT(ETH, offset + n, kind == HEADER_KIND_ETHERNET_BRCM ? HEADER_KIND_BRCM : HEADER_KIND_DSA);
	}
	case HEADER_KIND_BRCM: case HEADER_KIND_DSA: { /* kernel: net/dsa/tag_brcm.c, net/dsa/tag_dsa.c */
		FX_NEED(6, L2_SNAPPED);
		__u32 type = fx_load16(q + 4);

		if (kind == HEADER_KIND_DSA && (fx_load8(q) & 0x20)) /* the frame's own tag, carried in Marvell's */
			packet_add_vlan(p, fx_load16(q + 2));
		packet_set_ethertype(p, type);
		if (kind == HEADER_KIND_DSA)
			FX_NEXT(DSA, offset + 6, packet_kind_of_type(type));
		FX_NEXT(BRCM, offset + 6, packet_kind_of_type(type));
	}
	case 0x0800:
		return packet_parse_ipv4(data, end, offset, p);
	case 0x86dd:
		return packet_parse_ipv6(data, end, offset, p);
	case HEADER_KIND_OF_PROTO(17): { /* RFC 768 */
		q = data + fx_bound(offset);
		if (offset + 8 > p->cap_len || q + 8 > end || offset + 8 > p->l3_end)
			FX_END(UDP);
		__u32 src = fx_load16(q), dst = fx_load16(q + 2);
		__u32 low = src < dst ? src : dst, high = src < dst ? dst : src;
		__u32 tunnel = udp_tunnel_kind(low);

		if (!tunnel)
			tunnel = udp_tunnel_kind(high);
		FX_NEXT(UDP, offset + 8, tunnel);
	}
	case 0x8100: case 0x88a8: case 0x9100: case 0x9200: { /* IEEE 802.1Q, 802.1ad */
		FX_NEED(4, L2_SNAPPED);
		__u32 type = fx_load16(q + 2);

		packet_add_vlan(p, fx_load16(q));
		packet_set_ethertype(p, type);
		FX_NEXT(VLAN, offset + 4, packet_kind_of_type(type));
	}
	case 0x8847: case 0x8848: { /* RFC 3032 */
		FX_NEED(4, L2_SNAPPED);
		p->status |= kind == 0x8847 ? FS(MPLS_UNICAST) : FS(MPLS_MULTICAST);
		p->mpls_count++;
		FX_NEXT(MPLS, offset + 4, fx_load32(q) & 0x100 ? (__u32)HEADER_KIND_PSEUDOWIRE : kind);
	}
	case HEADER_KIND_PSEUDOWIRE: { /* RFC 4385, 4448 */
		FX_NEED(4, L2_SNAPPED);
		__u32 nibble = fx_load8(q) >> 4;

		if (nibble == 4)
			FX_NEXT(NONE, offset, 0x0800);
		if (nibble == 6)
			FX_NEXT(NONE, offset, 0x86dd);
		if (nibble == 1) { /* associated channel; RFC 4385 5.2: IP in it goes on */
			__u32 channel = fx_load16(q + 2);

			if (channel == 0x21 || channel == 0x57)
				FX_NEXT(PW, offset + 4, channel == 0x21 ? 0x0800 : 0x86dd);
			p->status |= FS(STOP_DISSECT);
			FX_END(PW);
		}
		if (!nibble && offset + 18 <= p->cap_len && q + 18 <= end && packet_is_common_type(fx_load16(q + 12)) &&
		    !packet_is_common_type(fx_load16(q + 16)))
			nibble = 15; /* no control word: a MAC that begins with 0, and a type where it belongs */
		FX_NEXT(PW, nibble ? offset : offset + 4, HEADER_KIND_ETHERNET);
	}
	case 0x8863: /* RFC 2516 */
		p->status |= FS(PPPOE_DISCOVERY);
		FX_END(PPPOED);
	case 0x8864: {
		FX_NEED(6, L2_SNAPPED);
		p->status |= FS(PPPOE_SESSION);
		if (fx_load8(q + 1)) {
			p->status |= FS(STOP_DISSECT);
			FX_END(PPPOE);
		}
		FX_NEXT(PPPOE, offset + 6, HEADER_KIND_PPP);
	}
	case HEADER_KIND_PPP: case 0x880b: { /* RFC 1661, 1662 */
		FX_NEED(4, L2_SNAPPED);
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
			FX_NEXT(PPP, offset + n, 0x0800);
		if (protocol == 0x57)
			FX_NEXT(PPP, offset + n, 0x86dd);
		if (protocol == 0x281 || protocol == 0x283)
			FX_NEXT(PPP, offset + n, protocol == 0x281 ? 0x8847 : 0x8848);
		if (protocol == 0x31 || protocol == 0x3d) {
			offset += n;
			FX_NEED(2, L2_SNAPPED);
			__u32 first = fx_load8(q), second = fx_load8(q + 1);

			if (protocol == 0x31 && second == 1) /* RFC 3518: bridged 802.3 */
				FX_NEXT(PPP, offset + 2, HEADER_KIND_ETHERNET);
			if (protocol == 0x3d && (first & 0xc0) == 0xc0) /* RFC 1990: first and last fragment in one */
				FX_NEXT(PPP, offset + 4, HEADER_KIND_PPP);
		}
		if (protocol == 0x2d || protocol == 0x2f || protocol == 0xfd || protocol == 0xfb)
			p->status |= FS(PPP_UNREADABLE);
		packet_set_ethertype(p, protocol);
		p->status |= FS(STOP_DISSECT);
		FX_END(PPP);
	}
	case HEADER_KIND_LLC: { /* IEEE 802.2 */
		FX_NEED(3, L2_SNAPPED);
		__u32 saps = fx_load16(q), control = fx_load8(q + 2);

		FX_SET(p->flags, PACKET_LLC);
		if (saps == 0x0606 && control == 3)
			FX_NEXT(LLC, offset + 3, 0x0800);
		if (saps != 0xaaaa || control != 3) {
			packet_set_ethertype(p, saps);
			p->status |= FS(STOP_DISSECT);
			FX_END(LLC);
		}
		FX_NEED(8, L2_SNAPPED);
		__u32 oui = fx_load32(q + 2) & 0xffffff, type = fx_load16(q + 6);

		packet_set_ethertype(p, type);
		if ((oui == 0 || oui == 0x0000f8) && type >= 0x600)
			FX_NEXT(SNAP, offset + 8, type);
		if (oui == 0x0080c2 && (type == 1 || type == 7)) /* RFC 2684 bridged Ethernet, two bytes of padding */
			FX_NEXT(SNAP, offset + 10, HEADER_KIND_ETHERNET);
		p->status |= FS(STOP_DISSECT);
		FX_END(SNAP);
	}
	case HEADER_KIND_OF_PROTO(0): case HEADER_KIND_OF_PROTO(43): case HEADER_KIND_OF_PROTO(60): { /* RFC 8200 4 */
		if (p->ip_version != 6)
			goto final_proto;
		FX_NEED(2, L4_HEADER_SNAPPED);
		__u32 next = fx_load8(q), len = ((__u32)fx_load8(q + 1) + 1) * 8;

		p->ip_proto = (__u8)next;
		p->l4_offset = offset + len;
		if (kind != HEADER_KIND_OF_PROTO(43) && offset + 3 <= p->cap_len && q + 3 <= end)
			packet_note_ip6_option(p, kind == HEADER_KIND_OF_PROTO(60), fx_load8(q + 2));
		FX_NEXT(NONE, offset + len, HEADER_KIND_OF_PROTO(next));
	}
	case HEADER_KIND_OF_PROTO(44): { /* RFC 8200 4.5 */
		if (p->ip_version != 6)
			goto final_proto;
		FX_NEED(8, L4_HEADER_SNAPPED);
		__u32 next = fx_load8(q), field = fx_load16(q + 2);

		p->ip_proto = (__u8)next;
		p->l4_offset = offset + 8;
		packet_note_fragment(p, fx_load32(q + 4), field >> 3, field & 1, next);
		if (field >> 3) {
			p->status |= FS(STOP_DISSECT);
			return 0;
		}
		FX_NEXT(NONE, offset + 8, HEADER_KIND_OF_PROTO(next));
	}
	case HEADER_KIND_OF_PROTO(51): { /* RFC 4302 */
		p->status |= FS(IPSEC_AH);
		FX_NEED(2, L4_HEADER_SNAPPED);
		__u32 next = fx_load8(q), len = ((__u32)fx_load8(q + 1) + 2) * 4;

		p->ip_proto = (__u8)next;
		p->l4_offset = offset + len;
		FX_NEXT(AH, offset + len, HEADER_KIND_OF_PROTO(next));
	}
	case HEADER_KIND_OF_PROTO(4): /* RFC 2003 */
		p->status |= FS(IP_IN_IP);
		FX_NEXT(NONE, offset, 0x0800);
	case HEADER_KIND_OF_PROTO(41): /* RFC 2473, 4213 */
		p->status |= FS(IP_IN_IP);
		FX_NEXT(NONE, offset, 0x86dd);
	case HEADER_KIND_OF_PROTO(137): /* RFC 4023 */
		FX_NEXT(NONE, offset, 0x8847);
	case HEADER_KIND_OF_PROTO(143): /* RFC 8986 4.9 */
		FX_NEXT(NONE, offset, HEADER_KIND_ETHERNET);
	case HEADER_KIND_OF_PROTO(97): /* RFC 3378 */
		p->status |= FS(ETHERIP);
		FX_NEED(2, L4_HEADER_SNAPPED);
		FX_NEXT(ETHERIP, offset + 2, HEADER_KIND_ETHERNET);
	case HEADER_KIND_OF_PROTO(47): { /* RFC 2784, 2890, 1701, 2637 */
		p->status |= FS(GRE);
		FX_NEED(4, L4_HEADER_SNAPPED);
		__u32 flags = fx_load16(q), type = fx_load16(q + 2), n = 4, version = flags & 7;

		if (version > 1) {
			p->status |= FS(STOP_DISSECT);
			FX_END(GRE);
		}
		if (version == 1) {
			n += flags & 0x2000 ? 4 : 0;
			n += flags & 0x1000 ? 4 : 0;
			n += flags & 0x0080 ? 4 : 0;
			if (!(flags & 0x1000)) /* no sequence number, no payload: an acknowledgement (RFC 2637 4.1) */
				FX_END(GRE);
			FX_NEXT(GRE, offset + n, type >= 0x600 ? type : (__u32)HEADER_KIND_UNKNOWN);
		}
		n += flags & 0xc000 ? 4 : 0; /* checksum or routing: both words stand */
		n += flags & 0x2000 ? 4 : 0;
		n += flags & 0x1000 ? 4 : 0;
		if (flags & 0x4000) {
			p->option_cursor = (__u16)type;
			FX_NEXT(GRE, offset + n, HEADER_KIND_GRE_ROUTE);
		}
		if (type == 0x88be) { /* ERSPAN type I has neither sequence number nor header */
			p->status |= FS(ERSPAN);
			FX_NEXT(GRE, offset + n, flags & 0x1000 ? HEADER_KIND_ERSPAN2 : HEADER_KIND_ETHERNET);
		}
		if (type == 0x22eb) {
			p->status |= FS(ERSPAN);
			FX_NEXT(GRE, offset + n, HEADER_KIND_ERSPAN3);
		}
		if (type == 0x883e) { /* WCCP 2 puts a redirect header of four bytes before IP, WCCP 1 none */
			p->status |= FS(WCCP);
			offset += n;
			FX_NEED(1, L4_HEADER_SNAPPED);
			FX_NEXT(GRE, (fx_load8(q) >> 4) == 4 ? offset : offset + 4, 0x0800);
		}
		FX_NEXT(GRE, offset + n,
		        type == 0x6558 ? (__u32)HEADER_KIND_ETHERNET : type >= 0x600 ? type : (__u32)HEADER_KIND_UNKNOWN);
	}
	case HEADER_KIND_GRE_ROUTE: { /* RFC 1701: entries until one of family and length 0 */
		FX_NEED(4, L4_HEADER_SNAPPED);
		__u32 family = fx_load16(q), len = fx_load8(q + 3), type = FX_MEM(p->option_cursor) & 0xffff;

		if (family || len)
			FX_NEXT(NONE, offset + 4 + len, HEADER_KIND_GRE_ROUTE);
		FX_NEXT(NONE, offset + 4, type == 0x6558 ? (__u32)HEADER_KIND_ETHERNET : type);
	}
	case HEADER_KIND_ERSPAN2: /* draft-foschiano-erspan */
		FX_NEED(8, L4_HEADER_SNAPPED);
		if ((fx_load8(q) >> 4) == 2) /* type III under type II's protocol number: the version field decides */
			FX_NEXT(NONE, offset, HEADER_KIND_ERSPAN3);
		FX_NEXT(ERSPAN, offset + 8, HEADER_KIND_ETHERNET);
	case HEADER_KIND_ERSPAN3: {
		FX_NEED(12, L4_HEADER_SNAPPED);
		__u32 word = fx_load16(q + 10), frame_type = (word >> 10) & 31, n = 12 + (word & 1) * 8;

		FX_NEXT(ERSPAN, offset + n,
		        frame_type == 2 ? HEADER_KIND_IP_BY_NIBBLE : HEADER_KIND_ETHERNET);
	}
	case HEADER_KIND_VXLAN: {
		FX_NEED(8, L4_HEADER_SNAPPED);
		__u32 flags = fx_load8(q), next = fx_load8(q + 3);

		if (!(flags & 0x08)) /* no valid VNI: not VXLAN */
			return 0;
		p->status |= FS(VXLAN);
		if (flags & 0x04) { /* draft-ietf-nvo3-vxlan-gpe */
			__u32 inner = next == 1 ? 0x0800 : next == 2 ? 0x86dd : next == 4 ? 0x894f :
			              next == 5 ? 0x8847 : (__u32)HEADER_KIND_ETHERNET;
			FX_NEXT(VXLAN, offset + 8, inner);
		}
		FX_NEXT(VXLAN, offset + 8, HEADER_KIND_ETHERNET);
	}
	case HEADER_KIND_GENEVE: {
		FX_NEED(8, L4_HEADER_SNAPPED);
		__u32 version_len = fx_load8(q), type = fx_load16(q + 2);

		if (version_len >> 6 || type < 0x600)
			return 0;
		p->status |= FS(GENEVE);
		FX_NEXT(GENEVE, offset + 8 + (version_len & 0x3f) * 4,
		        type == 0x6558 ? (__u32)HEADER_KIND_ETHERNET : type);
	}
	case HEADER_KIND_GTP: {
		FX_NEED(8, L4_HEADER_SNAPPED);
		__u32 flags = fx_load8(q), type = fx_load8(q + 1);

		if ((flags >> 5) > 1 || !(flags & 0x10))
			return 0;
		p->status |= FS(GTP);
		if (type != 0xff)
			FX_END(GTP);
		if (!(flags >> 5))
			FX_NEXT(GTP, offset + 20, HEADER_KIND_IP_BY_NIBBLE);
		if (!(flags & 7))
			FX_NEXT(GTP, offset + 8, HEADER_KIND_IP_BY_NIBBLE);
		FX_NEED(12, L4_HEADER_SNAPPED);
		FX_NEXT(GTP, offset + 12,
		        (flags & 4) && fx_load8(q + 11) ? HEADER_KIND_GTP_EXT : HEADER_KIND_IP_BY_NIBBLE);
	}
	case HEADER_KIND_GTP_EXT: {
		FX_NEED(1, L4_HEADER_SNAPPED);
		__u32 len = (__u32)fx_load8(q) * 4;

		if (!len)
			return 0;
		offset += len - 1;
		if (offset > PACKET_MAX_HEADER_OFFSET)
			return 0;
		FX_NEED(1, L4_HEADER_SNAPPED);
		FX_NEXT(NONE, offset + 1, fx_load8(q) ? HEADER_KIND_GTP_EXT : HEADER_KIND_IP_BY_NIBBLE);
	}
	case HEADER_KIND_IP_BY_NIBBLE: {
		FX_NEED(1, L3_HEADER_SNAPPED);
		__u32 nibble = fx_load8(q) >> 4;

		if (nibble == 4)
			FX_NEXT(NONE, offset, 0x0800);
		if (nibble == 6)
			FX_NEXT(NONE, offset, 0x86dd);
		return packet_bogus_ip(p, 0);
	}
	case HEADER_KIND_L2TP: {
		FX_NEED(6, L4_HEADER_SNAPPED);
		__u32 flags = fx_load16(q), n = 6;

		if ((flags & 15) != 2 && (flags & 15) != 3)
			return 0;
		p->status |= FS(L2TP);
		if ((flags & 0x8000) || (flags & 15) == 3) /* control; v3 data needs the session's cookie length */
			FX_END(L2TP);
		n += flags & 0x4000 ? 2 : 0;
		n += flags & 0x0800 ? 4 : 0;
		if (!(flags & 0x0200))
			FX_NEXT(L2TP, offset + n, HEADER_KIND_PPP);
		offset += n;
		FX_NEED(2, L4_HEADER_SNAPPED);
		n = fx_load16(q);
		if (n > PACKET_MAX_HEADER_OFFSET)
			FX_END(L2TP);
		FX_NEXT(L2TP, offset + 2 + n, HEADER_KIND_PPP);
	}
	case HEADER_KIND_TEREDO: {
		FX_NEED(4, L4_HEADER_SNAPPED);
		__u32 tag = fx_load16(q);

		if (tag == 0) /* origin indication */
			FX_NEXT(NONE, offset + 8, HEADER_KIND_TEREDO);
		if (tag == 1) /* authentication */
			FX_NEXT(NONE, offset + 13 + fx_load8(q + 2) + fx_load8(q + 3), HEADER_KIND_TEREDO);
		if ((tag >> 12) != 6)
			return 0;
		p->status |= FS(TEREDO);
		FX_NEXT(TEREDO, offset, 0x86dd);
	}
	case HEADER_KIND_AYIYA: { /* draft-massar-v6ops-ayiya */
		FX_NEED(8, L4_HEADER_SNAPPED);
		__u32 id_len = fx_load8(q) >> 4, sig_len = fx_load8(q + 1) >> 4, opcode = fx_load8(q + 2) & 15;
		__u32 next = fx_load8(q + 3);

		if (id_len > 8 || opcode > 7)
			return 0;
		p->status |= FS(AYIYA);
		if (opcode != 1)
			FX_END(AYIYA);
		FX_NEXT(AYIYA, offset + 8 + (1u << id_len) + sig_len * 4, HEADER_KIND_OF_PROTO(next));
	}
	case HEADER_KIND_CAPWAP: {
		FX_NEED(8, L4_HEADER_SNAPPED);
		__u32 word = fx_load32(q), len = ((word >> 19) & 31) * 4, fragment_offset = fx_load16(q + 6) >> 3;

		if (word >> 28)
			return 0;
		p->status |= FS(CAPWAP);
		/* DTLS, keep-alive, a later fragment, a header that says less than its fixed part: nothing to follow */
		if ((word >> 24) || len < 8 || (word & 8) || ((word & 0x80) && fragment_offset))
			FX_END(CAPWAP);
		FX_NEXT(CAPWAP, offset + len, word & 0x100 ? HEADER_KIND_DOT11_SWAPPED : HEADER_KIND_ETHERNET);
	}
	case HEADER_KIND_LWAPP: {
		FX_NEED(6, L4_HEADER_SNAPPED);
		p->status |= FS(CAPWAP);
		if (fx_load8(q) & 0x04) /* control */
			FX_END(LWAPP);
		FX_NEXT(LWAPP, offset + 6, HEADER_KIND_DOT11_SWAPPED);
	}
	case HEADER_KIND_DOT11: case HEADER_KIND_DOT11_PADDED: case HEADER_KIND_DOT11_SWAPPED: { /* IEEE 802.11-2016 9.2 */
		if (!p->steps && p->cap_len < 10)
			FX_SET(p->flags, PACKET_NO_FLOW);
		FX_NEED(10, L2_SNAPPED);
		__u32 control = kind != HEADER_KIND_DOT11_SWAPPED ? fx_load8(q) : fx_load8(q + 1);
		__u32 flags = kind != HEADER_KIND_DOT11_SWAPPED ? fx_load8(q + 1) : fx_load8(q);
		__u32 n = 24;

		if (!p->link_has_mac)
			packet_copy_mac(p->mac_dst, q + 4);
		if ((control & 0x0c) == 0x04) { /* control frames have one or two addresses */
			if (!p->link_has_mac && offset + 16 <= p->cap_len && q + 16 <= end)
				packet_copy_mac(p->mac_src, q + 10);
			p->link_has_mac = 1;
			p->status |= FS(STOP_DISSECT);
			FX_END(WLAN);
		}
		FX_NEED(24, L2_SNAPPED);
		if (!p->link_has_mac) { /* DA and SA by To DS and From DS, 9.3.2.1 */
			packet_copy_mac(p->mac_dst, flags & 1 ? q + 16 : q + 4);
			if ((flags & 3) == 3 && offset + 30 <= p->cap_len && q + 30 <= end)
				packet_copy_mac(p->mac_src, q + 24);
			else
				packet_copy_mac(p->mac_src, (flags & 3) == 2 ? q + 16 : q + 10);
			p->link_has_mac = 1;
		}
		/*
		 * Not data, no data, or encrypted: an L2 flow. Fragment numbers are not asked: controllers send whole frames
		 * with rubbish there, and a real later fragment does not begin with LLC.
		 */
		if ((control & 0x0c) != 0x08 || (control & 0x40) || (flags & 0x40)) {
			p->status |= FS(STOP_DISSECT);
			FX_END(WLAN);
		}
		n += (flags & 3) == 3 ? 6 : 0;
		__u32 pad = kind == HEADER_KIND_DOT11_PADDED ? 2 : 0; /* every header below is 2 mod 4 bytes long, or 0 */

		if (!(control & 0x80))
			FX_NEXT(WLAN, offset + n + (n & pad), HEADER_KIND_LLC);
		offset += n;
		FX_NEED(2, L2_SNAPPED);
		__u32 qos = fx_load8(q), skip = flags & 0x80 ? 6 : 2;

		skip += (n + skip) & pad;

		/* an A-MSDU subframe begins as an 802.3 frame does; the first one stands for the packet */
		FX_NEXT(WLAN, offset + skip, qos & 0x80 ? HEADER_KIND_ETHERNET : HEADER_KIND_LLC);
	}
	/* Tags that end in the next Ethertype: Cisco VN-Tag; IEEE 802.1BR; IEC 62439-3 HSR; IEEE 802.1CB */
	case 0x8926: case 0x893f: case 0x892f: case 0xf1c1: {
		__u32 n = kind == 0x893f ? 8 : 6;

		offset += n - 2;
		FX_NEED(2, L2_SNAPPED);
		__u32 type = fx_load16(q), id = kind == 0x8926 ? HEADER_VNTAG : kind == 0x893f ? HEADER_ETAG :
		                                kind == 0x892f ? HEADER_HSR : HEADER_RTAG;

		packet_set_ethertype(p, type);
		return (__u64)id << 32 | packet_kind_of_type(type) << 16 | (offset + 2);
	}
	case 0x8870: /* an LLC frame too long for a length field */
		FX_NEXT(NONE, offset, HEADER_KIND_LLC);
	case 0x88e7: /* IEEE 802.1ah */
		FX_NEED(4, L2_SNAPPED);
		FX_NEXT(PBB, offset + 4, HEADER_KIND_ETHERNET);
	case 0x88e5: { /* IEEE 802.1AE, integrity only */
		FX_NEED(6, L2_SNAPPED);
		__u32 tci = fx_load8(q), n = tci & 0x20 ? 14 : 6;

		if (tci & 0x0c) {
			p->status |= FS(STOP_DISSECT);
			FX_END(MACSEC);
		}
		offset += n;
		FX_NEED(2, L2_SNAPPED);
		__u32 type = fx_load16(q);

		packet_set_ethertype(p, type);
		FX_NEXT(MACSEC, offset + 2, packet_kind_of_type(type));
	}
	case 0x894f: { /* RFC 8300 */
		FX_NEED(8, L2_SNAPPED);
		__u32 len = (fx_load16(q) & 0x3f) * 4, next = fx_load8(q + 3);

		if (len < 8)
			FX_END(NSH);
		FX_NEXT(NSH, offset + len, next == 1 ? 0x0800 : next == 2 ? 0x86dd :
		        next == 3 ? (__u32)HEADER_KIND_ETHERNET : next == 5 ? 0x8847 : (__u32)HEADER_KIND_UNKNOWN);
	}
	case 0x22f3: { /* RFC 6325 */
		FX_NEED(6, L2_SNAPPED);
		FX_NEXT(TRILL, offset + 6 + ((fx_load16(q) >> 6) & 31) * 4, HEADER_KIND_ETHERNET);
	}
	case 0x8909: { /* Cisco MetaData: version, length, option, SGT, Ethertype */
		FX_NEED(8, L2_SNAPPED);
		__u32 type = fx_load16(q + 6);

		packet_set_ethertype(p, type);
		FX_NEXT(CMD, offset + 8, packet_kind_of_type(type));
	}
	case 0x0806:
		p->status |= FS(ARP);
		FX_END(ARP);
	case 0x8035:
		p->status |= FS(RARP);
		FX_END(RARP);
	case 0x88cc:
		p->status |= FS(LLDP);
		FX_END(LLDP);
	default:
		break;
	}
	if (kind >= 0x600) {
		packet_set_ethertype(p, kind);
		p->status |= FS(STOP_DISSECT);
		FX_END(UNKNOWN_ETHERTYPE);
	}
	if ((kind & ~0xffu) != HEADER_KIND_IP_PROTO) {
		p->status |= FS(STOP_DISSECT);
		return 0;
	}
final_proto: {
	__u32 id = header_of_final_proto(kind & 0xff);

	if (id == HEADER_ESP)
		p->status |= FS(IPSEC_ESP) | FS(STOP_DISSECT);
	else if (id == HEADER_SCTP)
		p->status |= FS(SCTP);
	else if (!id)
		p->status |= FS(STOP_DISSECT);
	return (__u64)(id ? id : (__u32)HEADER_UNKNOWN_PROTO) << 32;
}
}

FX_INLINE void header_code_push(struct packet *p, __u32 code)
{
	__u32 n = FX_MEM(p->headers_used);

	if (n >= HEADER_STACK_BYTES) {
		p->status |= FS(HEADERS_OVERRUN);
		return;
	}
	p->headers[n & (HEADER_STACK_BYTES - 1)] = (__u8)code;
	FX_MEM(p->headers_used) = (__u8)(n + 1);
}

/* Append a header to the stack; vlan and mpls repeat as counts, unknown ones carry their number. */
FX_INLINE void packet_push_header(struct packet *p, __u32 id, __u32 kind)
{
	__u32 n = FX_MEM(p->headers_used);

	p->header_count++;
	if ((id == HEADER_VLAN || id == HEADER_MPLS) && n) {
		__u32 last = p->headers[(n - 1) & (HEADER_STACK_BYTES - 1)];

		if (last == id) {
			header_code_push(p, 0x82);
			return;
		}
		if (last >= 0x82 && n > 1 && p->headers[(n - 2) & (HEADER_STACK_BYTES - 1)] == id) {
			if (last < 0xff)
				p->headers[(n - 1) & (HEADER_STACK_BYTES - 1)] = (__u8)(last + 1);
			return;
		}
	}
	if (id >= HEADER_UNKNOWN_ETHERTYPE) {
		__u32 number = id == HEADER_UNKNOWN_PROTO ? kind & 0xff : kind;

		if (n + 3 > HEADER_STACK_BYTES) {
			p->status |= FS(HEADERS_OVERRUN);
			return;
		}
		header_code_push(p, id);
		header_code_push(p, number >> 8);
		header_code_push(p, number & 0xff);
		return;
	}
	header_code_push(p, id);
}

/* One turn of the loop: cursor in, cursor out, through memory. Returns non-zero when dissection has ended. */
FX_INLINE int packet_parse_next(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u32 cursor = FX_MEM(p->cursor), steps = FX_MEM(p->steps), kind = cursor >> 16;
	__u64 next;
	__u32 id;

	if (!kind)
		return 1;
	if (steps >= PACKET_MAX_HEADERS) {
		p->status |= FS(STOP_DISSECT) | FS(HEADERS_OVERRUN);
		p->cursor = 0;
		return 1;
	}
	next = packet_parse_step(data, end, cursor & 0xffff, kind, p);
	FX_MEM(p->steps) = (__u8)(steps + 1);
	/* Through memory: otherwise 6.18 follows each step's constants on their own, 335 k instructions instead of 130 k. */
	FX_MEM(p->cursor) = (__u32)next;
	FX_MEM(p->step_header) = (__u8)(next >> 32);
	id = FX_MEM(p->step_header);
	if (id)
		packet_push_header(p, id, kind);
	return !(FX_MEM(p->cursor) >> 16);
}

/*
 * The common frame in a straight line: the same steps with constant kinds, so the switch folds away. Leaves the cursor
 * where the loop must go on; 0 when there is nothing left.
 */
FX_INLINE void packet_parse_start(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u64 next;
	__u32 kind;

	if (FX_MEM(p->cursor) != (__u32)HEADER_KIND_ETHERNET << 16)
		return;
	next = packet_parse_step(data, end, 0, HEADER_KIND_ETHERNET, p);
	p->steps = 1;
	FX_MEM(p->cursor) = (__u32)next;
	if (!next)
		return;
	packet_push_header(p, HEADER_ETH, 0);
	kind = (__u32)next >> 16;
	if (kind == 0x8100) {
		next = packet_parse_step(data, end, 14, 0x8100, p);
		FX_MEM(p->cursor) = (__u32)next;
		p->steps = 2;
		if (!next)
			return;
		packet_push_header(p, HEADER_VLAN, 0);
		kind = (__u32)next >> 16;
	}
	if (kind == 0x0800)
		next = packet_parse_ipv4(data, end, (__u32)next & 31, p);
	else if (kind == 0x86dd)
		next = packet_parse_ipv6(data, end, (__u32)next & 31, p);
	else
		return;
	FX_MEM(p->cursor) = (__u32)next;
	p->steps++;
	if (!(next >> 32))
		return;
	packet_push_header(p, (__u32)(next >> 32), 0);
	kind = (__u32)next >> 16;
	if (kind == HEADER_KIND_OF_PROTO(6)) {
		packet_push_header(p, HEADER_TCP, 0);
		FX_MEM(p->cursor) = 0;
	} else if (kind == HEADER_KIND_OF_PROTO(17)) {
		next = packet_parse_step(data, end, (__u32)next & 127, HEADER_KIND_OF_PROTO(17), p);
		packet_push_header(p, HEADER_UDP, 0);
		FX_MEM(p->cursor) = (__u32)next;
	} else {
		return;
	}
	p->steps++;
}

/* RFC 9293 3.1 options: kinds seen, MSS, window scale, time stamps. */
FX_INLINE void packet_parse_tcp_options(const __u8 *data, const __u8 *end, struct packet *p, __u32 stop)
{
	FX_MEM(p->option_cursor) = (__u16)(p->l4_offset + 20);
	FX_NO_UNROLL
	for (int i = 0; i < 40; i++) {
		__u32 o = FX_MEM(p->option_cursor), kind, len;
		const __u8 *q;

		if (o >= stop || o > PACKET_MAX_HEADER_OFFSET + 60)
			return;
		q = data + fx_bound(o);
		if (o + 1 > p->cap_len || q + 1 > end)
			return;
		kind = fx_load8(q);
		if (kind < 32)
			p->tcp_options |= 1u << (kind & 31);
		else
			p->tcp_options |= 1u << 31;
		if (kind == 0)
			return;
		p->tcp_option_count++;
		if (kind == 1) {
			FX_MEM(p->option_cursor) = (__u16)(o + 1);
			continue;
		}
		if (o + 2 > stop || o + 2 > p->cap_len || q + 2 > end)
			return;
		len = fx_load8(q + 1);
		if (len < 2 || o + len > stop) {
			FX_SET(p->flags, PACKET_BAD_TCP_OPTION);
			return;
		}
		if (kind == 2 && len == 4 && o + 4 <= p->cap_len && q + 4 <= end) {
			p->tcp_mss = fx_load16(q + 2);
			FX_SET(p->flags, PACKET_HAS_MSS);
		} else if (kind == 3 && len == 3 && o + 3 <= p->cap_len && q + 3 <= end) {
			p->tcp_window_scale = fx_load8(q + 2);
			FX_SET(p->flags, PACKET_HAS_WSCALE);
		} else if (kind == 8 && len == 10 && o + 10 <= p->cap_len && q + 10 <= end) {
			p->tcp_ts_value = fx_load32(q + 2);
			p->tcp_ts_echo = fx_load32(q + 6);
			FX_SET(p->flags, PACKET_HAS_TIMESTAMP);
		}
		FX_MEM(p->option_cursor) = (__u16)(o + len);
	}
}

/* RFC 791 3.1 options of the innermost IPv4 header: how many, and the first two kinds other than NOP. */
FX_INLINE void packet_parse_ip_options(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u32 stop = p->l3_offset + p->ip_header_len, count = 0;

	FX_MEM(p->option_cursor) = (__u16)(p->l3_offset + 20);
	p->ip_option[0] = 0;
	p->ip_option[1] = 0;
	FX_NO_UNROLL
	for (int i = 0; i < 40; i++) {
		__u32 o = FX_MEM(p->option_cursor), kind, len;
		const __u8 *q;

		if (o >= stop || o > PACKET_MAX_HEADER_OFFSET + 60)
			break;
		q = data + fx_bound(o);
		if (o + 1 > p->cap_len || q + 1 > end)
			break;
		kind = fx_load8(q);
		if (kind == 0)
			break;
		count++;
		if (kind == 1) {
			FX_MEM(p->option_cursor) = (__u16)(o + 1);
			continue;
		}
		if (!p->ip_option[0])
			p->ip_option[0] = (__u8)kind;
		else if (!p->ip_option[1] && p->ip_option[0] != kind)
			p->ip_option[1] = (__u8)kind;
		if (o + 2 > p->cap_len || q + 2 > end)
			break;
		len = fx_load8(q + 1);
		if (len < 2 || o + len > stop) {
			count |= PACKET_IP_OPTION_BAD;
			break;
		}
		FX_MEM(p->option_cursor) = (__u16)(o + len);
	}
	p->ip_option_count = (__u8)count;
}

/* Transport header of the innermost IP header, payload bounds, and the bits that need all of it. */
FX_INLINE void packet_parse_l4(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u32 offset, limit, proto, header_len = 0, minimum = 0;
	const __u8 *q;

	if (!p->ip_version) {
		p->status |= FS(L2_FLOW);
		p->l2_header_len = p->wire_len;
		return;
	}
	offset = FX_MEM(p->l4_offset);
	proto = p->ip_proto;
	p->l2_header_len = p->l3_offset;
	if (FX_UNLIKELY(p->ip_version == 4 && p->parse_tcp_options && p->ip_header_len > 20))
		packet_parse_ip_options(data, end, p);
	else if (p->ip_version == 4)
		p->ip_option_count = 0; /* an outer IPv6 header may have counted */
	p->l4_len = p->l3_end > offset ? p->l3_end - offset : 0;
	p->payload_offset = offset;
	p->payload_len = p->l4_len;
	if (p->l3_end > p->wire_len)
		p->status |= FS(LENGTH_MISMATCH);
	if (p->cap_len < p->wire_len && p->cap_len < p->l3_end)
		p->status |= FS(L3_SNAPPED);
	if (p->flags & PACKET_LATER_FRAGMENT)
		return;
	if (offset > PACKET_MAX_HEADER_OFFSET)
		return;
	limit = p->cap_len < p->l3_end ? p->cap_len : p->l3_end;
	q = data + fx_bound(offset);

	if (proto == 6 || proto == 17 || proto == 136 || proto == 132 || proto == 33) {
		__u32 n = proto == 132 ? 12 : 4; /* SCTP: common header whole or no ports, as Wireshark has it */

		if (offset + n <= limit && q + n <= end) {
			p->src_port = fx_load16(q);
			p->dst_port = fx_load16(q + 2);
			FX_SET(p->flags, PACKET_HAS_PORTS);
		}
	}
	if (proto == 6) {
		minimum = 20;
		if (offset + 16 <= limit && q + 16 <= end) {
			header_len = (fx_load8(q + 12) >> 4) * 4;
			p->tcp_header_len = (__u8)header_len;
			if (header_len >= 20) {
				p->tcp_seq = fx_load32(q + 4);
				p->tcp_ack = fx_load32(q + 8);
				p->tcp_flags = fx_load8(q + 13);
				p->tcp_window = fx_load16(q + 14);
				FX_SET(p->flags, PACKET_HAS_TCP);
				if (offset + 20 <= limit && q + 20 <= end) {
					p->l4_checksum = fx_load16(q + 16);
					p->tcp_urgent = fx_load16(q + 18);
				}
				if (header_len > 20 && ((p->tcp_flags & TCP_SYN) || p->parse_tcp_options))
					packet_parse_tcp_options(data, end, p, offset + header_len);
			}
		}
	} else if (proto == 17 || proto == 136) {
		minimum = header_len = 8;
		if (p->src_port == 1900 ? p->dst_port > 1024 : p->dst_port == 1900 && p->src_port > 1024)
			p->status |= FS(UPNP);
	} else if (proto == 132) {
		minimum = header_len = 12;
	} else if (proto == 33) {
		minimum = header_len = 12;
	} else if (proto == 1 || proto == 58) {
		minimum = 4;
		header_len = 8;
		if (offset + 4 <= limit && q + 4 <= end) {
			p->icmp_type = fx_load8(q);
			p->icmp_code = fx_load8(q + 1);
			p->l4_checksum = fx_load16(q + 2);
		}
	} else if (proto == 2) {
		minimum = header_len = 8;
	}
	if (offset + minimum > p->cap_len && p->cap_len < p->wire_len)
		p->status |= FS(L4_HEADER_SNAPPED);
	p->payload_offset = offset + header_len;
	p->payload_len = p->l4_len > header_len ? p->l4_len - header_len : 0;
	if (proto == 6 && (p->flags & PACKET_HAS_PORTS) && p->src_port == p->dst_port && p->src[0] == p->dst[0] &&
	    p->src[1] == p->dst[1] && p->src[2] == p->dst[2] && p->src[3] == p->dst[3])
		p->status |= FS(LAND_ATTACK);
}

/* Prepare *p for a frame: everything zero but what came with it. */
FX_INLINE void packet_clear(struct packet *p, const struct frame_meta *m, __u64 packet_no, __u8 parse_tcp_options)
{
	__builtin_memset(p, 0, sizeof(*p));
	p->ts_ns = m->ts_ns;
	p->clock_ns = m->clock_ns;
	p->packet_no = packet_no;
	p->wire_len = m->wire_len;
	p->cap_len = m->cap_len;
	p->if_id = m->if_id;
	p->parse_tcp_options = parse_tcp_options;
	if (m->start_kind != HEADER_KIND_ETHERNET && m->start_kind != HEADER_KIND_ETHERNET_BRCM &&
	    m->start_kind != HEADER_KIND_ETHERNET_DSA && m->start_kind != HEADER_KIND_ETHERNET_EDSA)
		p->status = FS(NO_ETHERNET);
	if (m->link_headers[0])
		packet_push_header(p, m->link_headers[0], 0);
	if (m->link_headers[1])
		packet_push_header(p, m->link_headers[1], 0);
	FX_MEM(p->cursor) = (__u32)m->start_kind << 16;
}

#ifndef __bpf__
/*
 * Parses cap_len bytes at data; m says what they are. p need not be cleared. The BPF program does the same three calls
 * with the loop in a global function of its own (flowxdp.bpf.c says why).
 */
FX_INLINE void packet_parse(const __u8 *data, const struct frame_meta *m, __u64 packet_no, __u8 parse_tcp_options,
                            struct packet *p)
{
	const __u8 *end = data + m->cap_len;

	packet_clear(p, m, packet_no, parse_tcp_options);
	packet_parse_start(data, end, p);
	while (FX_UNLIKELY(p->cursor))
		if (packet_parse_next(data, end, p))
			break;
	packet_parse_l4(data, end, p);
}
#endif

#endif
