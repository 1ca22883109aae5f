/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.pml - the life of a flow record in the kernel's table: packets of two CPUs, the evictor, slots that are used again
 * while somebody still has a pointer to them, a home that is read without the lock, and a front that may be out of date.
 *
 * Proved for every interleaving: each packet is in exactly one place: the record of its flow, an evicted record of its
 * flow, or a record of its own. At the end each slot is free, or has one key. README.md maps each step to its code. A -D switch
 * FLOOD builds what a flood of new flows makes of it: keys are inserted at once, and looked for after that failed. The other -D switches
 * build wrong variants, which must fail:
 *   LOOKUP_THEN_DELETE  the evictor copies without the lock and deletes
 *   NO_IDENTITY         a packet does not look again, under the lock, whose record it has
 *   NO_EMBRYO           a record is published ready for use, and its inserter counts as everybody does
 *   CLEARED_LOCK        the inserter clears the lock word with the rest of its slot
 *   FREED_UNDELETED     the evictor frees the slot though its key could not be deleted
 *   FREED_TWICE         an inserter whose key could not be published frees its slot, and uses it next time, too
 */
#define SLOTS    2
#define KEYS     2
#define CPUS     2
#ifndef PACKETS
#define PACKETS  2 /* of each CPU */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2 /* FLOW_ATTEMPTS */
#endif
#ifndef ROUNDS
#define ROUNDS   1 /* eviction calls */
#endif
#define NONE     255
#define HOME     0 /* home_slot() of every key, so that they meet there */

#define DEAD   0
#define EMBRYO 1
#define BORN   2

#define EVICTOR_TOKEN (CPUS + 1)

typedef Record {
	byte lock;
	byte state;
	byte id;
	byte key;
	byte packets;
};
Record record[SLOTS];
bool free[SLOTS];      /* level 0 of free_slots */
byte linked[KEYS];     /* map flows: the slot of a key. The kernel's bucket lock makes each change one step */
byte front[KEYS];      /* the way that a key's hash selects */

byte sent[KEYS];       /* packets of a flow */
byte evicted[KEYS];    /* packets in records that left by the evictor */
byte alone[KEYS];      /* one-packet records */
byte running = CPUS;

/* record_lock_try(): test, compare and exchange. Giving up models the bound RECORD_LOCK_TRIES. */
inline take_lock(e, token, ok)
{
	if
	:: atomic { record[e].lock == 0 -> record[e].lock = token; ok = true }
	:: ok = false
	fi
}

inline release(e, token)
{
	atomic { if :: record[e].lock == token -> record[e].lock = 0 :: else fi }
}

/* record_state() */
inline look_under_lock(e, k, state)
{
#ifdef NO_IDENTITY
	state = BORN;
#else
	state = record[e].state;
	if :: record[e].key != k -> state = NONE :: else fi
#endif
}

/* take_slot(), insert_embryo(): the slot is filled word by word, then its key is published. */
inline insert(k, mine, done, no_room)
{
	done = false;
	no_room = false;
	atomic {
		if
#ifdef FREED_TWICE
		:: spare != NONE -> fresh = spare; spare = NONE
		:: else ->
			if
#endif
		:: free[HOME] -> free[HOME] = false; fresh = HOME
		:: !free[HOME] && free[1] -> free[1] = false; fresh = 1
		:: else -> no_room = true
		fi
#ifdef FREED_TWICE
		fi
#endif
	};
	if
	:: no_room
	:: else ->
#ifdef CLEARED_LOCK
		record[fresh].lock = 0;
#endif
		record[fresh].packets = 0;
		record[fresh].id = mine;
		record[fresh].key = k;
#ifdef NO_EMBRYO
		record[fresh].id = 0;
		record[fresh].state = BORN;
#else
		record[fresh].state = EMBRYO;
#endif
		atomic { if :: linked[k] == NONE -> linked[k] = fresh; done = true :: else fi };
		if
		:: done -> e = fresh
		:: else ->
			record[fresh].state = DEAD;
#ifdef FREED_TWICE
			spare = fresh;
#endif
			free[fresh] = true
		fi
	fi
}

/* attribute() and account(): a packet finds its record, or inserts it, or leaves by itself. */
proctype Cpu(byte token)
{
	byte n, k, attempt, e, fresh, mine, state, sum;
	bool ok, counted, no_room, by_front, front_missed, at_once;
#ifdef FLOOD
	bool insertion_failed;
#endif
#ifdef FREED_TWICE
	byte spare = NONE;
#endif

	n = 0;
	do
	:: n == PACKETS -> break
	:: else ->
		if :: k = 0 :: k = 1 fi;
		counted = false;
		no_room = false;
		front_missed = false;
		attempt = 0;
		mine = 0;
		do
		:: counted || no_room || attempt == ATTEMPTS -> break
		:: else ->
			attempt++;
			by_front = false;
			e = NONE;
#ifdef FLOOD
			at_once = !insertion_failed; /* looks_before_insertion(), asks_front() */
			if
			:: !front_missed && front[k] != NONE -> e = front[k]; by_front = (e != NONE)
			:: at_once || front_missed || front[k] == NONE
			fi;
#else
			if
			:: record[HOME].state == BORN ->
				if :: record[HOME].key == k -> e = HOME :: else fi
			:: else
			fi;
			if
			:: e == NONE && !front_missed && front[k] != NONE -> e = front[k]; by_front = (e != NONE)
			:: else
			fi;
#endif
			if
			:: e == NONE ->
				if :: !at_once -> e = linked[k] :: else fi;
				if
				:: e != NONE -> front[k] = e
				:: else ->
					insert(k, token, ok, no_room);
					if :: ok -> mine = token :: else fi; /* its flowInd: nobody else's, and the evictor clears it */
#ifdef FLOOD
					insertion_failed = !ok;
					if :: at_once -> no_room = false :: else fi
#endif
				fi
			:: else
			fi;
			if
			:: no_room || e == NONE
			:: else ->
				take_lock(e, token, ok);
				if
				:: !ok
				:: else ->
					look_under_lock(e, k, state);
					if
					:: state == EMBRYO && mine != 0 && record[e].id == mine ->
						record[e].id = 0;
						record[e].state = BORN;
						mine = 0;
						state = BORN
					:: else
					fi;
					if
					:: state == BORN ->
						sum = record[e].packets;
						record[e].packets = sum + 1;
						counted = true
					:: else
					fi;
					release(e, token);
					if
					:: !counted && by_front -> front[k] = NONE; front_missed = true
					:: else
					fi
				fi
			fi;
			atomic { e = 0; fresh = 0; state = 0; sum = 0; ok = false; by_front = false; at_once = false }
		od;
		atomic { /* clears locals too: fewer states */
			sent[k]++;
			if :: !counted -> alone[k]++ :: else fi;
			n++;
			k = 0; e = 0; fresh = 0; state = 0; sum = 0; mine = 0; attempt = 0; ok = false; counted = false; no_room = false;
			front_missed = false
		}
	od;
	running--
}

/* evict_key(): a silent flow's record is taken out on the daemon's call. */
proctype Evictor()
{
	byte round, k, e, state, copy;
	bool ok, take, deleted;

	round = 0;
	do
	:: round == ROUNDS -> break
	:: else ->
		round++;
		if :: k = 0 :: k = 1 fi;
		e = linked[k];
		if
		:: e == NONE
		:: else ->
#ifdef LOOKUP_THEN_DELETE
			copy = record[e].packets;
			evicted[k] = evicted[k] + copy;
			linked[k] = NONE;
			record[e].state = DEAD;
			free[e] = true
#else
			take_lock(e, EVICTOR_TOKEN, ok);
			if
			:: !ok
			:: else ->
				look_under_lock(e, k, state);
				take = false;
				if
				:: state == BORN -> evicted[k] = evicted[k] + record[e].packets; take = true
				:: state == EMBRYO || state == DEAD -> take = true
				:: else
				fi;
				if
				:: take -> record[e].state = DEAD; record[e].id = 0
				:: else
				fi;
				release(e, EVICTOR_TOKEN);
				if
				:: take ->
					deleted = false;
					if
					:: linked[k] = NONE; deleted = true
					:: skip /* the bucket is busy: a later call deletes it */
					fi;
#ifdef FREED_UNDELETED
					deleted = true;
#endif
					if
					:: deleted ->
						if :: front[k] == e -> front[k] = NONE :: else fi;
						free[e] = true
					:: else
					fi
				:: else
				fi
			fi
#endif
		fi;
		atomic { k = 0; e = 0; state = 0; ok = false; take = false; deleted = false }
	od;
	running--
}

init {
	byte k, e, keys;

	atomic {
		k = 0;
		do :: k == KEYS -> break :: else -> linked[k] = NONE; front[k] = NONE; k++ od;
		e = 0;
		do :: e == SLOTS -> break :: else -> free[e] = true; record[e].state = DEAD; record[e].key = NONE; e++ od;
		running = CPUS + 1;
		run Cpu(1);
		run Cpu(2);
		run Evictor()
	};
	running == 0;
	atomic {
		k = 0;
		do
		:: k == KEYS -> break
		:: else ->
			if
			:: linked[k] != NONE && record[linked[k]].state == BORN ->
				assert(sent[k] == evicted[k] + alone[k] + record[linked[k]].packets)
			:: else ->
				assert(sent[k] == evicted[k] + alone[k])
			fi;
			k++
		od;
		e = 0;
		do
		:: e == SLOTS -> break
		:: else ->
			keys = (free[e] -> 1 : 0);
			k = 0;
			do :: k == KEYS -> break :: else -> keys = keys + (linked[k] == e -> 1 : 0); k++ od;
			assert(keys == 1);
			e++
		od
	}
}
