// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// filter_probe.bpf.c - frame_filter() and leaving_filter() and nothing else, as an XDP and as a clsact program: loads in no
// time, so that many expressions can be tried on a real kernel.
#include "flowxdp/compat.h"

#include "frame_filter.bpf.h"
#include "flowxdp/packet.h"

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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8[LEAVING_HEAD_BYTES]);
} head SEC(".maps");

/*
 * The head has been put there. mark: the wire length. priority: the captured length. cb[0]: from an offset in the frame to
 * the buffer's. 1 for a frame that matches.
 */
SEC("tc")
int filter_probe_leaving(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const __u8 *bytes = bpf_map_lookup_elem(&head, &zero);

	return bytes ? leaving_filter(skb, bytes, (__s32)skb->cb[0], skb->mark, skb->priority) : -1;
}
