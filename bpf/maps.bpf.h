/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.bpf.h - every map of the sensor. bpf/README.md has the table: key, value, who writes, who deletes, what a race
 * costs. Sizes marked (load) are set by user space before load.
 */
#pragma once

#include "flowxdp/cpu_counts.h"
#include "flowxdp/evict.h"
#include "flowxdp/flow_config.h"
#include "flowxdp/fragment.h"
#include "flowxdp/journal.h"
#include "flowxdp/plugin_halves.h"
#include "flowxdp/program_role.h"
#include "flowxdp/record_stream.h"

/* Configuration: frozen at load, so that the verifier removes what is disabled. A section of its own. */
const volatile struct flow_config config SEC(".rodata.flow_config");

/* The same for the kernel halves of this bundle. */
const volatile struct plugin_options plugin_options SEC(".rodata.plugin_options");

const volatile struct load_config load SEC(".rodata.load_config");

/* A buffer that is sent as several frames (egress, GSO): its values as a whole. */
struct segments {
	__u32 segment_bytes; /* of payload, in every segment but the last; 0 = it leaves as it is */
	__u32 payload_bytes; /* of all segments */
	__u32 wire_len, l3_end, l4_len;
	__u32 tcp_seq;
	__u32 tag_bytes;     /* of the VLAN tag beside the buffer, which the wire has and the buffer has not: 4 or 0 */
	__u32 jumbo_bytes;   /* of the hop-by-hop header that the buffer has and the wire has not: 8 or 0 */
	__u32 jumbo_at;      /* where it was, from the frame's first byte on the wire */
	__u16 ip_id;
	__u8 tcp_flags;
	__u8 pad;
};

/* Room to work in that the verifier does not track, one per CPU and program role. */
struct scratch {
	struct packet packet;
	struct frame_meta meta;                     /* of a received packet */
	struct flow_key key;
	struct packet_step step;
	struct segments segments;
	__u64 verdict;                              /* enum plugin_verdict bits of the last flow_update() */
	__u32 reason;                               /* why the flow that this packet found had ended, enum flow_end */
	__u32 moved;                                /* 1: that flow could not end here */
	__s32 shift;                                /* from the packet's offsets to its buffer's (egress) */
	__u32 payload;                              /* payload bytes in row, after the packet record */
	__u32 wanted;                               /* what packet_wanted() says of this packet */
	__u32 turn;                                 /* 1: it is this program's turn (record_table.bpf.h) */
	__u64 spare_id;                             /* a flowInd that was drawn and not used; 0 = none */
	__u64 embryo_id;                            /* of the embryo this packet inserted and has not born; 0 = none */
	__u64 counted_id;                           /* of the flow in which this packet was counted */
	__u64 fresh[FLOW_RECORD_MAX / 8];           /* a record before insertion; a one-packet record */
	/* A packet record before it goes to the ring; a piece of an extracted frame; before both, a leaving frame's head. */
	__u8 row[PACKET_ROW_MAX];
};

/* key: enum program_role. value: struct scratch. Written by its CPU's program alone. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAM_ROLES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/*
 * The flow table. key: flow_key. value: flow_record and enabled slots, config.record_size bytes (load). Preallocated: a
 * stale pointer always points to some record. Inserted and updated by the packet path, deleted by the evictor alone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(key_size, sizeof(struct flow_key));
	__uint(value_size, FLOW_RECORD_MAX);
} flows SEC(".maps");

/* fragment.h's slots; each under its own lock. A slot that cannot be locked counts as unmatched. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAGMENT_SLOTS);
	__type(key, __u32);
	__type(value, struct fragment_slot);
} fragments SEC(".maps");

/* The record stream to user space: ended records and packet rows in the order they happened. Size (load). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

/*
 * cpu_counts.h, a set for each CPU and program role, summed by user space. One for each role because test-run on 6.1 leaves
 * softirqs on: a packet may come between the load and the store of the evictor's increment.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAM_ROLES);
	__type(key, __u32);
	__type(value, struct cpu_counts);
} counts SEC(".maps");

/* What all CPUs share. flow_id is taken by fetch-and-add, next_packet_no under turn (FLOW_CONFIG_IN_ORDER). */
struct sensor_state {
	__u64 next_flow_id;
	__u64 next_packet_no;
	__u32 turn; /* record_lock.bpf.h */
	__u32 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sensor_state);
} sensor SEC(".maps");

/* Eviction calls: what to do, the keys, the records that came out (evict.h). Written by the daemon, read by evict(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evict_request);
} evict_request SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, EVICT_SLOTS);
	__type(key, __u32);
	__type(value, struct flow_key);
} evict_keys SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, EVICT_SLOTS);
	__type(key, __u32);
	__type(value, struct evict_slot);
} evict_out SEC(".maps");

/* The daemon's journal (journal.h). Never touched by a program; here so that it is pinned and freed with the sensor. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct journal);
} journal SEC(".maps");

/* The filter expression as text, for `status`. Size: its length and a final NUL (load). No program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 8);
} filter_text SEC(".maps");
