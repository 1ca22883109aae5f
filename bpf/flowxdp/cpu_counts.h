/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpu_counts.h - what one CPU counted in one program role (program_role.h); the sensor's counts are the sum.
 */
#ifndef FLOWXDP_CPU_COUNTS_H
#define FLOWXDP_CPU_COUNTS_H

#include "counters.h"
#include "totals.h"

struct cpu_counts {
	__u64 counter[COUNTER_COUNT];
	struct packet_totals totals;
};
FX_STATIC_ASSERT(sizeof(struct cpu_counts) % 8 == 0, "an element of a per-CPU map, without gaps between CPUs");

#endif
