/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * receiving.bpf.h - a received frame: filtered, parsed, counted in its flow, and sent as it came when a run extracts
 * packets.
 */
#pragma once

#include "account.bpf.h"
#include "frame_filter.bpf.h"
#include "frame_meta.bpf.h"
#include "parse_loop.bpf.h"

#define FRAME_PIECE 2048u      /* a frame goes to the ring through scratch in pieces */
#define FRAME_PIECES (FRAME_SNAP_MAX / FRAME_PIECE)

#define CTX struct xdp_md
#define CTX_FN(name) name##_xdp
#define CTX_ROLE ROLE_XDP
#define CTX_LOAD(ctx, offset, to, bytes) bpf_xdp_load_bytes(ctx, offset, to, bytes)
#include "observe.bpf.h"

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
	piece = ((piece - 1) & (FRAME_PIECE - 1)) + 1; /* both bounds, as in load_payload() */
	__asm__ volatile("" : "+r"(piece));
	if (bpf_xdp_load_bytes(loop->ctx, at, loop->piece, piece) ||
	    bpf_dynptr_write(loop->out, sizeof(struct frame_record) + at, loop->piece, piece, 0)) {
		loop->failed = 1;
		return 1;
	}
	return 0;
}

/*
 * Sends the frame as it came, in pieces. A frame that does not fit the ring is counted. frame_meta_from_xdp() has cut
 * it to what a record carries. 6.1: 230,000 verified instructions for a plain loop of FRAME_PIECES turns (6.1.0-56),
 * also when nothing is extracted; cure: bpf_loop.
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
	if (bpf_ringbuf_reserve_dynptr(&ring, head.header.size, 0, &out)) {
		count(c, COUNTER_FRAMES_LOST);
		bpf_ringbuf_discard_dynptr(&out, BPF_RB_NO_WAKEUP);
		return 0;
	}
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
		count(c, COUNTER_BYTES_UNREADABLE);
		bpf_ringbuf_discard_dynptr(&out, BPF_RB_NO_WAKEUP);
		return 0;
	}
	bpf_ringbuf_submit_dynptr(&out, BPF_RB_NO_WAKEUP);
	if (length < head.wire_len && length == load.frame_max)
		count(c, COUNTER_FRAMES_CUT);
	return 0;
}

/* Does the filter expression match the frame that packet_clear() has put into p? */
FX_INLINE int frame_passes(struct xdp_md *ctx, const struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	return frame_filter(ctx, data, end, FX_MEM(p->wire_len), FX_MEM(p->cap_len));
}

/* Parses, keys and counts a received packet. Returns 1 when it was; its frame is then in s->packet. */
FX_INLINE int observe_xdp(struct xdp_md *ctx, struct scratch *s, struct cpu_counts *c, struct sensor_state *shared)
{
	struct frame_meta *meta = &s->meta;

	if (!frame_meta_from_xdp(ctx, meta))
		return 0;
	/* 6.1: live programs take 475 k verified instructions (6.1.0-56), because the lengths tell states apart up to the end;
	 * cure: read them from memory, 134 k. */
	__asm__ volatile("" ::: "memory");
	count(c, COUNTER_PACKETS_SEEN);
	packet_clear(&s->packet, meta, next_packet_no(c, shared), (config.flags & FLOW_CONFIG_TCP_OPTIONS) != 0);
	/* 6.1: 440 k verified instructions (6.1.0-56), because meta tells states apart in all that follows; cure:
	 * filter after packet_clear(), with lengths from memory: 170 k. */
	if (load.filter && !frame_passes(ctx, &s->packet)) {
		count(c, COUNTER_PACKETS_FILTERED);
		return 0;
	}
	parse_frame_xdp(ctx, &s->packet);
	attribute_xdp(ctx, s, c);
	if (load.longest_frame && FX_MEM(s->packet.wire_len) > load.longest_frame)
		count(c, COUNTER_FRAMES_MERGED);
	return 1;
}

SEC("xdp.frags")
int flowxdp_ingress(struct xdp_md *ctx)
{
	__u32 role = ROLE_XDP, zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct sensor_state *shared = bpf_map_lookup_elem(&sensor, &zero);
	struct cpu_counts *c = cpu_counts(role);

	if (!s || !c || !shared)
		return XDP_PASS;
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		begin_turn(s, c, shared, role);
	if (observe_xdp(ctx, s, c, shared) && (config.flags & FLOW_CONFIG_FRAMES))
		emit_frame(ctx);
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		end_turn(s, shared, ROLE_XDP);
	return XDP_PASS;
}
