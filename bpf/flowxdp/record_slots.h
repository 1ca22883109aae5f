/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_slots.h - the kernel's flow table as its programs and user space see it: places of records, the index of free
 * ones, and the front.
 *
 * Record n lies in slot n of map `records`. Map `flows` names the slot of a key. Map `free_slots` is an index of free
 * slots in levels of 64-bit words: level 0 has a bit for each slot, 1 = free; level n + 1 has a bit for each word of level
 * n, 0 = no bit of it is set.
 *
 * The hash of a key names a slot, too: the key's home. A program takes the home of a new flow when it is free, else the first free
 * slot it finds. So most records are found where their hash says, and no other line of memory is read before. In a flood of new flows
 * it takes slots that lie together.
 */
#ifndef FLOWXDP_RECORD_SLOTS_H
#define FLOWXDP_RECORD_SLOTS_H

#include "compat.h"

/* Value of map `flows`. */
struct record_place {
	__u32 slot;
	__u32 pad;
};

#define FRONT_WAYS 4u

/* load_config.flood_from: 100,000 new flows, more than a sensor usually meets when it is attached to a busy link. */
#define FLOOD_FROM 400000u

/* Value of map `front`, half a cache line: slots of flows whose tags (flow_key_tag()) select this set. A hint: it may be out of date. */
struct front_set {
	__u64 entry[FRONT_WAYS]; /* tag << 32 | slot + 1; 0 = empty */
};

#define SLOT_LEVELS_MAX 5
#define SLOTS_MAX (1u << 30) /* that five levels have room for */
#define SLOT_WORD_BITS 64u

struct slot_levels {
	__u32 top;       /* the level that is one word */
	__u32 words;     /* of all levels */
	__u32 slots;     /* of the table */
	__u32 first[8];  /* word of map `free_slots` with which a level begins. Eight, so that a mask bounds the level */
};

/* slots: 1 to SLOTS_MAX. */
FX_INLINE void slot_levels_from(struct slot_levels *levels, __u32 slots)
{
	__u32 words = slots, level = 0;

	for (int i = 0; i < 8; i++)
		levels->first[i] = 0;
	levels->words = 0;
	levels->slots = slots;
	do {
		words = (words + SLOT_WORD_BITS - 1) / SLOT_WORD_BITS;
		levels->first[level] = levels->words;
		levels->words += words;
		levels->top = level++;
	} while (words > 1);
}

/* The home of a key with this tag (flow_key_tag()). */
FX_INLINE __u32 home_slot(FX_CONFIG struct slot_levels *levels, __u32 tag) { return (__u32)((__u64)tag * levels->slots >> 32); }

/* Sets of map `front`, a power of two: a way for each slot, or more. */
FX_INLINE __u32 front_sets(__u32 slots)
{
	__u32 sets = 1;

	while (sets * FRONT_WAYS < slots)
		sets *= 2;
	return sets;
}

/* Bytes between records: whole cache lines. */
FX_INLINE __u32 record_stride(__u32 record_size) { return (record_size + 63) & ~63u; }

#endif
