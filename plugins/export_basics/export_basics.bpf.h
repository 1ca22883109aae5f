/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* export_basics, kernel half: the MAC addresses and VLAN tags that flow records carry. All else is in the core. */
#ifndef FLOWXDP_EXPORT_BASICS_BPF_H
#define FLOWXDP_EXPORT_BASICS_BPF_H

#include "flowxdp/plugin_half.h"

#define EXPORT_BASICS_VLANS 3u

struct export_basics_config {
	__u64 reserved;
};

enum export_basics_has {
	EXPORT_BASICS_VLAN = 1, /* the first packet was seen */
	EXPORT_BASICS_MAC = 2,  /* a packet with MAC addresses was seen */
	EXPORT_BASICS_ALL = 3,
};

struct export_basics_state {
	__u8 mac[2][6];                  /* of endpoint A, B: of the first packet that has addresses */
	__u16 vlan[EXPORT_BASICS_VLANS]; /* tags of the first packet */
	__u8 vlans_used;
	__u8 has;                        /* enum export_basics_has */
	__u8 pad[4];
};
FX_STATIC_ASSERT(sizeof(struct export_basics_state) == 24, "slot size");

FX_INLINE __u32 export_basics_on_packet(struct export_basics_state *s, struct no_cold *cold, struct flow_record *r,
                                        const struct packet *p, const struct packet_step *step,
                                        const volatile struct export_basics_config *config)
{
	__u32 direction = step->direction & 1;

	(void)cold;
	(void)r;
	(void)config;
	if (FX_LIKELY(s->has == EXPORT_BASICS_ALL))
		return PLUGIN_CONTINUE;
	if (!(s->has & EXPORT_BASICS_VLAN)) {
		s->vlan[0] = p->vlan_stack[0];
		s->vlan[1] = p->vlan_stack[1];
		s->vlan[2] = p->vlan_stack[2];
		s->vlans_used = p->vlan_count < EXPORT_BASICS_VLANS ? p->vlan_count : (__u8)EXPORT_BASICS_VLANS;
		FX_SET(s->has, EXPORT_BASICS_VLAN);
	}
	if (p->link_has_mac) {
		fx_copy6(s->mac[direction], p->mac_src);
		fx_copy6(s->mac[direction ^ 1], p->mac_dst);
		FX_SET(s->has, EXPORT_BASICS_MAC);
	}
	return PLUGIN_CONTINUE;
}

#endif
