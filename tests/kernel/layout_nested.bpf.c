/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/types.h>
#define FIELDS struct { __u16 packets; __u16 octets; } direction; __u32 octets;
#include "layout.bpf.c"
