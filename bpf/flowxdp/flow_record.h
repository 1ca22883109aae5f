/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_record.h - the record of one biflow, the same bytes in the kernel's map, in the native table and in the stream.
 *
 * A record is a core of 200 bytes followed by the states of the enabled plugins' kernel halves (flow_slots.h).
 */
#ifndef FLOWXDP_FLOW_RECORD_H
#define FLOWXDP_FLOW_RECORD_H

#include "compat.h"
#include "flow_key.h"
#include "packet.h"

enum flow_direction {
	DIRECTION_A = 0, /* forward, RFC 5103 initiator */
	DIRECTION_B = 1, /* reverse */
};

/* One direction of a biflow; one cache line. All zero = nothing seen in this direction. */
struct flow_dir {
	__u64 packets;
	__u64 octets;          /* IP octets as the headers claim (IPFIX 1); L2 flows: bytes on the wire */
	__u64 status;          /* flowStat */
	__s64 first_ns;        /* smallest time stamp */
	__s64 last_ns;         /* largest time stamp */
	__s64 last_clock_ns;   /* packet clock at the last packet, signed: captures step back by years */
	__u32 timeout_ms;      /* idle timeout in force, set by the core, changed by kernel halves */
	__u32 if_id;           /* interface of the first packet */
	__u16 last_ip_id;      /* IPv4 identification of the previous packet, 0 before the first one */
	__u16 sensor_status;   /* fxStat */
	__u8 flags;            /* enum flow_dir_flag */
	__u8 tos;              /* of the last packet */
	__u8 ttl;              /* of the last packet */
	__u8 pad;
};
FX_STATIC_ASSERT(sizeof(struct flow_dir) == 64, "one cache line");

enum flow_dir_flag {
	FLOW_DIR_FRAGMENT_PENDING = 2, /* a first fragment was seen, its last one was not */
	FLOW_DIR_FIRST = 4,            /* the flow's first packet went this way; it is B when the creation rule inverted it */
};

/* Life of a record in the kernel's table. In the native table every record is BORN. */
enum flow_state {
	FLOW_STATE_DEAD = 0,
	FLOW_STATE_EMBRYO = 1, /* inserted, not yet locked by its inserter, which alone may update it; flow_id is its flow's */
	FLOW_STATE_BORN = 2,
};

struct flow_record {
	/* What each packet reads of a record, but for its direction, is in its first 64 bytes: one cache line. */
	__u32 lock;            /* kernel: owner token, 0 = free. Native: 0 */
	__u8 state;            /* enum flow_state */
	__u8 lo_direction;     /* enum flow_direction of packets whose source is the key's lo endpoint */
	__u16 ethertype;       /* of the first packet */
	__u64 flow_id;         /* flowInd; 0 = vacant: the flow ended, the next packet starts one */
	struct flow_key key;
	__s64 first_clock_ns;  /* packet clock of the flow's first packet */
	struct flow_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct flow_record) == 200, "200 bytes of core, so that all plugins fit 1,024");

#define FLOW_RECORD_MAX 1280u

#endif
