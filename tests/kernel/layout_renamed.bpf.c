/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/types.h>
#define FIELDS __u32 packets; __u32 bytes;
#include "layout.bpf.c"
