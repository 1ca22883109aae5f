// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// filter_probe.bpf.c - frame_filter() and nothing else, as an XDP and as a clsact program: loads in no time, so that many
// expressions can be tried on a real kernel.
#include "compat.h"

#include "frame_filter.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct probe_lengths {
	__u32 wire_len, cap_len;
};

/* Metadata: probe_lengths. XDP_PASS for a frame that matches. */
SEC("xdp.frags")
int filter_probe_xdp(struct xdp_md *ctx)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;
	const struct probe_lengths *lengths = (const struct probe_lengths *)(long)ctx->data_meta;

	if ((const __u8 *)(lengths + 1) > data)
		return XDP_ABORTED;
	return frame_filter(ctx, data, end, lengths->wire_len, lengths->cap_len) ? XDP_PASS : XDP_DROP;
}

/* mark: the wire length. 1 for a frame that matches. */
SEC("tc")
int filter_probe_skb(struct __sk_buff *skb)
{
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

	return frame_filter(skb, data, end, skb->mark, skb->len);
}
