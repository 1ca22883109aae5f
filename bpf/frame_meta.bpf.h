/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame_meta.bpf.h - what comes with a frame: time, lengths, interface, number.
 */
#pragma once

#include "maps.bpf.h"

/* Bytes of a live frame that count as captured. */
FX_INLINE __u32 snapped(__u32 wire_len)
{
	__u32 captured = load.snap_len && load.snap_len < wire_len ? load.snap_len : wire_len;

	return load.frame_max && load.frame_max < captured ? load.frame_max : captured;
}

/*
 * Time and lengths of a received packet: from the metadata in front of it (test-run), or from the context and the boot clock.
 * Returns 0 when there is no metadata.
 */
FX_INLINE int frame_meta_from_xdp(struct xdp_md *ctx, struct frame_meta *meta)
{
	/* 6.1 and 6.18: "dereference of modified ctx ptr", because clang 14 keeps ctx + 12 in a register for later;
	 * cure: FX_OPAQUE reads here, not in a branch. */
	const struct frame_meta *given = (const struct frame_meta *)(long)FX_OPAQUE(ctx->data_meta);
	const __u8 *data = (const __u8 *)(long)FX_OPAQUE(ctx->data);
	__u32 if_id = FX_OPAQUE(ctx->ingress_ifindex);

	if (load.use_metadata) {
		if ((const __u8 *)(given + 1) > data)
			return 0;
		*meta = *given;
		return 1;
	}
	meta->ts_ns = (__s64)bpf_ktime_get_boot_ns();
	meta->clock_ns = meta->ts_ns;
	meta->wire_len = (__u32)bpf_xdp_get_buff_len(ctx);
	meta->cap_len = snapped(meta->wire_len);
	meta->if_id = if_id;
	meta->start_kind = load.start_kind;
	meta->link_headers[0] = (__u8)load.link_header;
	meta->link_headers[1] = 0;
	return 1;
}

/* The same for an egress buffer. tag_bytes: of the VLAN tag that the wire has and the buffer has not; they count as captured first. */
FX_INLINE void frame_meta_from_skb(const struct __sk_buff *ctx, __u32 tag_bytes, struct frame_meta *meta)
{
	__u32 captured = snapped(ctx->len + tag_bytes);

	meta->ts_ns = (__s64)bpf_ktime_get_boot_ns();
	meta->clock_ns = meta->ts_ns;
	meta->wire_len = ctx->len;
	meta->cap_len = captured > tag_bytes ? captured - tag_bytes : 0;
	meta->if_id = ctx->ifindex;
	meta->start_kind = load.start_kind;
	meta->link_headers[0] = (__u8)load.link_header;
	meta->link_headers[1] = 0;
}

/* The next packet's number: one sequence for all CPUs with FLOW_CONFIG_IN_ORDER, else one for each CPU. */
FX_INLINE __u64 next_packet_no(const struct cpu_counts *c, struct sensor_state *shared)
{
	if (config.flags & FLOW_CONFIG_IN_ORDER)
		return __sync_fetch_and_add(&shared->next_packet_no, 1) + 1;
	return c->counter[COUNTER_PACKETS_SEEN];
}
