/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_end.h - the rule that says when a flow is over. A pure function of record, clock and configuration.
 *
 * Each direction that was seen is due at its last clock plus its timeout. The biflow is due at the later of the two times and ends
 * when the clock has reached it (T2: a flow expires when its opposite also satisfies its own timeout). A packet that finds its
 * flow due, the native engine's wheel and the daemon's eviction calls use this rule.
 */
#ifndef FLOWXDP_FLOW_END_H
#define FLOWXDP_FLOW_END_H

#include "compat.h"
#include "counters.h"
#include "flow_config.h"
#include "record_stream.h"

/* The counter of flows that ended for a reason; COUNTER_COUNT for FLOW_END_NONE. */
FX_INLINE enum counter flow_end_counter(enum flow_end reason)
{
	switch (reason) {
	case FLOW_END_IDLE:
		return COUNTER_FLOWS_ENDED_IDLE;
	case FLOW_END_ACTIVE:
		return COUNTER_FLOWS_ENDED_ACTIVE;
	case FLOW_END_DETECTED:
		return COUNTER_FLOWS_ENDED_FORCED;
	case FLOW_END_FORCED:
		return COUNTER_FLOWS_ENDED_INPUT;
	case FLOW_END_RESOURCES:
		return COUNTER_FLOWS_ENDED_RESOURCES;
	case FLOW_END_NONE:
		break;
	}
	return COUNTER_COUNT;
}

/* Clock at which the biflow falls due, ns. The record must hold at least one packet. */
FX_INLINE __s64 flow_due_ns(const struct flow_record *r)
{
	__s64 a = r->dir[0].last_clock_ns + (__s64)r->dir[0].timeout_ms * 1000000;
	__s64 b = r->dir[1].last_clock_ns + (__s64)r->dir[1].timeout_ms * 1000000;

	if (!r->dir[1].packets)
		return a;
	if (!r->dir[0].packets)
		return b;
	return a > b ? a : b;
}

/* Clock of the biflow's last packet, ns. */
FX_INLINE __s64 flow_last_clock_ns(const struct flow_record *r)
{
	if (!r->dir[1].packets)
		return r->dir[0].last_clock_ns;
	if (!r->dir[0].packets)
		return r->dir[1].last_clock_ns;
	return r->dir[0].last_clock_ns > r->dir[1].last_clock_ns ? r->dir[0].last_clock_ns : r->dir[1].last_clock_ns;
}

/*
 * Is a forced end pending? Live only: the packet that forced it found no ring memory, or could not lock the record again. No
 * further packet belongs to the flow.
 */
FX_INLINE int flow_force_pending(const struct flow_record *r, FX_CONFIG struct flow_config *c)
{
	return (c->flags & FLOW_CONFIG_CAN_FORCE) && ((r->dir[0].status | r->dir[1].status) & FS(FORCED));
}

/* Is the flow over for a packet that arrives at clock_ns? FLOW_END_NONE, _DETECTED, _IDLE or _ACTIVE. */
FX_INLINE enum flow_end flow_end_at_packet(const struct flow_record *r, __s64 clock_ns, FX_CONFIG struct flow_config *c)
{
	if (flow_force_pending(r, c))
		return FLOW_END_DETECTED;
	if (clock_ns >= flow_due_ns(r))
		return FLOW_END_IDLE;
	if (c->active_timeout_ns && clock_ns - r->first_clock_ns >= c->active_timeout_ns)
		return FLOW_END_ACTIVE;
	return FLOW_END_NONE;
}

/* End clock of the ended record: when the flow fell due, or the clock that ended it. */
FX_INLINE __s64 flow_end_clock_ns(const struct flow_record *r, enum flow_end reason, __s64 clock_ns)
{
	return reason == FLOW_END_IDLE ? flow_due_ns(r) : clock_ns;
}

/* Raises the flowStat bits that depend on how the flow ended, in the exported copy of the record. */
FX_INLINE void flow_mark_end(struct flow_record *r, enum flow_end reason)
{
	for (int i = 0; i < 2; i++) {
		struct flow_dir *d = &r->dir[i];

		if (!d->packets)
			continue;
		if (reason == FLOW_END_ACTIVE)
			d->status |= FS(DURATION_LIMIT);
		if (reason == FLOW_END_RESOURCES)
			d->status |= FS(TABLE_FULL);
		if (d->flags & FLOW_DIR_FRAGMENT_PENDING)
			d->status |= FS(FRAGMENT_PENDING);
	}
}

#endif
