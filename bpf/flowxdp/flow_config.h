/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_config.h - an engine's configuration, set before the first packet and the same in every bundle. The options of the kernel halves
 * are in another block (plugin_halves.h). The kernel has both in .rodata, frozen at load, so the verifier removes what is disabled;
 * the native engine has copies.
 */
#ifndef FLOWXDP_FLOW_CONFIG_H
#define FLOWXDP_FLOW_CONFIG_H

#include "compat.h"
#include "flow_hash.h"
#include "packet_need.h"
#include "plugin_half.h"
#include "record_slots.h"
#include "tunnel_config.h"

/* Kernel halves that a bundle may hold: one bit each in flow_config.enabled. */
#define KERNEL_HALF_MAX 32

struct flow_config {
	__u32 idle_timeout_ms;
	__u32 flags;                /* enum flow_config_flag */
	__s64 active_timeout_ns;    /* 0 = off */
	__u64 fragment_seed;        /* of the hash of fragment slots; rows depend on it */
	__u32 enabled;              /* bit n: the bundle's half n */
	__u32 record_size;          /* flow_record and the enabled halves' states, bytes, multiple of 8 */
	__u32 packet_record_size;   /* packet_record and enabled packet states, bytes */
	__u32 payload_max;          /* payload bytes in a packet record, at most PACKET_MAX_PAYLOAD */
	/* Where each half's states are; read by flow_slots.h alone. */
	__u16 slot_offset[KERNEL_HALF_MAX];         /* hot state, from the record's start */
	__u16 cold_offset[KERNEL_HALF_MAX];         /* cold state, from the record's start; 0 = none */
	__u16 packet_state_offset[KERNEL_HALF_MAX]; /* from the packet record's start */
	__u32 key_beside;           /* enum flow_key_beside */
	__u32 hot_size;             /* bytes of a record in front of the cold states */
	struct tunnel_config tunnels;
	struct packet_needs needs; /* of user halves */
	struct flow_hash_secret table_secret; /* of the hash of flow keys; rows do not depend on it */
};
FX_STATIC_ASSERT(sizeof(struct flow_config) == 1040, "the same in every bundle");

/* Settings of one load of the program (frame_meta.bpf.h). */
struct load_config {
	__u32 use_metadata; /* 1: frame_meta stands in front of the frame (test-run); 0: the boot clock */
	__u16 start_kind;   /* live: enum header_kind of a frame's first byte */
	__u16 link_header;  /* live: enum header_id that stands for the link itself; 0 = none */
	__u32 filter;       /* 1: frame_filter.bpf.h holds an expression; a frame that does not match is only counted */
	__u32 snap_len;     /* live: bytes of a frame that count as captured; 0 = all */
	__u32 frame_max;    /* live, extraction: bytes of a frame in its record; the rest counts as not captured. 0 = all */
	__u32 longest_frame; /* live: the longest frame on the interfaces' links; a longer one was merged. 0 = not known */
	__u32 ordered_stores; /* 1: no processor sees a later store of this one before an earlier one */
	__u32 extract_filter; /* 1: frame_filter.bpf.h holds the expression of -e matching */
	__u32 front_mask;    /* sets of map `front`, less 1 */
	__u32 flood_from;    /* scratch.flood from which new flows are a flood (flow_table.bpf.h) */
	struct slot_levels slots; /* of map `free_slots` */
};

#endif
