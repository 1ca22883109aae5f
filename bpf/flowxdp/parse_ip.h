/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_ip.h - parser steps for IPv4, IPv6 and its extension headers, fragments, IP options.
 */
#ifndef FLOWXDP_PARSE_IP_H
#define FLOWXDP_PARSE_IP_H

#include "parse_step.h"
#include "tunnel_check.h"

/* An unusable IP header: without an outer IP header the packet belongs to an L2 flow, else to the outer header's flow. */
FX_INLINE __u64 packet_bogus_ip(struct packet *p, __u64 more)
{
	p->status |= FS(IP_BOGUS) | FS(STOP_DISSECT) | more;
	return 0;
}

/* Stores which header was fragmented: the outermost one, because its later fragments show no other header. */
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
	p->fragment_tunnel_id = p->tunnel_id;
	p->fragment_tunnel_header = p->tunnel_header;
	for (int i = 0; i < 4; i++) {
		p->fragment_src[i] = p->src[i];
		p->fragment_dst[i] = p->dst[i];
	}
}

/* An address of packet.src or packet.dst, mapped into IPv6. By words, as flow_key_from() reads it. */
FX_INLINE void packet_put_ipv4(__be32 *at, __be32 address)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const __be32 mapped = 0xffff0000u;
#else
	const __be32 mapped = 0x0000ffffu;
#endif

	fx_store_word(at, 0);
	fx_store_word(at + 2, fx_word_of(mapped, address));
}

/* RFC 791. inner: the header may follow another IP header, so it may be in a UDP tunnel, which it then has to prove. */
FX_INLINE __u64 packet_parse_ipv4(const __u8 *data, const __u8 *end, __u32 offset, int inner, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(20, L3_HEADER_SNAPPED);
	__u32 version_ihl = fx_load8(q), header_len = (version_ihl & 15) * 4;
	__u32 total_len = fx_load16(q + 2), fragment = fx_load16(q + 6), proto = fx_load8(q + 9);

	if (packet_behind_outer(p, offset, 20)) {
		p->status |= FS(LENGTH_MISMATCH) | FS(STOP_DISSECT);
		return 0;
	}
	if (FX_UNLIKELY((version_ihl >> 4) == 6)) /* announced as IPv4: the version field is believed, as Wireshark does */
		FX_RETURN_NEXT(NONE, offset, 0x86dd);
	if (FX_UNLIKELY((version_ihl >> 4) != 4))
		return packet_bogus_ip(p, 0);
	if (FX_UNLIKELY(header_len < 20))
		return packet_bogus_ip(p, FS(IPV4_HEADER_SHORT));
	if (FX_UNLIKELY(total_len && total_len < header_len))
		return packet_bogus_ip(p, 0);
	if (inner && FX_UNLIKELY(FX_OPAQUE(p->tunnel_end)) && !packet_enter_tunnel4(data, end, offset, header_len, total_len, p))
		return 0;

	if (inner)
		packet_commit_pending(p);
	p->ip_version = 4;
	p->ethertype = 0x0800;
	p->tos = fx_load8(q + 1);
	p->ip_id = fx_load16(q + 4);
	p->ip_flags = (__u8)(fragment >> 13);
	p->ttl = fx_load8(q + 8);
	p->ip_proto = (__u8)proto;
	p->ip_header_len = (__u8)header_len;
	packet_put_ipv4(p->src, fx_load_raw32(q + 12));
	packet_put_ipv4(p->dst, fx_load_raw32(q + 16));
	p->l3_offset = offset;
	/* 0: with TSO the driver fills it in */
	p->l3_end = total_len ? offset + total_len : packet_unnamed_end(p, offset + header_len);
	packet_enclose(p, p->l3_end);
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
			FX_RETURN_LAST(IPV4);
		}
	}
	FX_RETURN_NEXT(IPV4, offset + header_len, HEADER_KIND_OF_PROTO(proto));
}

/* RFC 8200. inner: as for IPv4. */
FX_INLINE __u64 packet_parse_ipv6(const __u8 *data, const __u8 *end, __u32 offset, int inner, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(40, L3_HEADER_SNAPPED);
	__u32 first_word = fx_load32(q), payload_len = fx_load16(q + 4), next = fx_load8(q + 6);

	if (packet_behind_outer(p, offset, 40)) {
		p->status |= FS(LENGTH_MISMATCH) | FS(STOP_DISSECT);
		return 0;
	}
	if (FX_UNLIKELY((first_word >> 28) != 6))
		return packet_bogus_ip(p, 0);
	if (inner && FX_UNLIKELY(FX_OPAQUE(p->tunnel_end)) && !packet_enter_tunnel6(q, offset, payload_len, next, p))
		return 0;

	if (inner)
		packet_commit_pending(p);
	p->ip_version = 6;
	p->ethertype = 0x86dd;
	p->tos = (__u8)(first_word >> 20);
	p->ip_id = 0;
	p->ip_flags = 0;
	p->ttl = fx_load8(q + 7);
	p->ip_proto = (__u8)next;
	p->ip_header_len = 40;
	p->ip_option_count = 0;
	for (int i = 0; i < 4; i += 2) { /* by words, as flow_key_from() reads them */
		fx_store_word(p->src + i, fx_word_of(fx_load_raw32(q + 8 + 4 * i), fx_load_raw32(q + 12 + 4 * i)));
		fx_store_word(p->dst + i, fx_word_of(fx_load_raw32(q + 24 + 4 * i), fx_load_raw32(q + 28 + 4 * i)));
	}
	p->l3_offset = offset;
	/* 0: jumbogram (RFC 2675), TSO, or nothing follows (a Teredo bubble) */
	p->l3_end = payload_len || next == 59 ? offset + 40 + payload_len : packet_unnamed_end(p, offset + 40);
	packet_enclose(p, p->l3_end);
	p->l4_offset = offset + 40;
	p->status = (p->status & ~(FS(IPV4_FLOW) | FS(IPV4_PACKET))) | FS(IPV6_FLOW) | FS(IPV6_PACKET);
	FX_RETURN_NEXT(IPV6, offset + 40, HEADER_KIND_OF_PROTO(next));
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

/* Hop-by-hop, routing and destination header; RFC 8200 4. */
FX_INLINE __u64 packet_parse_ip6_extension(const __u8 *data, const __u8 *end, __u32 offset,
                                           __u32 kind, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(2, L4_HEADER_SNAPPED);
	__u32 next = fx_load8(q), len = ((__u32)fx_load8(q + 1) + 1) * 8;

	p->ip_proto = (__u8)next;
	p->l4_offset = offset + len;
	if (kind != HEADER_KIND_OF_PROTO(43) && offset + 3 <= p->cap_len && q + 3 <= end)
		packet_note_ip6_option(p, kind == HEADER_KIND_OF_PROTO(60), fx_load8(q + 2));
	FX_RETURN_NEXT(NONE, offset + len, HEADER_KIND_OF_PROTO(next));
}

/* RFC 8200 4.5. */
FX_INLINE __u64 packet_parse_ip6_fragment(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	__u32 next = fx_load8(q), field = fx_load16(q + 2);

	p->ip_proto = (__u8)next;
	p->l4_offset = offset + 8;
	packet_note_fragment(p, fx_load32(q + 4), field >> 3, field & 1, next);
	if (field >> 3) {
		p->status |= FS(STOP_DISSECT);
		return 0;
	}
	FX_RETURN_NEXT(NONE, offset + 8, HEADER_KIND_OF_PROTO(next));
}

/* RFC 4302. */
FX_INLINE __u64 packet_parse_authentication(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	p->status |= FS(IPSEC_AH);
	FX_READ_OR_RETURN(2, L4_HEADER_SNAPPED);
	__u32 next = fx_load8(q), len = ((__u32)fx_load8(q + 1) + 2) * 4;

	p->ip_proto = (__u8)next;
	p->l4_offset = offset + len;
	FX_RETURN_NEXT(AH, offset + len, HEADER_KIND_OF_PROTO(next));
}

/* IP whose version only its first nibble tells. */
FX_INLINE __u64 packet_parse_ip_by_nibble(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(1, L3_HEADER_SNAPPED);
	__u32 nibble = fx_load8(q) >> 4;

	if (nibble == 4)
		FX_RETURN_NEXT(NONE, offset, 0x0800);
	if (nibble == 6)
		FX_RETURN_NEXT(NONE, offset, 0x86dd);
	return packet_bogus_ip(p, 0);
}

/* RFC 791 3.1 options of the innermost IPv4 header: how many, and the first two kinds other than NOP. */
FX_INLINE void packet_parse_ip_options(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u32 stop = p->l3_offset + p->ip_header_len, count = 0;

	FX_OPAQUE(p->option_cursor) = (__u16)(p->l3_offset + 20);
	p->ip_option[0] = 0;
	p->ip_option[1] = 0;
	FX_NO_UNROLL
	for (int i = 0; i < 40; i++) {
		__u32 o = FX_OPAQUE(p->option_cursor), kind, len;
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
			FX_OPAQUE(p->option_cursor) = (__u16)(o + 1);
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
		FX_OPAQUE(p->option_cursor) = (__u16)(o + len);
	}
	p->ip_option_count = (__u8)count;
}

#endif
