/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.pml - the life of a flow record in the kernel's preallocated hash map: packets of two CPUs, the evictor, and an
 * element that is used again while somebody still holds a pointer to it.
 *
 * Proved for every interleaving: each packet is in exactly one place: the record of its flow, an evicted record of its
 * flow, or a record of its own. README.md maps each step to its code. A -D switch builds a wrong variant, which must fail:
 *   LOOKUP_THEN_DELETE  the evictor copies without the lock and deletes
 *   NO_IDENTITY         a packet does not look again, under the lock, whose record it has
 *   NO_HELD_CHECK       it does, but does not ask last whether the lock is still its own
 *   PLAIN_UNLOCK        release stores 0, whoever holds the lock
 *   NO_EMBRYO           a record is inserted ready for use: element reuse races the kernel's copy of the value
 */
#define ELEMENTS 2
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

#define DEAD   0
#define EMBRYO 1
#define BORN   2

#define EVICTOR_TOKEN (CPUS + 1)

/* struct flow_record, in the order in which the kernel copies its words */
typedef Record {
	byte lock;
	byte state;
	byte id;
	byte key;
	byte packets;
};
Record record[ELEMENTS];
byte linked[KEYS];     /* the element that a key's bucket holds */
bool spare[ELEMENTS];  /* on the free list */
bool bucket_lock;      /* htab_lock_bucket(); one bucket for all keys, look-ups do not take it */

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
#ifdef PLAIN_UNLOCK
	record[e].lock = 0
#else
	atomic { if :: record[e].lock == token -> record[e].lock = 0 :: else fi }
#endif
}

/* record_state(): key and state first, the lock last. */
inline look_under_lock(e, k, token, state)
{
#ifdef NO_IDENTITY
	state = BORN;
#else
	state = record[e].state;
	if :: record[e].key != k -> state = NONE :: else fi;
#ifndef NO_HELD_CHECK
	if :: record[e].lock != token -> state = NONE :: else fi
#endif
#endif
}

/* bpf_map_update_elem(BPF_NOEXIST): an element of the free list is filled word by word and linked then. */
inline insert(k, mine, done, no_room)
{
	done = false;
	no_room = false;
	atomic { !bucket_lock -> bucket_lock = true };
	if
	:: linked[k] != NONE /* EEXIST */
	:: else ->
		atomic {
			if
			:: spare[0] -> spare[0] = false; fresh = 0
			:: !spare[0] && spare[1] -> spare[1] = false; fresh = 1
			:: else -> no_room = true
			fi
		};
		if
		:: no_room
		:: else ->
			record[fresh].lock = 0;
#ifdef NO_EMBRYO
			record[fresh].state = BORN;
#else
			record[fresh].state = EMBRYO;
#endif
			record[fresh].id = mine;
			record[fresh].key = k;
			record[fresh].packets = 0;
			linked[k] = fresh;
			done = true
		fi
	fi;
	bucket_lock = false
}

/* bpf_map_delete_elem(): the element may be used again at once. */
inline delete(k)
{
	atomic { !bucket_lock -> bucket_lock = true };
	atomic { if :: linked[k] != NONE -> spare[linked[k]] = true; linked[k] = NONE :: else fi };
	bucket_lock = false
}

/* attribute() and account(): a packet finds its record, or inserts it, or leaves by itself. */
proctype Cpu(byte token)
{
	byte n, k, attempt, e, fresh, mine, state, sum;
	bool ok, counted, no_room;

	n = 0;
	do
	:: n == PACKETS -> break
	:: else ->
		if :: k = 0 :: k = 1 fi;
		counted = false;
		no_room = false;
		attempt = 0;
		mine = 0;
		do
		:: counted || no_room || attempt == ATTEMPTS -> break
		:: else ->
			attempt++;
			e = linked[k];
			if
			:: e != NONE
			:: else ->
				mine = token; /* its flowInd: nobody else's, and the evictor clears it */
				insert(k, mine, ok, no_room);
				if
				:: ok -> e = linked[k] /* looked up again: it may be gone */
				:: else -> mine = 0
				fi
			fi;
			if
			:: no_room || e == NONE
			:: else ->
				take_lock(e, token, ok);
				if
				:: !ok
				:: else ->
					look_under_lock(e, k, token, state);
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
					release(e, token)
				fi
			fi;
			atomic { e = 0; fresh = 0; state = 0; sum = 0; ok = false }
		od;
		atomic { /* clears locals too: fewer states */
			sent[k]++;
			if :: !counted -> alone[k]++ :: else fi;
			n++;
			k = 0; e = 0; fresh = 0; state = 0; sum = 0; mine = 0; attempt = 0; ok = false; counted = false; no_room = false
		}
	od;
	running--
}

/* evict_key(): a silent flow's record is taken out on the daemon's call. */
proctype Evictor()
{
	byte round, k, e, state, copy;
	bool ok, take;

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
			delete(k)
#else
			take_lock(e, EVICTOR_TOKEN, ok);
			if
			:: !ok
			:: else ->
				look_under_lock(e, k, EVICTOR_TOKEN, state);
				take = false;
				if
				:: state == BORN -> evicted[k] = evicted[k] + record[e].packets; take = true
				:: state == EMBRYO -> take = true
				:: else
				fi;
				if
				:: take -> record[e].state = DEAD; record[e].id = 0
				:: else
				fi;
				release(e, EVICTOR_TOKEN);
				if :: take -> delete(k) :: else fi
			fi
#endif
		fi;
		atomic { k = 0; e = 0; state = 0; ok = false; take = false }
	od;
	running--
}

init {
	byte k;

	atomic {
		k = 0;
		do :: k == KEYS -> break :: else -> linked[k] = NONE; k++ od;
		k = 0;
		do :: k == ELEMENTS -> break :: else -> spare[k] = true; record[k].state = DEAD; record[k].key = NONE; k++ od;
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
		od
	}
}
