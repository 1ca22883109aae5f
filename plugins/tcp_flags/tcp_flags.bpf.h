/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_flags, kernel half: IP and TCP header fields of each direction: identification, TTL, fragments, options, sequence
 * and acknowledgment analysis, windows, trip times. README.md defines every column.
 *
 * Sequence numbers are compared by RFC 1982: a < b when (__s32)(a - b) < 0.
 *
 * A flow may have several TCP connections. Counts, or-ed flags and anomalies belong to the flow. Sequence numbers, window scale,
 * maximum segment size, time stamps and the FIN belong to the connection. A segment is *apart* from the connection when it is a SYN
 * with another number, or outside of every window that was granted. Anybody can forge such a segment, so it changes no number of the
 * connection. The direction stores the last one, which counts once the other side acknowledges it.
 */
#ifndef FLOWXDP_TCP_FLAGS_BPF_H
#define FLOWXDP_TCP_FLAGS_BPF_H

#include "flowxdp/plugin_half.h"

struct tcp_flags_config {
	__u32 window_min; /* a segment's effective window counts as low below this; 1 = zero windows alone */
	__u32 reserved;
};

/* tcpFStat */
enum tcp_flags_status {
	TCP_FLAGS_INTERVAL_GOOD = 0x0001,
	TCP_FLAGS_OPTION_INIT = 0x0002,
	TCP_FLAGS_TIMESTAMP_DOWN = 0x0004,
	TCP_FLAGS_OPTION_CORRUPT = 0x0008,
	TCP_FLAGS_WINDOW_INIT = 0x0010,
	TCP_FLAGS_WINDOW_UPDATE = 0x0020,
	TCP_FLAGS_ZERO_PROBE = 0x0040,
	TCP_FLAGS_ZERO_PROBE_ACK = 0x0080,
	TCP_FLAGS_WINDOW_LOW = 0x0100,
	TCP_FLAGS_SCALE_USED = 0x0200,
	TCP_FLAGS_RECEIVER_FULL = 0x0400,
	TCP_FLAGS_WINDOW_TURNED = 0x0800,
	TCP_FLAGS_L4_JUDGED = 0x1000,       /* by the user half, as in enum tcp_flags_ip L3_WRONG and L4_WRONG */
	TCP_FLAGS_SACK = 0x4000,
	TCP_FLAGS_MPTCP = 0x8000,
};

/* ipFlags */
enum tcp_flags_ip {
	TCP_FLAGS_IP_OPTION_CORRUPT = 0x0001,
	TCP_FLAGS_IP_ID_BACK = 0x0002,
	TCP_FLAGS_IP_ID_ROLLOVER = 0x0004,
	TCP_FLAGS_FRAGMENT_SMALL = 0x0008,
	TCP_FLAGS_FRAGMENT_RANGE = 0x0010,
	TCP_FLAGS_MF = 0x0020,
	TCP_FLAGS_DF = 0x0040,
	TCP_FLAGS_RESERVED = 0x0080,
	TCP_FLAGS_FRAGMENT_POSITION = 0x0100,
	TCP_FLAGS_FRAGMENT_SEQUENCE = 0x0200,
	TCP_FLAGS_L3_WRONG = 0x0400,
	TCP_FLAGS_L4_WRONG = 0x0800,
	TCP_FLAGS_LENGTH_SHORT = 0x1000,
	TCP_FLAGS_INTERVAL_ZERO = 0x4000,
	TCP_FLAGS_INTERVAL_NEGATIVE = 0x8000,
};

/* tcpFlags above the eight header bits: combinations in one segment */
enum tcp_flags_pair {
	TCP_FLAGS_FIN_ACK = 0x0100,
	TCP_FLAGS_SYN_ACK = 0x0200,
	TCP_FLAGS_RST_ACK = 0x0400,
	TCP_FLAGS_NULL = 0x0800,
	TCP_FLAGS_SYN_FIN = 0x1000,
	TCP_FLAGS_SYN_FIN_RST = 0x2000,
	TCP_FLAGS_FIN_RST = 0x4000,
	TCP_FLAGS_XMAS = 0x8000,
};

/* tcpAnomaly */
enum tcp_flags_anomaly {
	TCP_FLAGS_SYN_RETRANSMITTED = 0x0001,
	TCP_FLAGS_RETRANSMITTED = 0x0002,
	TCP_FLAGS_FAST_RETRANSMITTED = 0x0004,
	TCP_FLAGS_DUPLICATE_ACK = 0x0008,
	TCP_FLAGS_KEEP_ALIVE = 0x0010,
	TCP_FLAGS_KEEP_ALIVE_ACK = 0x0020,
	TCP_FLAGS_OUT_OF_ORDER = 0x0040,
	TCP_FLAGS_LOST = 0x0080,
	TCP_FLAGS_ACK_UNSEEN = 0x0100,
	TCP_FLAGS_PREVIOUS_MISSING = 0x0200,
	TCP_FLAGS_SCAN = 0x1000,            /* raised by the user half, as is the next */
	TCP_FLAGS_SCAN_SUCCESSFUL = 0x2000,
	TCP_FLAGS_SYN_PAYLOAD = 0x4000,
};

enum tcp_flags_mark {
	TCP_FLAGS_HAS_IP_ID = 0x0001,
	TCP_FLAGS_FRAGMENT_OPEN = 0x0002,
	TCP_FLAGS_HAS_SCALE = 0x0004,     /* window scale option in our SYN */
	TCP_FLAGS_HAS_TIMESTAMP = 0x0008,
	TCP_FLAGS_HAS_ACK = 0x0010,       /* high_ack is valid */
	TCP_FLAGS_HAS_WINDOW = 0x0020,    /* a segment other than SYN and RST was seen */
	TCP_FLAGS_SYN_WINDOW = 0x0040,    /* last_window came with a SYN: never scaled */
	TCP_FLAGS_TIMED = 0x0080,         /* a segment is being timed: timed_ack and timed_clock_ns are valid */
	TCP_FLAGS_TIMED_SYN = 0x0100,     /* the timed segment is a SYN */
	TCP_FLAGS_WAS_KEEP_ALIVE = 0x0200, /* the last segment was one */
	TCP_FLAGS_WAS_PROBE = 0x0400,     /* the last segment was a zero-window probe */
	TCP_FLAGS_WENT_UP = 0x0800,       /* the last change of the window was an increase */
	TCP_FLAGS_WENT_DOWN = 0x1000,
	TCP_FLAGS_HAS_SYN = 0x2000,       /* first_seq is the number of the connection's SYN */
	TCP_FLAGS_HAS_FIN = 0x4000,       /* next_seq is after the connection's FIN */
};

/* `apart`: the stored segment apart from the connection. The upper four bits are the window scale of its SYN. */
enum tcp_flags_apart {
	TCP_FLAGS_APART_SYN = 1,  /* apart_seq is its number; apart_len bytes followed */
	TCP_FLAGS_APART_DATA = 2, /* apart_seq is the number after it */
	TCP_FLAGS_APART_FIN = 4,
	TCP_FLAGS_APART_LAST = 8, /* it is the direction's last segment */
};
#define TCP_FLAGS_APART_UNSCALED 0xf0u     /* its SYN had no window scale */

#define TCP_FLAGS_FRAGMENT_UNKNOWN 0xffffu /* fragment_next: a tunnel's header was fragmented, whose length is not known */
#define TCP_FLAGS_DUPLICATES_FAST 3u       /* RFC 5681 3.2 */
#define TCP_FLAGS_WINDOW_MOST (1u << 30)   /* no window is larger (RFC 7323 2.3) */
#define TCP_FLAGS_48_BITS ((1ull << 48) - 1)

/*
 * What each segment of a connection may touch. The 16 bits beside a 48-bit number hold what only tcp_flags_of_ip() uses. clang 14: such a
 * field takes registers, which the functions of a segment do not have; cure: no field of theirs there.
 */
struct tcp_flags_dir {
	__u64 seq_bytes : 48, ip_id_last : 16; /* tcpSeqSntBytes */
	__u64 ack_bytes : 48, ip_id_min : 16;  /* tcpFlwLssAckRcvdBytes */
	__u64 window_sum;        /* effective, of segments other than SYN and RST */
	__s64 timed_clock_ns;    /* clock of the segment being timed */
	__u64 trip_sum_ns;
	__u64 jitter_sum_ns;     /* of |trip - trip before| */
	/* 48 bits of nanoseconds are 78 hours, longer than a flow waits for an acknowledgment */
	__u64 trip_min_ns : 48, ip_id_max : 16;
	__u64 trip_max_ns : 48, ttl_min : 8, ttl_max : 8;
	__u64 trip_last_ns : 48, ttl_last : 8, ttl_changes : 8;
	__u32 first_seq;
	__u32 next_seq;          /* the number after the highest one sent */
	__u32 high_ack;          /* highest acknowledgment sent */
	__u32 gap_start, gap_end; /* the last gap in what was sent; equal = none */
	__u32 timed_ack;         /* acknowledgment that ends the timing */
	__u32 flight_max;
	__u32 timestamp, timestamp_echo; /* last ones */
	__u32 tcp_options;       /* or-ed, bit per kind */
	__u32 packets;           /* with a TCP header */
	__u32 seq_packets, ack_packets;
	__u32 trips;
	__u32 option_count, option_packets;
	__u16 window_up, window_down, window_turns; /* these and the next one saturate */
	__u16 window_skipped;    /* SYNs, RSTs and segments apart */
	__u16 last_window, first_window, min_window, max_window; /* raw */
	__s16 ip_id_step;        /* last ip_id minus the one before */
	__u16 ip_flags, status, flags, anomalies;
	__u16 marks;             /* enum tcp_flags_mark */
	__u8 ip6_destination_count;
	__u8 window_scale : 4;   /* RFC 7323 2.3: at most 14 */
	__u8 duplicate_acks : 4; /* of high_ack */
	__u8 min_scale : 4, max_scale : 4; /* of min_window, max_window */
	__u8 apart;              /* enum tcp_flags_apart */
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_dir) == 168, "no padding");

struct tcp_flags_state {
	struct tcp_flags_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_state) == 336, "slot size");

#define TCP_FLAGS_HAS_COLD
/* What handshakes, fragments, IP options and faults touch. */
struct tcp_flags_cold_dir {
	__u64 handshake_ns : 48, mss : 16; /* from the other side's SYN to our acknowledgment of it */
	__u32 apart_seq;         /* enum tcp_flags_apart */
	__u16 apart_len, apart_mss, apart_window;
	__u16 ip_option_count;   /* IPv4 options, or hop-by-hop headers */
	__u32 ip_options[2];     /* or-ed. IPv4: numbers, copy and class; IPv6: hop-by-hop, destination types */
	__u32 low_windows;
	__u16 seq_faults, ack_faults; /* saturate */
	__u16 fragment_id;       /* low 16 bits */
	__u16 fragment_next;     /* where the next fragment belongs, units of 8 bytes */
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_cold_dir) == 40, "no padding");

struct tcp_flags_cold {
	struct tcp_flags_cold_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_cold) == 80, "slot size");

#define TCP_FLAGS_HAS_PACKET_STATE
struct tcp_flags_packet_state {
	__u32 seq, ack;
	__u32 timestamp, timestamp_echo;
	__u32 window; /* effective */
	__s16 ip_id_step;
	__u16 ip_id;
	__u16 fragment; /* IPv4: flags and offset as in the header; IPv6: the same layout */
	__u16 ip_flags, status, flags, anomalies; /* of the direction after this packet, flags: of the packet */
	__u16 l4_checksum;
	__u16 mss;
	__u8 tos, ttl;
	__u8 ip_version;
	__u8 has;  /* enum tcp_flags_packet_has */
	__u8 pad[6];
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_packet_state) == 48, "multiple of 8");

enum tcp_flags_packet_has {
	TCP_FLAGS_PACKET_TCP = 1,
	TCP_FLAGS_PACKET_MSS = 2,
	TCP_FLAGS_PACKET_TIMESTAMP = 4,
};

FX_INLINE void tcp_flags_count(__u16 *n)
{
	if (FX_LIKELY(*n != 0xffff))
		*n = (__u16)(*n + 1);
}

FX_INLINE void tcp_flags_ip_id(struct tcp_flags_dir *d, __u32 id)
{
	__u32 forward = (id - d->ip_id_last) & 0xffff, distance = forward;

	if (!(d->marks & TCP_FLAGS_HAS_IP_ID)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_IP_ID);
		d->ip_id_last = (__u16)id;
		d->ip_id_min = 0xffff;
		return;
	}
	if (forward >= 0x8000) {
		distance = 0x10000 - forward;
		FX_SET(d->ip_flags, TCP_FLAGS_IP_ID_BACK);
	} else if (id < d->ip_id_last) {
		FX_SET(d->ip_flags, TCP_FLAGS_IP_ID_ROLLOVER);
	}
	d->ip_id_step = (__s16)forward;
	d->ip_id_last = (__u16)id;
	if (distance < d->ip_id_min)
		d->ip_id_min = (__u16)distance;
	if (distance > d->ip_id_max)
		d->ip_id_max = (__u16)distance;
}

FX_INLINE void tcp_flags_fragment(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, const struct packet *p)
{
	/* the fragmented header is the innermost one: its length and position are known */
	__u32 known = p->fragment_version == p->ip_version && p->fragment_proto == p->ip_proto &&
	              p->fragment_src[3] == p->src[3] && p->fragment_dst[3] == p->dst[3];
	__u32 bytes = p->l4_len, units = (bytes + 7) / 8, offset = p->fragment_offset;
	__u32 datagram = p->l3_end > p->l3_offset ? p->l3_end - p->l3_offset : 0;

	if (!(p->flags & PACKET_LAST_FRAGMENT)) {
		FX_SET(d->ip_flags, TCP_FLAGS_MF);
		if (known && datagram < (p->ip_version == 4 ? 68u : 1280u)) /* RFC 791 3.2, RFC 8200 5 */
			FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_SMALL);
	}
	if (p->flags & PACKET_FIRST_FRAGMENT) {
		if (d->marks & TCP_FLAGS_FRAGMENT_OPEN)
			FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_SEQUENCE);
		FX_SET(d->marks, TCP_FLAGS_FRAGMENT_OPEN);
		dc->fragment_id = (__u16)p->fragment_id;
		dc->fragment_next = (__u16)(known ? units : TCP_FLAGS_FRAGMENT_UNKNOWN);
		return;
	}
	if (offset * 8 + bytes > 65535)
		FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_RANGE);
	if (!(d->marks & TCP_FLAGS_FRAGMENT_OPEN) || dc->fragment_id != (__u16)p->fragment_id)
		FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_SEQUENCE);
	else if (dc->fragment_next != TCP_FLAGS_FRAGMENT_UNKNOWN && dc->fragment_next != offset)
		FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_POSITION);
	dc->fragment_next = (__u16)(offset + units);
	if (p->flags & PACKET_LAST_FRAGMENT)
		d->marks = (__u16)(d->marks & ~TCP_FLAGS_FRAGMENT_OPEN);
}

FX_INLINE void tcp_flags_ip_options(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, const struct packet *p)
{
	__u32 count = p->ip_option_count, more;

	if (p->ip_version == 4) {
		if (count & PACKET_IP_OPTION_BAD)
			FX_SET(d->ip_flags, TCP_FLAGS_IP_OPTION_CORRUPT);
		more = count & (PACKET_IP_OPTION_BAD - 1u);
		FX_NO_UNROLL
		for (int i = 0; i < 2; i++) {
			if (!p->ip_option[i])
				continue;
			dc->ip_options[0] |= 1u << (p->ip_option[i] & 31);
			dc->ip_options[1] |= 1u << (p->ip_option[i] >> 5);
		}
	} else {
		more = count & 15;
		if (more)
			dc->ip_options[0] |= 1u << (p->ip_option[0] & 31);
		if (count >> 4) {
			dc->ip_options[1] |= 1u << (p->ip_option[1] & 31);
			if (d->ip6_destination_count + (count >> 4) < 256)
				d->ip6_destination_count = (__u8)(d->ip6_destination_count + (count >> 4));
		}
	}
	if (dc->ip_option_count + more < 65536)
		dc->ip_option_count = (__u16)(dc->ip_option_count + more);
}

FX_INLINE void tcp_flags_of_ip(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, const struct flow_dir *flow,
                               const struct packet *p, const struct packet_step *step)
{
	if (step->first) {
		d->ttl_min = p->ttl;
		d->ttl_max = p->ttl;
	} else {
		if (p->ttl != d->ttl_last && d->ttl_changes != 255)
			d->ttl_changes++;
		if (p->ttl < d->ttl_min)
			d->ttl_min = p->ttl;
		if (p->ttl > d->ttl_max)
			d->ttl_max = p->ttl;
		/* last_ns of the core is this packet's time already when it is the largest */
		if (p->ts_ns < flow->last_ns)
			FX_SET(d->ip_flags, TCP_FLAGS_INTERVAL_NEGATIVE);
		else if (!step->interval_ns)
			FX_SET(d->ip_flags, TCP_FLAGS_INTERVAL_ZERO);
		else
			FX_SET(d->status, TCP_FLAGS_INTERVAL_GOOD);
	}
	d->ttl_last = p->ttl;
	if (p->ip_version == 4) {
		if (p->ip_flags & 2)
			FX_SET(d->ip_flags, TCP_FLAGS_DF);
		if (p->ip_flags & 4)
			FX_SET(d->ip_flags, TCP_FLAGS_RESERVED);
		tcp_flags_ip_id(d, p->ip_id);
	}
	if (FX_UNLIKELY(p->flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)))
		tcp_flags_fragment(d, dc, p);
	if (FX_UNLIKELY(p->ip_option_count))
		tcp_flags_ip_options(d, dc, p);
	if (!(p->flags & PACKET_LATER_FRAGMENT) &&
	    ((p->ip_proto == 6 && (p->l4_len < 20 || p->l4_len < p->tcp_header_len)) ||
	     (p->ip_proto == 17 && p->l4_len < 8)))
		FX_SET(d->ip_flags, TCP_FLAGS_LENGTH_SHORT);
}

/* Adds a segment's options to the flow, also those of a segment apart. */
FX_INLINE void tcp_flags_options(struct tcp_flags_dir *d, const struct packet *p)
{
	if (p->tcp_header_len <= 20)
		return;
	d->option_packets++;
	d->option_count += p->tcp_option_count;
	d->tcp_options |= p->tcp_options;
	FX_SET(d->status, TCP_FLAGS_OPTION_INIT);
	if (p->flags & PACKET_BAD_TCP_OPTION)
		FX_SET(d->status, TCP_FLAGS_OPTION_CORRUPT);
	if (p->tcp_options & (1u << 5))
		FX_SET(d->status, TCP_FLAGS_SACK);
	if (p->tcp_options & (1u << 30))
		FX_SET(d->status, TCP_FLAGS_MPTCP);
}

/* Scales the windows that were seen before both scales were known. */
FX_INLINE void tcp_flags_rescale(struct tcp_flags_dir *d)
{
	if (!(d->marks & TCP_FLAGS_HAS_WINDOW))
		return;
	d->window_sum <<= d->window_scale;
	d->min_scale = d->window_scale;
	d->max_scale = d->window_scale;
}

/* Takes the connection's values from the options of a segment. */
FX_INLINE void tcp_flags_negotiate(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, struct tcp_flags_dir *o,
                                   const struct packet *p)
{
	if (p->flags & PACKET_HAS_MSS)
		dc->mss = p->tcp_mss;
	if ((p->flags & PACKET_HAS_WSCALE) && (p->tcp_flags & TCP_SYN) && !(d->marks & TCP_FLAGS_HAS_SYN)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_SCALE);
		d->window_scale = (__u8)(p->tcp_window_scale < 14 ? p->tcp_window_scale : 14) & 15;
		if (o->marks & TCP_FLAGS_HAS_SCALE) {
			tcp_flags_rescale(d);
			tcp_flags_rescale(o);
		}
	}
	if (p->flags & PACKET_HAS_TIMESTAMP) {
		if ((d->marks & TCP_FLAGS_HAS_TIMESTAMP) && (__s32)(p->tcp_ts_value - d->timestamp) < 0)
			FX_SET(d->status, TCP_FLAGS_TIMESTAMP_DOWN);
		FX_SET(d->marks, TCP_FLAGS_HAS_TIMESTAMP);
		d->timestamp = p->tcp_ts_value;
		if (p->tcp_flags & TCP_ACK) /* RFC 7323 3.2 */
			d->timestamp_echo = p->tcp_ts_echo;
	}
}

/* Window of d's last segment in bytes: scaled when both SYNs said so and it did not come with a SYN. */
FX_INLINE __u32 tcp_flags_window(const struct tcp_flags_dir *d, const struct tcp_flags_dir *o)
{
	__u32 window = d->last_window;

	if ((d->marks & o->marks & TCP_FLAGS_HAS_SCALE) && !(d->marks & TCP_FLAGS_SYN_WINDOW))
		window <<= d->window_scale;
	return window;
}

/* The largest window of d, in bytes after its acknowledgment. Without both SYNs the scale may be any. */
FX_INLINE __u32 tcp_flags_reach(const struct tcp_flags_dir *d, const struct tcp_flags_dir *o)
{
	__u32 scale = d->marks & o->marks & TCP_FLAGS_HAS_SYN ? d->max_scale : 14;
	__u32 reach = (__u32)d->max_window << scale;

	return reach > d->first_window ? reach : d->first_window;
}

FX_INLINE void tcp_flags_windows(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, const struct tcp_flags_dir *o,
                                 const struct packet *p, __u32 window_min)
{
	__u16 raw = p->tcp_window;
	__u32 scale = d->marks & o->marks & TCP_FLAGS_HAS_SCALE ? d->window_scale : 0, window = (__u32)raw << scale;

	if (p->tcp_flags & TCP_SYN) {
		tcp_flags_count(&d->window_skipped);
		FX_SET(d->status, TCP_FLAGS_WINDOW_INIT);
		if (!(d->marks & TCP_FLAGS_HAS_WINDOW)) {
			FX_SET(d->marks, TCP_FLAGS_SYN_WINDOW);
			d->last_window = raw;
		}
		return;
	}
	d->window_sum += window;
	if (!(d->marks & TCP_FLAGS_HAS_WINDOW)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_WINDOW);
		d->min_window = raw;
		d->max_window = raw;
		d->min_scale = scale & 15;
		d->max_scale = scale & 15;
	} else {
		if (raw != d->last_window && !(d->marks & TCP_FLAGS_SYN_WINDOW)) {
			__u32 up = raw > d->last_window;
			__u16 went = up ? TCP_FLAGS_WENT_UP : TCP_FLAGS_WENT_DOWN;

			tcp_flags_count(up ? &d->window_up : &d->window_down);
			if (d->marks & (TCP_FLAGS_WENT_UP | TCP_FLAGS_WENT_DOWN) & ~went) {
				tcp_flags_count(&d->window_turns);
				FX_SET(d->status, TCP_FLAGS_WINDOW_TURNED);
			}
			d->marks = (__u16)((d->marks & ~(TCP_FLAGS_WENT_UP | TCP_FLAGS_WENT_DOWN)) | went);
		}
		if (window < (__u32)d->min_window << d->min_scale) {
			d->min_window = raw;
			d->min_scale = scale & 15;
		}
		if (window > (__u32)d->max_window << d->max_scale) {
			d->max_window = raw;
			d->max_scale = scale & 15;
		}
	}
	d->last_window = raw;
	d->marks = (__u16)(d->marks & ~TCP_FLAGS_SYN_WINDOW);
	if (!(p->tcp_flags & TCP_FIN) && window < window_min) {
		dc->low_windows++;
		FX_SET(d->status, TCP_FLAGS_WINDOW_LOW);
	}
}

/* Start timing a segment until the other side acknowledges `end`. One at a time (RFC 6298 3). */
FX_INLINE void tcp_flags_time(struct tcp_flags_dir *d, __u32 end, __s64 clock_ns, __u32 syn)
{
	if ((d->marks & TCP_FLAGS_TIMED) && !syn)
		return;
	d->timed_ack = end;
	d->timed_clock_ns = clock_ns;
	d->marks = (__u16)((d->marks & ~TCP_FLAGS_TIMED_SYN) | TCP_FLAGS_TIMED | (syn ? TCP_FLAGS_TIMED_SYN : 0));
}

/* A segment was sent again, so an acknowledgment may belong to either copy: timing stops (Karn, RFC 6298 3). */
FX_INLINE void tcp_flags_retransmitted(struct tcp_flags_dir *d, const struct tcp_flags_dir *o, __u32 seq)
{
	FX_SET(d->anomalies, TCP_FLAGS_RETRANSMITTED);
	if (o->duplicate_acks >= TCP_FLAGS_DUPLICATES_FAST && seq == o->high_ack)
		FX_SET(d->anomalies, TCP_FLAGS_FAST_RETRANSMITTED);
	d->marks = (__u16)(d->marks & ~TCP_FLAGS_TIMED);
}

FX_INLINE __u32 tcp_flags_has_start(const struct tcp_flags_dir *d)
{
	return d->marks & (TCP_FLAGS_HAS_SYN | TCP_FLAGS_HAS_WINDOW);
}

/* Is a segment of d apart from its connection? */
FX_INLINE __u32 tcp_flags_is_apart(const struct tcp_flags_dir *d, const struct tcp_flags_dir *o, const struct packet *p)
{
	__u32 seq = p->tcp_seq, reach;
	__s32 ahead = (__s32)(seq - d->next_seq), beyond = (__s32)(seq - o->high_ack);

	if (!tcp_flags_has_start(d))
		return 0;
	if (p->tcp_flags & TCP_SYN) {
		if (d->marks & TCP_FLAGS_HAS_SYN)
			return seq != d->first_seq || (d->marks & TCP_FLAGS_HAS_FIN);
		/* a late SYN: its connection is known from the segment after it */
		return seq + 1 != d->first_seq && seq + 1 + p->payload_len != d->first_seq;
	}
	if (!(o->marks & TCP_FLAGS_HAS_ACK))
		return ahead > (__s32)TCP_FLAGS_WINDOW_MOST || ahead < -(__s32)TCP_FLAGS_WINDOW_MOST;
	/* beyond every window that o granted, or older than one window (RFC 5961 5) */
	reach = tcp_flags_reach(o, d);
	return beyond > (__s32)reach ? ahead > 0 : beyond < -1 - (__s32)reach;
}

/* Stores a segment apart of d until o acknowledges it. */
FX_INLINE void tcp_flags_keep_apart(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, const struct packet *p)
{
	__u32 seq = p->tcp_seq, fin = p->tcp_flags & TCP_FIN ? TCP_FLAGS_APART_FIN : 0;
	__u32 len = p->payload_len < 0xffff ? p->payload_len : 0xffff, space = p->payload_len + !!fin;

	if (p->tcp_flags & TCP_SYN) {
		__u32 scale = p->tcp_window_scale < 14 ? p->tcp_window_scale : 14;

		if ((d->apart & TCP_FLAGS_APART_SYN) && dc->apart_seq == seq) {
			FX_SET(d->anomalies, TCP_FLAGS_SYN_RETRANSMITTED);
			tcp_flags_count(&dc->seq_faults);
		}
		FX_SET(d->status, TCP_FLAGS_WINDOW_INIT);
		dc->apart_seq = seq;
		dc->apart_len = (__u16)len;
		dc->apart_mss = p->flags & PACKET_HAS_MSS ? p->tcp_mss : 0;
		dc->apart_window = p->tcp_window;
		d->apart = (__u8)(TCP_FLAGS_APART_SYN | TCP_FLAGS_APART_LAST |
		                  (p->flags & PACKET_HAS_WSCALE ? scale << 4 : TCP_FLAGS_APART_UNSCALED));
		return;
	}
	if ((d->apart & TCP_FLAGS_APART_SYN) && seq == dc->apart_seq + 1 + dc->apart_len &&
	    dc->apart_len + space < 0xffff) { /* it follows a stored SYN */
		dc->apart_len = (__u16)(dc->apart_len + space);
		FX_SET(d->apart, fin);
		return;
	}
	tcp_flags_count(&dc->seq_faults);
	if ((__s32)(seq - d->next_seq) > 0) {
		dc->apart_seq = seq + space;
		d->apart = (__u8)(TCP_FLAGS_APART_DATA | fin);
	}
}

/*
 * d acknowledges number: does that confirm o's segment apart? Then o's connection continues there, or begins with it. When the other
 * side was never seen, d and o are the same direction, and number is what it sends next.
 */
FX_INLINE __u32 tcp_flags_confirm(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, struct tcp_flags_dir *o,
                                  struct tcp_flags_cold_dir *oc, __u32 number, const struct packet_step *step)
{
	__u32 end = oc->apart_seq, fin = !!(o->apart & TCP_FLAGS_APART_FIN), reach = tcp_flags_reach(d, o);

	if (o->apart & TCP_FLAGS_APART_SYN) {
		if (number - end - 1 > oc->apart_len)
			return 0;
		end += 1 + (__u32)oc->apart_len;
		o->seq_bytes = (o->seq_bytes + oc->apart_len - fin) & TCP_FLAGS_48_BITS;
		o->first_seq = oc->apart_seq;
		oc->mss = oc->apart_mss;
		o->last_window = oc->apart_window;
		o->window_scale = 0;
		o->marks = (__u16)((o->marks & (TCP_FLAGS_HAS_IP_ID | TCP_FLAGS_FRAGMENT_OPEN | TCP_FLAGS_HAS_WINDOW |
		                                TCP_FLAGS_HAS_ACK)) | TCP_FLAGS_HAS_SYN | TCP_FLAGS_SYN_WINDOW);
		if ((o->apart & 0xf0u) != TCP_FLAGS_APART_UNSCALED) {
			o->window_scale = (o->apart >> 4) & 15;
			FX_SET(o->marks, TCP_FLAGS_HAS_SCALE);
		}
		if (o->apart & TCP_FLAGS_APART_LAST)
			dc->handshake_ns = (__u64)step->round_trip_ns & TCP_FLAGS_48_BITS;
		d->marks = (__u16)(d->marks & ~TCP_FLAGS_HAS_ACK);
		d->duplicate_acks = 0;
	} else {
		/* near the segment and beyond d's windows: segments are missing */
		if (!(o->apart & TCP_FLAGS_APART_DATA) || (__s32)(number - o->next_seq) <= 0 ||
		    (__s32)(end - o->next_seq) <= 0 || number - d->high_ack <= reach || number - end + reach > 2 * reach)
			return 0;
		FX_SET(o->anomalies, TCP_FLAGS_PREVIOUS_MISSING | TCP_FLAGS_LOST);
		o->seq_bytes = (o->seq_bytes + (end - o->next_seq) - fin) & TCP_FLAGS_48_BITS;
		o->marks = (__u16)(o->marks & ~TCP_FLAGS_TIMED);
	}
	if (fin)
		FX_SET(o->marks, TCP_FLAGS_HAS_FIN);
	o->next_seq = end;
	o->seq_packets++;
	o->gap_start = o->gap_end;
	o->apart = 0;
	return 1;
}

/* Compares a segment of the connection, not a RST, with what d has sent before. Returns 1 when bytes are in flight. */
FX_INLINE int tcp_flags_sequence(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, struct tcp_flags_dir *o,
                                 const struct packet *p, __u32 starts)
{
	__u32 flags = p->tcp_flags, len = p->payload_len, syn = !!(flags & TCP_SYN);
	__u32 seq = p->tcp_seq, space = len + syn + !!(flags & TCP_FIN), end = seq + space;
	__s32 ahead, beyond;

	if (starts) {
		d->first_seq = seq;
		d->next_seq = seq;
		if (syn)
			FX_SET(d->marks, TCP_FLAGS_HAS_SYN);
	} else if (syn && !(d->marks & TCP_FLAGS_HAS_SYN)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_SYN);
		FX_SET(d->anomalies, TCP_FLAGS_OUT_OF_ORDER);
		tcp_flags_count(&dc->seq_faults);
		d->first_seq = seq;
		d->first_window = p->tcp_window;
		return 0;
	} else if (syn) {
		if ((flags & TCP_ACK) && !(d->marks & TCP_FLAGS_HAS_ACK))
			return 0; /* simultaneous open: the SYN was sent before without ACK (RFC 9293 3.5) */
		FX_SET(d->anomalies, TCP_FLAGS_SYN_RETRANSMITTED);
		tcp_flags_count(&dc->seq_faults);
		if (d->next_seq == end || !(o->marks & TCP_FLAGS_HAS_ACK))
			tcp_flags_time(d, end, p->clock_ns, 1);
		return 0;
	}
	ahead = (__s32)(seq - d->next_seq);
	beyond = (__s32)(end - d->next_seq);
	if (!space) {
		if (ahead > 0) {
			FX_SET(d->anomalies, TCP_FLAGS_PREVIOUS_MISSING);
			tcp_flags_count(&dc->seq_faults);
			d->gap_start = d->next_seq;
			d->gap_end = seq;
			d->seq_bytes = (d->seq_bytes + (__u32)ahead) & TCP_FLAGS_48_BITS;
			d->next_seq = seq;
		} else if (ahead == -1 && (flags & TCP_ACK)) { /* RFC 9293 3.8.4 */
			FX_SET(d->anomalies, TCP_FLAGS_KEEP_ALIVE);
			FX_SET(d->marks, TCP_FLAGS_WAS_KEEP_ALIVE);
		}
		return 0;
	}
	if (len == 1 && space == 1 && ahead == -1 && (o->marks & TCP_FLAGS_HAS_ACK) && o->high_ack == d->next_seq) {
		FX_SET(d->anomalies, TCP_FLAGS_KEEP_ALIVE);
		FX_SET(d->marks, TCP_FLAGS_WAS_KEEP_ALIVE);
		return 0;
	}
	if (len == 1 && space == 1 && ahead == 0 && !o->last_window && (o->marks & TCP_FLAGS_HAS_WINDOW)) {
		/* RFC 9293 3.8.6.1: the byte is outside the window; it counts when it is acknowledged */
		FX_SET(d->status, TCP_FLAGS_ZERO_PROBE);
		FX_SET(d->marks, TCP_FLAGS_WAS_PROBE);
		return 0;
	}
	if (beyond > 0) {
		__u32 more = (__u32)beyond - syn - !!(flags & TCP_FIN);

		d->seq_packets++;
		if (ahead > 0) {
			FX_SET(d->anomalies, TCP_FLAGS_PREVIOUS_MISSING);
			tcp_flags_count(&dc->seq_faults);
			d->gap_start = d->next_seq;
			d->gap_end = seq;
		} else if (ahead < 0) {
			tcp_flags_count(&dc->seq_faults);
			tcp_flags_retransmitted(d, o, seq);
		} else {
			tcp_flags_time(d, end, p->clock_ns, syn);
		}
		d->seq_bytes = (d->seq_bytes + more) & TCP_FLAGS_48_BITS;
		d->next_seq = end;
		if (flags & TCP_FIN)
			FX_SET(d->marks, TCP_FLAGS_HAS_FIN);
	} else {
		tcp_flags_count(&dc->seq_faults);
		if (d->gap_start != d->gap_end && (__s32)(seq - d->gap_start) >= 0 && (__s32)(d->gap_end - end) >= 0 &&
		    !(o->duplicate_acks >= TCP_FLAGS_DUPLICATES_FAST && seq == o->high_ack)) {
			FX_SET(d->anomalies, TCP_FLAGS_OUT_OF_ORDER);
		} else {
			tcp_flags_retransmitted(d, o, seq);
		}
		if (seq == d->gap_start)
			d->gap_start = end;
		else if (end == d->gap_end)
			d->gap_end = seq;
		if ((__s32)(d->gap_end - d->gap_start) < 0)
			d->gap_start = d->gap_end;
	}
	return 1;
}

/* Updates d's bytes in flight after a segment of len bytes. */
FX_INLINE void tcp_flags_flight(struct tcp_flags_dir *d, const struct tcp_flags_dir *o, __u32 len)
{
	__u32 window = tcp_flags_window(o, d);
	__u32 acked = o->marks & TCP_FLAGS_HAS_ACK ? o->high_ack : d->first_seq;
	__s32 flight = (__s32)(d->next_seq - acked);

	if (flight > 0) {
		if ((__u32)flight > d->flight_max)
			d->flight_max = (__u32)flight;
		if (len && window && (__u32)flight >= window && (o->marks & TCP_FLAGS_HAS_ACK))
			FX_SET(d->status, TCP_FLAGS_RECEIVER_FULL);
	}
}

FX_INLINE void tcp_flags_trip(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, struct tcp_flags_dir *o, __u32 ack,
                              __s64 clock_ns)
{
	/* a SYN's data need not be acknowledged with it (RFC 7413 4.2) */
	__u32 due = o->marks & TCP_FLAGS_TIMED_SYN ? o->first_seq + 1 : o->timed_ack;
	__s64 passed = clock_ns - o->timed_clock_ns;
	__u64 trip = (__u64)passed < TCP_FLAGS_48_BITS ? (__u64)passed : TCP_FLAGS_48_BITS, before = d->trip_last_ns;

	if (!(o->marks & TCP_FLAGS_TIMED) || (__s32)(ack - due) < 0)
		return;
	o->marks = (__u16)(o->marks & ~TCP_FLAGS_TIMED);
	if (passed < 0) /* the capture's clock stepped back */
		return;
	if (o->marks & TCP_FLAGS_TIMED_SYN) {
		dc->handshake_ns = trip & TCP_FLAGS_48_BITS;
		return;
	}
	if (d->trips)
		d->jitter_sum_ns += trip > before ? trip - before : before - trip;
	if (!d->trips || trip < d->trip_min_ns)
		d->trip_min_ns = trip & TCP_FLAGS_48_BITS;
	if (trip > d->trip_max_ns)
		d->trip_max_ns = trip & TCP_FLAGS_48_BITS;
	d->trip_sum_ns += trip;
	d->trip_last_ns = trip & TCP_FLAGS_48_BITS;
	d->trips++;
}

/* Facts about a segment, found before it changes the state; bits 16 to 31: the direction's window before it. */
enum tcp_flags_found {
	TCP_FLAGS_STARTS = 1,     /* the direction's first segment other than RST */
	TCP_FLAGS_IN_ORDER = 2,   /* it begins at the expected number */
	TCP_FLAGS_HAD_WINDOW = 4, /* the direction announced a window in this connection */
	TCP_FLAGS_APART = 8,      /* it does not belong to the connection */
	TCP_FLAGS_TRUSTED = 16,   /* it confirms the other direction's segment apart */
};

/* Processes d's acknowledgment. window_before: d's window before this segment. */
FX_INLINE void tcp_flags_acknowledge(struct tcp_flags_dir *d, struct tcp_flags_cold_dir *dc, struct tcp_flags_dir *o,
                                     const struct packet *p, __u16 window_before, __u32 found)
{
	__u32 had_window = found & TCP_FLAGS_HAD_WINDOW, in_order = found & TCP_FLAGS_IN_ORDER;
	__u32 ack = p->tcp_ack, bare = !p->payload_len && !(p->tcp_flags & (TCP_SYN | TCP_FIN));
	__u32 first = !(d->marks & TCP_FLAGS_HAS_ACK), reach = tcp_flags_reach(d, o);
	__s32 unseen = (__s32)(ack - o->next_seq), moved = (__s32)(ack - (first ? o->first_seq : d->high_ack));

	if (!o->packets)
		unseen = 0;
	if (unseen == 1 && (o->marks & TCP_FLAGS_WAS_PROBE)) { /* the probe's byte was accepted */
		o->next_seq++;
		o->seq_bytes = (o->seq_bytes + 1) & TCP_FLAGS_48_BITS;
		unseen = 0;
	}
	if (unseen > 0) {
		FX_SET(d->anomalies, TCP_FLAGS_ACK_UNSEEN);
		tcp_flags_count(&dc->ack_faults);
	}
	/* more than d's windows allow; or not the SYN that it answers */
	if (!(found & TCP_FLAGS_TRUSTED)) {
		__u32 wild = unseen > 0 && moved > (__s32)reach;

		if (first) {
			wild = 0;
			if (o->marks & TCP_FLAGS_HAS_SYN)
				wild = moved <= 0 || (unseen > 0 && ((p->tcp_flags & TCP_SYN) || moved > (__s32)reach));
		}
		if (wild) {
			if (unseen <= 0)
				tcp_flags_count(&dc->ack_faults);
			return;
		}
	}
	if (o->gap_start != o->gap_end && (__s32)(ack - o->gap_end) >= 0) {
		FX_SET(o->anomalies, TCP_FLAGS_LOST); /* it reached the receiver, but not the sensor */
		o->gap_start = o->gap_end;
	}
	if (first || moved > 0) {
		__u32 fin = !unseen && o->packets && (o->marks & TCP_FLAGS_HAS_FIN);
		__u32 syn = first && (o->marks & TCP_FLAGS_HAS_SYN);

		if (!first || (o->packets && unseen <= 0 && moved > 0))
			d->ack_bytes = (d->ack_bytes + (__u32)moved - syn - fin) & TCP_FLAGS_48_BITS;
		FX_SET(d->marks, TCP_FLAGS_HAS_ACK);
		d->high_ack = ack;
		d->ack_packets++;
		d->duplicate_acks = 0;
	} else if (moved < 0) {
		if (unseen <= 0) /* an acknowledgment that is wrong in two ways is one fault */
			tcp_flags_count(&dc->ack_faults);
	} else if (bare) {
		if (o->marks & TCP_FLAGS_WAS_KEEP_ALIVE) {
			FX_SET(d->anomalies, TCP_FLAGS_KEEP_ALIVE_ACK);
		} else if ((o->marks & TCP_FLAGS_WAS_PROBE) && !p->tcp_window) {
			FX_SET(d->status, TCP_FLAGS_ZERO_PROBE_ACK);
		} else if (had_window && p->tcp_window != window_before) {
			if (in_order)
				FX_SET(d->status, TCP_FLAGS_WINDOW_UPDATE);
		} else if (had_window && unseen < 0 && in_order) { /* RFC 5681 2 */
			FX_SET(d->anomalies, TCP_FLAGS_DUPLICATE_ACK);
			if (d->duplicate_acks < 15)
				d->duplicate_acks++;
		}
	}
	tcp_flags_trip(d, dc, o, ack, p->clock_ns);
}

FX_INLINE __u32 tcp_flags_word(__u32 flags)
{
	__u32 word = flags;

	if ((flags & (TCP_FIN | TCP_ACK)) == (TCP_FIN | TCP_ACK))
		word |= TCP_FLAGS_FIN_ACK;
	if ((flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		word |= TCP_FLAGS_SYN_ACK;
	if ((flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK))
		word |= TCP_FLAGS_RST_ACK;
	if (!flags)
		word |= TCP_FLAGS_NULL;
	if ((flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN))
		word |= flags & TCP_RST ? TCP_FLAGS_SYN_FIN | TCP_FLAGS_SYN_FIN_RST : TCP_FLAGS_SYN_FIN;
	if ((flags & (TCP_FIN | TCP_RST)) == (TCP_FIN | TCP_RST))
		word |= TCP_FLAGS_FIN_RST;
	if ((flags & (TCP_FIN | TCP_PSH | TCP_URG)) == (TCP_FIN | TCP_PSH | TCP_URG))
		word |= TCP_FLAGS_XMAS;
	return word;
}

/*
 * The steps of a segment. 6.18: more than a million verified instructions when inlined, and as one function more than the 96 bytes of
 * stack that are left below the egress hook; cure: several functions, FX_CHECKED_ONCE.
 */

/* Counts flags and options, whether or not the segment is apart. */
FX_CHECKED_ONCE int tcp_flags_note(struct tcp_flags_state *s, const struct packet *p, const struct packet_step *step)
{
	if (!s || !p || !step)
		return 0;

	__u32 direction = step->direction & 1;
	struct tcp_flags_dir *d = &s->dir[direction];

	if (!d->packets) {
		d->first_seq = p->tcp_seq;
		d->next_seq = p->tcp_seq;
		d->first_window = p->tcp_window;
	}
	d->packets++;
	FX_SET(d->flags, tcp_flags_word(p->tcp_flags));
	if ((p->tcp_flags & TCP_SYN) && p->payload_len)
		FX_SET(d->anomalies, TCP_FLAGS_SYN_PAYLOAD);
	tcp_flags_options(d, p);
	d->apart = (__u8)(d->apart & ~TCP_FLAGS_APART_LAST);
	return 0;
}

/*
 * Does the segment confirm a segment apart? When the other side was never seen, this side's next segment does. Returns
 * TCP_FLAGS_TRUSTED or 0.
 */
FX_CHECKED_ONCE int tcp_flags_bear_out(struct tcp_flags_state *s, struct tcp_flags_cold *cold,
                                       const struct packet *p, const struct packet_step *step)
{
	if (!s || !cold || !p || !step)
		return 0;

	__u32 direction = step->direction & 1, alone = !s->dir[direction ^ 1].packets;
	__u32 confirming = alone ? direction : direction ^ 1;

	if (!s->dir[confirming].apart || !(alone ? !(p->tcp_flags & (TCP_SYN | TCP_RST)) : p->tcp_flags & TCP_ACK))
		return 0;
	return tcp_flags_confirm(&s->dir[confirming ^ 1], &cold->dir[confirming ^ 1], &s->dir[confirming],
	                         &cold->dir[confirming], alone ? p->tcp_seq : p->tcp_ack, step)
	           ? TCP_FLAGS_TRUSTED
	           : 0;
}

/* Decides whether the segment is apart: enum tcp_flags_found. */
FX_CHECKED_ONCE int tcp_flags_place(struct tcp_flags_state *s, struct tcp_flags_cold *cold,
                                    const struct packet *p, const struct packet_step *step)
{
	if (!s || !cold || !p || !step)
		return 0;

	__u32 direction = step->direction & 1;
	struct tcp_flags_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];
	struct tcp_flags_cold_dir *dc = &cold->dir[direction];
	__u32 found = (__u32)d->last_window << 16;

	if ((d->marks & (TCP_FLAGS_HAS_WINDOW | TCP_FLAGS_SYN_WINDOW)) == TCP_FLAGS_HAS_WINDOW)
		found |= TCP_FLAGS_HAD_WINDOW;
	if (!tcp_flags_has_start(d))
		found |= TCP_FLAGS_STARTS | TCP_FLAGS_IN_ORDER;
	else if (p->tcp_seq == d->next_seq)
		found |= TCP_FLAGS_IN_ORDER;
	if (tcp_flags_is_apart(d, o, p)) {
		found |= TCP_FLAGS_APART;
		if (!(p->tcp_flags & TCP_RST)) {
			tcp_flags_count(&d->window_skipped);
			tcp_flags_keep_apart(d, dc, p);
		}
	}
	if (p->tcp_flags & TCP_RST) /* its numbers need not continue anything (RFC 9293 3.5.2) */
		tcp_flags_count(&d->window_skipped);
	return (int)found;
}

/* Options and window of a segment of the connection. */
FX_CHECKED_ONCE int tcp_flags_announce(struct tcp_flags_state *s, struct tcp_flags_cold *cold,
                                       const struct packet *p, const struct packet_step *step,
                                       __u32 window_min)
{
	if (!s || !cold || !p || !step)
		return 0;

	__u32 direction = step->direction & 1;
	struct tcp_flags_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];
	struct tcp_flags_cold_dir *dc = &cold->dir[direction];

	tcp_flags_negotiate(d, dc, o, p);
	d->marks = (__u16)(d->marks & ~(TCP_FLAGS_WAS_KEEP_ALIVE | TCP_FLAGS_WAS_PROBE));
	if (!(p->tcp_flags & TCP_RST))
		tcp_flags_windows(d, dc, o, p, window_min);
	return 0;
}

FX_CHECKED_ONCE int tcp_flags_send(struct tcp_flags_state *s, struct tcp_flags_cold *cold,
                                   const struct packet *p, const struct packet_step *step,
                                   __u32 found)
{
	if (!s || !cold || !p || !step)
		return 0;

	__u32 direction = step->direction & 1;
	struct tcp_flags_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];
	struct tcp_flags_cold_dir *dc = &cold->dir[direction];

	return tcp_flags_sequence(d, dc, o, p, found & TCP_FLAGS_STARTS);
}

FX_CHECKED_ONCE int tcp_flags_receive(struct tcp_flags_state *s, struct tcp_flags_cold *cold,
                                      const struct packet *p, const struct packet_step *step,
                                      __u32 found)
{
	if (!s || !cold || !p || !step)
		return 0;

	__u32 direction = step->direction & 1;
	struct tcp_flags_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];
	struct tcp_flags_cold_dir *dc = &cold->dir[direction];

	tcp_flags_acknowledge(d, dc, o, p, (__u16)(found >> 16), found);
	return 0;
}

FX_INLINE void tcp_flags_of_tcp(struct tcp_flags_state *s, struct tcp_flags_cold *cold, const struct packet *p,
                                const struct packet_step *step, __u32 window_min)
{
	__u32 direction = step->direction & 1, found;
	struct tcp_flags_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];

	tcp_flags_note(s, p, step);
	found = 0;
	if (FX_UNLIKELY(s->dir[0].apart | s->dir[1].apart))
		found = (__u32)tcp_flags_bear_out(s, cold, p, step);
	found |= (__u32)tcp_flags_place(s, cold, p, step);
	if (!(found & TCP_FLAGS_APART))
		tcp_flags_announce(s, cold, p, step, window_min);
	if (d->marks & o->marks & TCP_FLAGS_HAS_SCALE)
		FX_SET(d->status, TCP_FLAGS_SCALE_USED);
	if (p->tcp_flags & TCP_RST)
		return;
	if (!(found & TCP_FLAGS_APART) && tcp_flags_send(s, cold, p, step, found))
		tcp_flags_flight(d, o, p->payload_len);
	if ((p->tcp_flags & TCP_ACK) && (found & (TCP_FLAGS_APART | TCP_FLAGS_TRUSTED)) != TCP_FLAGS_APART)
		tcp_flags_receive(s, cold, p, step, found);
}

FX_INLINE __u32 tcp_flags_on_packet(struct tcp_flags_state *s, struct tcp_flags_cold *cold, struct flow_record *r,
                                    const struct packet *p, const struct packet_step *step,
                                    const volatile struct tcp_flags_config *config)
{
	__u32 direction = step->direction & 1;

	if (!p->ip_version)
		return PLUGIN_CONTINUE;
	tcp_flags_of_ip(&s->dir[direction], &cold->dir[direction], &r->dir[direction], p, step);
	if (p->flags & PACKET_HAS_TCP)
		tcp_flags_of_tcp(s, cold, p, step, config->window_min);
	return PLUGIN_CONTINUE;
}

FX_INLINE void tcp_flags_packet_state_from(struct tcp_flags_packet_state *out, const struct tcp_flags_state *s,
                                           const struct tcp_flags_cold *cold, const struct flow_record *r,
                                           const struct packet *p, const struct packet_step *step,
                                           const volatile struct tcp_flags_config *config)
{
	const struct tcp_flags_dir *d = &s->dir[step->direction & 1], *o = &s->dir[(step->direction & 1) ^ 1];
	__u32 more = p->ip_version == 6 && (p->flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) &&
	             !(p->flags & PACKET_LAST_FRAGMENT);
	__u32 window = p->tcp_window;

	(void)cold;
	(void)r;
	(void)config;
	if ((d->marks & o->marks & TCP_FLAGS_HAS_SCALE) && !(p->tcp_flags & TCP_SYN))
		window <<= d->window_scale;
	out->seq = p->tcp_seq;
	out->ack = p->tcp_ack;
	out->timestamp = p->tcp_ts_value;
	out->timestamp_echo = p->tcp_ts_echo;
	out->window = window;
	out->ip_id_step = d->ip_id_step;
	out->ip_id = p->ip_id;
	out->fragment = (__u16)((__u32)p->ip_flags << 13 | more << 13 | (p->fragment_offset & 0x1fffu));
	out->ip_flags = d->ip_flags;
	out->status = d->status;
	out->flags = (__u16)(p->flags & PACKET_HAS_TCP ? tcp_flags_word(p->tcp_flags) : 0);
	out->anomalies = d->anomalies;
	out->l4_checksum = p->l4_checksum;
	out->mss = p->tcp_mss;
	out->tos = p->tos;
	out->ttl = p->ttl;
	out->ip_version = p->ip_version;
	out->has = (__u8)((p->flags & PACKET_HAS_TCP ? TCP_FLAGS_PACKET_TCP : 0) |
	                  (p->flags & PACKET_HAS_MSS ? TCP_FLAGS_PACKET_MSS : 0) |
	                  (p->flags & PACKET_HAS_TIMESTAMP ? TCP_FLAGS_PACKET_TIMESTAMP : 0));
	for (int i = 0; i < 6; i++)
		out->pad[i] = 0;
}

#endif
