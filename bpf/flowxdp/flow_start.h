/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_start.h - starts a flow. Its first packet decides which endpoint is A. A pure function of the packet.
 */
#ifndef FLOWXDP_FLOW_START_H
#define FLOWXDP_FLOW_START_H

#include "compat.h"
#include "flow_record.h"

/*
 * T2's creation rule: the first packet's sender is A, unless the packet looks like an answer: from a well-known port to a higher
 * one, from a web port, or a SYN-ACK.
 */
FX_INLINE __u32 flow_starts_inverted(const struct packet *p)
{
	if (!p->ip_version)
		return 0;
	if (p->flags & PACKET_HAS_PORTS) {
		if (p->src_port < 1024 && p->src_port < p->dst_port)
			return 1;
		if (p->src_port == 8080 || p->src_port == 8081 || p->src_port == 8088 || p->src_port == 8089)
			return 1;
	}
	return (p->flags & PACKET_HAS_TCP) && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

/* Starts a flow in *r, whose counters and slots are zero and whose key is set. reverse: flow_key_from()'s answer. */
FX_INLINE void flow_start(struct flow_record *r, const struct packet *p, __u32 reverse, __u64 flow_id)
{
	__u32 first = flow_starts_inverted(p) ? DIRECTION_B : DIRECTION_A;

	r->flow_id = flow_id;
	r->first_clock_ns = p->clock_ns;
	FX_SET(r->dir[first & 1].flags, FLOW_DIR_FIRST);
	r->lo_direction = (__u8)(first ^ reverse);
	r->ethertype = p->ethertype;
}

#endif
