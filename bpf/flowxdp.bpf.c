/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowxdp.bpf.c - the sensor in the kernel. Read top to bottom: a frame is parsed, keyed, counted in its flow; what ends
 * leaves by the ring; silent flows are taken out by evict() on the daemon's call. XDP_PASS on every path.
 *
 * The parser's loop is a global function of its own: verified once, by itself, whatever the caller's state (parser-facts:
 * 44 k verified instructions alone, up to a million when inlined behind the straight line).
 */
#include "compat.h"
#include "flow_end.h"
#include "flow_key.h"
#include "flow_update.h"
#include "parse.h"

#include "frame_filter.bpf.h"
#include "maps.bpf.h"
#include "record_lock.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define RECORD_WORDS_MAX (FLOW_RECORD_MAX / 8)
#define FLOW_ATTEMPTS 6
#define TURN_ATTEMPTS 1024     /* each of RECORD_LOCK_TRIES: some milliseconds, longer than a CPU is taken from a guest */
#define FRAME_PIECE 2048u      /* a frame goes to the ring through scratch in pieces */
#define FRAME_PIECES (FRAME_SNAP_MAX / FRAME_PIECE)

/* A program's own counters: nothing that interrupts it on this CPU writes there. role: enum program_role. */
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
		FX_MEM(to[i]) = from[i]; /* clang 14 would call memcpy, which BPF does not have */
	}
}

FX_INLINE void clear_words(void *at, __u32 skip, __u32 bytes)
{
	__u64 *to = at;

	FX_NO_UNROLL
	for (__u32 i = skip / 8; i < RECORD_WORDS_MAX; i++) {
		if (i >= bytes / 8)
			break;
		FX_MEM(to[i]) = 0; /* likewise memset */
	}
}

/* Everything but lock, state, flow_id and key: the record starts anew in place. */
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
	out->header.pad = 0;
	out->end_clock_ns = flow_end_clock_ns(r, reason, clock_ns);
	out->wall_offset_ns = 0;
	out->era = 0;
	out->reason = reason;
	out->record.lock = 0;
	out->record.state = FLOW_STATE_BORN;
	copy_words(&out->record, r, 8, config.record_size);
	flow_mark_end(&out->record, reason);
}

FX_INLINE struct ended_record *ring_reserve_ended(void)
{
	return bpf_ringbuf_reserve(&ring, offsetof(struct ended_record, record) + config.record_size, 0);
}

/*
 * Did the reservation succeed? 6.1 does not know that ring memory once tested is not NULL: a second `if (pointer)` follows
 * both branches there and the load ends with "Unreleased reference" (6.1.0-56; 6.18 knows). So the pointer is tested once,
 * here, and the answer is a number that clang 14 cannot turn back into a test of the pointer.
 */
FX_INLINE __u64 reserved(const struct ended_record *memory)
{
	__u64 yes = memory ? 1 : 0;

	__asm__ volatile("" : "+r"(yes));
	return yes;
}

FX_INLINE void count_end(struct cpu_counts *c, enum flow_end reason)
{
	if (reason == FLOW_END_IDLE)
		count(c, COUNTER_FLOWS_ENDED_IDLE);
	else if (reason == FLOW_END_ACTIVE)
		count(c, COUNTER_FLOWS_ENDED_ACTIVE);
	else if (reason == FLOW_END_DETECTED)
		count(c, COUNTER_FLOWS_ENDED_FORCED);
	else if (reason == FLOW_END_RESOURCES)
		count(c, COUNTER_FLOWS_ENDED_RESOURCES);
	else if (reason == FLOW_END_FORCED)
		count(c, COUNTER_FLOWS_ENDED_INPUT);
}

/* A flowInd that nobody has: one that this CPU drew and could not use, or a new one. */
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
	/* Its owner was interrupted by us on this very CPU: it cannot let go before we return. */
	if (((*(volatile __u32 *)loop->turn - 1) ^ (loop->token - 1)) < 4)
		return 1;
	loop->taken = record_lock(loop->turn, loop->token);
	return loop->taken;
}

/* One packet or eviction at a time, on all CPUs (FLOW_CONFIG_IN_ORDER). 0: not to be had within the bound, go without. */
FX_INLINE __u32 take_turn(struct sensor_state *s, __u32 token)
{
	struct turn_loop loop = {&s->turn, token, 0};

	bpf_loop(TURN_ATTEMPTS, turn_try, &loop, 0);
	return loop.taken;
}

/* A fragment finds its datagram's first fragment (fragment.h). */
FX_INLINE void book_fragment(struct scratch *s, struct cpu_counts *c, __u32 token, __u32 *reverse)
{
	__u32 index = fragment_slot_index(&s->packet, config.hash_seed);
	struct fragment_slot *slot = bpf_map_lookup_elem(&fragments, &index);
	enum fragment_outcome outcome = FRAGMENT_MISSED;

	if (slot && record_lock(&slot->lock, token)) {
		outcome = fragment_book(slot, &s->packet, &s->key, reverse);
		record_unlock(&slot->lock, token);
	} else if (s->packet.flags & PACKET_LATER_FRAGMENT) {
		s->packet.status |= FS(FRAGMENT_NO_FIRST);
	}
	if (outcome == FRAGMENT_MISSED)
		count(c, COUNTER_FRAGMENTS_UNMATCHED);
	else if (outcome == FRAGMENT_COLLIDED)
		count(c, COUNTER_FRAGMENT_COLLISIONS);
}

/*
 * Inserts the flow's record as an embryo and returns it, NULL when the table is full or somebody else was faster (the
 * caller looks up again). The embryo bears the flowInd that its flow will have: by it the inserter knows its own. Nobody
 * else may bring it to life, so no update can race the kernel's copy of the value into a re-used element; the evictor may
 * take it away, and clears the flowInd, so that its inserter cannot mistake the element's next use for its own.
 */
FX_INLINE struct flow_record *insert_embryo(struct scratch *s, int *full)
{
	struct flow_record *fresh = (struct flow_record *)s->fresh;
	__u64 id = next_flow_id(s);
	int error; /* not long: up to 6.3 map updates answer 32 bits, -7 arrives as 0xfffffff9 (6.1.0-56: never "full") */

	clear_words(fresh, 0, config.record_size);
	fresh->state = FLOW_STATE_EMBRYO;
	fresh->flow_id = id;
	fresh->key = s->key;
	error = (int)bpf_map_update_elem(&flows, &s->key, fresh, BPF_NOEXIST);
	*full = error == -7 /* E2BIG */ || error == -12 /* ENOMEM */;
	if (error) {
		s->spare_id = id;
		return 0;
	}
	s->embryo_id = id;
	return bpf_map_lookup_elem(&flows, &s->key);
}

enum account_outcome {
	ACCOUNT_DONE = 0,
	ACCOUNT_RETRY = 1, /* the record was not to be had: look it up again */
	ACCOUNT_FULL = 2,  /* the table is full */
};

/* State of a record under our lock, or -1: it is another flow's by now. Lock last, see record_lock.bpf.h. */
FX_INLINE int record_state(const struct flow_record *r, const struct flow_key *key, __u32 token)
{
	__u32 state = FX_MEM(r->state);

	return flow_key_equal(&r->key, key) && record_lock_held(&r->lock, token) ? (int)state : -1;
}

/*
 * Ends the flow that this packet forced to end. Its ring memory is reserved only now: reserving some for every packet of a
 * forcing configuration would fill the ring with what is given back. Meanwhile the flow is pending (flow_end.h): another
 * CPU's packet or the evictor may end it first, which is as good. Without ring memory it stays pending and the next packet
 * or scan makes up for it.
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
	r = bpf_map_lookup_elem(&flows, &s->key);
	if (!r)
		return 0;
	out = ring_reserve_ended();
	if (!out) {
		count(c, COUNTER_BOUNDARIES_MOVED);
		if (record_lock(&r->lock, token)) {
			if (record_state(r, &s->key, token) == FLOW_STATE_BORN && r->flow_id == s->forced_id)
				FX_SET(r->dir[s->step.direction & 1].sensor_status, FXS(FORCE_LATE));
			record_unlock(&r->lock, token);
		}
		return 0;
	}
	if (record_lock(&r->lock, token)) {
		if (record_state(r, &s->key, token) == FLOW_STATE_BORN && r->flow_id == s->forced_id) {
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
 * Counts the packet in its flow, if the record is to be had. The heart: every branch leaves the packet in exactly one
 * record or uncounted. A global function, as the parser's loop: verified once, not for every parser state and attempt.
 */
__noinline int account(__u32 role, __u32 reverse)
{
	const __u32 token = record_lock_token(role);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct ended_record *ended = 0;
	__u64 has_ended = 0, status = 0, id = 0;
	enum flow_end reason = FLOW_END_NONE;
	int tried = 0, counted = 0, full = 0, state;
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
	r = bpf_map_lookup_elem(&flows, &s->key);
	if (!r) {
		r = insert_embryo(s, &full);
		if (full)
			return ACCOUNT_FULL;
		if (!r)
			return ACCOUNT_RETRY;
	} else if (r->state == FLOW_STATE_BORN && r->flow_id &&
		   flow_end_at_packet(r, p->clock_ns, &config) != FLOW_END_NONE) {
		ended = ring_reserve_ended(); /* before the lock: the ring may be slow or full */
		has_ended = reserved(ended);
		tried = 1;
	}

	if (!record_lock(&r->lock, token)) {
		count(c, COUNTER_LOCK_CONTENDED);
		goto out;
	}
	state = record_state(r, &s->key, token);
	if (state == FLOW_STATE_EMBRYO && s->embryo_id && r->flow_id == s->embryo_id) {
		id = r->flow_id;
		r->flow_id = 0;
		r->state = FLOW_STATE_BORN;
		s->embryo_id = 0;
	} else if (state != FLOW_STATE_BORN) {
		record_unlock(&r->lock, token);
		count(c, COUNTER_IDENTITY_MISSED);
		goto out;
	}
	if (r->flow_id)
		reason = flow_end_at_packet(r, p->clock_ns, &config);
	if (reason != FLOW_END_NONE) {
		if (!tried) { /* over since the look before the lock: another CPU's packet forced it */
			record_unlock(&r->lock, token);
			goto out;
		}
		if (has_ended) {
			ended_from(ended, r, reason, p->clock_ns);
			record_restart(r);
			s->reason = reason;
		} else {
			s->moved = 1; /* late, never lost: the flow goes on with this packet */
		}
	}
	if (!r->flow_id) {
		flow_start(r, p, reverse, id ? id : next_flow_id(s));
		count(c, COUNTER_FLOWS_STARTED);
	}
	counted = 1;
	/* Reason, verdict and step by way of memory: what was decided is unknown to the verifier again, its states merge before
	 * and behind the halves (all plugins, force and packet mode: 374 k verified instructions without on 6.18). */
	FX_MEM(s->verdict) = flow_update(r, p, reverse, &config, step);
	s->forced_id = r->flow_id;
	if (FX_MEM(s->moved)) {
		FX_SET(r->dir[step->direction & 1].sensor_status, FXS(BOUNDARY_MOVED));
		count(c, COUNTER_BOUNDARIES_MOVED);
	}
	status = r->dir[step->direction & 1].status;
	if (config.flags & FLOW_CONFIG_PACKET_RECORDS)
		packet_record_fill((struct packet_record *)s->row, r, p, step, &config);
	record_unlock(&r->lock, token);
out:
	if (has_ended) {
		reason = FX_MEM(s->reason);
		if (reason != FLOW_END_NONE) {
			count_end(c, reason);
			bpf_ringbuf_submit(ended, BPF_RB_NO_WAKEUP);
		} else {
			bpf_ringbuf_discard(ended, BPF_RB_NO_WAKEUP);
		}
	}
	if (!counted)
		return ACCOUNT_RETRY;
	totals_add(&c->totals, p, step->direction, status);
	if ((config.flags & FLOW_CONFIG_CAN_FORCE) && (FX_MEM(s->verdict) & PLUGIN_FORCE))
		end_forced(role);
	return ACCOUNT_DONE;
}

/* The packet found no place in the table, or not in time: it leaves as a flow of its own. 0: the ring is full too. */
__noinline int account_alone(__u32 role, __u32 reverse)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct ended_record *out;
	struct packet_step *step;
	struct flow_record *r;

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
	flow_update(r, &s->packet, reverse, &config, step);
	FX_SET(r->dir[step->direction & 1].sensor_status, FXS(ONE_PACKET_RECORD));
	totals_add(&c->totals, &s->packet, step->direction, r->dir[step->direction & 1].status);
	if (config.flags & FLOW_CONFIG_PACKET_RECORDS)
		packet_record_fill((struct packet_record *)s->row, r, &s->packet, step, &config);
	ended_from(out, r, FLOW_END_RESOURCES, s->packet.clock_ns);
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	count(c, COUNTER_ONE_PACKET_RECORDS);
	count(c, COUNTER_FLOWS_STARTED);
	count(c, COUNTER_FLOWS_ENDED_RESOURCES);
	return 1;
}

/* Attributes the parsed packet. 0: it has no flow, a counter says why; 1: it has, and its row stands in the scratch. */
FX_INLINE int attribute(struct scratch *s, struct cpu_counts *c, __u32 role)
{
	__u32 reverse;
	int outcome;

	s->embryo_id = 0;
	if (s->packet.flags & PACKET_NO_FLOW) {
		count(c, COUNTER_PACKETS_SHORT_FRAME);
		return 0;
	}
	reverse = flow_key_from(&s->packet, &s->key);
	if (s->packet.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT))
		book_fragment(s, c, record_lock_token(role), &reverse);
	FX_NO_UNROLL
	for (int attempt = 0; attempt < FLOW_ATTEMPTS; attempt++) {
		outcome = account(role, reverse);
		if (outcome == ACCOUNT_DONE)
			return 1;
		if (outcome == ACCOUNT_FULL) {
			count(c, COUNTER_TABLE_FULL);
			break;
		}
	}
	return account_alone(role, reverse);
}

/*
 * Sends the row of a packet that was just counted; only called in packet mode. What does not fit the ring is counted. The
 * ring may hold a forced end before the row of the packet that forced it: user space orders ends by clock and rows by the
 * input, so it does not matter.
 */
__noinline int emit_packet_row(struct xdp_md *ctx)
{
	__u32 role = ROLE_XDP, size = config.packet_record_size, padded, payload;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct packet_record *row;
	long error = 0;

	if (!s || !c)
		return 0;
	row = (struct packet_record *)s->row;
	payload = packet_payload_captured(&s->packet, config.payload_max);
	row->payload_captured = (__u16)payload;
	if (payload) {
		/* Both bounds on the register that is passed: 6.1 learns nothing from `!= 0` ("invalid access to map value
		 * ... size=0", 6.1.0-56). It is 1 to PACKET_MAX_PAYLOAD already. */
		payload = ((payload - 1) & (PACKET_MAX_PAYLOAD - 1)) + 1;
		__asm__ volatile("" : "+r"(payload));
		error = bpf_xdp_load_bytes(ctx, s->packet.payload_offset, s->row + size, payload);
	}
	padded = (size + payload + 7) & ~7u;
	if (padded > PACKET_ROW_MAX)
		padded = PACKET_ROW_MAX;
	row->header.size = padded;
	if (error || bpf_ringbuf_output(&ring, row, padded, BPF_RB_NO_WAKEUP))
		count(c, COUNTER_PACKET_ROWS_LOST);
	return 0;
}

struct frame_loop {
	struct xdp_md *ctx;
	struct bpf_dynptr *out;
	__u8 *piece; /* FRAME_PIECE bytes of scratch */
	__u32 length;
	__u32 failed;
};

static long frame_piece(__u32 i, void *context)
{
	struct frame_loop *loop = context;
	__u32 at = i * FRAME_PIECE, piece;

	if (at >= loop->length)
		return 1;
	piece = loop->length - at;
	if (piece > FRAME_PIECE)
		piece = FRAME_PIECE;
	piece = ((piece - 1) & (FRAME_PIECE - 1)) + 1; /* both bounds, as in emit_packet_row() */
	__asm__ volatile("" : "+r"(piece));
	if (bpf_xdp_load_bytes(loop->ctx, at, loop->piece, piece) ||
	    bpf_dynptr_write(loop->out, sizeof(struct frame_record) + at, loop->piece, piece, 0)) {
		loop->failed = 1;
		return 1;
	}
	return 0;
}

/*
 * Sends the frame as it came, a piece at a time. What does not fit the ring is counted. bpf_loop, not a plain loop of
 * FRAME_PIECES turns: that costs 230,000 verified instructions on 6.1 (6.1.0-56), which verifies it also where nobody
 * extracts.
 */
__noinline int emit_frame(struct xdp_md *ctx)
{
	__u32 role = ROLE_XDP;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct frame_record head = {};
	struct frame_loop loop = {};
	struct bpf_dynptr out;
	__u32 length;
	long error;

	if (!s || !c || !ctx)
		return 0;
	length = s->packet.cap_len < FRAME_SNAP_MAX ? s->packet.cap_len : FRAME_SNAP_MAX;
	head.header.size = sizeof(head) + ((length + 7) & ~7u);
	head.header.kind = STREAM_FRAME;
	head.ts_ns = s->packet.ts_ns;
	head.wire_len = s->packet.wire_len;
	head.cap_len = length;
	head.if_id = s->packet.if_id;
	error = bpf_ringbuf_reserve_dynptr(&ring, head.header.size, 0, &out);
	if (!error)
		error = bpf_dynptr_write(&out, 0, &head, sizeof(head), 0);
	if (!error) {
		loop.ctx = ctx;
		loop.out = &out;
		loop.piece = s->row;
		loop.length = length;
		bpf_loop(FRAME_PIECES, frame_piece, &loop, 0);
		error = loop.failed;
	}
	if (error) {
		count(c, COUNTER_FRAMES_LOST);
		bpf_ringbuf_discard_dynptr(&out, BPF_RB_NO_WAKEUP);
	} else {
		bpf_ringbuf_submit_dynptr(&out, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

struct parse_loop {
	const __u8 *data, *end;
	struct packet *packet;
};

static long parse_one(__u32 i, void *context)
{
	struct parse_loop *loop = context;

	(void)i;
	return packet_parse_next(loop->data, loop->end, loop->packet);
}

/* Headers that are dissected in a plain loop; deeper ones cost a call each. */
#define PARSE_PLAIN_STEPS 4

/*
 * The parser's loop, by itself. ctx gives the bytes, p holds the cursor. A plain loop is fastest but costs 8,000 verified
 * instructions a turn (6.18); bpf_loop costs 15 to 20 ns a turn and is verified once: a few turns of the one, the rest of
 * the other.
 */
__noinline int parse_rest(struct xdp_md *ctx, struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;
	struct parse_loop loop = {data, end, p};

	if (!p)
		return 0;
	FX_NO_UNROLL
	for (__u32 i = 0; i < PARSE_PLAIN_STEPS; i++)
		if (packet_parse_next(data, end, p))
			return 0;
	bpf_loop(PACKET_MAX_HEADERS, parse_one, &loop, 0);
	return 0;
}

/* Where a packet's time and lengths come from: metadata in front of it (test-run), or the context and the boot clock. */
FX_INLINE int frame_meta_from(struct xdp_md *ctx, struct frame_meta *meta)
{
	/* Read here, not in a branch: clang 14 keeps ctx + 12 in a register for later and both kernels refuse it
	 * ("dereference of modified ctx ptr"). */
	const struct frame_meta *given = (const struct frame_meta *)(long)FX_MEM(ctx->data_meta);
	const __u8 *data = (const __u8 *)(long)FX_MEM(ctx->data);
	__u32 if_id = FX_MEM(ctx->ingress_ifindex);

	if (load.use_metadata) {
		if ((const __u8 *)(given + 1) > data)
			return 0;
		*meta = *given;
		return 1;
	}
	meta->ts_ns = (__s64)bpf_ktime_get_boot_ns();
	meta->clock_ns = meta->ts_ns;
	meta->wire_len = (__u32)bpf_xdp_get_buff_len(ctx);
	meta->cap_len = load.snap_len && load.snap_len < meta->wire_len ? load.snap_len : meta->wire_len;
	meta->if_id = if_id;
	meta->start_kind = HEADER_KIND_ETHERNET;
	meta->link_headers[0] = 0;
	meta->link_headers[1] = 0;
	return 1;
}

/* What the filter expression says of the frame that packet_clear() has put into p. */
FX_INLINE int frame_passes(struct xdp_md *ctx, const struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	return frame_filter(ctx, data, end, FX_MEM(p->wire_len), FX_MEM(p->cap_len));
}

/* A packet on its whole way: parsed, keyed, counted. Its frame is in s->packet when this returns 1. */
FX_INLINE int observe(struct xdp_md *ctx, struct scratch *s, struct cpu_counts *c, struct sensor_state *shared)
{
	struct frame_meta meta;
	__u64 packet_no;

	if (!frame_meta_from(ctx, &meta))
		return 0;
	count(c, COUNTER_PACKETS_SEEN);
	packet_no = c->counter[COUNTER_PACKETS_SEEN];
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		packet_no = __sync_fetch_and_add(&shared->next_packet_no, 1) + 1;
	packet_clear(&s->packet, &meta, packet_no, (config.flags & FLOW_CONFIG_TCP_OPTIONS) != 0);
	/* Behind packet_clear(), lengths by way of memory: else 6.1 tells states apart by meta in all that follows (6.1.0-56:
	 * 440 k verified instructions against 170 k). */
	if (load.filter && !frame_passes(ctx, &s->packet)) {
		count(c, COUNTER_PACKETS_FILTERED);
		return 0;
	}
	{
		const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

		packet_parse_start(data, end, &s->packet);
	}
	if (FX_MEM(s->packet.cursor))
		parse_rest(ctx, &s->packet);
	{
		const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

		packet_parse_l4(data, end, &s->packet);
	}
	if (attribute(s, c, ROLE_XDP) && (config.flags & FLOW_CONFIG_PACKET_RECORDS))
		emit_packet_row(ctx);
	return 1;
}

SEC("xdp.frags")
int flowxdp_ingress(struct xdp_md *ctx)
{
	__u32 role = ROLE_XDP, zero = 0, turn = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct sensor_state *shared = bpf_map_lookup_elem(&sensor, &zero);
	struct cpu_counts *c = cpu_counts(role);

	if (!s || !c || !shared)
		return XDP_PASS;
	if (config.flags & FLOW_CONFIG_IN_ORDER) {
		turn = take_turn(shared, record_lock_token(role));
		if (!turn)
			count(c, COUNTER_ORDER_MISSED);
	}
	if (observe(ctx, s, c, shared) && (config.flags & FLOW_CONFIG_FRAMES))
		emit_frame(ctx);
	if (turn)
		record_unlock(&shared->turn, record_lock_token(ROLE_XDP));
	return XDP_PASS;
}

struct evict_loop {
	struct evict_request *request;
	struct cpu_counts *counts;
	struct sensor_state *shared;
	__u32 token;
};

/* One key of an eviction call. Whoever makes the record dead under its lock owns its deletion. */
FX_INLINE long evict_key(__u32 i, void *context)
{
	struct evict_loop *loop = context;
	__u32 index = i & (EVICT_SLOTS - 1), mode = loop->request->mode;
	struct flow_key *wanted = bpf_map_lookup_elem(&evict_keys, &index);
	struct evict_slot *out = bpf_map_lookup_elem(&evict_out, &index);
	enum flow_end reason = mode == EVICT_DUE ? FLOW_END_IDLE : mode == EVICT_ALL ? FLOW_END_FORCED : FLOW_END_RESOURCES;
	__s64 clock = loop->request->clock_ns;
	struct flow_record *r;
	struct flow_key key;
	int taken = 0, state;

	if (!wanted || !out)
		return 1;
	out->outcome = EVICT_NOTHING;
	key = *wanted; /* user space may write there */
	r = bpf_map_lookup_elem(&flows, &key);
	if (!r || !record_lock(&r->lock, loop->token))
		return 0;
	state = record_state(r, &key, loop->token);
	/* Dead: made so by us in vain, the deletion found its bucket busy. */
	if (state == FLOW_STATE_EMBRYO || state == FLOW_STATE_DEAD || (state == FLOW_STATE_BORN && !r->flow_id)) {
		out->outcome = EVICT_VACANT;
		taken = 1;
	} else if (state == FLOW_STATE_BORN) {
		if (flow_force_pending(r, &config))
			reason = FLOW_END_DETECTED;
		else if (mode == EVICT_ALL)
			clock = flow_last_clock_ns(r);
		if (mode != EVICT_DUE || reason == FLOW_END_DETECTED || clock >= flow_due_ns(r)) {
			ended_from(&out->ended, r, reason, clock);
			out->outcome = EVICT_RECORD;
			taken = 1;
		}
	}
	if (taken) {
		r->state = FLOW_STATE_DEAD;
		r->flow_id = 0; /* an embryo's inserter looks for it */
	}
	record_unlock(&r->lock, loop->token);
	if (taken) {
		bpf_map_delete_elem(&flows, &key);
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
	__u32 turn;

	if (!(config.flags & FLOW_CONFIG_IN_ORDER))
		return evict_key(i, context);
	turn = record_lock(&loop->shared->turn, loop->token);
	evict_key(i, context);
	if (turn)
		record_unlock(&loop->shared->turn, loop->token);
	return 0;
}

/* Run by the daemon through test-run, never attached. An XDP program because 6.1 knows no locks in syscall programs. */
SEC("xdp")
int flowxdp_evict(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct evict_loop loop = {bpf_map_lookup_elem(&evict_request, &zero), cpu_counts(ROLE_EVICTOR),
				  bpf_map_lookup_elem(&sensor, &zero), record_lock_token(ROLE_EVICTOR)};

	(void)ctx;
	if (!loop.request || !loop.counts || !loop.shared)
		return XDP_PASS;
	loop.request->evicted = 0;
	bpf_loop(loop.request->keys < EVICT_SLOTS ? loop.request->keys : EVICT_SLOTS, evict_one, &loop, 0);
	loop.request->done = loop.request->sequence;
	return XDP_PASS;
}
