/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count_rule, kernel half: ends a flow, or raises an alarm, at the nth packet of a direction; gives a direction an idle timeout at each
 * packet. size_rule does the same by another rule, so both may want the same of one packet.
 */
#ifndef FLOWXDP_COUNT_RULE_BPF_H
#define FLOWXDP_COUNT_RULE_BPF_H

#include "flowxdp/plugin_half.h"

struct count_rule_config {
	__u32 force_at, alarm_at; /* 0 = never */
	__u32 timeout_ms;         /* 0 = as it is */
	__u32 reserved;
};

struct count_rule_state {
	__u32 packets[2]; /* of direction A, B */
	__u32 alarms[2];
};
FX_STATIC_ASSERT(sizeof(struct count_rule_state) == 16, "slot size");

FX_INLINE __u32 count_rule_on_packet(struct count_rule_state *s, struct no_cold *cold, struct flow_record *r, const struct packet *p,
                                     const struct packet_step *step, const volatile struct count_rule_config *config)
{
	__u32 direction = step->direction & 1, verdict = PLUGIN_CONTINUE;

	(void)cold;
	(void)p;
	s->packets[direction]++;
	if (config->timeout_ms)
		r->dir[direction].timeout_ms = config->timeout_ms;
	if (config->force_at && s->packets[direction] == config->force_at)
		verdict |= PLUGIN_FORCE;
	if (config->alarm_at && s->packets[direction] == config->alarm_at) {
		s->alarms[direction]++;
		verdict |= PLUGIN_ALARM;
	}
	return verdict;
}

#endif
