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

/* Configuration: frozen at load, so that the verifier removes what is disabled. In a section of its own. */
const volatile struct flow_config config SEC(".rodata.flow_config");

/* The options of this bundle's kernel halves, frozen in the same way. */
const volatile struct plugin_options plugin_options SEC(".rodata.plugin_options");

const volatile struct load_config load SEC(".rodata.load_config");

/* A buffer that is sent as several frames (egress, GSO): values of the whole buffer. */
struct segments {
	__u32 segment_bytes; /* of payload, in every segment but the last; 0 = the buffer is one frame */
	__u32 payload_bytes; /* of all segments */
	__u32 wire_len, l3_end, l4_len;
	__u32 tcp_seq;
	__u32 tag_bytes;     /* of the VLAN tag that the wire has and the buffer has not: 4 or 0 */
	__u32 jumbo_bytes;   /* of the hop-by-hop header that the buffer has and the wire has not: 8 or 0 */
	__u32 jumbo_at;      /* its offset from the frame's first byte on the wire */
	__u16 ip_id;
	__u8 tcp_flags;
	__u8 pad;
};

/* Working memory whose contents the verifier does not track, one per CPU and program role. */
struct scratch {
	struct packet packet;
	struct frame_meta meta;                     /* of a received packet */
	struct flow_key key;
	struct packet_step step;
	__u64 verdict;                              /* enum plugin_verdict bits of the last flow_update() */
	__u32 reason;                               /* why the flow that this packet found was over, enum flow_end */
	__u32 moved;                                /* 1: no ring memory, so that flow did not end at this packet */
	__s32 shift;                                /* from the packet's offsets to its buffer's (egress) */
	__u32 payload;                              /* bytes of the packet in buffer, after the packet record */
	__u32 headers;                              /* those of them in front of L7 */
	__u32 wanted;                               /* what packet_wanted() says of this packet */
	__u32 extracted;                            /* 1: flow_extract_packet() says so of this packet */
	__u32 turn;                                 /* 1: this program holds the turn (record_table.bpf.h) */
	__u64 spare_id;                             /* a flowInd that was drawn and not used; 0 = none */
	__u64 embryo_id;                            /* of the embryo this packet inserted and has not born; 0 = none */
	__u64 counted_id;                           /* of the flow in which this packet was counted */
	__u32 key_tag;                              /* flow_key_tag() of key */
	__u32 home;                                 /* slot: home_slot() of key */
	__u32 slot;                                 /* of the record that account() found or took last */
	__u32 front_way;                            /* the front named the record: its way + 1; 0 = it did not */
	__u32 front_missed;                         /* 1: the front is out of date for this packet */
	__u32 flow_is_over;                         /* 1: an attempt has found that the packet begins a new flow in its record */
	__u32 slot_word;                            /* of free_slots: where this program took its last slot */
	__u32 insertion_failed;                     /* 1: no key was inserted since one could not be */
	__u32 new_in_a_row;                         /* new flows since a flood's last packet of a known flow */
	__u32 flood;                                /* how much new flows outnumber other packets (flow_table.bpf.h) */
	struct segments segments;
	__u64 fresh[FLOW_RECORD_MAX / 8];           /* a one-packet record */
	/* One after the other: the first bytes of a leaving frame, a packet record, a piece of an extracted frame. */
	__u8 buffer[PACKET_ROW_MAX];
};

/* key: enum program_role. value: struct scratch. Only the CPU's own program writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAM_ROLES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* The flow table (flow_table.bpf.h). key: flow_key. value: the slot of its record. max_entries (load): as many as slots. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__type(key, struct flow_key);
	__type(value, struct record_place);
} flows SEC(".maps");

/*
 * The records. key: slot. value: flow_record and enabled states, in whole cache lines (load). Mapped, so each record begins
 * with a line. A stale pointer always points to some record, and the kernel writes to none.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 18);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, FLOW_RECORD_MAX);
} records SEC(".maps");

/* Which slots are free (record_slots.h). Words change by fetch-and-and, fetch-and-or. max_entries (load). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 13);
	__type(key, __u32);
	__type(value, __u64);
} free_slots SEC(".maps");

/* The front of the table. All CPUs share it, because hits only read. max_entries (load): a power of two. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 16);
	__type(key, __u32);
	__type(value, struct front_set);
} front SEC(".maps");

/* The slots of fragment.h, each with its own lock. When a lock is not free in time the fragment counts as unmatched. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAGMENT_SLOTS);
	__type(key, __u32);
	__type(value, struct fragment_slot);
} fragments SEC(".maps");

/* The record stream to user space: ended records, packet records and frames (record_stream.h). Size (load). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

/*
 * Counters (cpu_counts.h), one set for each CPU and program role; user space adds them up. 6.1: lost increments, because test-run
 * leaves softirqs on and a packet may arrive between load and store of the evictor's increment; cure: a set for each role.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAM_ROLES);
	__type(key, __u32);
	__type(value, struct cpu_counts);
} counts SEC(".maps");

/* What all CPUs share. next_flow_id changes by fetch-and-add; with FLOW_CONFIG_IN_ORDER next_packet_no does, too. */
struct sensor_state {
	__u64 next_flow_id;
	__u64 next_packet_no;
	__u32 turn; /* a lock (record_lock.bpf.h): its holder's packet is the only one under way */
	__u32 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sensor_state);
} sensor SEC(".maps");

/* Eviction calls (evict.h): the daemon writes request and keys, flowxdp_evict() writes the records. */
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

/* The daemon's journal (journal.h). No program uses it; it is a map so that it is pinned and freed with the sensor. */
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
