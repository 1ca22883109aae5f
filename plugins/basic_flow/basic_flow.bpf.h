/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* basic_flow, kernel half: MAC addresses, VLAN tags and header stacks of a biflow. The tuple is in the core. */
#ifndef FLOWXDP_BASIC_FLOW_BPF_H
#define FLOWXDP_BASIC_FLOW_BPF_H

#include "plugin_half.h"

#define BASIC_FLOW_MACS 2u   /* distinct addresses kept per endpoint */
#define BASIC_FLOW_STACKS 4u /* distinct header stacks kept per biflow */
#define BASIC_FLOW_VLANS 3u

struct basic_flow_config {
	__u64 reserved;
};

struct basic_flow_state {
	__u8 stack[BASIC_FLOW_STACKS][HEADER_STACK_BYTES]; /* header.h run-length codes, in order of appearance */
	__u8 header_count[BASIC_FLOW_STACKS];              /* numHdrs of each */
	__u8 mac[2][BASIC_FLOW_MACS][6];                   /* [endpoint A, B][order of appearance] */
	__u16 vlan[BASIC_FLOW_VLANS];                      /* tags of the first packet */
	__u8 stacks_used;
	__u8 stacks_of[2];                                 /* bit n: direction A, B used stack n */
	__u8 macs_used[2];
	__u8 vlans_used;
};
FX_STATIC_ASSERT(sizeof(struct basic_flow_state) == 104, "slot size");

FX_INLINE int basic_flow_mac_differs(const __u8 *x, const __u8 *y)
{
	int differs = 0;

	for (int i = 0; i < 6; i++)
		differs |= x[i] ^ y[i];
	return differs;
}

FX_INLINE void basic_flow_note_mac(struct basic_flow_state *s, __u32 endpoint, const __u8 *mac)
{
	__u8(*list)[6] = s->mac[endpoint & 1];
	__u32 used = s->macs_used[endpoint & 1];

	if (FX_LIKELY(used && !basic_flow_mac_differs(list[0], mac)))
		return;
	if (used == 0) {
		for (int i = 0; i < 6; i++)
			list[0][i] = mac[i];
		s->macs_used[endpoint & 1] = 1;
	} else if (used == 1) {
		for (int i = 0; i < 6; i++)
			list[1][i] = mac[i];
		s->macs_used[endpoint & 1] = 2;
	}
}

FX_INLINE int basic_flow_same_stack(const __u8 *kept, const __u8 *seen)
{
	const __u64 *a = (const __u64 *)kept, *b = (const __u64 *)seen;

	return !((a[0] ^ b[0]) | (a[1] ^ b[1]));
}

FX_INLINE __u32 basic_flow_on_packet(struct basic_flow_state *s, struct flow_record *r, const struct packet *p,
                                     const struct packet_step *step, const volatile struct basic_flow_config *config)
{
	__u32 used = s->stacks_used, direction = step->direction & 1;

	(void)config;
	if (!used) {
		s->vlan[0] = p->vlan_stack[0];
		s->vlan[1] = p->vlan_stack[1];
		s->vlan[2] = p->vlan_stack[2];
		s->vlans_used = p->vlan_count < BASIC_FLOW_VLANS ? p->vlan_count : (__u8)BASIC_FLOW_VLANS;
	}
	if (p->link_has_mac) {
		basic_flow_note_mac(s, direction, p->mac_src);
		basic_flow_note_mac(s, direction ^ 1, p->mac_dst);
	}
	if (FX_LIKELY(used && basic_flow_same_stack(s->stack[0], p->headers))) {
		FX_SET(s->stacks_of[direction], 1);
		return PLUGIN_CONTINUE;
	}
	FX_NO_UNROLL
	for (__u32 i = 0; i < BASIC_FLOW_STACKS; i++) {
		if (i < used) {
			if (!basic_flow_same_stack(s->stack[i], p->headers))
				continue;
		} else {
			for (__u32 j = 0; j < HEADER_STACK_BYTES; j++)
				s->stack[i][j] = p->headers[j];
			s->header_count[i] = p->header_count;
			s->stacks_used = (__u8)(i + 1);
		}
		FX_SET(s->stacks_of[direction], 1u << i);
		return PLUGIN_CONTINUE;
	}
	r->dir[direction].status |= FS(HEADERS_OVERRUN); /* a fifth stack: T2 sets bit 48 too */
	return PLUGIN_CONTINUE;
}

#endif
