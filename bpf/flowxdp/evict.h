/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * evict.h - what flowxdp_evict() and the daemon share: eviction calls.
 *
 * The daemon finds the keys of silent flows in the mapped records and calls flowxdp_evict() with up to EVICT_SLOTS of them. The program
 * checks identity and due time again under each record's lock.
 */
#ifndef FLOWXDP_EVICT_H
#define FLOWXDP_EVICT_H

#include "record_stream.h"

#define EVICT_SLOTS 1024u

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

enum evict_outcome {
	EVICT_NOTHING = 0, /* deleted, re-used, not due, or locked: nothing was evicted */
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
