/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame_filter.bpf.h - the place of the filter expression. User space puts the translated expression here when it loads
 * the object (userspace/kernel/filter_patch.h); without one the caller's knob makes the call dead code.
 */
#pragma once

#include "flowxdp/compat.h"

/*
 * Does a received frame match? 1 or 0. ctx is the program's own context (struct xdp_md), data to end what is directly
 * readable of the frame, wire_len its length on the wire, cap_len how much of it counts as captured. Read data and end
 * anew from the context afterwards: else the verifier carries every length that the filter looked at through the rest of
 * the program.
 *
 * The assembly keeps clang from knowing the answer and from dropping arguments that this body does not use.
 */
static __noinline int frame_filter(void *ctx, const __u8 *data, const __u8 *end, __u32 wire_len, __u32 cap_len)
{
	int matches = 1;

	__asm__ volatile("" : "+r"(matches) : "r"(ctx), "r"(data), "r"(end), "r"(wire_len), "r"(cap_len));
	return matches;
}

/*
 * The same for a frame that an egress buffer becomes (leaving.bpf.h). head holds its first LEAVING_HEAD_BYTES and is
 * readable that far, whatever the frame's length. Later bytes are in the buffer, shift bytes further on.
 */
static __noinline int leaving_filter(struct __sk_buff *ctx, const __u8 *head, __s32 shift, __u32 wire_len, __u32 cap_len)
{
	int matches = 1;

	__asm__ volatile("" : "+r"(matches) : "r"(ctx), "r"(head), "r"(shift), "r"(wire_len), "r"(cap_len));
	return matches;
}
