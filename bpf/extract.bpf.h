/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * extract.bpf.h - sends a received frame to the ring, for extraction (FLOW_CONFIG_FRAMES).
 */
#pragma once

#include "record_table.bpf.h"

#define FRAME_PIECE 2048u /* a frame goes to the ring through scratch, in pieces */
#define FRAME_PIECES (FRAME_SNAP_MAX / FRAME_PIECE)

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
 * Sends the frame as it was received, in pieces. frame_meta_from_xdp() has limited its captured length. A frame that finds the
 * ring full is counted. 6.1: 230 k verified instructions for a plain loop of FRAME_PIECES turns, even when nothing is extracted;
 * cure: bpf_loop.
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
		loop.piece = s->buffer;
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
