/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_tag.h - parser steps for rarer tags and shims between Ethernet and IP.
 */
#ifndef FLOWXDP_PARSE_TAG_H
#define FLOWXDP_PARSE_TAG_H

#include "parse_step.h"

/* Tags that end in the next Ethertype: Cisco VN-Tag; IEEE 802.1BR; IEC 62439-3 HSR; IEEE 802.1CB. */
FX_INLINE __u64 packet_parse_typed_tag(const __u8 *data, const __u8 *end, __u32 offset, __u32 kind, struct packet *p)
{
	const __u8 *q;
	__u32 n = kind == 0x893f ? 8 : 6;

	offset += n - 2;
	FX_READ_OR_RETURN(2, L2_SNAPPED);
	__u32 type = fx_load16(q), id = kind == 0x8926 ? HEADER_VNTAG : kind == 0x893f ? HEADER_ETAG :
	                                kind == 0x892f ? HEADER_HSR : HEADER_RTAG;

	packet_set_ethertype(p, type);
	return (__u64)id << 32 | packet_kind_of_type(type) << 16 | (offset + 2);
}

/* IEEE 802.1ah. */
FX_INLINE __u64 packet_parse_pbb(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L2_SNAPPED);
	FX_RETURN_NEXT(PBB, offset + 4, HEADER_KIND_ETHERNET);
}

/* IEEE 802.1AE, integrity only. */
FX_INLINE __u64 packet_parse_macsec(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(6, L2_SNAPPED);
	__u32 tci = fx_load8(q), n = tci & 0x20 ? 14 : 6;

	if (tci & 0x0c) {
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(MACSEC);
	}
	offset += n;
	FX_READ_OR_RETURN(2, L2_SNAPPED);
	__u32 type = fx_load16(q);

	packet_set_ethertype(p, type);
	FX_RETURN_NEXT(MACSEC, offset + 2, packet_kind_of_type(type));
}

/* RFC 8300. */
FX_INLINE __u64 packet_parse_nsh(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L2_SNAPPED);
	__u32 len = (fx_load16(q) & 0x3f) * 4, next = fx_load8(q + 3);

	if (len < 8)
		FX_RETURN_LAST(NSH);
	FX_RETURN_NEXT(NSH, offset + len, next == 1 ? 0x0800 : next == 2 ? 0x86dd : next == 3 ? (__u32)HEADER_KIND_ETHERNET :
	        next == 4 ? 0x894f : next == 5 ? 0x8847 : (__u32)HEADER_KIND_UNKNOWN);
}

/* RFC 6325. */
FX_INLINE __u64 packet_parse_trill(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(6, L2_SNAPPED);
	FX_RETURN_NEXT(TRILL, offset + 6 + ((fx_load16(q) >> 6) & 31) * 4, HEADER_KIND_ETHERNET);
}

/* Cisco MetaData: version, length, option, SGT, Ethertype. */
FX_INLINE __u64 packet_parse_cisco_metadata(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(8, L2_SNAPPED);
	__u32 type = fx_load16(q + 6);

	packet_set_ethertype(p, type);
	FX_RETURN_NEXT(CMD, offset + 8, packet_kind_of_type(type));
}

/* Cisco FabricPath: the tree (10 bits) and TTL (6 bits) of an outer Ethernet header, then the frame. */
FX_INLINE __u64 packet_parse_fabricpath(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(2, L2_SNAPPED);
	FX_RETURN_NEXT(FABRICPATH, offset + 2, HEADER_KIND_ETHERNET);
}

/* Arista EtherType protocol, "Timestamping": subtype 1, version (time of 64 or 48 bits, TAI or UTC), time, Ethertype. */
FX_INLINE __u64 packet_parse_arista(const __u8 *data, const __u8 *end, __u32 offset, struct packet *p)
{
	const __u8 *q;

	FX_READ_OR_RETURN(4, L2_SNAPPED);
	__u32 subtype = fx_load16(q), format = (fx_load16(q + 2) >> 4) & 15;

	if (subtype != 1 || (format != 1 && format != 2)) {
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(ARISTA);
	}
	offset += format == 1 ? 12 : 10;
	FX_READ_OR_RETURN(2, L2_SNAPPED);
	__u32 type = fx_load16(q);

	packet_set_ethertype(p, type);
	FX_RETURN_NEXT(ARISTA, offset + 2, packet_kind_of_type(type));
}

#endif
