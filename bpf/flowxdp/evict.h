/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * evict.h - what an eviction call and its caller share.
 *
 * The daemon finds keys of silent flows by batched look-ups and asks the program evict() to take them out, EVICT_SLOTS at
 * a time. The program re-checks identity and due time under each record's lock.
 */
#ifndef FLOWXDP_EVICT_H
#define FLOWXDP_EVICT_H

#include "compat.h"
#include "record_stream.h"

#define EVICT_SLOTS 1024u
/* Largest packet record: core, packet states, payload. */
#define PACKET_ROW_MAX 4096u

enum program_role {
	ROLE_XDP = 0,
	ROLE_EGRESS = 1,
	ROLE_EVICTOR = 2,
	PROGRAM_ROLES = 3,
};

enum evict_mode {
	EVICT_DUE = 1,    /* flows that are due at clock_ns; reason idle */
	EVICT_ALL = 2,    /* every flow; reason forced (end of input, stop) */
	EVICT_EARLY = 3,  /* every key given; reason lack of resources (the table fills) */
};

struct evict_request {
	__s64 clock_ns;
	__u32 mode;       /* enum evict_mode */
	__u32 keys;       /* how many of evict_keys to handle */
	__u64 sequence;   /* of this call, given by the daemon */
	__u64 done;       /* answer: sequence of the last call that ran to its end */
	__u32 evicted;    /* answer: records written */
	__u32 pad;
};

/*
 * What of the sensor's output is safe: acknowledged by every sink. Written by the daemon after each commit, read by the
 * daemon that takes over after a kill. Two slots, so that a kill at any instant leaves one whole: the low bit of generation
 * says which. A commit of several sensors first writes the other slot of each journal and then raises each generation: when
 * one of them has been raised, the others' slots are whole, too, and whoever takes over raises the rest.
 */
#define JOURNAL_WORDS 128u
struct journal_slot {
	__u64 stamp_ns;                   /* boot clock of the commit, the same in every journal that it covers; 0 = none */
	__u64 ring_position;              /* everything before it in the ring is safe */
	__u64 ring_read_position;         /* between the two: safe, but for ends not before released_clock_ns */
	__s64 released_clock_ns;
	__u64 evict_sequence;             /* the outbox up to this call is safe */
	__u64 flows;                      /* biflows that are safe, for the ledger */
	__u64 packets;                    /* of these biflows */
	__s64 wall_offset_ns;             /* of a run with extraction: one for all its records */
	__s64 taken_over_ns;              /* boot clock when a daemon took over last; 0 = none did */
	__u64 output[JOURNAL_WORDS];      /* where each output goes on: its id, the number of words, the words; id 0 ends */
};
struct journal {
	__u64 generation;
	struct journal_slot slot[2];
};

enum evict_outcome {
	EVICT_NOTHING = 0, /* gone, re-used, not due, or locked: nothing was taken */
	EVICT_RECORD = 1,  /* slot.ended holds the flow */
	EVICT_VACANT = 2,  /* an empty record, or an embryo, was removed */
};

struct evict_slot {
	__u32 outcome;    /* enum evict_outcome */
	__u32 pad;
	struct ended_record ended;
	__u8 slots[FLOW_RECORD_MAX - sizeof(struct flow_record)];
};

#endif
