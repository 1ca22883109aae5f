/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_step.h - what all steps of the parser use: their result, bounds of a read, Ethertypes, tags, and whether an inner header is
 * inside its tunnel.
 */
#ifndef FLOWXDP_PARSE_STEP_H
#define FLOWXDP_PARSE_STEP_H

#include "compat.h"
#include "packet.h"

/* Returns from a step: the header's id << 32 | kind of the next header << 16 | its offset; kind 0 ends dissection. */
#define FX_RETURN_NEXT(id, offset, kind) \
	return ((__u64)HEADER_##id << 32 | (__u64)(__u16)(kind) << 16 | (__u64)(__u16)(offset))
#define FX_RETURN_LAST(id) return ((__u64)HEADER_##id << 32)

/* Makes q point to n captured bytes at offset. When there are fewer it raises a flowStat bit and returns: dissection ends. */
#define FX_READ_OR_RETURN(n, snapped_bit)                                \
	do {                                                             \
		q = data + fx_bound(offset);                             \
		if (offset + (n) > p->cap_len || q + (n) > end) {        \
			p->status |= FS(snapped_bit) | FS(STOP_DISSECT); \
			return 0;                                        \
		}                                                        \
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

/* Types that tell Ethernet from a pseudowire control word before Ethernet, which no field announces. */
FX_INLINE int packet_is_common_type(__u32 type)
{
	return type == 0x0800 || type == 0x86dd || type == 0x8100 || type == 0x88a8 || type == 0x0806 || type == 0x8847;
}

FX_INLINE void packet_copy_mac(__u8 *to, const __u8 *from)
{
	fx_copy6(to, from);
}

/* A header says where its content ends. That is the end of an inner header that has no length field. */
FX_INLINE void packet_enclose(struct packet *p, __u32 content_end)
{
	if (content_end < p->enclosing_end)
		p->enclosing_end = content_end;
}

/* The same with a length of 16 bits, which cannot say the length of a larger buffer that is cut into segments later (BIG TCP). */
FX_INLINE void packet_enclose16(struct packet *p, __u32 offset, __u32 length)
{
	if (p->wire_len <= 0xffff)
		packet_enclose(p, offset + length);
}

/* A type field below 0x600 is the length of the rest of the frame (IEEE 802.3 clause 3.2.6). */
FX_INLINE void packet_enclose_8023(struct packet *p, __u32 offset, __u32 type)
{
	if (FX_UNLIKELY(type < 0x600))
		packet_enclose(p, offset + type);
}

/* End of a datagram without a length field: the end of what encloses it, but not before its own header's end. */
FX_INLINE __u32 packet_unnamed_end(const struct packet *p, __u32 header_end)
{
	return p->enclosing_end > header_end ? p->enclosing_end : header_end;
}

/*
 * Stores a tag's VID. The innermost VID of a tag that is not a priority tag is part of the flow key. A tag after an IP header takes
 * effect when another IP header follows, so a tunnel that carries tagged ARP does not change the outer flow's key.
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

/* Stores what a tunnel's header calls the network that it carries. It takes effect when an IP header follows, as a tag does. */
FX_INLINE void packet_add_tunnel_id(struct packet *p, __u32 header, __u32 id)
{
	p->pending_tunnel_id = id;
	p->pending_tunnel_header = (__u8)header;
}

/* A usable IP header was found after another header: the tags and the tunnel before it take effect. */
FX_INLINE void packet_commit_pending(struct packet *p)
{
	if (p->pending_vlan)
		p->vlan_id = p->pending_vlan;
	p->pending_vlan = 0;
	if (p->pending_tunnel_header) {
		p->tunnel_id = p->pending_tunnel_id;
		p->tunnel_header = p->pending_tunnel_header;
	}
	p->pending_tunnel_header = 0;
}

/* Do n bytes of an inner header end beyond what the outer IP header claims? Then they are padding and no tunnel. */
FX_INLINE int packet_behind_outer(const struct packet *p, __u32 offset, __u32 n)
{
	return FX_UNLIKELY(p->ip_version && offset + n > p->l3_end);
}

#endif
