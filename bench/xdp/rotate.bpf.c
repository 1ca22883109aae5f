// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rotate: test-run repeats one frame; this gives it the next of so many IPv4 source addresses each time and calls the
 * program that is measured. The empty program is called the same way, so what the turn costs cancels out.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SOURCE_OFFSET 26u /* of the IPv4 source address behind an Ethernet header */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 flow_count = 1;
__u32 turn; /* test-run uses one CPU */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} measured SEC(".maps");

SEC("xdp.frags")
int rotate(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;
	__u32 address;

	if (data + SOURCE_OFFSET + 4 > end)
		return XDP_ABORTED;
	turn = turn + 1 < flow_count ? turn + 1 : 0;
	address = bpf_htonl(0x0a000000 + turn);
	__builtin_memcpy(data + SOURCE_OFFSET, &address, 4);
	bpf_tail_call(ctx, &measured, 0);
	return XDP_ABORTED; /* nothing there */
}

SEC("xdp.frags")
int empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
