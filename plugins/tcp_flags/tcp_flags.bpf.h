/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_flags, kernel half: IP and TCP header fields of each direction: identification, TTL, fragments, options, sequence
 * and acknowledgment analysis, windows, trip times (T2 reference G4). README.md defines every column.
 *
 * Sequence numbers are compared by RFC 1982: a < b when (__s32)(a - b) < 0.
 */
#ifndef FLOWXDP_TCP_FLAGS_BPF_H
#define FLOWXDP_TCP_FLAGS_BPF_H

#include "plugin_half.h"

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
	TCP_FLAGS_SCAN = 0x1000,            /* the user half raises this and the next */
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
	TCP_FLAGS_TIMED = 0x0080,         /* timed_ack and timed_clock_ns wait for an acknowledgment */
	TCP_FLAGS_TIMED_SYN = 0x0100,     /* what is timed is a SYN */
	TCP_FLAGS_WAS_KEEP_ALIVE = 0x0200, /* the last segment was one */
	TCP_FLAGS_WAS_PROBE = 0x0400,     /* the last segment was a zero-window probe */
	TCP_FLAGS_WENT_UP = 0x0800,       /* last change of the window */
	TCP_FLAGS_WENT_DOWN = 0x1000,
	TCP_FLAGS_FIRST_SYN = 0x2000,     /* first_window came with a SYN */
};

#define TCP_FLAGS_FRAGMENT_UNKNOWN 0xffffu /* fragment_next: the fragmented header was a tunnel's, its length is not known */
#define TCP_FLAGS_DUPLICATES_FAST 3u       /* RFC 5681 3.2 */

struct tcp_flags_dir {
	__u64 seq_bytes;         /* tcpSeqSntBytes */
	__u64 ack_bytes;         /* tcpFlwLssAckRcvdBytes */
	__u64 window_sum;        /* raw, of segments other than SYN and RST */
	__s64 timed_clock_ns;    /* clock of the segment being timed */
	__u64 trip_sum_ns, trip_min_ns, trip_max_ns, trip_last_ns;
	__u64 jitter_sum_ns;     /* of |trip - trip before| */
	__u64 handshake_ns;      /* from the other side's SYN to our acknowledgment of it */
	__u32 first_seq;
	__u32 next_seq;          /* behind the highest sequence number sent */
	__u32 high_ack;          /* highest acknowledgment sent */
	__u32 gap_start, gap_end; /* the last hole in what was sent; equal = none */
	__u32 timed_ack;         /* acknowledgment that ends the timing */
	__u32 flight_max;
	__u32 timestamp, timestamp_echo; /* last ones */
	__u32 tcp_options;       /* or-ed, bit per kind */
	__u32 ip_options[2];     /* or-ed. IPv4: numbers, copy and class; IPv6: hop-by-hop, destination types */
	__u32 packets;           /* with a TCP header */
	__u32 seq_packets, ack_packets;
	__u32 trips;
	__u32 option_count, option_packets;
	__u32 low_windows;
	__u16 seq_faults, ack_faults; /* these and the next three saturate */
	__u16 window_up, window_down, window_turns;
	__u16 window_skipped;    /* SYNs and RSTs */
	__u16 last_window, first_window, min_window, max_window; /* raw */
	__u16 ip_id_last, ip_id_min, ip_id_max;
	__s16 ip_id_step;        /* from the packet before to the last one */
	__u16 ip_flags, status, flags, anomalies;
	__u16 mss;
	__u16 ip_option_count;   /* IPv4 options, or hop-by-hop headers */
	__u16 fragment_id, fragment_next; /* low 16 bits; where the next fragment belongs, units of 8 bytes */
	__u16 marks;             /* enum tcp_flags_mark */
	__u8 ttl_min, ttl_max, ttl_last, ttl_changes;
	__u8 ip6_destination_count;
	__u8 window_scale : 4;   /* RFC 7323 2.3: at most 14 */
	__u8 duplicate_acks : 4; /* of high_ack */
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_dir) == 208, "no padding");

struct tcp_flags_state {
	struct tcp_flags_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_flags_state) == 416, "slot size");

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

FX_INLINE void tcp_flags_fragment(struct tcp_flags_dir *d, const struct packet *p)
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
		d->fragment_id = (__u16)p->fragment_id;
		d->fragment_next = (__u16)(known ? units : TCP_FLAGS_FRAGMENT_UNKNOWN);
		return;
	}
	if (offset * 8 + bytes > 65535)
		FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_RANGE);
	if (!(d->marks & TCP_FLAGS_FRAGMENT_OPEN) || d->fragment_id != (__u16)p->fragment_id)
		FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_SEQUENCE);
	else if (d->fragment_next != TCP_FLAGS_FRAGMENT_UNKNOWN && d->fragment_next != offset)
		FX_SET(d->ip_flags, TCP_FLAGS_FRAGMENT_POSITION);
	d->fragment_next = (__u16)(offset + units);
	if (p->flags & PACKET_LAST_FRAGMENT)
		d->marks = (__u16)(d->marks & ~TCP_FLAGS_FRAGMENT_OPEN);
}

FX_INLINE void tcp_flags_ip_options(struct tcp_flags_dir *d, const struct packet *p)
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
			d->ip_options[0] |= 1u << (p->ip_option[i] & 31);
			d->ip_options[1] |= 1u << (p->ip_option[i] >> 5);
		}
	} else {
		more = count & 15;
		if (more)
			d->ip_options[0] |= 1u << (p->ip_option[0] & 31);
		if (count >> 4) {
			d->ip_options[1] |= 1u << (p->ip_option[1] & 31);
			if (d->ip6_destination_count + (count >> 4) < 256)
				d->ip6_destination_count = (__u8)(d->ip6_destination_count + (count >> 4));
		}
	}
	if (d->ip_option_count + more < 65536)
		d->ip_option_count = (__u16)(d->ip_option_count + more);
}

FX_INLINE void tcp_flags_of_ip(struct tcp_flags_dir *d, const struct flow_dir *flow, const struct packet *p,
                               const struct packet_step *step)
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
		/* the core has this packet's time in last_ns already when it is the largest */
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
		tcp_flags_fragment(d, p);
	if (FX_UNLIKELY(p->ip_option_count))
		tcp_flags_ip_options(d, p);
	if (!(p->flags & PACKET_LATER_FRAGMENT) &&
	    ((p->ip_proto == 6 && (p->l4_len < 20 || p->l4_len < p->tcp_header_len)) ||
	     (p->ip_proto == 17 && p->l4_len < 8)))
		FX_SET(d->ip_flags, TCP_FLAGS_LENGTH_SHORT);
}

FX_INLINE void tcp_flags_options(struct tcp_flags_dir *d, const struct packet *p)
{
	if (p->tcp_header_len > 20) {
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
	if (p->flags & PACKET_HAS_MSS)
		d->mss = p->tcp_mss;
	if ((p->flags & PACKET_HAS_WSCALE) && (p->tcp_flags & TCP_SYN)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_SCALE);
		d->window_scale = (__u8)(p->tcp_window_scale < 14 ? p->tcp_window_scale : 14) & 15;
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

FX_INLINE void tcp_flags_windows(struct tcp_flags_dir *d, const struct tcp_flags_dir *o, const struct packet *p,
                                 __u32 window_min)
{
	__u16 raw = p->tcp_window;

	if (d->packets == 1) {
		d->first_window = raw;
		if (p->tcp_flags & TCP_SYN)
			FX_SET(d->marks, TCP_FLAGS_FIRST_SYN);
	}
	if (d->marks & o->marks & TCP_FLAGS_HAS_SCALE)
		FX_SET(d->status, TCP_FLAGS_SCALE_USED);
	if (p->tcp_flags & (TCP_SYN | TCP_RST)) {
		tcp_flags_count(&d->window_skipped);
		if (p->tcp_flags & TCP_SYN) {
			FX_SET(d->status, TCP_FLAGS_WINDOW_INIT);
			FX_SET(d->marks, TCP_FLAGS_SYN_WINDOW);
			d->last_window = raw;
		}
		return;
	}
	d->window_sum += raw;
	if (!(d->marks & TCP_FLAGS_HAS_WINDOW)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_WINDOW);
		d->min_window = raw;
		d->max_window = raw;
	} else if (raw != d->last_window) {
		__u32 up = raw > d->last_window;
		__u16 went = up ? TCP_FLAGS_WENT_UP : TCP_FLAGS_WENT_DOWN;

		tcp_flags_count(up ? &d->window_up : &d->window_down);
		if (d->marks & (TCP_FLAGS_WENT_UP | TCP_FLAGS_WENT_DOWN) & ~went) {
			tcp_flags_count(&d->window_turns);
			FX_SET(d->status, TCP_FLAGS_WINDOW_TURNED);
		}
		d->marks = (__u16)((d->marks & ~(TCP_FLAGS_WENT_UP | TCP_FLAGS_WENT_DOWN)) | went);
		if (raw < d->min_window)
			d->min_window = raw;
		if (raw > d->max_window)
			d->max_window = raw;
	}
	d->last_window = raw;
	d->marks = (__u16)(d->marks & ~TCP_FLAGS_SYN_WINDOW);
	if (!(p->tcp_flags & TCP_FIN) && tcp_flags_window(d, o) < window_min) {
		d->low_windows++;
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

/* Something already sent came again: an acknowledgment can no longer be told apart (Karn, RFC 6298 3). */
FX_INLINE void tcp_flags_retransmitted(struct tcp_flags_dir *d, const struct tcp_flags_dir *o, __u32 seq)
{
	FX_SET(d->anomalies, TCP_FLAGS_RETRANSMITTED);
	if (o->duplicate_acks >= TCP_FLAGS_DUPLICATES_FAST && seq == o->high_ack)
		FX_SET(d->anomalies, TCP_FLAGS_FAST_RETRANSMITTED);
	d->marks = (__u16)(d->marks & ~TCP_FLAGS_TIMED);
}

/* Where a segment without RST lies in what d has sent. window: the other side's, bytes. */
FX_INLINE void tcp_flags_sequence(struct tcp_flags_dir *d, struct tcp_flags_dir *o, const struct packet *p,
                                  __u16 earlier_flags, __u32 window)
{
	__u32 flags = p->tcp_flags, len = p->payload_len, syn = !!(flags & TCP_SYN);
	__u32 seq = p->tcp_seq, space = len + syn + !!(flags & TCP_FIN), end = seq + space;
	__s32 ahead = (__s32)(seq - d->next_seq), beyond = (__s32)(end - d->next_seq);

	if (syn && len)
		FX_SET(d->anomalies, TCP_FLAGS_SYN_PAYLOAD);
	if (syn && d->packets > 1 && (earlier_flags & TCP_SYN)) {
		if (seq == d->first_seq) {
			FX_SET(d->anomalies, TCP_FLAGS_SYN_RETRANSMITTED);
			tcp_flags_count(&d->seq_faults);
			tcp_flags_time(d, end, p->clock_ns, 1);
			return;
		}
		ahead = 0; /* a new connection on the same ports: its numbers start anew */
		beyond = (__s32)space;
		d->first_seq = seq;
		d->gap_start = d->gap_end;
		o->marks = (__u16)(o->marks & ~TCP_FLAGS_HAS_ACK);
	} else if (d->packets == 1) {
		ahead = 0;
		beyond = (__s32)space;
		d->next_seq = seq;
	}
	if (!space) {
		if (ahead > 0) {
			FX_SET(d->anomalies, TCP_FLAGS_PREVIOUS_MISSING);
			tcp_flags_count(&d->seq_faults);
			d->gap_start = d->next_seq;
			d->gap_end = seq;
			d->seq_bytes += (__u32)ahead;
			d->next_seq = seq;
		} else if (ahead == -1 && (flags & TCP_ACK)) { /* RFC 9293 3.8.4 */
			FX_SET(d->anomalies, TCP_FLAGS_KEEP_ALIVE);
			FX_SET(d->marks, TCP_FLAGS_WAS_KEEP_ALIVE);
		}
		return;
	}
	if (len == 1 && space == 1 && ahead == -1 && (o->marks & TCP_FLAGS_HAS_ACK) && o->high_ack == d->next_seq) {
		FX_SET(d->anomalies, TCP_FLAGS_KEEP_ALIVE);
		FX_SET(d->marks, TCP_FLAGS_WAS_KEEP_ALIVE);
		return;
	}
	if (len == 1 && space == 1 && ahead == 0 && !window && (o->marks & TCP_FLAGS_HAS_WINDOW)) {
		/* RFC 9293 3.8.6.1: the byte is outside the window; it counts when it is acknowledged */
		FX_SET(d->status, TCP_FLAGS_ZERO_PROBE);
		FX_SET(d->marks, TCP_FLAGS_WAS_PROBE);
		return;
	}
	if (beyond > 0) {
		d->seq_packets++;
		if (ahead > 0) {
			FX_SET(d->anomalies, TCP_FLAGS_PREVIOUS_MISSING);
			tcp_flags_count(&d->seq_faults);
			d->gap_start = d->next_seq;
			d->gap_end = seq;
			d->seq_bytes += (__u32)ahead + len;
		} else if (ahead < 0) {
			tcp_flags_count(&d->seq_faults);
			tcp_flags_retransmitted(d, o, seq);
			d->seq_bytes += (__u32)beyond - !!(flags & TCP_FIN);
		} else {
			d->seq_bytes += len;
			tcp_flags_time(d, end, p->clock_ns, syn);
		}
		d->next_seq = end;
	} else {
		tcp_flags_count(&d->seq_faults);
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
	__u32 acked = o->marks & TCP_FLAGS_HAS_ACK ? o->high_ack : d->first_seq;
	__s32 flight = (__s32)(d->next_seq - acked);

	if (flight > 0) {
		if ((__u32)flight > d->flight_max)
			d->flight_max = (__u32)flight;
		if (len && window && (__u32)flight >= window && (o->marks & TCP_FLAGS_HAS_ACK))
			FX_SET(d->status, TCP_FLAGS_RECEIVER_FULL);
	}
}

FX_INLINE void tcp_flags_trip(struct tcp_flags_dir *d, struct tcp_flags_dir *o, __u32 ack, __s64 clock_ns)
{
	__s64 passed = clock_ns - o->timed_clock_ns;
	__u64 trip = (__u64)passed, before = d->trip_last_ns;

	if (!(o->marks & TCP_FLAGS_TIMED) || (__s32)(ack - o->timed_ack) < 0)
		return;
	o->marks = (__u16)(o->marks & ~TCP_FLAGS_TIMED);
	if (passed < 0) /* the capture's clock stepped back */
		return;
	if (o->marks & TCP_FLAGS_TIMED_SYN) {
		d->handshake_ns = trip;
		return;
	}
	if (d->trips)
		d->jitter_sum_ns += trip > before ? trip - before : before - trip;
	if (!d->trips || trip < d->trip_min_ns)
		d->trip_min_ns = trip;
	if (trip > d->trip_max_ns)
		d->trip_max_ns = trip;
	d->trip_sum_ns += trip;
	d->trip_last_ns = trip;
	d->trips++;
}

/* What d acknowledges. window_before, had_window: d's window before this segment. */
FX_INLINE void tcp_flags_acknowledge(struct tcp_flags_dir *d, struct tcp_flags_dir *o, const struct packet *p,
                                     __u16 window_before, __u32 had_window, __u32 in_order)
{
	__u32 ack = p->tcp_ack, bare = !p->payload_len && !(p->tcp_flags & (TCP_SYN | TCP_FIN));
	__s32 unseen = (__s32)(ack - o->next_seq), moved = (__s32)(ack - d->high_ack);

	if (!o->packets)
		unseen = 0;
	if (unseen == 1 && (o->marks & TCP_FLAGS_WAS_PROBE)) { /* the probe's byte was taken */
		o->next_seq++;
		o->seq_bytes++;
		unseen = 0;
	}
	if (unseen > 0) {
		FX_SET(d->anomalies, TCP_FLAGS_ACK_UNSEEN);
		tcp_flags_count(&d->ack_faults);
	}
	if (o->gap_start != o->gap_end && (__s32)(ack - o->gap_end) >= 0) {
		FX_SET(o->anomalies, TCP_FLAGS_LOST); /* it arrived, but never here */
		o->gap_start = o->gap_end;
	}
	if (!(d->marks & TCP_FLAGS_HAS_ACK)) {
		FX_SET(d->marks, TCP_FLAGS_HAS_ACK);
		d->high_ack = ack;
		d->ack_packets++;
		moved = (__s32)(ack - o->first_seq);
		if (o->packets && unseen <= 0 && moved > 0)
			d->ack_bytes = (__u32)moved - !!(o->flags & TCP_SYN) - (!unseen && (o->flags & TCP_FIN));
	} else if (moved > 0) {
		d->ack_bytes += (__u32)moved - (!unseen && o->packets && (o->flags & TCP_FIN));
		d->high_ack = ack;
		d->ack_packets++;
		d->duplicate_acks = 0;
	} else if (moved < 0) {
		if (unseen <= 0) /* one acknowledgment is one fault, though it be wrong both ways */
			tcp_flags_count(&d->ack_faults);
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
	tcp_flags_trip(d, o, ack, p->clock_ns);
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

FX_INLINE void tcp_flags_of_tcp(struct tcp_flags_dir *d, struct tcp_flags_dir *o, const struct packet *p,
                                __u32 window_min)
{
	__u16 window_before = d->last_window, earlier_flags = d->flags;
	__u32 had_window = d->marks & TCP_FLAGS_HAS_WINDOW, in_order;

	if (!d->packets)
		d->first_seq = p->tcp_seq;
	d->packets++;
	FX_SET(d->flags, tcp_flags_word(p->tcp_flags));
	tcp_flags_options(d, p);
	tcp_flags_windows(d, o, p, window_min);
	d->marks = (__u16)(d->marks & ~(TCP_FLAGS_WAS_KEEP_ALIVE | TCP_FLAGS_WAS_PROBE));
	if (p->tcp_flags & TCP_RST) {
		/* a RST's numbers need not continue anything (RFC 9293 3.5.2) */
		if (d->packets == 1)
			d->next_seq = p->tcp_seq;
		return;
	}
	in_order = d->packets == 1 || p->tcp_seq == d->next_seq;
	tcp_flags_sequence(d, o, p, earlier_flags, tcp_flags_window(o, d));
	if (p->tcp_flags & TCP_ACK)
		tcp_flags_acknowledge(d, o, p, window_before, had_window, in_order);
}

FX_INLINE __u32 tcp_flags_on_packet(struct tcp_flags_state *s, struct flow_record *r, const struct packet *p,
                                    const struct packet_step *step, const volatile struct tcp_flags_config *config)
{
	__u32 direction = step->direction & 1;

	if (!p->ip_version)
		return PLUGIN_CONTINUE;
	tcp_flags_of_ip(&s->dir[direction], &r->dir[direction], p, step);
	if (p->flags & PACKET_HAS_TCP)
		tcp_flags_of_tcp(&s->dir[direction], &s->dir[direction ^ 1], p, config->window_min);
	return PLUGIN_CONTINUE;
}

FX_INLINE void tcp_flags_packet_state_from(struct tcp_flags_packet_state *out, const struct tcp_flags_state *s,
                                           const struct flow_record *r, const struct packet *p,
                                           const struct packet_step *step,
                                           const volatile struct tcp_flags_config *config)
{
	const struct tcp_flags_dir *d = &s->dir[step->direction & 1], *o = &s->dir[(step->direction & 1) ^ 1];
	__u32 more = p->ip_version == 6 && (p->flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) &&
	             !(p->flags & PACKET_LAST_FRAGMENT);
	__u32 window = p->tcp_window;

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
