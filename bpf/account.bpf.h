/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * account.bpf.h - counts a parsed packet once, in its flow's record. A flow that ends at the packet goes to the ring.
 */
#pragma once

#include "flowxdp/flow_extract.h"
#include "flowxdp/flow_key.h"
#include "flowxdp/flow_need.h"
#include "flowxdp/flow_update.h"
#include "flow_table.bpf.h"
#include "record_table.bpf.h"

#define FLOW_ATTEMPTS 8

/* Makes s->key and s->key_tag of s->packet, where they are not made inline (observe_context.bpf.h). Returns the key's `reverse`. */
__noinline int key_packet(__u32 role)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	__u32 reverse;

	if (!s)
		return 0;
	reverse = flow_key_from(&s->packet, config.key_beside, &s->key);
	s->key_tag = flow_key_tag(&s->key, &config.table_secret);
	return (int)reverse;
}

/* Makes s->key_tag of a key that has changed. */
__noinline int tag_key(__u32 role)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);

	if (s)
		s->key_tag = flow_key_tag(&s->key, &config.table_secret);
	return 0;
}

/*
 * Looks the fragment's datagram up (fragment.h). A later fragment gets the flow key of the first one; the return value is the
 * `reverse` that belongs to the key. 6.18: more stack than the 512 bytes of a call chain when inlined; cure: a global function.
 */
__noinline int book_fragment(__u32 role, __u32 reverse)
{
	const __u32 token = record_lock_token(role);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	enum fragment_outcome outcome = FRAGMENT_MISSED;
	struct fragment_slot *slot;
	__u32 index;

	if (!s || !c)
		return (int)reverse;
	index = fragment_slot_index(&s->packet, config.fragment_seed, config.key_beside);
	slot = bpf_map_lookup_elem(&fragments, &index);
	if (slot && record_lock(&slot->lock, token)) {
		outcome = fragment_book(slot, &s->packet, config.key_beside, &s->key, &reverse);
		record_unlock(&slot->lock, token);
	} else {
		count(c, COUNTER_LOCK_CONTENDED);
		if (s->packet.flags & PACKET_LATER_FRAGMENT)
			s->packet.status |= FS(FRAGMENT_NO_FIRST);
	}
	if (outcome == FRAGMENT_MISSED && (s->packet.flags & PACKET_LATER_FRAGMENT))
		count(c, COUNTER_FRAGMENTS_UNMATCHED);
	else if (outcome == FRAGMENT_COLLIDED)
		count(c, COUNTER_FRAGMENT_COLLISIONS);
	return (int)reverse;
}

/*
 * Makes the flow's record, an embryo, in a slot of its own and publishes it. Returns NULL when the table is full or another CPU was
 * faster; the caller then looks up again. The embryo holds the flow's flowInd, by which its inserter recognises it. Only the
 * inserter makes an embryo a BORN record. Nobody else writes to the slot meanwhile, but the lock word belongs to whoever still
 * has a pointer to the slot's previous record. The evictor may remove an embryo. It clears the flowInd first, so that the inserter
 * does not mistake the slot's next use for its own.
 */
FX_INLINE struct flow_record *insert_embryo(struct scratch *s, __u32 role, int *full)
{
	/* s itself. 6.1: "R2 type=mem expected=fp, pkt, pkt_meta, map_key, map_value", because a map's key must not be in the memory of
	 * an argument; cure: look s up again. */
	const struct scratch *own = bpf_map_lookup_elem(&scratch, &role);
	const __u32 slot = own ? take_slot(role) : SLOT_NOT_FOUND;
	struct record_place place = {slot, 0};
	struct flow_record *r;
	__u64 id;
	int error; /* 6.1: -7 arrives as 0xfffffff9 in a long, because map updates return 32 bits up to 6.3; cure: int */

	*full = slot == SLOT_NONE;
	if (!own || slot >= SLOT_NOT_FOUND)
		return 0;
	r = record_at(slot);
	if (!r)
		return 0;
	id = next_flow_id(s);
	clear_words(r, offsetof(struct flow_record, first_clock_ns), config.record_size);
	r->flow_id = id;
	r->key = s->key;
	FX_OPAQUE(r->state) = FLOW_STATE_EMBRYO;
	error = (int)bpf_map_update_elem(&flows, &own->key, &place, BPF_NOEXIST);
	if (error) {
		*full = error == -7 /* E2BIG */ || error == -12 /* ENOMEM */;
		FX_OPAQUE(r->state) = FLOW_STATE_DEAD;
		free_slot(slot);
		s->spare_id = id;
		return 0;
	}
	s->embryo_id = id;
	s->slot = slot;
	note_new_flow(s);
	return r;
}

enum account_outcome {
	ACCOUNT_DONE = 0,
	ACCOUNT_RETRY = 1, /* the record was locked, evicted or not born: look it up again */
	ACCOUNT_FULL = 2,  /* the table is full */
};

/* State of a record under our lock; -1 when it belongs to another flow by now. */
FX_INLINE int record_state(struct flow_record *r, const struct flow_key *key)
{
	__u32 state = FX_OPAQUE(r->state);

	return flow_key_equal(&r->key, key) ? (int)state : -1;
}

/* Raises an fxStat bit in the flow in which this packet was just counted, if that flow has not ended. */
FX_INLINE void mark_flow(struct flow_record *r, struct scratch *s, struct cpu_counts *c, __u32 token, __u32 bit)
{
	if (!record_lock(&r->lock, token)) {
		count(c, COUNTER_LOCK_CONTENDED);
		return;
	}
	if (record_state(r, &s->key) == FLOW_STATE_BORN && r->flow_id == s->counted_id)
		FX_SET(r->dir[s->step.direction & 1].sensor_status, bit);
	record_unlock(&r->lock, token);
}

/*
 * The table of wanted packets (packet_need.h). 6.18: 408 k verified instructions for a full table, because it is followed in each
 * state of account(); cure: a global function. A pointer to the table cannot be its argument, because its map is read-only.
 */
__noinline int meet_needs(const struct packet *p, struct packet_step *step, __u64 packet_no, __u64 status)
{
	if (!p || !step)
		return 0;
	packet_needs_of(packet_no, status, p, step, &config);
	return 0;
}

/*
 * Sends the record of the packet that was just counted. When the ring is full it counts the loss and returns the fxStat bits
 * for the flow; otherwise it returns 0.
 */
__noinline int send_packet(__u32 role)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct packet_record *row;
	__u32 payload, bytes;
	int lost = 0;

	if (!s || !c)
		return 0;
	row = (struct packet_record *)s->buffer;
	payload = s->payload & (2 * PACKET_MAX_PAYLOAD - 1); /* and headers */
	bytes = (config.packet_record_size + payload + 7) & ~7u;
	if (bytes > PACKET_ROW_MAX)
		bytes = PACKET_ROW_MAX;
	row->header_captured = (__u16)s->headers;
	row->payload_captured = (__u16)(payload - s->headers);
	row->header.size = bytes;
	if (!bpf_ringbuf_output(&ring, row, bytes, BPF_RB_NO_WAKEUP))
		return 0;
	if (config.flags & FLOW_CONFIG_PACKET_RECORDS) {
		count(c, COUNTER_PACKET_ROWS_LOST);
		lost |= FXS(PACKET_ROWS_LOST);
	}
	if (row->wanted | row->needs) {
		count(c, COUNTER_WANTED_PACKETS_LOST);
		lost |= FXS(WANTED_PACKETS_LOST);
	}
	return lost;
}

/*
 * The same, and marks the flow when the record was lost. An end that this packet forces comes after it. In packet mode nothing
 * else can end the flow before: packets and evictions wait until this packet's turn is over (FLOW_CONFIG_IN_ORDER). Without
 * that flag another CPU's packet or the evictor may have ended the flow since. Then only the counter tells of the loss.
 */
__noinline int send_packet_of_flow(__u32 role)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct flow_record *r;
	int lost;

	if (!s || !c)
		return 0;
	lost = send_packet(role);
	if (!lost)
		return 0;
	r = record_at(s->slot);
	if (r)
		mark_flow(r, s, c, record_lock_token(role), (__u32)lost);
	return 0;
}

/*
 * Ends the flow that this packet forced to end. Ring memory is reserved only now: a reservation before each packet that might
 * force an end would fill the ring with discarded records. Until then the forced end is pending (flow_end.h), and another
 * CPU's packet or the evictor may end the flow first, with the same row. Without ring memory the end stays pending until the
 * next packet or scan.
 */
__noinline int end_forced(__u32 role)
{
	const __u32 token = record_lock_token(role);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct ended_record *out;
	struct flow_record *r;
	int ended = 0;

	if (!s || !c)
		return 0;
	r = record_at(s->slot);
	if (!r)
		return 0;
	out = ring_reserve_ended();
	if (!out) {
		count(c, COUNTER_BOUNDARIES_MOVED);
		mark_flow(r, s, c, token, FXS(FORCE_LATE));
		return 0;
	}
	if (record_lock(&r->lock, token)) {
		if (record_state(r, &s->key) == FLOW_STATE_BORN && r->flow_id == s->counted_id) {
			ended_from(out, r, FLOW_END_DETECTED, s->packet.clock_ns);
			record_restart(r);
			ended = 1;
		}
		record_unlock(&r->lock, token);
	} else {
		count(c, COUNTER_LOCK_CONTENDED);
	}
	if (ended) {
		count_end(c, FLOW_END_DETECTED);
		bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	} else {
		bpf_ringbuf_discard(out, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

/*
 * Counts the packet in its flow if it can lock the record. Every branch leaves the packet either in exactly one record or
 * uncounted. A global function: the verifier checks it once, not for each state of the parser and each attempt.
 */
__noinline int account(struct scratch *s, struct cpu_counts *c, __u32 role, __u32 reverse)
{
	const __u32 token = record_lock_token(role);
	struct ended_record *ended = 0;
	__u64 has_ended = 0, status = 0, id = 0;
	enum flow_end reason = FLOW_END_NONE;
	int tried = 0, counted = 0, left_out = 0, full = 0, state;
	struct packet_step *step;
	const struct packet *p;
	struct flow_record *r;

	if (!s || !c)
		return ACCOUNT_DONE;
	p = &s->packet;
	step = &s->step;
	s->verdict = PLUGIN_CONTINUE;
	s->reason = FLOW_END_NONE;
	s->moved = 0;
	s->wanted = PACKET_NOT_WANTED;
	r = find_record(s, role);
	if (!r && FX_OPAQUE(s->front_way)) { /* a slot that the table has not: somebody else wrote to the front */
		s->front_missed = 1;
		count(c, COUNTER_FRONT_MISSED);
		return ACCOUNT_RETRY;
	}
	if (!r) {
		r = insert_embryo(s, role, &full);
		if (full && looks_before_insertion(s)) {
			count(c, COUNTER_TABLE_FULL);
			return ACCOUNT_FULL;
		}
		s->insertion_failed = !r;
		if (!r)
			return ACCOUNT_RETRY;
	} else {
		load_lines(r, config.hot_size);
		note_known_flow(s);
	}
	if (FX_OPAQUE(s->flow_is_over)) {
		s->flow_is_over = 0;
		ended = ring_reserve_ended(); /* before the lock: the ring may be slow or full */
		has_ended = reserved(ended);
		tried = 1;
	}

	if (!record_lock(&r->lock, token)) {
		count(c, COUNTER_LOCK_CONTENDED);
		goto out;
	}
	state = record_state(r, &s->key);
	if (state == FLOW_STATE_EMBRYO && s->embryo_id && r->flow_id == s->embryo_id) {
		id = r->flow_id;
		r->flow_id = 0;
		r->state = FLOW_STATE_BORN;
		s->embryo_id = 0;
	} else if (state != FLOW_STATE_BORN) {
		record_unlock(&r->lock, token);
		if (FX_OPAQUE(s->front_way)) {
			front_clear_way(s);
			s->front_missed = 1;
			count(c, COUNTER_FRONT_MISSED);
		} else {
			count(c, COUNTER_IDENTITY_MISSED);
		}
		goto out;
	}
	if (r->flow_id)
		reason = flow_end_at_packet(r, p->clock_ns, &config);
	if (reason != FLOW_END_NONE) {
		if (!tried) { /* the next attempt reserves ring memory for the ended record */
			s->flow_is_over = 1;
			record_unlock(&r->lock, token);
			goto out;
		}
		if (has_ended) {
			/* A pending forced end has the clock of the packet that forced it, not of this one. */
			ended_from(ended, r, reason,
				   reason == FLOW_END_DETECTED ? flow_last_clock_ns(r) : p->clock_ns);
			record_restart(r);
			s->reason = reason;
		} else {
			s->moved = 1; /* the flow goes on with this packet and ends later: nothing is lost */
		}
	}
	if (!r->flow_id) {
		flow_start(r, p, reverse, id ? id : next_flow_id(s));
		count(c, COUNTER_FLOWS_STARTED);
	} else if (packet_is_left_out(r, p, reverse, &config, &plugin_options)) {
		record_unlock(&r->lock, token);
		count(c, COUNTER_PACKETS_LEFT_OUT);
		left_out = 1;
		goto out;
	}
	counted = 1;
	/* 6.18: 374 k verified instructions (all plugins, force and packet mode), because known values keep states
	 * apart before and after the halves; cure: FX_OPAQUE for reason, verdict and step. */
	FX_OPAQUE(s->verdict) = flow_update(r, p, reverse, &config, &plugin_options, step);
	if (config.flags & FLOW_CONFIG_EXTRACT_FLOWS)
		FX_OPAQUE(s->extracted) = flow_extract_packet(r, p, step->direction, &config);
	s->counted_id = r->flow_id;
	if (FX_OPAQUE(s->moved)) {
		FX_SET(r->dir[step->direction & 1].sensor_status, FXS(BOUNDARY_MOVED));
		count(c, COUNTER_BOUNDARIES_MOVED);
	}
	status = r->dir[step->direction & 1].status;
	if (packets_may_be_wanted(&config)) {
		if (config.needs.count)
			meet_needs(p, step, r->dir[step->direction & 1].packets, status);
		FX_OPAQUE(s->wanted) = packet_wanted(r, p, step, &config, &plugin_options);
		if (FX_OPAQUE(s->wanted))
			packet_record_fill((struct packet_record *)s->buffer, r, p, step, &config, &plugin_options);
	}
	record_unlock(&r->lock, token);
out:
	if (has_ended) {
		reason = FX_OPAQUE(s->reason);
		if (reason != FLOW_END_NONE) {
			count_end(c, reason);
			bpf_ringbuf_submit(ended, BPF_RB_NO_WAKEUP);
		} else {
			bpf_ringbuf_discard(ended, BPF_RB_NO_WAKEUP);
		}
	}
	if (left_out)
		return ACCOUNT_DONE;
	if (!counted)
		return ACCOUNT_RETRY;
	totals_add(&c->totals, p, step->direction, status);
	return ACCOUNT_DONE;
}

/*
 * Exports the packet as a flow of its own when the table is full or its record cannot be locked in time. When the ring is
 * full, too, it counts the packet as unattributed. The caller has loaded the payload into s->buffer.
 */
__noinline int account_alone(__u32 role, __u32 reverse)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct ended_record *out;
	struct packet_step *step;
	struct flow_record *r;
	__u32 wanted;

	if (!s || !c)
		return 0;
	out = ring_reserve_ended();
	if (!out) {
		count(c, COUNTER_PACKETS_UNATTRIBUTED);
		c->counter[COUNTER_OCTETS_UNATTRIBUTED] += s->packet.wire_len;
		return 0;
	}
	step = &s->step;
	r = (struct flow_record *)s->fresh;
	clear_words(r, 0, config.record_size);
	r->key = s->key;
	flow_start(r, &s->packet, reverse, next_flow_id(s));
	flow_update(r, &s->packet, reverse, &config, &plugin_options, step);
	if (config.flags & FLOW_CONFIG_EXTRACT_FLOWS)
		FX_OPAQUE(s->extracted) = flow_extract_packet(r, &s->packet, step->direction, &config);
	FX_SET(r->dir[step->direction & 1].sensor_status, FXS(ONE_PACKET_RECORD));
	totals_add(&c->totals, &s->packet, step->direction, r->dir[step->direction & 1].status);
	if (packets_may_be_wanted(&config)) {
		if (config.needs.count)
			meet_needs(&s->packet, step, r->dir[step->direction & 1].packets,
			           r->dir[step->direction & 1].status);
		FX_OPAQUE(s->wanted) = packet_wanted(r, &s->packet, step, &config, &plugin_options);
		wanted = FX_OPAQUE(s->wanted);
		if (wanted) {
			if (s->payload >= wanted)
				s->payload = wanted - 1;
			packet_record_fill((struct packet_record *)s->buffer, r, &s->packet, step, &config, &plugin_options);
			FX_SET(r->dir[step->direction & 1].sensor_status, (__u32)send_packet(role));
		}
	}
	ended_from(out, r, FLOW_END_RESOURCES, s->packet.clock_ns);
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	count(c, COUNTER_ONE_PACKET_RECORDS);
	count(c, COUNTER_FLOWS_STARTED);
	count(c, COUNTER_FLOWS_ENDED_RESOURCES);
	return 1;
}
