/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * evict.bpf.h - evicts flows on the daemon's call: silent ones, the least active ones when the table fills, all at the
 * end.
 */
#pragma once

#include "flow_table.bpf.h"
#include "record_table.bpf.h"

struct evict_loop {
	struct evict_request *request;
	struct cpu_counts *counts;
	struct sensor_state *shared;
	__u32 token;
	__u32 turn_missed; /* 1: the turn was not free in time; the other keys of this call do not wait for it */
};

/* Handles one key of an eviction call. The program that makes the record dead under its lock also
 * deletes its key; only then is the slot free. */
FX_INLINE long evict_key(__u32 i, void *context)
{
	struct evict_loop *loop = context;
	__u32 index = i & (EVICT_SLOTS - 1), mode = loop->request->mode;
	struct flow_key *wanted = bpf_map_lookup_elem(&evict_keys, &index);
	struct evict_slot *out = bpf_map_lookup_elem(&evict_out, &index);
	enum flow_end reason = mode == EVICT_DUE ? FLOW_END_IDLE : mode == EVICT_ALL ? FLOW_END_FORCED : FLOW_END_RESOURCES;
	__s64 clock = loop->request->clock_ns;
	const struct record_place *place;
	struct flow_record *r;
	struct flow_key key;
	int taken = 0, state;
	__u32 slot;

	if (!wanted || !out)
		return 1;
	out->outcome = EVICT_NOTHING;
	key = *wanted; /* a copy: user space may change the original */
	place = bpf_map_lookup_elem(&flows, &key);
	if (!place)
		return 0;
	slot = FX_OPAQUE(*(__u32 *)&place->slot);
	r = record_at(slot);
	if (!r)
		return 0;
	if (!record_lock(&r->lock, loop->token)) {
		count(loop->counts, COUNTER_LOCK_CONTENDED); /* a later scan finds it again */
		return 0;
	}
	state = record_state(r, &key);
	/* Dead: an earlier call made it so, but could not delete it because its bucket was busy. */
	if (state == FLOW_STATE_EMBRYO || state == FLOW_STATE_DEAD || (state == FLOW_STATE_BORN && !r->flow_id)) {
		out->outcome = EVICT_VACANT;
		taken = 1;
	} else if (state == FLOW_STATE_BORN) {
		/* A pending forced end has the clock of the packet that forced it, the flow's last one. */
		if (flow_force_pending(r, &config))
			reason = FLOW_END_DETECTED;
		if (mode == EVICT_ALL || reason == FLOW_END_DETECTED)
			clock = flow_last_clock_ns(r);
		if (mode != EVICT_DUE || reason == FLOW_END_DETECTED || clock >= flow_due_ns(r)) {
			ended_from(&out->ended, r, reason, clock);
			out->outcome = EVICT_RECORD;
			taken = 1;
		}
	}
	if (taken) {
		r->state = FLOW_STATE_DEAD;
		r->flow_id = 0; /* the inserter of an embryo compares it */
	}
	record_unlock(&r->lock, loop->token);
	if (taken) {
		if (!bpf_map_delete_elem(&flows, &key)) {
			front_remove(flow_key_tag(&key, &config.table_secret), slot);
			free_slot(slot);
		}
		if (out->outcome == EVICT_RECORD) {
			count_end(loop->counts, reason);
			loop->request->evicted++;
		}
	}
	return 0;
}

static long evict_one(__u32 i, void *context)
{
	struct evict_loop *loop = context;
	__u32 turn = 0;

	if (!(config.flags & FLOW_CONFIG_IN_ORDER))
		return evict_key(i, context);
	if (!loop->turn_missed)
		turn = take_turn(loop->shared, loop->token);
	if (!turn) {
		loop->turn_missed = 1;
		count(loop->counts, COUNTER_ORDER_MISSED);
	}
	evict_key(i, context);
	if (turn)
		record_unlock(&loop->shared->turn, loop->token);
	return 0;
}

/* The daemon runs it by test-run; it is never attached. 6.1: no bpf_spin_lock, the lock to fall back on, in syscall programs; cure:
 * an XDP program. */
SEC("xdp")
int flowxdp_evict(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct evict_loop loop = {bpf_map_lookup_elem(&evict_request, &zero), cpu_counts(ROLE_EVICTOR),
				  bpf_map_lookup_elem(&sensor, &zero), record_lock_token(ROLE_EVICTOR), 0};

	(void)ctx;
	if (!loop.request || !loop.counts || !loop.shared)
		return XDP_PASS;
	loop.request->evicted = 0;
	bpf_loop(loop.request->keys < EVICT_SLOTS ? loop.request->keys : EVICT_SLOTS, evict_one, &loop, 0);
	loop.request->done = loop.request->sequence;
	return XDP_PASS;
}
