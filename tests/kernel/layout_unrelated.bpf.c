/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/types.h>
struct scratch { __u32 anything; } scratch;
#include "layout.bpf.c"
