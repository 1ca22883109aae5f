/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_need.h - which packets become packet records, and with how much payload: the union of what the enabled halves want; in packet
 * mode every packet. A pure function of flow, packet and configuration.
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
 * Which halves want *p, which flow_update() has just counted in *r? Sets step->wanted. Returns PACKET_WANTED(most payload bytes that
 * one of them wants), or PACKET_NOT_WANTED: no record.
 */
FX_INLINE __u32 packet_wanted(const struct flow_record *r, const struct packet *p, struct packet_step *step,
                              FX_CONFIG struct flow_config *c, FX_CONFIG struct plugin_options *options)
{
	__u32 most = c->flags & FLOW_CONFIG_PACKET_RECORDS ? PACKET_WANTED(c->payload_max) : PACKET_NOT_WANTED, one;

	step->wanted = 0;
	/* 6.18: states of all halves multiply, as in flow_update(); cure: FX_OPAQUE for what halves return. */
	step->record_bytes = most;
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
