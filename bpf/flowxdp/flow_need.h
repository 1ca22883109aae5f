/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_need.h - which packets become packet records, and with how much payload: the union of what the enabled halves want, kernel
 * halves by a function and user halves by a table; in packet mode every packet. A pure function of flow, packet and configuration.
 */
#ifndef FLOWXDP_FLOW_NEED_H
#define FLOWXDP_FLOW_NEED_H

#include "compat.h"
#include "flow_slots.h"
#include "packet.h"
#include "plugin_halves.h"

/* May this run have packet records at all? */
FX_INLINE __u32 packets_may_be_wanted(FX_CONFIG struct flow_config *c)
{
	return c->flags & (FLOW_CONFIG_PACKET_RECORDS | FLOW_CONFIG_PACKET_NEEDS);
}

/*
 * Which entries of the table does the nth packet of a direction meet, which has this flowStat? Sets step->needs, and step->record_bytes
 * and step->first_layer to what they want. After flow_update(), before packet_wanted().
 */
FX_INLINE void packet_needs_of(__u64 packet_no, __u64 status, const struct packet *p, struct packet_step *step,
                               FX_CONFIG struct flow_config *c)
{
	if (c->needs.first_packets && packet_no > c->needs.first_packets)
		return;
	FX_NO_UNROLL
	for (__u32 i = 0; i < PACKET_NEEDS_MAX; i++) {
		if (i >= c->needs.count)
			break;
		if (!packet_need_met(p, packet_no, status, packet_need_word(&c->needs.need[i], 0),
		                     packet_need_word(&c->needs.need[i], 1)))
			continue;
		FX_OPAQUE(step->needs) = FX_OPAQUE(step->needs) | 1u << i;
		if (PACKET_WANTED(c->needs.need[i].payload_bytes) > FX_OPAQUE(step->record_bytes))
			FX_OPAQUE(step->record_bytes) = PACKET_WANTED(c->needs.need[i].payload_bytes);
		if (c->needs.need[i].first_layer < FX_OPAQUE(step->first_layer))
			FX_OPAQUE(step->first_layer) = c->needs.need[i].first_layer;
	}
}

/*
 * Which kernel halves want *p, which flow_update() has just counted in *r? Sets step->wanted. Returns PACKET_WANTED(most payload bytes
 * that one of them or an entry of the table wants), or PACKET_NOT_WANTED: no record.
 */
FX_INLINE __u32 packet_wanted(const struct flow_record *r, const struct packet *p, struct packet_step *step,
                              FX_CONFIG struct flow_config *c, FX_CONFIG struct plugin_options *options)
{
	__u32 most = c->flags & FLOW_CONFIG_PACKET_RECORDS ? PACKET_WANTED(c->payload_max) : PACKET_NOT_WANTED, one;

	step->wanted = 0;
	/* 6.18: states of all halves multiply, as in flow_update(); cure: FX_OPAQUE for what halves return. */
	if (most > FX_OPAQUE(step->record_bytes))
		FX_OPAQUE(step->record_bytes) = most;
#define X(name)                                                                                       \
	if (c->enabled & (1u << KERNEL_HALF_##name)) {                                                \
		one = name##_packet_wanted(                                                           \
		    (const struct name##_state *)flow_slot_const(r, c, KERNEL_HALF_##name),           \
		    FX_COLD_SLOT_CONST(name, r, c), r, p, step, &options->name);                      \
		if (one) {                                                                            \
			FX_OPAQUE(step->wanted) = FX_OPAQUE(step->wanted) | 1u << KERNEL_HALF_##name; \
			if (one > FX_OPAQUE(step->record_bytes))                                      \
				FX_OPAQUE(step->record_bytes) = one;                                  \
		}                                                                                     \
	}
	FX_FOR_EACH_NEED(X)
#undef X
	(void)one;
	(void)r;
	(void)p;
	(void)options;
	most = FX_OPAQUE(step->record_bytes);
	return most < PACKET_WANTED(PACKET_MAX_PAYLOAD) ? most : PACKET_WANTED(PACKET_MAX_PAYLOAD);
}

#endif
