/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * observe.bpf.h - the way of a frame up to its flow, for one kind of context. Included once for each kind, without a guard:
 *   CTX                               struct xdp_md or struct __sk_buff
 *   CTX_FN(name)                      what a function is called for it
 *   CTX_ROLE                          enum program_role
 *   CTX_LOAD(ctx, offset, to, bytes)  copies bytes of the frame, also of what cannot be read directly
 *
 * The parser's loop is a global function of its own: verified once, by itself, whatever the caller's state (parser-facts:
 * 44 k verified instructions alone, up to a million when inlined behind the straight line).
 */

/*
 * Sends the row of a packet that was just counted; only called in packet mode. What does not fit the ring is counted. The
 * ring may hold a forced end before the row of the packet that forced it: user space orders ends by clock and rows by the
 * input, so it does not matter.
 */
__noinline int CTX_FN(emit_packet_row)(CTX *ctx)
{
	__u32 role = CTX_ROLE, size = config.packet_record_size, padded, payload;
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
		error = CTX_LOAD(ctx, s->packet.payload_offset + s->shift, s->row + size, payload);
	}
	padded = (size + payload + 7) & ~7u;
	if (padded > PACKET_ROW_MAX)
		padded = PACKET_ROW_MAX;
	row->header.size = padded;
	if (error || bpf_ringbuf_output(&ring, row, padded, BPF_RB_NO_WAKEUP))
		count(c, COUNTER_PACKET_ROWS_LOST);
	return 0;
}

/*
 * The parser's loop, by itself. ctx gives the bytes, p holds the cursor. A plain loop is fastest but costs 8,000 verified
 * instructions a turn (6.18); bpf_loop costs 15 to 20 ns a turn and is verified once: a few turns of the one, the rest of
 * the other.
 */
__noinline int CTX_FN(parse_rest)(CTX *ctx, struct packet *p)
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

/* Parses the frame behind packet_clear(). */
FX_INLINE void CTX_FN(parse_frame)(CTX *ctx, struct packet *p)
{
	{
		const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

		packet_parse_start(data, end, p);
	}
	if (FX_MEM(p->cursor))
		CTX_FN(parse_rest)(ctx, p);
	{
		const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

		packet_parse_l4(data, end, p);
	}
}

#undef CTX
#undef CTX_FN
#undef CTX_ROLE
#undef CTX_LOAD
