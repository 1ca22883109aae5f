/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h - the one packet parser: frame bytes -> struct packet.
 *
 * packet_parse() does three steps. packet_parse_start() parses the common frame (Ethernet, at most one VLAN tag, IPv4 or IPv6, TCP or
 * UDP) in a straight line. packet_parse_step() parses all other headers in a bounded loop, one header a step. packet_parse_l4()
 * reads the transport header after the innermost usable IP header.
 *
 * A tunnel is entered only when a usable IP header is found inside. Otherwise the flow is that of the outer header: a VXLAN frame
 * that carries ARP belongs to the outer UDP flow. A UDP port is only a guess, so a tunnel over UDP that is not entered leaves
 * no header and no flowStat bit either (packet_leave_tunnel()).
 *
 * Bounds: a byte is read only when it is below cap_len and below the readable end. An error raises a flowStat bit and does not stop the
 * packet. The only outcome without a flow is PACKET_NO_FLOW.
 */
#ifndef FLOWXDP_PARSE_H
#define FLOWXDP_PARSE_H

#include "compat.h"
#include "header_stack.h"
#include "packet.h"
#include "parse_ip.h"
#include "parse_link.h"
#include "parse_step.h"
#include "parse_tag.h"
#include "parse_transport.h"
#include "parse_tunnel.h"
#include "parse_wlan.h"

/*
 * Dissects one header of the given kind at offset. Returns id, next kind and next offset (FX_RETURN_NEXT), or 0 when the header
 * cannot be read. Does not read beyond cap_len or end.
 */
FX_INLINE __u64 packet_parse_step(const __u8 *data, const __u8 *end, FX_CONFIG struct tunnel_config *tunnels, __u32 offset,
                                  __u32 kind, struct packet *p)
{
	if (offset > PACKET_MAX_HEADER_OFFSET) {
		p->status |= FS(STOP_DISSECT);
		return 0;
	}
	switch (kind) {
	case HEADER_KIND_ETHERNET:
		return packet_parse_ethernet(data, end, offset, p);
	case HEADER_KIND_ETHERNET_BRCM: case HEADER_KIND_ETHERNET_DSA: case HEADER_KIND_ETHERNET_EDSA:
		return packet_parse_switch_port(data, end, offset, kind, p);
	case HEADER_KIND_BRCM: case HEADER_KIND_DSA:
		return packet_parse_switch_tag(data, end, offset, kind, p);
	case 0x0800:
		return packet_parse_ipv4(data, end, offset, 1, p);
	case 0x86dd:
		return packet_parse_ipv6(data, end, offset, 1, p);
	case HEADER_KIND_OF_PROTO(17):
		return packet_parse_udp(data, end, tunnels, offset, p);
	case 0x8100: case 0x88a8: case 0x9100: case 0x9200:
		return packet_parse_vlan(data, end, offset, p);
	case 0x8847: case 0x8848:
		return packet_parse_mpls(data, end, offset, kind, p);
	case HEADER_KIND_PSEUDOWIRE:
		return packet_parse_pseudowire(data, end, offset, p);
	case 0x8863: /* RFC 2516 */
		p->status |= FS(PPPOE_DISCOVERY);
		FX_RETURN_LAST(PPPOED);
	case 0x8864:
		return packet_parse_pppoe(data, end, offset, p);
	case HEADER_KIND_PPP: case 0x880b:
		return packet_parse_ppp(data, end, offset, p);
	case HEADER_KIND_LLC:
		return packet_parse_llc(data, end, offset, p);
	case HEADER_KIND_OF_PROTO(0): case HEADER_KIND_OF_PROTO(43): case HEADER_KIND_OF_PROTO(60):
		if (p->ip_version != 6)
			goto final_proto;
		return packet_parse_ip6_extension(data, end, offset, kind, p);
	case HEADER_KIND_OF_PROTO(44):
		if (p->ip_version != 6)
			goto final_proto;
		return packet_parse_ip6_fragment(data, end, offset, p);
	case HEADER_KIND_OF_PROTO(51):
		return packet_parse_authentication(data, end, offset, p);
	case HEADER_KIND_OF_PROTO(4): /* RFC 2003 */
		if (!(tunnels->flags & TUNNEL_OVER_IP))
			goto final_proto;
		p->status |= FS(IP_IN_IP);
		FX_RETURN_NEXT(NONE, offset, 0x0800);
	case HEADER_KIND_OF_PROTO(41): /* RFC 2473, 4213 */
		if (!(tunnels->flags & TUNNEL_OVER_IP))
			goto final_proto;
		p->status |= FS(IP_IN_IP);
		FX_RETURN_NEXT(NONE, offset, 0x86dd);
	case HEADER_KIND_OF_PROTO(137): /* RFC 4023 */
		if (!(tunnels->flags & TUNNEL_OVER_IP))
			goto final_proto;
		FX_RETURN_NEXT(NONE, offset, 0x8847);
	case HEADER_KIND_OF_PROTO(143): /* RFC 8986 4.9 */
		if (!(tunnels->flags & TUNNEL_OVER_IP))
			goto final_proto;
		FX_RETURN_NEXT(NONE, offset, HEADER_KIND_ETHERNET);
	case HEADER_KIND_OF_PROTO(97):
		if (!(tunnels->flags & TUNNEL_OVER_IP))
			goto final_proto;
		return packet_parse_etherip(data, end, offset, p);
	case HEADER_KIND_OF_PROTO(47):
		if (!(tunnels->flags & TUNNEL_OVER_IP))
			goto final_proto;
		return packet_parse_gre(data, end, offset, p);
	case HEADER_KIND_GRE_ROUTE:
		return packet_parse_gre_route(data, end, offset, p);
	case HEADER_KIND_ERSPAN2:
		return packet_parse_erspan2(data, end, offset, p);
	case HEADER_KIND_ERSPAN3:
		return packet_parse_erspan3(data, end, offset, p);
	case HEADER_KIND_VXLAN:
		return packet_parse_vxlan(data, end, offset, p);
	case HEADER_KIND_GENEVE:
		return packet_parse_geneve(data, end, offset, p);
	case HEADER_KIND_GTP:
		return packet_parse_gtp(data, end, offset, p);
	case HEADER_KIND_GTP_EXT:
		return packet_parse_gtp_extension(data, end, offset, p);
	case HEADER_KIND_IP_BY_NIBBLE:
		return packet_parse_ip_by_nibble(data, end, offset, p);
	case HEADER_KIND_L2TP:
		return packet_parse_l2tp(data, end, offset, p);
	case HEADER_KIND_TEREDO:
		return packet_parse_teredo(data, end, offset, p);
	case HEADER_KIND_AYIYA:
		return packet_parse_ayiya(data, end, offset, p);
	case HEADER_KIND_CAPWAP:
		return packet_parse_capwap(data, end, offset, p);
	case HEADER_KIND_LWAPP:
		return packet_parse_lwapp(data, end, offset, p);
	case HEADER_KIND_DOT11: case HEADER_KIND_DOT11_PADDED: case HEADER_KIND_DOT11_SWAPPED:
		return packet_parse_dot11(data, end, offset, kind, p);
	case 0x8926: case 0x893f: case 0x892f: case 0xf1c1:
		return packet_parse_typed_tag(data, end, offset, kind, p);
	case 0x8870: /* an LLC frame too long for a length field */
		FX_RETURN_NEXT(NONE, offset, HEADER_KIND_LLC);
	case 0x88e7:
		return packet_parse_pbb(data, end, offset, p);
	case 0x88e5:
		return packet_parse_macsec(data, end, offset, p);
	case 0x894f:
		return packet_parse_nsh(data, end, offset, p);
	case 0x22f3:
		return packet_parse_trill(data, end, offset, p);
	case 0x8909:
		return packet_parse_cisco_metadata(data, end, offset, p);
	case 0x8903:
		return packet_parse_fabricpath(data, end, offset, p);
	case 0xd28b:
		return packet_parse_arista(data, end, offset, p);
	case 0x6558: /* RFC 1701: Ethernet, bridged; also after a cooked header, NSH, ... */
		FX_RETURN_NEXT(NONE, offset, HEADER_KIND_ETHERNET);
	case 0x0806:
		p->payload_offset = offset; /* user halves may want its bytes (packet_need.h) */
		p->status |= FS(ARP);
		FX_RETURN_LAST(ARP);
	case 0x8035:
		p->payload_offset = offset;
		p->status |= FS(RARP);
		FX_RETURN_LAST(RARP);
	case 0x88cc:
		p->payload_offset = offset;
		p->status |= FS(LLDP);
		FX_RETURN_LAST(LLDP);
	default:
		break;
	}
	if (kind >= 0x600) {
		packet_set_ethertype(p, kind);
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(UNKNOWN_ETHERTYPE);
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
	else if (id == HEADER_GRE) /* not entered, as EtherIP */
		p->status |= FS(GRE) | FS(STOP_DISSECT);
	else if (id == HEADER_ETHERIP)
		p->status |= FS(ETHERIP) | FS(STOP_DISSECT);
	else if (!id)
		p->status |= FS(STOP_DISSECT);
	return (__u64)(id ? id : (__u32)HEADER_UNKNOWN_PROTO) << 32;
}
}

/* One turn of the loop: cursor in, cursor out, through memory. Returns non-zero when dissection has ended. */
FX_INLINE int packet_parse_next(const __u8 *data, const __u8 *end, FX_CONFIG struct tunnel_config *tunnels,
                                struct packet *p)
{
	__u32 cursor = FX_OPAQUE(p->cursor), steps = FX_OPAQUE(p->steps), kind = cursor >> 16;
	__u64 next;
	__u32 id;

	if (!kind)
		return 1;
	if (steps >= PACKET_MAX_HEADERS) {
		p->status |= FS(STOP_DISSECT) | FS(HEADERS_OVERRUN);
		p->cursor = 0;
		return 1;
	}
	next = packet_parse_step(data, end, tunnels, cursor & 0xffff, kind, p);
	FX_OPAQUE(p->steps) = (__u8)(steps + 1);
	/* 6.18: 335 k verified instructions, because each step's constants keep states apart; cure: FX_OPAQUE: 130 k. */
	FX_OPAQUE(p->cursor) = (__u32)next;
	FX_OPAQUE(p->step_header) = (__u8)(next >> 32);
	id = FX_OPAQUE(p->step_header);
	if (id)
		packet_push_header(p, id, kind);
	return !(FX_OPAQUE(p->cursor) >> 16);
}

/*
 * Parses the common frame in a straight line: the same steps with constant kinds, so the compiler removes the switch. The cursor is
 * then where the loop continues; 0 when nothing is left.
 */
FX_INLINE void packet_parse_start(const __u8 *data, const __u8 *end, FX_CONFIG struct tunnel_config *tunnels,
                                  struct packet *p)
{
	__u32 kind, codes = HEADER_ETH, n = 1;
	__u64 next;

	if (FX_OPAQUE(p->cursor) != (__u32)HEADER_KIND_ETHERNET << 16)
		return;
	next = packet_parse_step(data, end, tunnels, 0, HEADER_KIND_ETHERNET, p);
	FX_OPAQUE(p->cursor) = (__u32)next;
	p->steps = 1;
	if (!next)
		return;
	kind = (__u32)next >> 16;
	if (kind == 0x8100) {
		next = packet_parse_step(data, end, tunnels, 14, 0x8100, p);
		FX_OPAQUE(p->cursor) = (__u32)next;
		p->steps = 2;
		if (!next)
			goto out;
		codes |= HEADER_VLAN << 8;
		n = 2;
		kind = (__u32)next >> 16;
	}
	if (kind == 0x0800)
		next = packet_parse_ipv4(data, end, (__u32)next & 31, 0, p);
	else if (kind == 0x86dd)
		next = packet_parse_ipv6(data, end, (__u32)next & 31, 0, p);
	else
		goto out;
	FX_OPAQUE(p->cursor) = (__u32)next;
	p->steps++;
	if (!(next >> 32))
		goto out;
	codes |= (__u32)(next >> 32) << 8 * n++;
	kind = (__u32)next >> 16;
	if (kind == HEADER_KIND_OF_PROTO(6)) {
		codes |= (__u32)HEADER_TCP << 8 * n++;
		FX_OPAQUE(p->cursor) = 0;
		p->steps++;
	}
out:
	packet_push_headers(p, codes, n);
	/* A tunnel that is tried over UDP saves the headers before it. */
	if (FX_OPAQUE(p->cursor) >> 16 == HEADER_KIND_OF_PROTO(17)) {
		next = packet_parse_step(data, end, tunnels, FX_OPAQUE(p->cursor) & 127, HEADER_KIND_OF_PROTO(17), p);
		packet_push_header(p, HEADER_UDP, 0);
		FX_OPAQUE(p->cursor) = (__u32)next;
		p->steps++;
	}
}

/*
 * Parses Ethernet whose outermost tag is not in the frame (Linux keeps it in the buffer's metadata until the frame is sent). The tag
 * counts as if it followed the addresses. The cursor is then after both.
 */
FX_INLINE void packet_parse_tagged_ethernet(const __u8 *data, const __u8 *end, __u32 tci, struct packet *p)
{
	__u64 next = packet_parse_ethernet(data, end, 0, p);

	p->steps = 2;
	FX_OPAQUE(p->cursor) = (__u32)next;
	if (!next)
		return;
	packet_push_header(p, HEADER_ETH, 0);
	packet_add_vlan(p, tci);
	packet_push_header(p, HEADER_VLAN, 0);
}

/* Adds to all offsets after the Ethernet addresses the bytes that the wire has and the buffer has not. */
FX_INLINE void packet_move(struct packet *p, __u32 bytes)
{
	p->wire_len += bytes;
	p->cap_len += bytes;
	p->enclosing_end += bytes;
	p->l2_header_len += bytes;
	p->payload_offset += bytes;
	if (p->ip_version) {
		p->l3_offset += bytes;
		p->l3_end += bytes;
		p->l4_offset += bytes;
	}
}

/* Prepares *p for a frame. See struct packet for what it leaves as it is. */
FX_INLINE void packet_clear(struct packet *p, const struct frame_meta *m, __u64 packet_no, __u8 parse_tcp_options)
{
	/* clang 14 for BPF clears byte by byte what it does not know to be aligned: 136 stores, 16 ns. */
	__builtin_memset(__builtin_assume_aligned((__u8 *)p + PACKET_CLEARED_AT, 8), 0, PACKET_CLEARED_BYTES);
	p->tunnel_id = 0; /* part of the key of packets without a tunnel, too */
	p->ts_ns = m->ts_ns;
	p->clock_ns = m->clock_ns;
	p->packet_no = packet_no;
	p->wire_len = m->wire_len;
	p->enclosing_end = m->wire_len;
	p->cap_len = m->cap_len;
	p->if_id = m->if_id;
	p->parse_tcp_options = parse_tcp_options;
	if (m->start_kind != HEADER_KIND_ETHERNET && m->start_kind != HEADER_KIND_ETHERNET_BRCM &&
	    m->start_kind != HEADER_KIND_ETHERNET_DSA && m->start_kind != HEADER_KIND_ETHERNET_EDSA)
		p->status = FS(NO_ETHERNET);
	if (m->link_headers[0])
		packet_push_header(p, m->link_headers[0], 0);
	if (m->link_headers[1]) {
		if (m->link_headers[1] & FRAME_META_MATCHES)
			p->flags = PACKET_MATCHES;
		if (m->link_headers[1] & (FRAME_META_MATCHES - 1))
			packet_push_header(p, m->link_headers[1] & (FRAME_META_MATCHES - 1), 0);
	}
	FX_OPAQUE(p->cursor) = (__u32)m->start_kind << 16;
}

#ifndef __bpf__
/*
 * Parses cap_len bytes at data; m describes them. p need not be cleared. The BPF program makes the same three calls, with the loop in
 * a global function (observe_context.bpf.h).
 */
FX_INLINE void packet_parse(const __u8 *data, const struct frame_meta *m, FX_CONFIG struct tunnel_config *tunnels,
                            __u64 packet_no, __u8 parse_tcp_options, struct packet *p)
{
	const __u8 *end = data + m->cap_len;

	packet_clear(p, m, packet_no, parse_tcp_options);
	packet_parse_start(data, end, tunnels, p);
	while (FX_UNLIKELY(p->cursor))
		if (packet_parse_next(data, end, tunnels, p))
			break;
	packet_parse_l4(data, end, p);
}
#endif

#endif
