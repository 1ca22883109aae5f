// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rotate: test-run repeats one frame; this gives it another IPv4 source address each time and calls the program that is
 * measured. The empty program is called the same way, so what the turn costs cancels out.
 *
 * rotate_known visits flows in the order of a table that user space fills; rotate_new makes each frame a new flow. A tail
 * call needs both programs to be of one type, so there is a set for XDP and one for TC.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "flows/visits.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} measured SEC(".maps");

SEC("xdp.frags")
int rotate_known(struct xdp_md *ctx)
{
	if (set_source((void *)(long)ctx->data, (void *)(long)ctx->data_end, known_flow()))
		bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED; /* nothing there */
}

SEC("xdp.frags")
int rotate_new(struct xdp_md *ctx)
{
	if (set_source((void *)(long)ctx->data, (void *)(long)ctx->data_end, new_flow()))
		bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("tc")
int rotate_known_tc(struct __sk_buff *ctx)
{
	if (set_source((void *)(long)ctx->data, (void *)(long)ctx->data_end, known_flow()))
		bpf_tail_call(ctx, &measured, 0);
	return TC_ACT_SHOT;
}

SEC("tc")
int rotate_new_tc(struct __sk_buff *ctx)
{
	if (set_source((void *)(long)ctx->data, (void *)(long)ctx->data_end, new_flow()))
		bpf_tail_call(ctx, &measured, 0);
	return TC_ACT_SHOT;
}

SEC("tc")
int empty_tc(struct __sk_buff *ctx)
{
	(void)ctx;
	return TC_ACT_OK;
}
