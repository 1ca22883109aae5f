/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity, kernel half: which packets a flow holds, not only how many. A test's sender writes a 64-bit id into each TCP
 * segment, sequence number above acknowledgment number; count, sum and xor of them are kept.
 */
#ifndef FLOWXDP_IDENTITY_BPF_H
#define FLOWXDP_IDENTITY_BPF_H

#include "flowxdp/plugin_half.h"

struct identity_config {
	__u64 reserved;
};

struct identity_dir {
	__u64 count;
	__u64 sum; /* modulo 2^64 */
	__u64 exclusive_or;
};

struct identity_state {
	struct identity_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct identity_state) == 48, "slot size");

FX_INLINE __u32 identity_on_packet(struct identity_state *s, struct no_cold *cold, struct flow_record *r,
                                   const struct packet *p, const struct packet_step *step,
                                   const volatile struct identity_config *config)
{
	struct identity_dir *d = &s->dir[step->direction & 1];
	__u64 id = (__u64)p->tcp_seq << 32 | p->tcp_ack;

	(void)cold;
	(void)r;
	(void)config;
	if (!(p->flags & PACKET_HAS_TCP))
		return PLUGIN_CONTINUE;
	d->count++;
	d->sum += id;
	d->exclusive_or ^= id;
	return PLUGIN_CONTINUE;
}

#endif
