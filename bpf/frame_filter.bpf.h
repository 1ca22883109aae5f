/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame_filter.bpf.h - placeholders for filter expressions. User space replaces their bodies by the translated expression when it
 * loads the object (userspace/kernel/filter_patch.h). Without an expression load.filter, or load.extract_filter, is 0 and the calls
 * are dead code.
 */
#pragma once

#include "flowxdp/compat.h"

/*
 * Does a received frame match? Returns 1 or 0. ctx is the program's own context (struct xdp_md). The bytes from data to end can be
 * read directly. wire_len is the frame's length on the wire, cap_len the number of bytes that count as captured.
 *
 * Verifier: each length that the filter compared keeps states apart in the rest of the program; cure: the caller reads data and end
 * from the context again. clang 14: it drops arguments that this body does not use and inlines the constant answer; cure: the
 * assembly.
 */
static __noinline int frame_filter(void *ctx, const __u8 *data, const __u8 *end, __u32 wire_len, __u32 cap_len)
{
	int matches = 1;

	__asm__ volatile("" : "+r"(matches) : "r"(ctx), "r"(data), "r"(end), "r"(wire_len), "r"(cap_len));
	return matches;
}

/* The same for the expression of -e matching. */
static __noinline __attribute__((unused)) int extract_filter(void *ctx, const __u8 *data, const __u8 *end, __u32 wire_len, __u32 cap_len)
{
	int matches = 1;

	__asm__ volatile("" : "+r"(matches) : "r"(ctx), "r"(data), "r"(end), "r"(wire_len), "r"(cap_len));
	return matches;
}

/*
 * frame_filter() for a frame that is made of an egress buffer (leaving.bpf.h). head holds the frame's first LEAVING_HEAD_BYTES and can be
 * read that far, even when the frame is shorter. A later byte is in the buffer, at its offset in the frame plus shift.
 */
static __noinline int leaving_filter(struct __sk_buff *ctx, const __u8 *head, __s32 shift, __u32 wire_len, __u32 cap_len)
{
	int matches = 1;

	__asm__ volatile("" : "+r"(matches) : "r"(ctx), "r"(head), "r"(shift), "r"(wire_len), "r"(cap_len));
	return matches;
}
