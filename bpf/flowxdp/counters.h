/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counters.h - every outcome of a packet and every way to lose data, with a name and a help text.
 *
 * FX_COUNTERS(X): X(NAME, "name", "help"). One list for kernel, native engine, report, status and docs/.
 *
 * The ledger (checked after every run and every system test):
 *     packets_seen = packets in exported flows + packets in live flows
 *                  + packets_filtered + packets_short_frame + packets_link_unsupported + packets_unattributed + packets_left_out
 */
#ifndef FLOWXDP_COUNTERS_H
#define FLOWXDP_COUNTERS_H

#include "compat.h"

#define FX_COUNTERS(X)                                                                                                       \
	X(PACKETS_SEEN, "packets_seen", "frames the sensor was given")                                                       \
	X(PACKETS_FILTERED, "packets_filtered", "frames refused by the filter expression: no flow")                          \
	X(PACKETS_SHORT_FRAME, "packets_short_frame", "frames shorter than their link header: no flow")                      \
	X(PACKETS_LINK_UNSUPPORTED, "packets_link_unsupported", "frames of an unknown link type: no flow")                   \
	X(PACKETS_UNATTRIBUTED, "packets_unattributed", "frames that found neither table nor ring memory: no flow")          \
	X(OCTETS_UNATTRIBUTED, "octets_unattributed", "wire bytes of packets_unattributed")                                  \
	X(PACKETS_LEFT_OUT, "packets_left_out", "packets that a plugin leaves out (dedup:leave_out=1): no flow")               \
	X(FLOWS_STARTED, "flows_started", "biflows started")                                                                 \
	X(FLOWS_ENDED_IDLE, "flows_ended_idle", "biflows ended by their idle timeout")                                       \
	X(FLOWS_ENDED_ACTIVE, "flows_ended_active", "biflows cut by the active timeout")                                     \
	X(FLOWS_ENDED_FORCED, "flows_ended_forced", "biflows ended by force mode")                                           \
	X(FLOWS_ENDED_RESOURCES, "flows_ended_resources", "biflows ended for want of room: evicted early, or of one packet") \
	X(FLOWS_ENDED_INPUT, "flows_ended_input", "biflows alive at the end of input or at stop")                            \
	X(TABLE_FULL, "table_full", "times a new biflow found the table full")                                               \
	X(BOUNDARIES_MOVED, "boundaries_moved", "times the end of a flow found the ring full and came later")                \
	X(ONE_PACKET_RECORDS, "one_packet_records", "packets exported as records of their own: no table entry")              \
	X(LOCK_CONTENDED, "lock_contended", "times the lock of a record or fragment slot was not free in time")              \
	X(IDENTITY_MISSED, "identity_missed", "times a found record was evicted, or not begun: looked up again")             \
	X(FRONT_MISSED, "front_missed", "times the table's front named another flow's record: looked up in the table")       \
	X(PACKET_ROWS_LOST, "packet_rows_lost", "packet rows lost to a full ring (their counts are kept)")                   \
	X(WANTED_PACKETS_LOST, "wanted_packets_lost", "packets that plugins wanted, lost to a full ring (their counts are kept)") \
	X(FRAMES_LOST, "frames_lost", "frames that extraction lost to a full ring (their counts are kept)")                  \
	X(FRAMES_CUT, "frames_cut", "frames too long for extraction: written to 64 KiB, or what --ring holds")               \
	X(BYTES_UNREADABLE, "bytes_unreadable", "frames and payloads whose bytes the kernel did not hand out")               \
	X(FRAMES_MERGED, "frames_merged", "frames longer than the MTU allows: merged before XDP saw them")                   \
	X(ORDER_MISSED, "order_missed", "packets or evictions that could not wait for their turn: rows may be out of order") \
	X(FRAGMENTS_UNMATCHED, "fragments_unmatched", "later fragments that did not find their first one")                   \
	X(FRAGMENT_COLLISIONS, "fragment_collisions", "fragment slots taken over while in use")                              \
	X(CLOCK_STEPS, "clock_steps", "times the packet clock stepped back")

enum counter {
#define X(name, text, help) COUNTER_##name,
	FX_COUNTERS(X)
#undef X
	COUNTER_COUNT
};

/* Packets that are in no flow. counter: COUNTER_COUNT values. */
FX_INLINE __u64 counted_without_flow(const __u64 *counter)
{
	return counter[COUNTER_PACKETS_FILTERED] + counter[COUNTER_PACKETS_SHORT_FRAME] +
	       counter[COUNTER_PACKETS_LINK_UNSUPPORTED] + counter[COUNTER_PACKETS_UNATTRIBUTED] +
	       counter[COUNTER_PACKETS_LEFT_OUT];
}

#endif
