/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* basic_flow, kernel half: MAC addresses, VLAN tags and header stacks of a biflow. The tuple is in the core. */
#ifndef FLOWXDP_BASIC_FLOW_BPF_H
#define FLOWXDP_BASIC_FLOW_BPF_H

#include "flowxdp/plugin_half.h"

#define BASIC_FLOW_MACS 2u   /* distinct addresses kept per endpoint */
#define BASIC_FLOW_STACKS 4u /* distinct header stacks kept per biflow */
#define BASIC_FLOW_VLANS 3u

struct basic_flow_config {
	__u64 reserved;
};

/* Each packet is compared with the first stack and each endpoint's first address. Nearly every packet has them. */
struct basic_flow_state {
	__u8 first_stack[HEADER_STACK_BYTES]; /* header.h run-length codes */
	__u8 first_mac[2][6];                 /* of endpoint A, B */
	__u8 macs_used[2];                    /* of endpoint A, B */
	__u8 stacks_used;
	__u8 stacks_of;                       /* bit n: direction A used stack n; bit 4 + n: B did */
};
FX_STATIC_ASSERT(sizeof(struct basic_flow_state) == 32, "slot size");

#define BASIC_FLOW_HAS_COLD
/* What the first packet sets, and what later packets have instead. */
struct basic_flow_cold {
	__u8 later_stack[BASIC_FLOW_STACKS - 1][HEADER_STACK_BYTES]; /* in order of appearance */
	__u8 second_mac[2][6];                                       /* of endpoint A, B */
	__u16 vlan[BASIC_FLOW_VLANS];                                /* tags of the first packet */
	__u8 header_count[BASIC_FLOW_STACKS];                        /* numHdrs of each stack, the first one included */
	__u8 vlans_used;
	__u8 pad;
};
FX_STATIC_ASSERT(sizeof(struct basic_flow_cold) == 72, "slot size");
FX_STATIC_ASSERT(BASIC_FLOW_STACKS == 4 && BASIC_FLOW_MACS == 2, "stacks_of has 4 bits a direction; one second address");

FX_INLINE int basic_flow_mac_differs(const __u8 *x, const __u8 *y)
{
	return ((fx_load_raw32(x) ^ fx_load_raw32(y)) | (__u32)(fx_load_raw16(x + 4) ^ fx_load_raw16(y + 4))) != 0;
}

FX_INLINE void basic_flow_note_mac(struct basic_flow_state *s, struct basic_flow_cold *cold, __u32 endpoint,
                                   const __u8 *mac)
{
	__u8 *first = s->first_mac[endpoint & 1], *used_at = &s->macs_used[endpoint & 1];
	__u32 used;

	FX_HOLD(first);
	FX_HOLD(used_at);
	used = *used_at;
	if (FX_LIKELY(used && !basic_flow_mac_differs(first, mac)))
		return;
	if (used == 0) {
		fx_copy6(first, mac);
		*used_at = 1;
	} else if (used == 1) {
		fx_copy6(cold->second_mac[endpoint & 1], mac);
		*used_at = 2;
	}
}

FX_INLINE int basic_flow_same_stack(const __u8 *kept, const __u8 *seen)
{
	const __u64 *a = (const __u64 *)kept, *b = (const __u64 *)seen;

	return !((a[0] ^ b[0]) | (a[1] ^ b[1]));
}

FX_INLINE __u32 basic_flow_on_packet(struct basic_flow_state *s, struct basic_flow_cold *cold, struct flow_record *r,
                                     const struct packet *p, const struct packet_step *step,
                                     const volatile struct basic_flow_config *config)
{
	__u32 used = s->stacks_used, direction = step->direction & 1;

	(void)config;
	if (p->link_has_mac) {
		basic_flow_note_mac(s, cold, direction, p->mac_src);
		basic_flow_note_mac(s, cold, direction ^ 1, p->mac_dst);
	}
	if (FX_LIKELY(used && basic_flow_same_stack(s->first_stack, p->headers))) {
		FX_SET(s->stacks_of, 1u << 4 * direction);
		return PLUGIN_CONTINUE;
	}
	if (!used) {
		for (__u32 j = 0; j < HEADER_STACK_BYTES; j++)
			s->first_stack[j] = p->headers[j];
		s->stacks_used = 1;
		FX_SET(s->stacks_of, 1u << 4 * direction);
		cold->header_count[0] = p->header_count;
		cold->vlan[0] = p->vlan_stack[0];
		cold->vlan[1] = p->vlan_stack[1];
		cold->vlan[2] = p->vlan_stack[2];
		cold->vlans_used = p->vlan_count < BASIC_FLOW_VLANS ? p->vlan_count : (__u8)BASIC_FLOW_VLANS;
		return PLUGIN_CONTINUE;
	}
	FX_UNROLL
	for (__u32 i = 1; i < BASIC_FLOW_STACKS; i++) {
		__u8 *later = cold->later_stack[i - 1];

		if (i < used) {
			if (!basic_flow_same_stack(later, p->headers))
				continue;
		} else {
			for (__u32 j = 0; j < HEADER_STACK_BYTES; j++)
				later[j] = p->headers[j];
			cold->header_count[i] = p->header_count;
			s->stacks_used = (__u8)(i + 1);
		}
		FX_SET(s->stacks_of, 1u << (4 * direction + i));
		return PLUGIN_CONTINUE;
	}
	r->dir[direction].status |= FS(HEADERS_OVERRUN); /* a fifth stack: T2 sets bit 48 too */
	return PLUGIN_CONTINUE;
}

#endif
