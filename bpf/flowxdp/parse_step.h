/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_step.h - what every step of the parser needs: its answer, the bounds of a read, Ethertypes, tags, and whether an
 * inner header still lies inside its tunnel.
 */
#ifndef FLOWXDP_PARSE_STEP_H
#define FLOWXDP_PARSE_STEP_H

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

/* A header says where its content ends: the bound of what is inside and names no length of its own. */
FX_INLINE void packet_enclose(struct packet *p, __u32 content_end)
{
	if (content_end < p->enclosing_end)
		p->enclosing_end = content_end;
}

/* The same by a length of 16 bits: it says nothing of a segment that is to be cut yet (BIG TCP) and is longer than that. */
FX_INLINE void packet_enclose16(struct packet *p, __u32 offset, __u32 length)
{
	if (p->wire_len <= 0xffff)
		packet_enclose(p, offset + length);
}

/* A type field below 0x600 is the length of the frame behind it (IEEE 802.3 clause 3.2.6). */
FX_INLINE void packet_enclose_8023(struct packet *p, __u32 offset, __u32 type)
{
	if (FX_UNLIKELY(type < 0x600))
		packet_enclose(p, offset + type);
}

/* Where a datagram ends that names no length: with what encloses it, but not before its own header. */
FX_INLINE __u32 packet_unnamed_end(const struct packet *p, __u32 header_end)
{
	return p->enclosing_end > header_end ? p->enclosing_end : header_end;
}

/*
 * A tag's VID. The innermost one that is not a priority tag keys the flow. Behind an IP header it waits until
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

#endif
