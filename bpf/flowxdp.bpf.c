/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowxdp.bpf.c - the sensor in the kernel: three programs. flowxdp_ingress (receiving.bpf.h) and flowxdp_egress
 * (leaving.bpf.h) parse a frame and count it in its flow; ended flows go to the ring. flowxdp_evict (evict.bpf.h) takes
 * silent flows out on the daemon's call. No program here decides about a frame: XDP_PASS and TC_ACT_UNSPEC (the next
 * filter's turn) on every path.
 */
#include "flowxdp/compat.h"

#include "receiving.bpf.h"
#include "leaving.bpf.h"
#include "evict.bpf.h"
#include "bundle_layout.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
