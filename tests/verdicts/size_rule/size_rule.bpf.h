/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * size_rule, kernel half: ends a flow, raises an alarm, or gives a direction an idle timeout, at a packet with so much payload or more.
 * It comes after count_rule: at a packet that both give a timeout this one stays.
 */
#ifndef FLOWXDP_SIZE_RULE_BPF_H
#define FLOWXDP_SIZE_RULE_BPF_H

#include "flowxdp/plugin_half.h"

struct size_rule_config {
	__u32 force_size, alarm_size, timeout_size; /* bytes of payload; 0 = never */
	__u32 timeout_ms;
};

struct size_rule_state {
	__u32 alarms[2]; /* of direction A, B */
};
FX_STATIC_ASSERT(sizeof(struct size_rule_state) == 8, "slot size");

FX_INLINE __u32 size_rule_on_packet(struct size_rule_state *s, struct no_cold *cold, struct flow_record *r, const struct packet *p,
                                    const struct packet_step *step, const volatile struct size_rule_config *config)
{
	__u32 direction = step->direction & 1, verdict = PLUGIN_CONTINUE;

	(void)cold;
	if (config->timeout_size && p->payload_len >= config->timeout_size)
		r->dir[direction].timeout_ms = config->timeout_ms;
	if (config->force_size && p->payload_len >= config->force_size)
		verdict |= PLUGIN_FORCE;
	if (config->alarm_size && p->payload_len >= config->alarm_size) {
		s->alarms[direction]++;
		verdict |= PLUGIN_ALARM;
	}
	return verdict;
}

#endif
