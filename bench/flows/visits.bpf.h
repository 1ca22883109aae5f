/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* visits.bpf.h - whose packet comes next, and how a frame becomes one of that flow: by its IPv4 source address. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "visits_shape.h"

#define SOURCE_OFFSET 26u /* of the IPv4 source address behind an Ethernet header */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct visits_order);
} order SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct visits_turn);
} turn SEC(".maps");

static __always_inline int set_source(void *start, void *end, __u32 flow)
{
	__u8 *data = start;
	__u32 address = bpf_htonl(0x0a000000 + flow);

	if (data + SOURCE_OFFSET + 4 > (__u8 *)end)
		return 0;
	__builtin_memcpy(data + SOURCE_OFFSET, &address, 4);
	return 1;
}

static __always_inline __u32 known_flow(void)
{
	__u32 zero = 0;
	struct visits_order *o = bpf_map_lookup_elem(&order, &zero);
	struct visits_turn *t = bpf_map_lookup_elem(&turn, &zero);

	return o && t ? o->flow[t->visits++ % VISITS_LENGTH] : 0;
}

static __always_inline __u32 new_flow(void)
{
	__u32 zero = 0;
	struct visits_turn *t = bpf_map_lookup_elem(&turn, &zero);

	return t ? t->born++ : 0;
}
