/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * observe.bpf.h - the way of a frame into its flow (observe_context.bpf.h), for XDP and for the egress hook.
 */
#pragma once

#include "account.bpf.h"
#include "flowxdp/parse.h"

struct parse_loop {
	const __u8 *data, *end;
	struct packet *packet;
};

static long parse_one(__u32 i, void *context)
{
	struct parse_loop *loop = context;

	(void)i;
	return packet_parse_next(loop->data, loop->end, &config.tunnels, loop->packet);
}

/* Headers that are dissected in a plain loop; each deeper one costs a call. */
#define PARSE_PLAIN_STEPS 4

/*
 * Where the bytes of a leaving frame's record begin when layer 3 is wanted. The headers of a buffer that the device cuts are those of
 * none of its frames, and TCP and UDP have no checksum before the device makes it: 4 are TCP's options, 7 is the payload alone.
 */
FX_INLINE __u32 leaving_layer(const struct scratch *s)
{
	const struct packet *p = &s->packet;

	if (!p->ip_version)
		return 3;
	if (p->ip_proto == 6)
		return 4;
	return p->ip_proto == 17 || p->ip_proto == 136 || s->segments.segment_bytes ? 7 : 3;
}

#define CTX struct xdp_md
#define CTX_FN(name) name##_xdp
#define CTX_ROLE ROLE_XDP
#define CTX_LOAD(ctx, offset, to, bytes) bpf_xdp_load_bytes(ctx, offset, to, bytes)
#include "observe_context.bpf.h"

#define CTX struct __sk_buff
#define CTX_FN(name) name##_skb
#define CTX_ROLE ROLE_EGRESS
#define CTX_LOAD(ctx, offset, to, bytes) bpf_skb_load_bytes(ctx, offset, to, bytes)
#include "observe_context.bpf.h"
