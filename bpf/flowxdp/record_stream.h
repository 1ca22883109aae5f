/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_stream.h - the output of an engine: one stream of records, with the same bytes from every engine.
 *
 * Each record begins with a stream_header and is a multiple of 8 bytes long. Packet records come in input order. Ended
 * records come in any order until a watermark: every flow whose end clock lies below it has been emitted, so the reader
 * can sort its pending records by (era, end_clock_ns, flow_id) and release them. So output does not depend on when an engine
 * scanned its table.
 */
#ifndef FLOWXDP_RECORD_STREAM_H
#define FLOWXDP_RECORD_STREAM_H

#include "compat.h"
#include "flow_record.h"

enum stream_kind {
	STREAM_ENDED = 1,
	STREAM_PACKET = 2,
	STREAM_WATERMARK = 3,
	STREAM_FRAME = 4,
};

struct stream_header {
	__u32 size; /* bytes of this record, header included */
	__u16 kind; /* enum stream_kind */
	__u16 source; /* which of a daemon's sensors sent it: each numbers its flows from 1. Set by the daemon; replay: 0 */
};

/* Why a flow ended; the values are IPFIX flowEndReason (136) where one fits. */
enum flow_end {
	FLOW_END_NONE = 0,
	FLOW_END_IDLE = 1,      /* idle timeout */
	FLOW_END_ACTIVE = 2,    /* active timeout */
	FLOW_END_DETECTED = 3,  /* end of flow detected: force mode */
	FLOW_END_FORCED = 4,    /* end of input, stop, detach */
	FLOW_END_RESOURCES = 5, /* lack of resources */
};

/* A flow that ended: record and its slots, config->record_size bytes of them. */
struct ended_record {
	struct stream_header header;
	__s64 end_clock_ns;     /* idle: when it fell due; forced, active, full: the packet's clock; end of input: last clock */
	__s64 wall_offset_ns;   /* added to times of the record gives ns since the epoch; 0 in replay */
	__u32 era;              /* sorted before end_clock_ns. A new era begins when the clock steps back, when it stands still for
	                           ORDER_TURN_FLOWS ends, and at the end of input */
	__u32 reason;           /* enum flow_end */
	struct flow_record record;
};
FX_STATIC_ASSERT(sizeof(struct ended_record) == 232, "header and core; slots follow");

/*
 * When this many flows have ended at packets of one clock value a new era begins. That bounds the pending records while the clock
 * does not move. A constant of the format: rows depend on it.
 */
#define ORDER_TURN_FLOWS 16384u

struct watermark_record {
	struct stream_header header;
	__s64 clock_ns;         /* every flow of this era with end_clock_ns < clock_ns has been emitted */
	__u32 era;
	__u32 pad;
	__s64 wall_offset_ns;   /* live: added to clock_ns gives ns since the epoch; 0 in replay */
};

/*
 * A frame as the sensor saw it, for extraction (live, FLOW_CONFIG_FRAMES). It follows the records that its packet caused. cap_len bytes
 * of the frame follow it, padded to 8.
 */
struct frame_record {
	struct stream_header header;
	__s64 ts_ns;            /* as in the packet's rows: boot clock */
	__u32 wire_len, cap_len;
	__u32 if_id;
	__u32 pad;
};
FX_STATIC_ASSERT(sizeof(struct frame_record) == 32, "the frame's bytes follow");

/*
 * One packet of a flow, after it was counted: a row of packet mode, a packet that user halves want (flow_need.h), or both.
 * Without FLOW_CONFIG_IN_ORDER the live stream has the records of several CPUs in the order in which they were written. The order in
 * which packets were counted may differ; flow_id, direction and direction_packet_no give it. A record may also follow its flow's
 * ended record, when another CPU's packet ended the flow. The enabled plugins' packet states follow at the offsets in flow_config,
 * then header_captured bytes of headers and payload_captured bytes of L7 payload, padded to 8.
 */
struct packet_record {
	struct stream_header header;
	__u64 packet_no;        /* ordinal in the input, from 1; live without FLOW_CONFIG_IN_ORDER: of its CPU's packets */
	__u64 flow_id;
	__u64 direction_packet_no; /* ordinal in its flow's direction, from 1 */
	__u64 status;           /* flowStat of the direction after this packet */
	__s64 ts_ns;
	__s64 wall_offset_ns;
	__s64 interval_ns;      /* packet_step.interval_ns */
	__s64 round_trip_ns;    /* packet_step.round_trip_ns */
	__s64 duration_ns;      /* largest less smallest time stamp of the direction */
	__u8 headers[HEADER_STACK_BYTES];
	__be32 src[4], dst[4];  /* ip_version != 0 */
	__u32 wire_len, cap_len;
	__u32 l3_offset, l3_end, l4_offset, payload_offset; /* as in struct packet */
	__u32 payload_len;      /* claimed */
	__u32 if_id;
	__u16 payload_captured; /* bytes that follow this record, the packet states and the headers */
	__u16 src_port, dst_port;
	__u16 ethertype;
	__u16 vlan_stack[3];
	__u16 flags;            /* enum packet_flag */
	__u8 mac_src[6], mac_dst[6];
	__u8 direction;
	__u8 ip_version;
	__u8 ip_proto;
	__u8 header_count;
	__u8 vlan_count;
	__u8 tcp_flags;
	__u16 header_captured;  /* bytes in front of the payload, from the L3 or L4 header on, that follow, too */
	__u32 wanted;           /* packet_step.wanted */
	__u32 needs;            /* packet_step.needs */
	__u32 tcp_seq;          /* TCP with its whole header */
};
FX_STATIC_ASSERT(sizeof(struct packet_record) == 208, "core of a packet row; states, headers and payload follow");
/* Largest packet record: core and packet states, then payload. */
#define PACKET_ROW_MAX (2048u + PACKET_MAX_PAYLOAD)

#endif
