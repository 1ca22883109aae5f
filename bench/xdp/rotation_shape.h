/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rotation_shape.h - the maps of rotate.bpf.c, for both halves. */
#pragma once

#include <linux/types.h>

#define ROTATION_LENGTH (1u << 20)

/* Flow numbers in the order in which packets come; after the last one it begins anew. 4 MiB is the longest value of an array map. */
struct rotation_order {
	__u32 flow[ROTATION_LENGTH];
};

struct rotation_turn {
	__u32 visits; /* packets of known flows so far */
	__u32 born;   /* number of the next new flow */
};
