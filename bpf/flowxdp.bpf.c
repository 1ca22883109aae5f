/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowxdp.bpf.c - the sensor in the kernel: the programs that are attached. A frame is parsed, keyed and counted in its flow
 * (observe.bpf.h, leaving.bpf.h, account.bpf.h). Ended flows go to the ring. The daemon calls flowxdp_evict() to evict silent
 * flows (evict.bpf.h). No program decides what happens to a frame: every path returns XDP_PASS or TC_ACT_UNSPEC (the next
 * filter decides).
 */
#include "flowxdp/compat.h"
#include "flowxdp/parse.h"

#include "account.bpf.h"
#include "bundle_layout.bpf.h"
#include "evict.bpf.h"
#include "extract.bpf.h"
#include "frame_filter.bpf.h"
#include "frame_meta.bpf.h"
#include "leaving.bpf.h"
#include "maps.bpf.h"
#include "observe.bpf.h"
#include "record_table.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TC_ACT_UNSPEC (-1)

/* Does the filter expression match the frame whose lengths are in p? */
FX_INLINE int frame_passes(struct xdp_md *ctx, const struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	return frame_filter(ctx, data, end, FX_OPAQUE(p->wire_len), FX_OPAQUE(p->cap_len));
}

/* Does the expression of -e matching match it? */
FX_INLINE int frame_is_extracted(struct xdp_md *ctx, const struct packet *p)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	return extract_filter(ctx, data, end, FX_OPAQUE(p->wire_len), FX_OPAQUE(p->cap_len));
}

/* Parses, keys and counts a received packet. Returns 1 when s->packet describes it, 0 when it was filtered. */
FX_INLINE int observe_xdp(struct xdp_md *ctx, struct scratch *s, struct cpu_counts *c, struct sensor_state *shared)
{
	struct frame_meta *meta = &s->meta;

	if (!frame_meta_from_xdp(ctx, meta))
		return 0;
	/* 6.1: 475 k verified instructions in live programs, because the lengths keep states apart up to the end; cure: read them
	 * from memory: 134 k. */
	__asm__ volatile("" ::: "memory");
	count(c, COUNTER_PACKETS_SEEN);
	packet_clear(&s->packet, meta, next_packet_no(c, shared), (config.flags & FLOW_CONFIG_TCP_OPTIONS) != 0);
	/* 6.1: 440 k verified instructions, because meta keeps states apart in all that follows; cure: filter after
	 * packet_clear(), with lengths from memory: 170 k. */
	if (load.filter && !frame_passes(ctx, &s->packet)) {
		count(c, COUNTER_PACKETS_FILTERED);
		return 0;
	}
	if (load.extract_filter && frame_is_extracted(ctx, &s->packet))
		FX_SET(FX_OPAQUE(s->packet.flags), PACKET_MATCHES);
	parse_frame_xdp(ctx, &s->packet);
	attribute_xdp(ctx, s, c);
	if (load.longest_frame && FX_OPAQUE(s->packet.wire_len) > load.longest_frame)
		count(c, COUNTER_FRAMES_MERGED);
	return 1;
}

SEC("xdp.frags")
int flowxdp_ingress(struct xdp_md *ctx)
{
	__u32 role = ROLE_XDP, zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct cpu_counts *c = cpu_counts(role);
	struct sensor_state *shared = 0;

	if (!s || !c)
		return XDP_PASS;
	if (config.flags & FLOW_CONFIG_IN_ORDER) {
		shared = bpf_map_lookup_elem(&sensor, &zero);
		if (!shared)
			return XDP_PASS;
		begin_turn(s, c, shared, role);
	}
	if (config.flags & FLOW_CONFIG_EXTRACT_FLOWS)
		s->extracted = 0; /* a packet without a flow is not extracted */
	if (observe_xdp(ctx, s, c, shared) && (config.flags & FLOW_CONFIG_FRAMES) &&
	    (!(config.flags & FLOW_CONFIG_EXTRACT_FLOWS) || FX_OPAQUE(s->extracted)))
		emit_frame(ctx);
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		end_turn(s, shared, ROLE_XDP);
	return XDP_PASS;
}

/* Counts egress frames in the same tables as ingress. Loaded only when both directions are wanted. */
SEC("tc")
int flowxdp_egress(struct __sk_buff *ctx)
{
	__u32 role = ROLE_EGRESS, zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct sensor_state *shared = bpf_map_lookup_elem(&sensor, &zero);
	struct cpu_counts *c = cpu_counts(role);

	if (!s || !c || !shared)
		return TC_ACT_UNSPEC;
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		begin_turn(s, c, shared, role);
	count_leaving(ctx, s);
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		end_turn(s, shared, ROLE_EGRESS);
	return TC_ACT_UNSPEC;
}
