/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_key.h - the key of a biflow (RFC 5103): both directions of a conversation find the same key.
 *
 * The smaller endpoint (address, then port) is stored first. Which endpoint is A, the initiator, does not depend on that: it is
 * decided when the flow starts (flow_start.h) and stored in the record.
 */
#ifndef FLOWXDP_FLOW_KEY_H
#define FLOWXDP_FLOW_KEY_H

#include "compat.h"
#include "packet.h"

enum flow_kind {
	FLOW_KIND_L2 = 2,   /* addresses are MACs in the low six bytes, both ports hold the Ethertype */
	FLOW_KIND_IPV4 = 4, /* addresses v4-mapped */
	FLOW_KIND_IPV6 = 6,
};

/*
 * What stands beside addresses, ports and protocol, so that networks with the same addresses stay apart: --key. What is not chosen
 * is 0 in a key.
 */
enum flow_key_beside {
	FLOW_KEY_VLAN = 0,   /* the innermost VLAN id */
	FLOW_KEY_TUNNEL = 1, /* the id of the innermost tunnel that has one, and which kind of tunnel that is */
	FLOW_KEY_NONE = 2,
};

/* 48 bytes, no padding: compared as six words. Addresses network order, the rest host order. */
struct flow_key {
	__u64 lo_addr[2], hi_addr[2];
	__u16 lo_port, hi_port;
	__u8 proto;
	__u8 kind;    /* enum flow_kind: an IPv6 packet with mapped addresses is not an IPv4 flow */
	__u16 vlan_id;        /* FLOW_KEY_VLAN */
	__u32 tunnel_id;      /* FLOW_KEY_TUNNEL */
	__u32 tunnel_header;  /* FLOW_KEY_TUNNEL: enum header_id; 0: in no tunnel that has an id */
};
FX_STATIC_ASSERT(sizeof(struct flow_key) == 48, "six words");

/* The last two words: what stands from lo_port and from tunnel_id on. */
#define FLOW_KEY_PORTS_AT offsetof(struct flow_key, lo_port)
#define FLOW_KEY_TUNNEL_AT offsetof(struct flow_key, tunnel_id)

/* Fills lo_port to vlan_id, as a word: flow_key_equal() and flow_key_tag() read them as one. */
FX_INLINE void flow_key_put_ports(struct flow_key *k, __u32 lo_port, __u32 hi_port, __u32 proto, __u32 kind, __u32 vlan_id)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u64 word = fx_word_of(lo_port | hi_port << 16, proto | kind << 8 | vlan_id << 16);
#else
	__u64 word = fx_word_of(lo_port << 16 | hi_port, proto << 24 | kind << 16 | vlan_id);
#endif

	fx_store_word((__u8 *)k + FLOW_KEY_PORTS_AT, word);
}

FX_INLINE int flow_key_equal(const struct flow_key *x, const struct flow_key *y)
{
	const __u64 *a = (const __u64 *)x, *b = (const __u64 *)y;

	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) | (a[5] ^ b[5]));
}

FX_INLINE __u64 flow_key_mac_word(const __u8 *mac)
{
	__u64 w = 0;

	for (int i = 0; i < 6; i++)
		w = w << 8 | mac[i];
	return w;
}

/* 1: x > y, by the borrow of y - x. BPF has comparisons only as branches. */
FX_INLINE __u32 flow_key_above(__u64 x, __u64 y) { return (__u32)(((~y & x) | ((~y | x) & (y - x))) >> 63); }

/*
 * Fills *k from a parsed packet. Returns 1 when the packet's source is the hi endpoint, else 0.
 * Ports are 0/0 for protocols without ports and for cut headers. The caller looks a later fragment up in fragment.h.
 * beside: enum flow_key_beside.
 */
FX_INLINE __u32 flow_key_from(const struct packet *p, __u32 beside, struct flow_key *k)
{
	__u64 src0, src1, dst0, dst1, swap;
	__u16 src_port = p->src_port, dst_port = p->dst_port;
	__u32 reverse, proto, kind;

	if (p->ip_version) {
		src0 = fx_load_word(p->src);
		src1 = fx_load_word(p->src + 2);
		dst0 = fx_load_word(p->dst);
		dst1 = fx_load_word(p->dst + 2);
		proto = p->ip_proto;
		kind = p->ip_version;
	} else {
		src0 = flow_key_mac_word(p->mac_src);
		dst0 = flow_key_mac_word(p->mac_dst);
		src1 = 0;
		dst1 = 0;
		src_port = p->ethertype;
		dst_port = p->ethertype;
		proto = 0;
		kind = FLOW_KIND_L2;
	}
	if (src1 != dst1)
		reverse = flow_key_above(src1, dst1);
	else if (src0 != dst0)
		reverse = flow_key_above(src0, dst0);
	else
		reverse = flow_key_above(src_port, dst_port);
	/* Ends change places by exclusive or: a branch on what cannot be predicted costs more. */
	swap = -(__u64)reverse;
	k->lo_addr[0] = src0 ^ ((src0 ^ dst0) & swap);
	k->lo_addr[1] = src1 ^ ((src1 ^ dst1) & swap);
	k->hi_addr[0] = dst0 ^ ((src0 ^ dst0) & swap);
	k->hi_addr[1] = dst1 ^ ((src1 ^ dst1) & swap);
	flow_key_put_ports(k, (__u16)(src_port ^ ((src_port ^ dst_port) & swap)),
	                   (__u16)(dst_port ^ ((src_port ^ dst_port) & swap)), proto, kind,
	                   beside == FLOW_KEY_VLAN ? p->vlan_id : 0);
	if (beside == FLOW_KEY_TUNNEL)
		fx_store_word((__u8 *)k + FLOW_KEY_TUNNEL_AT, fx_word_of(p->tunnel_id, p->tunnel_header));
	else
		fx_store_word((__u8 *)k + FLOW_KEY_TUNNEL_AT, 0);
	return reverse;
}

#endif
