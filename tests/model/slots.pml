/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.pml - the index of free slots: two words of two slots each below one word. Programs on several CPUs take and free slots,
 * each step an atomic operation on one word.
 *
 * Proved for every interleaving: no slot is taken twice, and at the end the word above has a bit for each word that has one, so
 * no free slot is out of reach. (It may have a bit for a word that has none: the next search clears it.) A -D switch builds a wrong variant, which must fail:
 *   NO_SECOND_LOOK   who clears the bit above does not look again whether a slot of the word was freed meanwhile
 *   ABOVE_FIRST      who frees a slot sets the bit above before the slot's own
 *   NOT_ATOMIC       a slot is taken by a load and a store
 */
#define CPUS 2
#define NONE 255

byte word[2] = 3;   /* picked = 1: the slot is free */
byte above = 3;
byte owner[4] = NONE;
byte running = CPUS;

/* clear_word_bit() */
inline clear_bit_above(w)
{
	atomic { above = above & ~(1 << w) };
#ifndef NO_SECOND_LOOK
	if :: word[w] != 0 -> atomic { above = above | (1 << w) } :: else fi
#endif
}

/* take_slot(): from the home's word or the one where it took the last one, else from the top; any bit of it may be the home. */
inline take(w, slot)
{
	slot = NONE;
	if :: w = 0 :: w = 1 fi;
	steps = 0;
	do
	:: steps == 4 -> break
	:: else ->
		steps++;
		bits = word[w];
		if
		:: bits == 0 ->
			clear_bit_above(w);
			top = above;
			if
			:: top == 0 -> break
			:: else -> w = (top & 1 -> 0 : 1)
			fi
		:: else ->
			if
			:: bits & 1 -> picked = 1
			:: bits & 2 -> picked = 2
			fi;
#ifdef NOT_ATOMIC
			bits = word[w];
			word[w] = bits & ~picked;
#else
			atomic { bits = word[w]; word[w] = word[w] & ~picked };
#endif
			if
			:: bits & picked ->
				slot = 2 * w + (picked == 1 -> 0 : 1);
				if :: bits == picked -> clear_bit_above(w) :: else fi;
				break
			:: else
			fi
		fi
	od
}

/* free_slot() */
inline put_back(slot)
{
#ifdef ABOVE_FIRST
	atomic { above = above | (1 << (slot / 2)) };
	atomic { word[slot / 2] = word[slot / 2] | (1 << (slot % 2)) }
#else
	atomic { bits = word[slot / 2]; word[slot / 2] = word[slot / 2] | (1 << (slot % 2)) };
	if :: bits == 0 -> atomic { above = above | (1 << (slot / 2)) } :: else fi
#endif
}

proctype Cpu(byte me)
{
	byte n, w, slot, bits, picked, top, steps;

	n = 0;
	w = 0;
	do
	:: n == 3 -> break
	:: else ->
		n++;
		take(w, slot);
		if
		:: slot == NONE
		:: else ->
			atomic { assert(owner[slot] == NONE); owner[slot] = me };
			if
			:: skip /* keeps it */
			:: owner[slot] = NONE;
				put_back(slot)
			fi
		fi;
		atomic { slot = 0; bits = 0; picked = 0; top = 0; steps = 0 }
	od;
	running--
}

init {
	atomic { run Cpu(1); run Cpu(2) };
	running == 0;
	assert(word[0] == 0 || (above & 1));
	assert(word[1] == 0 || (above & 2))
}
