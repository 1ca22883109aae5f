/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_tunnel.h - parser steps for tunnels over IP and UDP. A tunnel is entered only when a usable IP header is found inside. A step
 * over UDP returns 0 when the bytes are not its header; tunnel_check.h has the checks that are the same for all.
 */
#ifndef FLOWXDP_PARSE_TUNNEL_H
#define FLOWXDP_PARSE_TUNNEL_H

#include "parse_ip.h"
#include "parse_step.h"
#include "tunnel_check.h"

/* RFC 768; the destination's port may announce a tunnel. */
FX_INLINE __u64 packet_parse_udp(const __u8 *data, const __u8 *end, FX_CONFIG struct tunnel_config *tunnels, __u32 offset,
                                 struct packet *p)
{
	const __u8 *q;

	q = data + fx_bound(offset);
	if (offset + 8 > p->cap_len || q + 8 > end || offset + 8 > p->l3_end)
		FX_RETURN_LAST(UDP);
	FX_RETURN_NEXT(UDP, offset + 8,
	        packet_try_tunnel(tunnels, fx_load16(q), fx_load16(q + 2), offset, fx_load16(q + 4), p));
}

/* RFC 3378. */
FX_INLINE __u64 packet_parse_etherip(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	p->status |= FS(ETHERIP);
	FX_READ_OR_RETURN(2, L4_HEADER_SNAPPED);
	if ((fx_load8(q) >> 4) != 3 && fx_load8(q) != 3) { /* version 3; some senders put it into the other nibble */
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(ETHERIP);
	}
	FX_RETURN_NEXT(ETHERIP, offset + 2, HEADER_KIND_ETHERNET);
}

/* RFC 2890 2.1: the key at offset, if it was captured. All 32 bits, also where NVGRE's lower eight tell flows apart (RFC 7637 3.2). */
FX_INLINE void packet_add_gre_key(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q = data + fx_bound(offset);

	if (offset + 4 <= p->cap_len && q + 4 <= end)
		packet_add_tunnel_id(p, HEADER_GRE, fx_load32(q));
}

/* RFC 2784, 2890, 1701, 2637. */
FX_INLINE __u64 packet_parse_gre(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	p->status |= FS(GRE);
	FX_READ_OR_RETURN(4, L4_HEADER_SNAPPED);
	__u32 flags = fx_load16(q), type = fx_load16(q + 2), n = 4, version = flags & 7;

	if (version > 1) {
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(GRE);
	}
	if (version == 1 && type == 0x6400) /* MikroTik EoIP: length and tunnel id in the place of the key */
		FX_RETURN_NEXT(GRE, offset + 8, HEADER_KIND_ETHERNET);
	if (version == 1) {
		n += flags & 0x2000 ? 4 : 0;
		n += flags & 0x1000 ? 4 : 0;
		n += flags & 0x0080 ? 4 : 0;
		if (!(flags & 0x1000)) /* no sequence number, no payload: an acknowledgement (RFC 2637 4.1) */
			FX_RETURN_LAST(GRE);
		FX_RETURN_NEXT(GRE, offset + n, type >= 0x600 ? type : (__u32)HEADER_KIND_UNKNOWN);
	}
	n += flags & 0xc000 ? 4 : 0; /* checksum or routing: both words are present */
	n += flags & 0x2000 ? 4 : 0;
	n += flags & 0x1000 ? 4 : 0;
	if (flags & 0x2000)
		packet_add_gre_key(data, end, offset + (flags & 0xc000 ? 8 : 4), p);
	if (flags & 0x4000) {
		p->option_cursor = (__u16)type;
		FX_RETURN_NEXT(GRE, offset + n, HEADER_KIND_GRE_ROUTE);
	}
	if (type == 0x88be) { /* ERSPAN type I has neither sequence number nor header */
		p->status |= FS(ERSPAN);
		FX_RETURN_NEXT(GRE, offset + n, flags & 0x1000 ? HEADER_KIND_ERSPAN2 : HEADER_KIND_ETHERNET);
	}
	if (type == 0x22eb) {
		p->status |= FS(ERSPAN);
		FX_RETURN_NEXT(GRE, offset + n, HEADER_KIND_ERSPAN3);
	}
	if (type == 0x883e) { /* WCCP 2 puts a redirect header of four bytes before IP, WCCP 1 none */
		p->status |= FS(WCCP);
		offset += n;
		FX_READ_OR_RETURN(1, L4_HEADER_SNAPPED);
		FX_RETURN_NEXT(GRE, (fx_load8(q) >> 4) == 4 ? offset : offset + 4, 0x0800);
	}
	FX_RETURN_NEXT(GRE, offset + n,
	        type == 0x6558 ? (__u32)HEADER_KIND_ETHERNET : type >= 0x600 ? type : (__u32)HEADER_KIND_UNKNOWN);
}

/* RFC 1701: entries until one of family and length 0. */
FX_INLINE __u64 packet_parse_gre_route(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L4_HEADER_SNAPPED);
	__u32 family = fx_load16(q), len = fx_load8(q + 3), type = FX_OPAQUE(p->option_cursor) & 0xffff;

	if (family || len)
		FX_RETURN_NEXT(NONE, offset + 4 + len, HEADER_KIND_GRE_ROUTE);
	FX_RETURN_NEXT(NONE, offset + 4, type == 0x6558 ? (__u32)HEADER_KIND_ETHERNET : type);
}

/* draft-foschiano-erspan, type II. */
FX_INLINE __u64 packet_parse_erspan2(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	if ((fx_load8(q) >> 4) == 2) /* type III under type II's protocol number: the version field decides */
		FX_RETURN_NEXT(NONE, offset, HEADER_KIND_ERSPAN3);
	FX_RETURN_NEXT(ERSPAN, offset + 8, HEADER_KIND_ETHERNET);
}

/* draft-foschiano-erspan, type III. */
FX_INLINE __u64 packet_parse_erspan3(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(12, L4_HEADER_SNAPPED);
	__u32 word = fx_load16(q + 10), frame_type = (word >> 10) & 31, n = 12 + (word & 1) * 8;

	FX_RETURN_NEXT(ERSPAN, offset + n,
	        frame_type == 2 ? HEADER_KIND_IP_BY_NIBBLE : HEADER_KIND_ETHERNET);
}

/* RFC 7348 and draft-ietf-nvo3-vxlan-gpe. */
FX_INLINE __u64 packet_parse_vxlan(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	__u32 flags = fx_load8(q), next = fx_load8(q + 3);

	/* I: a valid VNI. Of the flags that RFC 7348 reserves, GBP's G is allowed, and GPE's B, P and O in version 0. */
	if (!(flags & 0x08) || (flags & 0x70))
		return 0;
	p->status |= FS(VXLAN);
	packet_add_tunnel_id(p, HEADER_VXLAN, fx_load32(q + 4) >> 8);
	if (flags & 0x04) { /* draft-ietf-nvo3-vxlan-gpe */
		__u32 inner = next == 1 ? 0x0800 : next == 2 ? 0x86dd : next == 4 ? 0x894f :
		              next == 5 ? 0x8847 : (__u32)HEADER_KIND_ETHERNET;
		FX_RETURN_NEXT(VXLAN, offset + 8, inner);
	}
	FX_RETURN_NEXT(VXLAN, offset + 8, HEADER_KIND_ETHERNET);
}

/* RFC 8926. */
FX_INLINE __u64 packet_parse_geneve(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	__u32 version_len = fx_load8(q), type = fx_load16(q + 2);

	if (version_len >> 6 || type < 0x600 || (fx_load8(q + 1) & 0x3f) || fx_load8(q + 7)) /* version, reserved */
		return 0;
	p->status |= FS(GENEVE);
	packet_add_tunnel_id(p, HEADER_GENEVE, fx_load32(q + 4) >> 8);
	FX_RETURN_NEXT(GENEVE, offset + 8 + (version_len & 0x3f) * 4,
	        type == 0x6558 ? (__u32)HEADER_KIND_ETHERNET : type);
}

/* 3GPP TS 29.281, TS 29.060. */
FX_INLINE __u64 packet_parse_gtp(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	__u32 flags = fx_load8(q), type = fx_load8(q + 1), header_len = flags >> 5 ? 8 : 20;

	/* version 0 or 1, protocol type GTP, a G-PDU; version 1's spare bit is 0 */
	if ((flags >> 5) > 1 || !(flags & 0x10) || type != 0xff || (flags >> 5 && (flags & 8)))
		return 0;
	if (!packet_fills_tunnel(p, offset, header_len + fx_load16(q + 2)))
		return 0;
	p->status |= FS(GTP);
	if (!(flags >> 5))
		FX_RETURN_NEXT(GTP, offset + 20, HEADER_KIND_IP_BY_NIBBLE);
	packet_add_tunnel_id(p, HEADER_GTP, fx_load32(q + 4));
	if (!(flags & 7))
		FX_RETURN_NEXT(GTP, offset + 8, HEADER_KIND_IP_BY_NIBBLE);
	FX_READ_OR_RETURN(12, L4_HEADER_SNAPPED);
	FX_RETURN_NEXT(GTP, offset + 12,
	        (flags & 4) && fx_load8(q + 11) ? HEADER_KIND_GTP_EXT : HEADER_KIND_IP_BY_NIBBLE);
}

/* 3GPP TS 29.281 5.2.1. */
FX_INLINE __u64 packet_parse_gtp_extension(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(1, L4_HEADER_SNAPPED);
	__u32 len = (__u32)fx_load8(q) * 4;

	if (!len)
		return 0;
	offset += len - 1;
	if (offset > PACKET_MAX_HEADER_OFFSET)
		return 0;
	FX_READ_OR_RETURN(1, L4_HEADER_SNAPPED);
	FX_RETURN_NEXT(NONE, offset + 1, fx_load8(q) ? HEADER_KIND_GTP_EXT : HEADER_KIND_IP_BY_NIBBLE);
}

/* RFC 2661, 3931. */
FX_INLINE __u64 packet_parse_l2tp(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(6, L4_HEADER_SNAPPED);
	__u32 flags = fx_load16(q), n = 6;

	/* version 2, data, reserved bits 0. Version 3 has a cookie whose length only the session knows. */
	if ((flags & 15) != 2 || (flags & 0xb4f0))
		return 0;
	if ((flags & 0x4000) && !packet_fills_tunnel(p, offset, fx_load16(q + 2)))
		return 0;
	p->status |= FS(L2TP);
	n += flags & 0x4000 ? 2 : 0;
	n += flags & 0x0800 ? 4 : 0;
	if (!(flags & 0x0200))
		FX_RETURN_NEXT(L2TP, offset + n, HEADER_KIND_PPP);
	offset += n;
	FX_READ_OR_RETURN(2, L4_HEADER_SNAPPED);
	n = fx_load16(q);
	if (n > PACKET_MAX_HEADER_OFFSET)
		return 0;
	FX_RETURN_NEXT(L2TP, offset + 2 + n, HEADER_KIND_PPP);
}

/* RFC 4380. */
FX_INLINE __u64 packet_parse_teredo(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L4_HEADER_SNAPPED);
	__u32 tag = fx_load16(q);

	if (tag == 0) /* origin indication */
		FX_RETURN_NEXT(NONE, offset + 8, HEADER_KIND_TEREDO);
	if (tag == 1) /* authentication */
		FX_RETURN_NEXT(NONE, offset + 13 + fx_load8(q + 2) + fx_load8(q + 3), HEADER_KIND_TEREDO);
	if ((tag >> 12) != 6)
		return 0;
	p->status |= FS(TEREDO);
	FX_RETURN_NEXT(TEREDO, offset, 0x86dd);
}

/* draft-massar-v6ops-ayiya. */
FX_INLINE __u64 packet_parse_ayiya(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	__u32 id_len = fx_load8(q) >> 4, sig_len = fx_load8(q + 1) >> 4, opcode = fx_load8(q + 2) & 15;
	__u32 next = fx_load8(q + 3);

	if (id_len > 8 || opcode != 1 || (next != 4 && next != 41)) /* 1: forward what follows */
		return 0;
	p->status |= FS(AYIYA);
	FX_RETURN_NEXT(AYIYA, offset + 8 + (1u << id_len) + sig_len * 4, next == 4 ? 0x0800 : 0x86dd);
}

/* RFC 5415. */
FX_INLINE __u64 packet_parse_capwap(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L4_HEADER_SNAPPED);
	__u32 word = fx_load32(q), len = ((word >> 19) & 31) * 4, fragment_offset = fx_load16(q + 6) >> 3;

	/* version 0, not encrypted (1: DTLS), reserved bits 0, a length that covers the fixed part; keep-alives and later
	 * fragments have no inner header */
	if ((word >> 24) || len < 8 || (word & 15) || (fx_load8(q + 7) & 7) || ((word & 0x80) && fragment_offset))
		return 0;
	if (word & 0x80) /* a first fragment: the datagram ends in a later one */
		FX_OPAQUE(p->tunnel_end) = PACKET_END_UNKNOWN;
	p->status |= FS(CAPWAP);
	FX_RETURN_NEXT(CAPWAP, offset + len, word & 0x100 ? HEADER_KIND_DOT11_SWAPPED : HEADER_KIND_ETHERNET);
}

/* RFC 5412. */
FX_INLINE __u64 packet_parse_lwapp(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(6, L4_HEADER_SNAPPED);
	if ((fx_load8(q) >> 6) || (fx_load8(q) & 0x04)) /* another version, control */
		return 0;
	p->status |= FS(CAPWAP);
	FX_RETURN_NEXT(LWAPP, offset + 6, HEADER_KIND_DOT11_SWAPPED);
}

#endif
