/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fragment.h - which flow a later fragment belongs to.
 *
 * Both engines have a direct-mapped array of slots. A slot maps the fragmented header's addresses and id, what stands beside them in
 * keys (enum flow_key_beside), and for IPv4 its protocol (RFC 791 3.2), to the flow key of the datagram's first fragment. The fragments of an IPv6 datagram may differ in Next
 * Header; the first one's counts (RFC 8200 4.5). A later fragment of a tunnel's outer header gets the innermost flow. A slot is valid
 * for thirty seconds of the packet clock. A collision overwrites the slot and is counted.
 */
#ifndef FLOWXDP_FRAGMENT_H
#define FLOWXDP_FRAGMENT_H

#include "compat.h"
#include "flow_key.h"
#include "packet.h"

#define FRAGMENT_SLOTS 8192u
#define FRAGMENT_LIFETIME_NS 30000000000LL

struct fragment_slot {
	__u32 lock;          /* kernel: owner token; native: 0 */
	__u32 id;
	__be32 src[4], dst[4];
	struct flow_key key; /* of the first fragment's packet */
	__s64 clock_ns;
	__u64 beside;        /* fragment_beside() */
	__u8 proto;          /* IPv4; else 0 */
	__u8 version;        /* 4, 6; 0 = never used */
	__u8 reverse;        /* flow_key_from()'s answer for the first fragment */
	__u8 open;           /* the last fragment has not been seen */
	__u8 pad[4];
};
FX_STATIC_ASSERT(sizeof(struct fragment_slot) == 112, "8,192 slots are 896 KiB");

enum fragment_outcome {
	FRAGMENT_FOUND = 1,
	FRAGMENT_MISSED = 2,
	FRAGMENT_REGISTERED = 3,
	FRAGMENT_COLLIDED = 4, /* registered over another datagram's live slot */
};

/* The protocol, if it is part of a datagram's identity. */
FX_INLINE __u32 fragment_match_proto(const struct packet *p)
{
	return p->fragment_version == 4 ? p->fragment_proto : 0;
}

FX_INLINE __u64 fx_mix64(__u64 h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	return h;
}

/* What stands beside the fragmented header's addresses, as one word; below 65,536 but for tunnels. */
FX_INLINE __u64 fragment_beside(const struct packet *p, __u32 beside)
{
	if (beside == FLOW_KEY_TUNNEL && p->fragment_tunnel_header)
		return (__u64)p->fragment_tunnel_header << 32 | p->fragment_tunnel_id;
	return beside == FLOW_KEY_VLAN ? p->fragment_vlan : 0;
}

/* beside: enum flow_key_beside. Rows depend on the index: a slot holds one datagram. */
FX_INLINE __u32 fragment_slot_index(const struct packet *p, __u64 seed, __u32 beside)
{
	__u64 network = fragment_beside(p, beside);
	__u64 h = seed ^ ((__u64)p->fragment_id << 32 | (network & 0xffff) << 16 | fragment_match_proto(p) << 8 |
	                  p->fragment_version);

	h ^= (network >> 16) * 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < 4; i++) {
		h = (h ^ ((__u64)p->fragment_src[i] << 32 | p->fragment_dst[i])) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return (__u32)(fx_mix64(h) & (FRAGMENT_SLOTS - 1));
}

FX_INLINE int fragment_slot_is(const struct fragment_slot *s, const struct packet *p, __u32 beside)
{
	__u32 differs = (s->id ^ p->fragment_id) | (s->proto ^ fragment_match_proto(p)) |
	                (__u32)(s->version ^ p->fragment_version) | (s->beside != fragment_beside(p, beside));

	for (int i = 0; i < 4; i++)
		differs |= (s->src[i] ^ p->fragment_src[i]) | (s->dst[i] ^ p->fragment_dst[i]);
	return !differs;
}

FX_INLINE int fragment_slot_alive(const struct fragment_slot *s, __s64 clock_ns)
{
	__s64 age = clock_ns - s->clock_ns;

	return s->version && age >= 0 && age < FRAGMENT_LIFETIME_NS;
}

/*
 * Registers or looks up a fragment. A first fragment registers *key and *reverse. A later fragment gets *key and *reverse of the first
 * one, or bit 38 when the first one is unknown. Bit 37 is raised when a first fragment arrives while the same datagram is still
 * open. beside: enum flow_key_beside. The caller holds the slot's lock.
 */
FX_INLINE enum fragment_outcome fragment_book(struct fragment_slot *s, struct packet *p, __u32 beside, struct flow_key *key,
                                              __u32 *reverse)
{
	int alive = fragment_slot_alive(s, p->clock_ns), same = fragment_slot_is(s, p, beside);

	if (p->flags & PACKET_LATER_FRAGMENT) {
		if (!alive || !same) {
			p->status |= FS(FRAGMENT_NO_FIRST);
			return FRAGMENT_MISSED;
		}
		*key = s->key;
		*reverse = s->reverse;
		if (p->flags & PACKET_LAST_FRAGMENT)
			s->open = 0;
		return FRAGMENT_FOUND;
	}
	if (alive && same && s->open)
		p->status |= FS(FRAGMENT_ERROR);
	s->id = p->fragment_id;
	for (int i = 0; i < 4; i++) {
		s->src[i] = p->fragment_src[i];
		s->dst[i] = p->fragment_dst[i];
	}
	s->key = *key;
	s->clock_ns = p->clock_ns;
	s->beside = fragment_beside(p, beside);
	s->proto = (__u8)fragment_match_proto(p);
	s->version = p->fragment_version;
	s->reverse = (__u8)*reverse;
	int was_open = s->open;

	s->open = 1;
	if (!alive || same || !was_open)
		return FRAGMENT_REGISTERED;
	FX_SET(p->flags, PACKET_FRAGMENT_COLLISION);
	return FRAGMENT_COLLIDED;
}

#endif
