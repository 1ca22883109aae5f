/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plugin_half.h - the interface of a plugin's kernel half (plugins/NAME/NAME.bpf.h).
 *
 * A kernel half defines, for a plugin called NAME:
 *     struct NAME_config          run-time options, filled before the first packet by the user half; multiple of 8 bytes
 *     struct NAME_state           its hot state, which most packets touch; multiple of 8 bytes, no bool
 *     NAME_on_packet(state, cold, record, packet, step, config) -> enum plugin_verdict bits
 * and, when it has data that only a flow's start or a rare packet touches:
 *     NAME_HAS_COLD               a macro, NAME in upper case
 *     struct NAME_cold            its cold state, likewise. A half without one takes struct no_cold *, which is NULL
 * and, when packet rows have columns of it:
 *     NAME_HAS_PACKET_STATE       a macro, NAME in upper case
 *     struct NAME_packet_state    what it adds to a packet record; multiple of 8 bytes
 *     NAME_packet_state_from(out, state, cold, record, packet, step, config)
 * and, when its user half wants to see packets that no entry of packet_need.h describes:
 *     NAME_HAS_NEED               a macro, NAME in upper case
 *     NAME_packet_wanted(state, cold, record, packet, step, config) -> PACKET_NOT_WANTED or PACKET_WANTED(payload bytes)
 *                                 a pure function, called after each packet that was counted. It may decide by protocol,
 *                                 ports, number of the packet in its direction, an alarm (record->dir[].status) and so on
 * and, when it may leave packets out of their flow (FLOW_CONFIG_CAN_LEAVE_OUT):
 *     NAME_LEAVES_OUT             a macro, NAME in upper case
 *     NAME_leaves_out(state, cold, record, packet, direction, config) -> 1: the packet is counted in no flow, but as
 *                                 packets_left_out. Called before the packet is counted, in a flow that has begun and goes on
 *
 * Both states belong to the flow and are zero at its start. The functions run under the record's lock, so they are inlined or
 * FX_CHECKED_ONCE, call no helper and no libc, have no loop without a small constant bound, and use integers only. They may change
 * their states and record->dir[].timeout_ms, and raise bits in record->dir[].status.
 */
#ifndef FLOWXDP_PLUGIN_HALF_H
#define FLOWXDP_PLUGIN_HALF_H

#include "compat.h"
#include "flow_record.h"

/* The cold state of a half that has none. */
struct no_cold;

enum plugin_verdict {
	PLUGIN_CONTINUE = 0,
	PLUGIN_FORCE = 1, /* end the flow at this packet: the packet belongs to it, bit 41 on this direction */
	PLUGIN_ALARM = 2, /* packet-exact alarm: bit 49 from this packet on */
};

/* What NAME_packet_wanted() answers; at most PACKET_MAX_PAYLOAD bytes come. */
#define PACKET_NOT_WANTED 0u
#define PACKET_WANTED(payload_bytes) ((payload_bytes) + 1u)

/* flow_config.flags: what an engine must do for the enabled halves and the run. */
enum flow_config_flag {
	FLOW_CONFIG_PACKET_RECORDS = 1, /* emit a packet_record for every packet with a flow */
	FLOW_CONFIG_CAN_FORCE = 2,      /* an enabled half may return PLUGIN_FORCE */
	FLOW_CONFIG_TCP_OPTIONS = 4,    /* an enabled half wants the options of every segment */
	FLOW_CONFIG_FRAMES = 8,         /* live: emit a frame_record for every packet; with one of FLOW_CONFIG_EXTRACT_FLOWS
	                                 * for those that are extracted */
	FLOW_CONFIG_IN_ORDER = 16,      /* live: one packet at a time on all CPUs, so that time stamps, packet numbers,
	                                 * flowInd and the stream have one order */
	FLOW_CONFIG_PACKET_NEEDS = 32,  /* an enabled half has a need: emit a packet_record for each packet that is wanted */
	FLOW_CONFIG_CAN_LEAVE_OUT = 64, /* an enabled half may leave packets out */
	FLOW_CONFIG_EXTRACT_ALARMED = 128, /* packets of alarmed flows are extracted (flow_extract.h) */
	FLOW_CONFIG_EXTRACT_MATCHING = 256, /* packets of flows with a packet that matches are extracted */
	FLOW_CONFIG_EXTRACT_FLOWS = FLOW_CONFIG_EXTRACT_ALARMED | FLOW_CONFIG_EXTRACT_MATCHING,
};

/* What the core knows about a packet in its flow. */
struct packet_step {
	__u32 direction;       /* enum flow_direction */
	__u32 first;           /* 1: first packet of this direction */
	__s64 interval_ns;     /* clock since the previous packet of this direction, >= 0; first packet 0 */
	__s64 round_trip_ns;   /* clock since the last packet of the other direction, >= 0; none yet 0 */
	__u32 verdict;         /* enum plugin_verdict bits of the halves so far */
	__u32 wanted;          /* bit n: the user half of the bundle's half n wants this packet (flow_need.h) */
	__u32 needs;           /* bit n: flow_config.needs.need[n] is met by this packet (packet_need.h) */
	__u32 record_bytes;    /* result of packet_wanted() */
	__u32 first_layer;     /* where the bytes of its record begin: 7, 4 or 3 */
};

#endif
