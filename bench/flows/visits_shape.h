/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* visits_shape.h - the maps of visits.bpf.h, for both halves. */
#pragma once

#include <linux/types.h>

#define VISITS_LENGTH (1u << 20)

/* Flow numbers in the order in which packets come; after the last one it begins anew. 4 MiB is the longest value of an
 * array map. */
struct visits_order {
    __u32 flow[VISITS_LENGTH];
};

struct visits_turn {
    __u32 visits; /* packets of known flows so far */
    __u32 born;   /* number of the next new flow */
};
