/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_table.bpf.h - what all programs do with records: copy, end, draw a flowInd, take the turn, count.
 */
#pragma once

#include "flowxdp/flow_end.h"
#include "maps.bpf.h"
#include "record_lock.bpf.h"

#define RECORD_WORDS_MAX (FLOW_RECORD_MAX / 8)
/*
 * Each attempt makes RECORD_LOCK_TRIES tries; together they last tens of milliseconds, longer than a host takes a CPU from its
 * guest. With 1,024 attempts one packet of 20,000 did not get its turn on two emulated CPUs that shared two busy cores.
 */
#define TURN_ATTEMPTS 16384

/* A program's own counters: no other program on this CPU writes them. role: enum program_role. */
FX_INLINE struct cpu_counts *cpu_counts(__u32 role) { return bpf_map_lookup_elem(&counts, &role); }

FX_INLINE void count(struct cpu_counts *c, enum counter which) { c->counter[which]++; }

/* dst and src are 8-aligned; bytes is a multiple of 8 that the verifier knows. Skips the first skip bytes. */
FX_INLINE void copy_words(void *dst, const void *src, __u32 skip, __u32 bytes)
{
	__u64 *to = dst;
	const __u64 *from = src;

	FX_NO_UNROLL
	for (__u32 i = skip / 8; i < RECORD_WORDS_MAX; i++) {
		if (i >= bytes / 8)
			break;
		FX_OPAQUE(to[i]) = from[i]; /* clang 14: a call of memcpy, which BPF has not; cure: FX_OPAQUE */
	}
}

FX_INLINE void clear_words(void *at, __u32 skip, __u32 bytes)
{
	__u64 *to = at;

	FX_NO_UNROLL
	for (__u32 i = skip / 8; i < RECORD_WORDS_MAX; i++) {
		if (i >= bytes / 8)
			break;
		FX_OPAQUE(to[i]) = 0; /* clang 14: a call of memset; cure: FX_OPAQUE */
	}
}

/* Clears everything but lock, state and key; flow_id 0 makes the record vacant for the next flow. */
FX_INLINE void record_restart(struct flow_record *r)
{
	r->flow_id = 0;
	clear_words(r, offsetof(struct flow_record, first_clock_ns), config.record_size);
}

/* Copies a locked record out as an ended one. */
FX_INLINE void ended_from(struct ended_record *out, const struct flow_record *r, enum flow_end reason, __s64 clock_ns)
{
	out->header.size = offsetof(struct ended_record, record) + config.record_size;
	out->header.kind = STREAM_ENDED;
	out->header.source = 0;
	out->end_clock_ns = flow_end_clock_ns(r, reason, clock_ns);
	out->wall_offset_ns = 0;
	out->era = 0;
	out->reason = reason;
	out->record.lock = 0;
	out->record.state = FLOW_STATE_BORN;
	out->record.lo_direction = r->lo_direction;
	out->record.ethertype = r->ethertype;
	copy_words(&out->record, r, 8, config.record_size);
	flow_mark_end(&out->record, reason);
}

FX_INLINE struct ended_record *ring_reserve_ended(void)
{
	return bpf_ringbuf_reserve(&ring, offsetof(struct ended_record, record) + config.record_size, 0);
}

/*
 * Did the reservation succeed? 6.1: "Unreleased reference" (6.1.0-56; not 6.18), because it follows both branches of a
 * second `if (pointer)`; cure: test the pointer once, here, and return a number that clang 14 cannot turn back into a
 * test of the pointer.
 */
FX_INLINE __u64 reserved(const struct ended_record *memory)
{
	__u64 yes = memory ? 1 : 0;

	__asm__ volatile("" : "+r"(yes));
	return yes;
}

FX_INLINE void count_end(struct cpu_counts *c, enum flow_end reason)
{
	const enum counter which = flow_end_counter(reason);

	if (which < COUNTER_COUNT)
		count(c, which);
}

/* An unused flowInd: one that this CPU drew and could not use, or a new one. */
FX_INLINE __u64 next_flow_id(struct scratch *s)
{
	__u32 zero = 0;
	struct sensor_state *state;
	__u64 id = s->spare_id;

	if (id) {
		s->spare_id = 0;
		return id;
	}
	state = bpf_map_lookup_elem(&sensor, &zero);
	return state ? __sync_fetch_and_add(&state->next_flow_id, 1) + 1 : 1;
}

struct turn_loop {
	__u32 *turn;
	__u32 token;
	__u32 taken;
};

static long turn_try(__u32 i, void *context)
{
	struct turn_loop *loop = context;

	(void)i;
	/* A program that this one interrupted on the same CPU holds the turn: it cannot release it before this one returns. */
	if (((*(volatile __u32 *)loop->turn - 1) ^ (loop->token - 1)) < 4)
		return 1;
	loop->taken = record_lock(loop->turn, loop->token);
	return loop->taken;
}

/*
 * Takes the turn, the lock that lets one packet or eviction at a time proceed on all CPUs (FLOW_CONFIG_IN_ORDER). Returns 0 when
 * it was not free in time.
 */
FX_INLINE __u32 take_turn(struct sensor_state *s, __u32 token)
{
	struct turn_loop loop = {&s->turn, token, 0};

	bpf_loop(TURN_ATTEMPTS, turn_try, &loop, 0);
	return loop.taken;
}

/* Verifier: the whole packet path is checked twice, with and without the turn; cure: FX_OPAQUE. */
FX_INLINE void begin_turn(struct scratch *s, struct cpu_counts *c, struct sensor_state *shared, __u32 role)
{
	FX_OPAQUE(s->turn) = take_turn(shared, record_lock_token(role));
	if (!FX_OPAQUE(s->turn))
		count(c, COUNTER_ORDER_MISSED);
}

FX_INLINE void end_turn(struct scratch *s, struct sensor_state *shared, __u32 role)
{
	if (FX_OPAQUE(s->turn))
		record_unlock(&shared->turn, record_lock_token(role));
}
