/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bundle_layout.bpf.h - the types that programs share with user space, through maps, pins and the ring.
 *
 * Nothing reads this object, and the kernel does not create it. Its type information (BTF) holds every name and offset, of which
 * user space makes the bundle's layout id (userspace/engine/record_layout.h).
 */
#pragma once

#include "flowxdp/cpu_counts.h"
#include "flowxdp/evict.h"
#include "flowxdp/fragment.h"
#include "flowxdp/journal.h"
#include "flowxdp/plugin_halves.h"
#include "flowxdp/record_stream.h"

#include "maps.bpf.h"

union bundle_layout {
	struct flow_record flow_record;
	struct ended_record ended_record;
	struct packet_record packet_record;
	struct frame_record frame_record;
	struct frame_meta frame_meta;
	struct fragment_slot fragment_slot;
	struct flow_config flow_config;
	struct load_config load_config;
	struct plugin_options plugin_options;
	struct cpu_counts cpu_counts;
	struct sensor_state sensor_state;
	struct evict_request evict_request;
	struct evict_slot evict_slot;
	struct journal journal;
	enum counter counter;
	enum flow_end flow_end;
	enum evict_mode evict_mode;
#define X(name) struct name##_state name##_state;
	FX_FOR_EACH_KERNEL_HALF(X)
#undef X
#define X(name) struct name##_cold name##_cold;
	FX_FOR_EACH_COLD(X)
#undef X
#define X(name) struct name##_packet_state name##_packet_state;
	FX_FOR_EACH_PACKET_STATE(X)
#undef X
};

const volatile union bundle_layout bundle_layout SEC(".rodata.bundle_layout");
