/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_table.bpf.h - the flow table: finds the record of a key, takes and frees slots of records (record_slots.h).
 *
 * A look-up in map `flows` waits for memory three times: bucket, element, record. A record in its key's home is found without
 * waiting for another line. The front names the record of a hash, wherever it lies. Both are hints: whoever follows one checks the
 * record's key under the record's lock, as everybody does.
 */
#pragma once

#include "flowxdp/flow_hash.h"
#include "maps.bpf.h"

#define SLOT_NONE 0xffffffffu     /* every slot is taken */
#define SLOT_NOT_FOUND 0xfffffffeu /* other CPUs took what this one saw */
#define SLOT_STEPS 32
#define FLOOD_NEW 4u        /* less than one packet in five begins a flow: no flood */
#define FLOOD_SPAN 50000u
#define FLOOD_RUN 16u       /* new flows in a row: one packet in ten, or fewer, belongs to a known flow */
#define RECORD_LINES (FLOW_RECORD_MAX / 64)

FX_INLINE struct flow_record *record_at(__u32 slot) { return bpf_map_lookup_elem(&records, &slot); }

FX_INLINE __u64 *slot_word(__u32 level, __u32 index)
{
	__u32 word = load.slots.first[level & 7] + index;

	return bpf_map_lookup_elem(&free_slots, &word);
}

/* The number of the lowest bit that is set. No branches: each would double the verifier's states. */
FX_INLINE __u32 lowest_bit(__u64 word)
{
	__u64 below = (word & -word) - 1;

	below -= below >> 1 & 0x5555555555555555ULL;
	below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (__u32)(below * 0x0101010101010101ULL >> 56);
}

/*
 * Clears the bit of a word without a set bit in the level above. A slot of that word may be freed meanwhile: whoever frees
 * it sets the bit if it found the word empty, and so does this function.
 */
FX_INLINE void clear_word_bit(const __u64 *word, __u32 level, __u32 index)
{
	__u64 *above = slot_word(level + 1, index / SLOT_WORD_BITS), bit = 1ULL << index % SLOT_WORD_BITS;

	if (!above)
		return;
	__sync_fetch_and_and(above, ~bit);
	if (FX_OPAQUE(*(__u64 *)word))
		__sync_fetch_and_or(above, bit);
}

/*
 * s->flood rises by FLOOD_NEW with each new flow and falls by 1 with each packet of a known flow. From load.flood_from on it is a flood:
 * most flows do not come back. They take slots that lie together, which are filled faster, and nobody looks for them in their homes.
 */
FX_INLINE int flows_come_back(const struct scratch *s) { return s->flood < load.flood_from; }

/*
 * Does find_record() look in map `flows` before it says that there is no record? In a flood it does not. The key is inserted at once,
 * which finds out as well and waits for the bucket once, not twice. After a failure it looks first, until a key is inserted again.
 */
FX_INLINE int looks_before_insertion(const struct scratch *s) { return flows_come_back(s) || s->insertion_failed; }

/* In a run of new flows the front is not asked either. */
FX_INLINE int asks_front(const struct scratch *s)
{
	return !s->front_missed && (s->new_in_a_row < FLOOD_RUN || looks_before_insertion(s));
}

FX_INLINE void note_new_flow(struct scratch *s)
{
	if (s->flood < load.flood_from + FLOOD_SPAN)
		s->flood += FLOOD_NEW;
	s->new_in_a_row++;
}

FX_INLINE void note_known_flow(struct scratch *s)
{
	if (s->flood) {
		s->flood--;
		s->new_in_a_row = 0;
	}
}

/* Takes slot number at of a word of level 0 when it is free. Returns 1 when this program has it. */
FX_INLINE int take_bit(__u64 *word, __u32 index, __u32 at)
{
	__u64 bit = 1ULL << (at & 63), bits = __sync_fetch_and_and(word, ~bit);

	if (!(bits & bit))
		return 0; /* another CPU was faster */
	if (bits == bit && load.slots.top)
		clear_word_bit(word, 0, index);
	return 1;
}

/*
 * Takes a free slot for s->key: its home when flows come back, else one of the word in which this program took its last one, else the
 * first one of the table. SLOT_NONE: the table is full. SLOT_NOT_FOUND: try again.
 */
__noinline __u32 take_slot(__u32 role)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	__u32 level = 0, index, home, at;
	__u64 *word, bits;

	if (!s)
		return SLOT_NOT_FOUND;
	if (flows_come_back(s)) {
		home = s->home;
		index = home / SLOT_WORD_BITS;
		at = home % SLOT_WORD_BITS;
		word = slot_word(0, index);
		if (word && FX_OPAQUE(*word) >> at & 1 && take_bit(word, index, at))
			return home;
	}
	index = s->slot_word;
	FX_NO_UNROLL
	for (int step = 0; step < SLOT_STEPS; step++) {
		word = slot_word(level, index);
		if (!word)
			return SLOT_NOT_FOUND;
		bits = FX_OPAQUE(*word);
		if (!bits) {
			if (level >= load.slots.top)
				return SLOT_NONE;
			clear_word_bit(word, level, index);
			level = load.slots.top;
			index = 0;
			continue;
		}
		at = lowest_bit(bits);
		if (level) {
			level--;
			index = index * SLOT_WORD_BITS + at;
			continue;
		}
		if (!take_bit(word, index, at))
			continue;
		s->slot_word = index;
		return index * SLOT_WORD_BITS + at;
	}
	return SLOT_NOT_FOUND;
}

/* Frees a slot that no key in map `flows` names. */
__noinline int free_slot(__u32 slot)
{
	__u32 index = slot;

	FX_NO_UNROLL
	for (__u32 level = 0; level < SLOT_LEVELS_MAX; level++) {
		__u64 *word = slot_word(level, index / SLOT_WORD_BITS), bit = 1ULL << index % SLOT_WORD_BITS;

		if (!word || __sync_fetch_and_or(word, bit))
			return 0; /* the level above knows that the word has a set bit */
		if (level >= load.slots.top)
			return 0;
		index /= SLOT_WORD_BITS;
	}
	return 0;
}

/* The set of the front for a key. */
FX_INLINE struct front_set *front_set_of(__u32 tag)
{
	__u32 set = tag & load.front_mask;

	return bpf_map_lookup_elem(&front, &set);
}

/* The slot that the front names for s->key_tag, + 1; 0: it names none. s->front_way says where it stands. */
FX_INLINE __u32 front_find(struct scratch *s, struct front_set *set)
{
	const __u32 tag = s->key_tag;
	__u32 way = FRONT_WAYS;

	if ((__u32)(FX_OPAQUE(set->entry[0]) >> 32) == tag)
		way = 0;
	else if ((__u32)(FX_OPAQUE(set->entry[1]) >> 32) == tag)
		way = 1;
	else if ((__u32)(FX_OPAQUE(set->entry[2]) >> 32) == tag)
		way = 2;
	else if ((__u32)(FX_OPAQUE(set->entry[3]) >> 32) == tag)
		way = 3;
	if (way == FRONT_WAYS)
		return 0;
	FX_OPAQUE(s->front_way) = way + 1;
	return (__u32)FX_OPAQUE(set->entry[way & 3]);
}

/*
 * Enters a slot for s->key_tag: in an empty way, or one time in sixteen in place of another flow. So flows that come once do
 * not push out those that come often.
 */
FX_INLINE void front_enter(struct scratch *s, struct front_set *set, __u32 slot)
{
	const __u64 chance = (__u64)s->packet.clock_ns * 0x9e3779b97f4a7c15ULL;
	__u32 way = FRONT_WAYS;

	if (!FX_OPAQUE(set->entry[0]))
		way = 0;
	else if (!FX_OPAQUE(set->entry[1]))
		way = 1;
	else if (!FX_OPAQUE(set->entry[2]))
		way = 2;
	else if (!FX_OPAQUE(set->entry[3]))
		way = 3;
	else if (!(chance >> 32 & 15))
		way = chance >> 44 & 3;
	if (way < FRONT_WAYS)
		FX_OPAQUE(set->entry[way & 3]) = (__u64)s->key_tag << 32 | (slot + 1);
}

/*
 * Clears the way in which the front named a record for s->key_tag. 6.18: "combined stack size" of more than 512 bytes with everything
 * on, when account() keeps a pointer to the set; cure: the set is looked up again.
 */
FX_INLINE void front_clear_way(struct scratch *s)
{
	struct front_set *set = front_set_of(s->key_tag);

	if (set)
		FX_OPAQUE(set->entry[(FX_OPAQUE(s->front_way) - 1) & (FRONT_WAYS - 1)]) = 0;
}

/* Removes a slot that is about to be freed from the front. */
FX_INLINE void front_remove(__u32 tag, __u32 slot)
{
	struct front_set *set = front_set_of(tag);

	if (!set)
		return;
	FX_UNROLL
	for (int way = 0; way < (int)FRONT_WAYS; way++)
		if ((__u32)FX_OPAQUE(set->entry[way]) == slot + 1)
			FX_OPAQUE(set->entry[way]) = 0;
}

/*
 * Reads a word of each line in the first size bytes of a record, so that the lines come from memory together. The exchange that takes
 * the lock lets nothing pass it.
 */
FX_INLINE void load_lines(struct flow_record *r, __u32 size)
{
	FX_UNROLL
	for (__u32 line = 0; line < RECORD_LINES; line++)
		if (64 * line < size)
			(void)FX_OPAQUE(((__u64 *)r)[8 * line]);
}

/*
 * Makes s->home of s->key_tag, and asks for the home's first line. It comes from memory while the rest of the packet is parsed. In a
 * flood nobody looks there, and the insertion's first locked instruction would wait for the line: 150 ns of 590.
 */
FX_INLINE void find_home(struct scratch *s)
{
	struct flow_record *home;

	s->home = home_slot(&load.slots, s->key_tag);
	home = record_at(s->home);
	if (home && flows_come_back(s))
		(void)FX_OPAQUE(home->state);
}

/*
 * The record of s->key, by its home, by the front or by map `flows`. NULL: there is none, or the insertion of the key will find out
 * (looks_before_insertion()). s->slot is its slot. It may be another flow's by the time its lock is taken.
 */
FX_INLINE struct flow_record *find_record(struct scratch *s, __u32 role)
{
	struct flow_record *home = record_at(s->home);
	const struct record_place *place;
	const struct scratch *own;
	struct front_set *set;
	__u32 named = 0, home_is_free = 0;

	FX_OPAQUE(s->front_way) = 0;
	if (!home)
		return 0; /* never */
	if (flows_come_back(s)) {
		__u32 state = FX_OPAQUE(home->state);

		if (state == FLOW_STATE_BORN && flow_key_equal(&home->key, &s->key)) {
			s->slot = s->home;
			return home;
		}
		home_is_free = state == FLOW_STATE_DEAD;
	}
	set = front_set_of(s->key_tag);
	if (!set)
		return 0; /* never */
	if (asks_front(s))
		named = front_find(s, set);
	if (!named) {
		FX_OPAQUE(s->front_way) = 0;
		if (home_is_free)
			load_lines(home, config.record_size); /* a new flow will write to them */
		if (!looks_before_insertion(s))
			return 0;
		own = bpf_map_lookup_elem(&scratch, &role); /* s itself; see insert_embryo() */
		if (!own)
			return 0; /* never */
		place = bpf_map_lookup_elem(&flows, &own->key);
		if (!place)
			return 0;
		named = FX_OPAQUE(*(__u32 *)&place->slot) + 1;
		front_enter(s, set, named - 1);
	}
	s->slot = named - 1;
	return record_at(named - 1);
}
