// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* send: test-run with live frames calls it for each one; it gives the frame its flow, waits for its time and sends it. */
#include "flows/visits.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 interface = 0;
const volatile __u32 gap_ns = 0; /* between two frames; 0: as fast as possible */
const volatile __u32 fresh = 0;  /* 1: each frame a new flow */
__u64 due_ns;

#define LATE_NS 1000000ull /* what a preemption cost is not made up for by a burst longer than this */

static long wait_until(__u32 i, void *context)
{
	(void)i;
	return bpf_ktime_get_ns() >= *(__u64 *)context;
}

SEC("xdp")
int send(struct xdp_md *ctx)
{
	__u64 now, due;

	if (!set_source((void *)(long)ctx->data, (void *)(long)ctx->data_end, fresh ? new_flow() : known_flow()))
		return XDP_DROP;
	if (gap_ns) {
		now = bpf_ktime_get_ns();
		due = due_ns;
		if (now > due + LATE_NS)
			due = now;
		if (now < due)
			bpf_loop(1 << 20, wait_until, &due, 0);
		due_ns = due + gap_ns;
	}
	return bpf_redirect(interface, 0);
}

/* What a sensor's cost is measured above. */
SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
