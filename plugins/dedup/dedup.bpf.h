/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dedup, kernel half: finds frames that were seen before, as SPAN ports and two taps on one path send them.
 *
 * A direction remembers its last three different packets: a hash of what two copies share, and when each was seen. It covers what the
 * network keeps on its way (IP identification, lengths, fragment offset, L4 checksum, TCP numbers and flags) and, unless it is told
 * otherwise, the TTL. MAC addresses, VLAN tags and tunnels are not in it: copies from two ports differ there.
 */
#ifndef FLOWXDP_DEDUP_BPF_H
#define FLOWXDP_DEDUP_BPF_H

#include "flowxdp/plugin_half.h"

#define DEDUP_KEPT 3u
/*
 * Ticks of a window: from 16 to 31. What is kept is pushed on by a packet that is no copy. Copies need one that is younger than a window,
 * and a silence above a window clears all, so two windows may pass between pushes. Nothing is older than six of them, 186 ticks, and
 * eight bits do not come around.
 */
#define DEDUP_TICKS_LEAST 16u

struct dedup_config {
	__u64 window_ns;
	__u32 tick_shift; /* a tick is 2^tick_shift ns */
	__u32 any_ttl;    /* 1: copies may differ in TTL, as before and behind a router */
	__u32 leave_out;  /* 1: copies are counted in no flow */
	__u32 pad;
};

#define DEDUP_STAT_SEEN 0x01u        /* raised by the user half, as is the next */
#define DEDUP_STAT_NOT_EXAMINED 0x02u

struct dedup_dir {
	__u32 kept[DEDUP_KEPT]; /* hash << 8 | tick; 0 = none */
	__u32 copies : 31;      /* dupPkts; stands still at the largest */
	__u32 last : 1;         /* the direction's last packet was a copy */
};

struct dedup_state {
	struct dedup_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct dedup_state) == 32, "slot size");

#define DEDUP_HAS_PACKET_STATE
struct dedup_packet_state {
	__u8 copy;  /* 1: seen before within the window */
	__u8 valid; /* 0: no IP packet */
	__u8 pad[6];
};
FX_STATIC_ASSERT(sizeof(struct dedup_packet_state) == 8, "multiple of 8");

/* A step of a hash that is no secret: who forges a collision forges a copy, which is counted as what it is. */
FX_INLINE __u64 dedup_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

/*
 * 24 bits, never 0. 6.1: 332 k verified instructions (all plugins, leave_out) when this and dedup_find() are inlined, because each of
 * their ends is followed through all that comes behind; cure: FX_CHECKED_ONCE (247 k).
 */
FX_CHECKED_ONCE int dedup_hash(const struct packet *p, __u32 any_ttl)
{
	__u64 h;

	if (!p)
		return 1;
	h = dedup_mix(0x243f6a8885a308d3ull, (__u64)p->fragment_id << 32 | (__u64)p->ip_id << 16 | p->fragment_offset);
	h = dedup_mix(h, (__u64)packet_octets(p) << 32 | (__u64)p->l4_checksum << 16 | (any_ttl ? 0u : (__u32)p->ttl) << 8 |
	                     p->ip_proto);
	if (p->flags & PACKET_HAS_TCP) {
		h = dedup_mix(h, (__u64)p->tcp_seq << 32 | p->tcp_ack);
		h = dedup_mix(h, (__u64)p->tcp_window << 16 | (__u64)p->tcp_flags << 8 | p->tcp_header_len);
	} else if (p->flags & PACKET_HAS_ICMP) {
		h = dedup_mix(h, (__u64)p->icmp_type << 8 | p->icmp_code);
	}
	h = h >> 40;
	return h ? (int)h : 1;
}

/* Returns 1 when the packet is a copy. */
FX_CHECKED_ONCE int dedup_find(const struct dedup_dir *d, __u32 hash, __u32 tick, __u32 window)
{
	int found = 0;

	if (!d)
		return 0;
	FX_UNROLL
	for (__u32 i = 0; i < DEDUP_KEPT; i++)
		if (d->kept[i] >> 8 == hash && ((tick - d->kept[i]) & 0xff) <= window)
			found = 1;
	return found;
}

/*
 * When the packet was seen, in ticks from the flow's first packet on: live and offline clocks have different beginnings, and ticks must
 * not depend on them. The bias keeps it above 0 when the clock stepped back.
 */
FX_INLINE __u32 dedup_tick(const struct flow_record *r, const struct packet *p, const volatile struct dedup_config *config)
{
	return (__u32)((__u64)(p->clock_ns - r->first_clock_ns + (1LL << 62)) >> config->tick_shift) & 0xff;
}

#define DEDUP_LEAVES_OUT
FX_INLINE __u32 dedup_leaves_out(struct dedup_state *s, struct no_cold *cold, struct flow_record *r, const struct packet *p,
                                 __u32 direction, const volatile struct dedup_config *config)
{
	struct dedup_dir *d = &s->dir[direction & 1];
	const struct flow_dir *counted = &r->dir[direction & 1];

	(void)cold;
	if (!config->leave_out || !p->ip_version || !counted->packets)
		return 0;
	/* A clock that stepped back is no silence, as in packet_step.interval_ns. */
	if (p->clock_ns > counted->last_clock_ns && (__u64)(p->clock_ns - counted->last_clock_ns) > config->window_ns)
		return 0;
	if (!dedup_find(d, (__u32)dedup_hash(p, config->any_ttl), dedup_tick(r, p, config),
	                (__u32)(config->window_ns >> config->tick_shift)))
		return 0;
	if (d->copies != 0x7fffffffu)
		d->copies++;
	return 1;
}

FX_INLINE __u32 dedup_on_packet(struct dedup_state *s, struct no_cold *cold, struct flow_record *r,
                                const struct packet *p, const struct packet_step *step,
                                const volatile struct dedup_config *config)
{
	struct dedup_dir *d = &s->dir[step->direction & 1];
	__u32 tick = dedup_tick(r, p, config);
	__u32 window = (__u32)(config->window_ns >> config->tick_shift), hash;

	(void)cold;
	if (!p->ip_version)
		return PLUGIN_CONTINUE;
	/* After a silence nothing is young enough, and a tick of eight bits could be taken for a later one. */
	if ((__u64)step->interval_ns > config->window_ns) {
		d->kept[0] = 0;
		d->kept[1] = 0;
		d->kept[2] = 0;
	}
	hash = (__u32)dedup_hash(p, config->any_ttl);
	if (dedup_find(d, hash, tick, window)) {
		d->last = 1;
		if (d->copies != 0x7fffffffu)
			d->copies++;
		return PLUGIN_CONTINUE;
	}
	d->last = 0;
	d->kept[2] = d->kept[1];
	d->kept[1] = d->kept[0];
	d->kept[0] = hash << 8 | tick;
	return PLUGIN_CONTINUE;
}

FX_INLINE void dedup_packet_state_from(struct dedup_packet_state *out, const struct dedup_state *s,
                                       const struct no_cold *cold, const struct flow_record *r, const struct packet *p,
                                       const struct packet_step *step, const volatile struct dedup_config *config)
{
	(void)cold;
	(void)r;
	(void)config;
	out->copy = s->dir[step->direction & 1].last;
	out->valid = !!p->ip_version;
	for (int i = 0; i < 6; i++)
		out->pad[i] = 0;
}

#endif
