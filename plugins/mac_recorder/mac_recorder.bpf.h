/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mac_recorder, kernel half: the MAC pairs of a biflow and how many packets each carried. */
#ifndef FLOWXDP_MAC_RECORDER_BPF_H
#define FLOWXDP_MAC_RECORDER_BPF_H

#include "flowxdp/plugin_half.h"

#define MAC_RECORDER_PAIRS 4u /* per biflow; T2 keeps 16 per direction in unbounded memory */
#define MAC_RECORDER_STAT_OVERFLOW 0x01u

struct mac_recorder_config {
	__u64 reserved;
};

struct mac_recorder_pair {
	__u8 src[6], dst[6];
	__u32 packets; /* 0 = free; saturates */
};

/* Two pairs are hot: most flows have one for each direction, and each packet counts in one of them. */
#define MAC_RECORDER_HOT_PAIRS 2u

struct mac_recorder_state {
	struct mac_recorder_pair pair[MAC_RECORDER_HOT_PAIRS];
	__u8 direction[MAC_RECORDER_PAIRS]; /* enum flow_direction of each pair, the later ones included */
	__u8 used;
	__u8 stat[2];                       /* macStat of A, B */
	__u8 pad;
};
FX_STATIC_ASSERT(sizeof(struct mac_recorder_state) == 40, "slot size");

#define MAC_RECORDER_HAS_COLD
struct mac_recorder_cold {
	struct mac_recorder_pair later_pair[MAC_RECORDER_PAIRS - MAC_RECORDER_HOT_PAIRS];
};
FX_STATIC_ASSERT(sizeof(struct mac_recorder_cold) == 32, "slot size");

FX_INLINE const struct mac_recorder_pair *mac_recorder_pair_at(const struct mac_recorder_state *s,
                                                               const struct mac_recorder_cold *cold, __u32 i)
{
	return i < MAC_RECORDER_HOT_PAIRS ? &s->pair[i] : &cold->later_pair[i - MAC_RECORDER_HOT_PAIRS];
}

FX_INLINE __u32 mac_recorder_on_packet(struct mac_recorder_state *s, struct mac_recorder_cold *cold,
                                       struct flow_record *r, const struct packet *p, const struct packet_step *step,
                                       const volatile struct mac_recorder_config *config)
{
	__u32 direction = step->direction & 1;

	(void)r;
	(void)config;
	if (!p->link_has_mac)
		return PLUGIN_CONTINUE;
	FX_UNROLL
	for (__u32 i = 0; i < MAC_RECORDER_PAIRS; i++) {
		struct mac_recorder_pair *pair = i < MAC_RECORDER_HOT_PAIRS ? &s->pair[i] :
		                                 &cold->later_pair[i - MAC_RECORDER_HOT_PAIRS];
		__u32 differs = s->direction[i] ^ direction;

		/* 6.1: "invalid access to map value" with i >= s->used, because clang 14 uses s->used for i where they are equal,
		 * and s->used has no bound; cure: compare packets with 0. */
		if (!pair->packets) {
			for (int j = 0; j < 6; j++) {
				pair->src[j] = p->mac_src[j];
				pair->dst[j] = p->mac_dst[j];
			}
			s->direction[i] = (__u8)direction;
			s->used = (__u8)(i + 1);
			pair->packets = 1;
			return PLUGIN_CONTINUE;
		}
		for (int j = 0; j < 6; j++)
			differs |= (__u32)(pair->src[j] ^ p->mac_src[j]) | (__u32)(pair->dst[j] ^ p->mac_dst[j]);
		if (!differs) {
			if (FX_LIKELY(pair->packets != 0xffffffffu))
				pair->packets++;
			return PLUGIN_CONTINUE;
		}
	}
	FX_SET(s->stat[direction], MAC_RECORDER_STAT_OVERFLOW);
	return PLUGIN_CONTINUE;
}

#endif
