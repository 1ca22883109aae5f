/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * journal.h - what of a live sensor's output is safe, kept in a pinned map.
 */
#ifndef FLOWXDP_JOURNAL_H
#define FLOWXDP_JOURNAL_H

#include "compat.h"

/*
 * The journal: which part of the sensor's output every sink has acknowledged ("safe"). The daemon writes it after each commit; the
 * daemon that resumes after a kill reads it. There are two slots, and the low bit of generation says which one is valid, so a
 * kill at any instant leaves one whole slot. A commit of several sensors first writes the other slot of each journal and then
 * raises each generation. When one generation has been raised, all slots are whole, and the resuming daemon raises the rest.
 */
#define JOURNAL_WORDS 128u
struct journal_slot {
	__u64 stamp_ns;                   /* boot clock of the commit, the same in every journal that it covers; 0 = none */
	__u64 ring_position;              /* everything before it in the ring is safe */
	__u64 ring_read_position;         /* between the two positions: safe, except ends at or after released_clock_ns */
	__s64 released_clock_ns;
	__u64 evict_sequence;             /* the outbox up to this call is safe */
	__u64 flows;                      /* biflows that are safe, for the ledger */
	__u64 packets;                    /* of these biflows */
	__s64 wall_offset_ns;             /* of a run with extraction: one for all its records */
	__s64 taken_over_ns;              /* boot clock when a daemon took over last; 0 = none did */
	__u64 output[JOURNAL_WORDS];      /* where each output resumes: its id, the number of words, the words; id 0 ends */
};
struct journal {
	__u64 generation;
	struct journal_slot slot[2];
};

#endif
