/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * observe_context.bpf.h - parses a frame and counts it in its flow, for one kind of context. It has no include guard and is included once
 * for each kind, with these macros:
 *   CTX                               struct xdp_md or struct __sk_buff
 *   CTX_FN(name)                      the name of a function for this kind
 *   CTX_ROLE                          enum program_role
 *   CTX_LOAD(ctx, offset, to, bytes)  copies bytes of the frame, also bytes that cannot be read directly
 *
 * 6.1 and 6.18: up to a million verified instructions when the parser's loop is inlined after the straight line; cure: a
 * global function, which is verified once: 44 k.
 */

/*
 * Copies as much of the payload as s->wanted says to its place after the packet record in s->buffer (account.bpf.h sends it). A
 * payload that cannot be read is counted, and the record is sent without it.
 */
__noinline int CTX_FN(load_payload)(CTX *ctx)
{
	__u32 role = CTX_ROLE, size = config.packet_record_size, payload, layer;
	struct packet_bytes bytes;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);

	if (!s || !c)
		return 0;
	s->payload = 0;
	s->headers = 0;
	if (!FX_OPAQUE(s->wanted))
		return 0;
	layer = FX_OPAQUE(s->step.first_layer);
	if (CTX_ROLE == ROLE_EGRESS && layer == 3)
		layer = leaving_layer(s);
	packet_record_bytes(&s->packet, layer, FX_OPAQUE(s->wanted) - 1, &bytes);
	payload = bytes.all;
	if (!payload)
		return 0;
	/* 6.1: "invalid access to map value ... size=0", because it learns nothing from `!= 0`; cure: both bounds on the
	 * register that is passed. The value is 1 to PACKET_MAX_PAYLOAD already. */
	payload = ((payload - 1) & (PACKET_MAX_PAYLOAD - 1)) + 1;
	__asm__ volatile("" : "+r"(payload));
	if (CTX_LOAD(ctx, bytes.offset + s->shift, s->buffer + size, payload)) {
		count(c, COUNTER_BYTES_UNREADABLE);
	} else {
		s->payload = payload;
		s->headers = bytes.header;
	}
	return 0;
}

/* Sends the record of the packet that was just counted, with its payload. */
__noinline int CTX_FN(send_wanted)(CTX *ctx)
{
	if (!ctx)
		return 0;
	CTX_FN(load_payload)(ctx);
	return send_packet_of_flow(CTX_ROLE);
}

/*
 * The parser's loop. ctx gives the bytes, p holds the cursor. A turn of a plain loop is fast, but costs 8,000 verified
 * instructions on 6.18; a turn of bpf_loop costs 15 to 20 ns, and the body is verified once. So the first few turns are plain
 * and the others are bpf_loop's.
 */
__noinline int CTX_FN(parse_rest)(CTX *ctx, struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;
	struct parse_loop loop = {data, end, p};

	if (!p)
		return 0;
	FX_NO_UNROLL
	for (__u32 i = 0; i < PARSE_PLAIN_STEPS; i++)
		if (packet_parse_next(data, end, &config.tunnels, p))
			return 0;
	bpf_loop(PACKET_MAX_HEADERS, parse_one, &loop, 0);
	return 0;
}

/* Parses what parse_frame() leaves: what the flow key does not need. */
FX_INLINE void CTX_FN(parse_transport)(CTX *ctx, struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	if (FX_LIKELY(FX_OPAQUE(p->has_transport)))
		packet_parse_transport(data, end, p);
}

/* Parses a frame after packet_clear(): a received one up to the ports, parse_transport() does the rest. */
FX_INLINE void CTX_FN(parse_frame)(CTX *ctx, struct packet *p)
{
	{
		const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

		packet_parse_start(data, end, &config.tunnels, p);
	}
	if (FX_OPAQUE(p->cursor))
		CTX_FN(parse_rest)(ctx, p);
	{
		const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

		if (CTX_ROLE == ROLE_XDP)
			FX_OPAQUE(p->has_transport) = (__u8)packet_parse_ports(data, end, p);
		else
			packet_parse_l4(data, end, p);
	}
}

/*
 * Counts the parsed packet in its flow and sends its record when somebody wants it. A counter says why a packet has no flow.
 */
FX_INLINE void CTX_FN(attribute)(CTX *ctx, struct scratch *s, struct cpu_counts *c)
{
	const __u32 role = CTX_ROLE;
	__u32 reverse;
	int outcome;

	s->embryo_id = 0;
	if (s->packet.flags & PACKET_NO_FLOW) {
		count(c, COUNTER_PACKETS_SHORT_FRAME);
		return;
	}
	/* 6.1: "combined stack size of 4 calls is 544" for leaving frames when key or tag are made here; cure: a global function. The
	 * compiler has the key in registers here, which is 3 ns faster. */
	if (CTX_ROLE == ROLE_XDP) {
		reverse = flow_key_from(&s->packet, config.key_beside, &s->key);
		s->key_tag = flow_key_tag(&s->key, &config.table_secret);
	} else {
		reverse = (__u32)key_packet(role);
	}
	if (s->packet.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) {
		reverse = (__u32)book_fragment(role, reverse); /* may change the key */
		tag_key(role);
	}
	find_home(s);
	if (CTX_ROLE == ROLE_XDP)
		CTX_FN(parse_transport)(ctx, &s->packet);
	s->front_missed = 0;
	s->flow_is_over = 0;
	FX_NO_UNROLL
	for (int attempt = 0; attempt < FLOW_ATTEMPTS; attempt++) {
		outcome = account(s, c, role, reverse);
		if (outcome == ACCOUNT_DONE) {
			/* Verifier: checked for each of account()'s states when it is called there; cure: call it here. */
			if (packets_may_be_wanted(&config) && FX_OPAQUE(s->wanted))
				CTX_FN(send_wanted)(ctx);
			if ((config.flags & FLOW_CONFIG_CAN_FORCE) && (FX_OPAQUE(s->verdict) & PLUGIN_FORCE))
				end_forced(role);
			return;
		}
		if (outcome == ACCOUNT_FULL)
			break;
	}
	if (packets_may_be_wanted(&config)) {
		s->wanted = PACKET_WANTED(PACKET_MAX_PAYLOAD);
		s->step.first_layer = 7;
		CTX_FN(load_payload)(ctx);
	}
	account_alone(role, reverse);
}

#undef CTX
#undef CTX_FN
#undef CTX_ROLE
#undef CTX_LOAD
