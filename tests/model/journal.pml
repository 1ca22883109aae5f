/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.pml - the way of an ended flow from the kernel to a file, with a daemon that is killed at any step and a next one
 * that takes over, in the same file or in another: eviction calls and their outbox, ring, order, sink, journal, adoption.
 *
 * Proved for every interleaving and every two moments of a kill: when the last daemon has stopped, each packet is in exactly
 * one row. README.md maps each step to its code. A -D switch builds a wrong variant, which must fail:
 *   SAFE_WHILE_PENDING   an early end is journaled although it waits for its order
 *   OUTBOX_OVERWRITTEN   an eviction call comes before what the call before took out is safe
 *   SAFE_BEFORE_WRITTEN  the journal is raised before the rows are in the file
 *   FREED_BEFORE_SAFE    the ring is freed before the journal is raised
 *   NOT_CUT              who takes over leaves in the file what the journal does not vouch for
 *   CUT_LATE             he cuts the file when the journal names his own already
 *   NOT_NAMED            he writes into another file before the journal names it
 *   RELEASED_READ_AGAIN  who takes over reads what was released behind a pending record once more
 *   ONE_SLOT             the journal is written in place
 *   CALL_NOT_ASKED       who takes over believes an eviction call that never ran
 */
#ifndef PACKETS
#define PACKETS 4
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* of a daemon, beside its take-over and its end */
#endif
#define FLOWS   2
#define RING    2  /* records that fit */
#define RECORDS PACKETS       /* ended flows: each holds a packet */
#define ROWS    (2 * PACKETS) /* of the file; a wrong variant writes some twice */
#define FILES   (KILLS + 1)
#define NONE    255
#define FOREVER 200

/* The kernel's side: outlives a daemon. */
byte now = 1;                 /* clock; each packet has its own */
byte count[FLOWS];            /* packets of the flow in the table */
byte last[FLOWS];             /* its last packet; it is due one tick later */
byte records;                 /* ended flows so far */
byte end_of[RECORDS], packets_of[RECORDS];
byte ring[RECORDS], produced, consumed;
byte sequence, ran, outbox = NONE; /* of one record; ran: the last call that ran to its end */
bool traffic = true;

/* Pinned: what the daemon says is safe, and where its file is. */
typedef Slot { byte ring_position, read_position, released, evicted, file, length };
Slot slot[2];
bool generation;
byte path = NONE;

/* The files; the one of the daemon that runs, how many there are. */
byte row[FILES * ROWS], length[FILES];
byte file, files;

/* The daemon's memory: lost with it. */
bool pending[RECORDS];
byte position[RECORDS]; /* in the ring; NONE: from the outbox */
byte read;

bool kill;
byte kills;

inline end_flow(f, clock)
{
	end_of[records] = clock;
	packets_of[records] = count[f];
	count[f] = 0;
	records++
}

/* account(): a packet is counted, and may end its flow: through the ring, or late. */
proctype Kernel()
{
	byte n, f;

	do
	:: n < PACKETS ->
		atomic {
			now++;
			if :: f = 0 :: f = 1 fi;
			if /* the flow was over before this packet: it ends as it was due, behind records that end later */
			:: count[f] != 0 && last[f] + 1 < now && produced - consumed < RING ->
				ring[produced] = records;
				produced++;
				end_flow(f, last[f] + 1)
			:: else
			fi;
			count[f]++;
			last[f] = now;
			if
			:: true
			:: produced - consumed < RING ->
				ring[produced] = records;
				produced++;
				end_flow(f, now)
			fi;
			n++;
			f = 0
		}
	:: else -> break
	od;
	traffic = false
}

/* Evictor::evict(): the call's number first, then the program takes the flow out, unless it is gone or not due. */
inline evict(f, clock, early)
{
	sequence++;
	atomic {
		if
		:: count[f] != 0 && (early || last[f] + 1 <= clock) ->
			outbox = records;
			pending[records] = true;
			position[records] = NONE;
			if :: early -> end_flow(f, clock) :: else -> end_flow(f, last[f] + 1) fi
		:: else -> outbox = NONE
		fi;
		ran = sequence
	}
}

/* Daemon::drain(): up to the producer's position, which is read once. Behind safe_read, or not before safe_clock: not safe yet. */
inline drain(safe_read, safe_clock)
{
	atomic {
		do
		:: read < produced ->
			if
			:: read < safe_read && end_of[ring[read]] < safe_clock
			:: else -> pending[ring[read]] = true; position[ring[read]] = read
			fi;
			read++
		:: else -> break
		od
	}
}

/* The sink: a row at a time. */
inline write_rows(before)
{
	do
	:: atomic {
			i = 0;
			do
			:: i < records && !(pending[i] && !written[i] && end_of[i] < before) -> i++
			:: else -> break
			od;
			if
			:: i < records -> row[file * ROWS + length[file]] = i; length[file]++; written[i] = true; i = 0
			:: else -> i = 0; break
			fi
		}
	od
}

inline enter_journal(before)
{
#ifdef ONE_SLOT
	s = generation;
#else
	s = !generation;
#endif
	atomic {
		/* the first record that waits */
		i = 0;
		first = read;
		do
		:: i < records ->
#ifdef SAFE_BEFORE_WRITTEN
			if :: pending[i] && position[i] < first && end_of[i] >= before -> first = position[i] :: else fi;
#else
			if :: pending[i] && !written[i] && position[i] < first -> first = position[i] :: else fi;
#endif
			i++
		:: else -> break
		od;
		i = 0;
		slot[s].ring_position = first;
		slot[s].read_position = read;
		first = 0
	};
	slot[s].released = before;
	atomic { slot[s].evicted = sequence; slot[s].file = file; slot[s].length = length[file] };
#ifndef ONE_SLOT
	generation = s;
#endif
	skip
}

/* Daemon::commit(): what ended before a clock is written by the sink, entered in the journal, freed in the kernel. */
inline commit(before)
{
#ifdef SAFE_BEFORE_WRITTEN
	enter_journal(before);
	write_rows(before);
#else
	write_rows(before);
#ifdef FREED_BEFORE_SAFE
	consumed = read;
#endif
	enter_journal(before);
#endif
	atomic {
		i = 0;
		do
		:: i < records ->
			if :: written[i] -> pending[i] = false; position[i] = 0; written[i] = false :: else fi;
			i++
		:: else -> i = 0; break
		od
	};
	consumed = slot[generation].ring_position
}

inline forget()
{
	i = 0;
	do
	:: i < RECORDS -> pending[i] = false; written[i] = false; position[i] = 0; i++
	:: else -> i = 0; break
	od;
	read = consumed
}

/* cut_back(): a file that the pins know and the journal does not name has no row. */
inline cut(f)
{
	if
	:: f != NONE && slot[generation].file == f -> length[f] = slot[generation].length
	:: else
	fi
}

/* take_over_outputs(), the sinks' start, Daemon::enter_outputs() */
inline take_outputs()
{
	atomic {
		forget();
#if !defined(NOT_CUT) && !defined(CUT_LATE)
		cut(path)
#endif
	};
	atomic {
		old = path;
		if
		:: path != NONE && slot[generation].file == path -> file = path
		:: files < FILES -> file = files; files++
		fi;
		path = file
	};
#ifndef NOT_NAMED
	atomic {
		s = !generation;
		slot[s].ring_position = slot[generation].ring_position;
		slot[s].read_position = slot[generation].read_position;
		slot[s].released = slot[generation].released;
		slot[s].evicted = slot[generation].evicted;
		slot[s].file = file;
		slot[s].length = length[file];
		generation = s
	};
#endif
#ifdef CUT_LATE
	if :: old != NONE && slot[!generation].file == old -> length[old] = slot[!generation].length :: else fi;
#endif
	skip
}

/* Daemon::recover() */
inline take_over()
{
	take_outputs();
	atomic {
		if :: read < slot[generation].ring_position -> read = slot[generation].ring_position :: else fi;
		if
#ifdef CALL_NOT_ASKED
		:: sequence != slot[generation].evicted && outbox != NONE ->
#else
		:: ran == sequence && sequence != slot[generation].evicted && outbox != NONE ->
#endif
			pending[outbox] = true;
			position[outbox] = NONE
		:: else
		fi
	};
#ifdef RELEASED_READ_AGAIN
	drain(0, 0);
#else
	drain(slot[generation].read_position, slot[generation].released);
#endif
	commit(now + 1)
}

/* Daemon::round(): due flows, a call each, then an early end where the table fills. */
inline round()
{
	atomic { clock = now; f = 0 };
	do
	:: f < FLOWS ->
		if
		:: count[f] != 0 && last[f] + 1 <= clock ->
			evict(f, clock, false);
			drain(0, 0);
#ifdef OUTBOX_OVERWRITTEN
			skip
#else
			commit(clock + 1)
#endif
		:: else
		fi;
		f++
	:: else -> break
	od;
	drain(0, 0);
	if
	:: true -> f = 0
	:: count[0] != 0 -> f = 0; early = true
	:: count[1] != 0 -> f = 1; early = true
	fi;
	if
	:: early -> evict(f, clock, true)
	:: else
	fi;
	early = false;
#ifdef SAFE_WHILE_PENDING
	commit(clock)
#else
	commit(clock + 1)
#endif
}

/* Daemon::stop(): everything that is alive. */
inline stop()
{
	drain(0, 0);
	commit(FOREVER);
	f = 0;
	do
	:: f < FLOWS ->
		if :: count[f] != 0 -> evict(f, now, true); commit(FOREVER) :: else fi;
		f++
	:: else -> break
	od;
	outbox = NONE
}

bool written[RECORDS];
bool stopped;

proctype Daemon()
{
	byte i, f, first, clock, old;
	bit s;
	byte rounds;
	bool early;

again:
	{
		take_over();
		do
		:: rounds < ROUNDS -> rounds++; round()
		:: !traffic -> break
		od;
		stop();
		stopped = true
	} unless {
		atomic { kill && !stopped -> kill = false; i = 0; f = 0; s = 0; first = 0; old = 0; clock = 0; rounds = 0; early = false }
	};
	if :: stopped :: else -> goto again fi
}

proctype Killer()
{
	do
	:: atomic { kills < KILLS && !stopped && !kill -> kill = true; kills++ }
	:: break
	od
}

init {
	byte i, f, sum, seen;

	atomic { run Kernel(); run Daemon(); run Killer() };
	stopped && !traffic;
	atomic {
		/* each ended flow is in one row */
		f = 0;
		do
		:: f < FILES ->
			i = 0;
			do
			:: i < length[f] -> sum = sum + packets_of[row[f * ROWS + i]]; i++; seen++
			:: else -> break
			od;
			f++
		:: else -> break
		od;
		assert(seen == records);
		assert(sum == PACKETS)
	}
}
