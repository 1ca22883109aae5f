/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_rtt, kernel half: smoothed trip times of a TCP connection while it lives (RFC 6298), in integers.
 *
 * A trip begins when the sensor sees a segment and ends when the sensor sees the acknowledgment of its last octet. One segment of a
 * direction is timed at once (RFC 6298 3), and none that may have been sent twice (Karn's algorithm). Sequence numbers are compared by
 * RFC 1982: a < b when (__s32)(a - b) < 0.
 */
#ifndef FLOWXDP_TCP_RTT_BPF_H
#define FLOWXDP_TCP_RTT_BPF_H

#include "flowxdp/plugin_half.h"

struct tcp_rtt_config {
	__u64 reserved;
};

/* Times are in units of 100 ns: decimal, and 32 bits of them are seven minutes. */
#define TCP_RTT_UNIT_NS 100u
/* The longest trip: eight times as much must fit the smoothed time. 53.6 s. */
#define TCP_RTT_MOST (0xffffffffu / 8)
#define TCP_RTT_SAMPLE (1u << 12) /* one sample in tcp_rtt_dir.marks */
#define TCP_RTT_SAMPLES_MOST ((1u << 20) - 1)

/* tcpRttStat */
enum tcp_rtt_status {
	TCP_RTT_HANDSHAKE = 0x01,    /* a trip of a SYN is among the samples */
	TCP_RTT_SENT_TWICE = 0x02,   /* Karn: a timed segment of the other side was sent again */
	TCP_RTT_TOO_LONG = 0x04,     /* a trip above TCP_RTT_MOST was left out */
	TCP_RTT_SAMPLES_FULL = 0x08, /* samples stands still */
};

/* of the direction that sends segments */
enum tcp_rtt_mark {
	TCP_RTT_HAS_HIGH = 0x10,  /* high is valid */
	TCP_RTT_TIMED = 0x20,     /* a segment is being timed: timed_end, timed_at are valid */
	TCP_RTT_TIMED_SYN = 0x40, /* it is a SYN */
	TCP_RTT_SAMPLED = 0x80,   /* the last packet of the flow ended the trip: timed_at is its length */
	TCP_RTT_CLOSED = 0x100,   /* it sent FIN or RST: a SYN begins the next connection */
};

struct tcp_rtt_dir {
	/* segments of this direction */
	__u32 high;      /* the number after the highest one sent */
	__u32 timed_end; /* the acknowledgment that ends the trip */
	__u32 timed_at;  /* clock, units */
	/* trips that this direction's acknowledgments ended */
	__u32 smoothed;  /* SRTT, 1/8 units */
	__u32 variation; /* RTTVAR, 1/4 units */
	__u32 marks;     /* tcp_rtt_status and tcp_rtt_mark; above them the number of samples */
};

struct tcp_rtt_state {
	struct tcp_rtt_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_rtt_state) == 48, "slot size");

#define TCP_RTT_HAS_COLD
struct tcp_rtt_cold_dir {
	__u32 min, max; /* units; valid with samples */
};

struct tcp_rtt_cold {
	struct tcp_rtt_cold_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_rtt_cold) == 16, "slot size");

#define TCP_RTT_HAS_PACKET_STATE
struct tcp_rtt_packet_state {
	__u32 sample;   /* units: the trip that this packet ended */
	__u32 smoothed; /* 1/8 units, this packet included */
	__u8 sampled;   /* sample is valid */
	__u8 has;       /* smoothed is valid */
	__u8 pad[6];
};
FX_STATIC_ASSERT(sizeof(struct tcp_rtt_packet_state) == 16, "multiple of 8");

FX_INLINE __u32 tcp_rtt_samples(const struct tcp_rtt_dir *d) { return d->marks / TCP_RTT_SAMPLE; }

/*
 * The packet's clock in units, from the flow's first packet on: live clocks and those of a capture have different beginnings, and a
 * trip must not depend on where they fall between two units. The bias keeps it above 0 when the clock stepped back.
 */
FX_INLINE __u32 tcp_rtt_clock(const struct flow_record *r, const struct packet *p)
{
	return (__u32)((__u64)(p->clock_ns - r->first_clock_ns + (1LL << 62)) / TCP_RTT_UNIT_NS);
}

FX_INLINE void tcp_rtt_stop(struct tcp_rtt_dir *d) { d->marks &= ~(__u32)(TCP_RTT_TIMED | TCP_RTT_TIMED_SYN); }

/* now: tcp_rtt_clock(), here and below. */
FX_INLINE void tcp_rtt_start(struct tcp_rtt_dir *d, __u32 end, __u32 now, __u32 syn)
{
	d->timed_end = end;
	d->timed_at = now;
	tcp_rtt_stop(d);
	d->marks |= TCP_RTT_TIMED | (syn ? (__u32)TCP_RTT_TIMED_SYN : 0);
}

/* RFC 6298 2.2 and 2.3 with alpha 1/8, beta 1/4; scaled as in Jacobson and Karels, "Congestion avoidance and control", 1988. */
FX_INLINE void tcp_rtt_sample(struct tcp_rtt_dir *d, struct tcp_rtt_cold_dir *dc, __u32 trip)
{
	__u32 before = d->smoothed >> 3, error = trip > before ? trip - before : before - trip;

	if (!tcp_rtt_samples(d)) {
		d->smoothed = trip << 3;
		d->variation = trip << 1;
		dc->min = trip;
		dc->max = trip;
	} else {
		d->smoothed = d->smoothed - before + trip;
		d->variation = d->variation - (d->variation >> 2) + error;
		if (trip < dc->min)
			dc->min = trip;
		if (trip > dc->max)
			dc->max = trip;
	}
	if (tcp_rtt_samples(d) < TCP_RTT_SAMPLES_MOST)
		d->marks += TCP_RTT_SAMPLE;
	else
		d->marks |= TCP_RTT_SAMPLES_FULL;
}

/* d acknowledged what o had sent before `ack`. */
FX_INLINE void tcp_rtt_acknowledged(struct tcp_rtt_dir *d, struct tcp_rtt_cold_dir *dc, struct tcp_rtt_dir *o,
                                    const struct packet *p, const struct packet_step *step, __u32 now)
{
	__u32 marks = o->marks, trip;

	if (!(marks & TCP_RTT_TIMED) || (__s32)(p->tcp_ack - o->timed_end) < 0 || (__s32)(p->tcp_ack - o->high) > 0)
		return;
	trip = now - o->timed_at;
	tcp_rtt_stop(o);
	/* The trip is at least the silence of the other side. That also finds a clock of 32 bits that came around. */
	if (trip > TCP_RTT_MOST || (__u64)step->round_trip_ns > (__u64)TCP_RTT_MOST * TCP_RTT_UNIT_NS) {
		d->marks |= TCP_RTT_TOO_LONG;
		return;
	}
	if (marks & TCP_RTT_TIMED_SYN)
		d->marks |= TCP_RTT_HANDSHAKE;
	o->timed_at = trip;
	o->marks |= TCP_RTT_SAMPLED;
	tcp_rtt_sample(d, dc, trip);
}

/* d sent `space` numbers from seq on, in no SYN. */
FX_INLINE void tcp_rtt_sent(struct tcp_rtt_dir *d, struct tcp_rtt_dir *o, const struct packet *p, __u32 space, __u32 now)
{
	__u32 end = p->tcp_seq + space;

	if ((d->marks & TCP_RTT_HAS_HIGH) && (__s32)(p->tcp_seq - d->high) < 0) {
		/* It may be a copy: nobody knows which one an acknowledgment is of. */
		if (d->marks & TCP_RTT_TIMED)
			o->marks |= TCP_RTT_SENT_TWICE;
		tcp_rtt_stop(d);
		if ((__s32)(end - d->high) > 0)
			d->high = end;
		return;
	}
	d->marks |= TCP_RTT_HAS_HIGH;
	d->high = end;
	if (!(d->marks & TCP_RTT_TIMED))
		tcp_rtt_start(d, end, now, 0);
}

FX_INLINE void tcp_rtt_syn(struct tcp_rtt_dir *d, struct tcp_rtt_dir *o, const struct packet *p, __u32 now)
{
	__u32 end = p->tcp_seq + 1;

	if ((d->marks & TCP_RTT_TIMED_SYN) && d->timed_end == end) {
		o->marks |= TCP_RTT_SENT_TWICE;
		tcp_rtt_stop(d);
		return;
	}
	/* Inside a connection anybody can forge a SYN: it changes nothing. */
	if ((d->marks & TCP_RTT_HAS_HIGH) && (o->marks & TCP_RTT_HAS_HIGH) && !((d->marks | o->marks) & TCP_RTT_CLOSED))
		return;
	if ((d->marks & TCP_RTT_HAS_HIGH) && !((d->marks | o->marks) & TCP_RTT_CLOSED) && d->high == end + p->payload_len)
		return; /* sent a third time */
	if (!(p->tcp_flags & TCP_ACK)) {
		/* The other side's numbers belong to the connection before. */
		o->marks &= ~(__u32)(TCP_RTT_HAS_HIGH | TCP_RTT_TIMED | TCP_RTT_TIMED_SYN | TCP_RTT_CLOSED);
	}
	d->marks = (d->marks & ~(__u32)TCP_RTT_CLOSED) | TCP_RTT_HAS_HIGH;
	d->high = end + p->payload_len;
	/* A SYN's data need not be acknowledged with it (RFC 7413 4.2). */
	tcp_rtt_start(d, end, now, 1);
}

FX_INLINE __u32 tcp_rtt_on_packet(struct tcp_rtt_state *s, struct tcp_rtt_cold *cold, struct flow_record *r,
                                  const struct packet *p, const struct packet_step *step,
                                  const volatile struct tcp_rtt_config *config)
{
	__u32 direction = step->direction & 1, flags = p->tcp_flags, now = tcp_rtt_clock(r, p);
	struct tcp_rtt_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];
	__u32 space = p->payload_len + !!(flags & TCP_FIN);

	(void)config;
	d->marks &= ~(__u32)TCP_RTT_SAMPLED;
	o->marks &= ~(__u32)TCP_RTT_SAMPLED;
	if (!(p->flags & PACKET_HAS_TCP))
		return PLUGIN_CONTINUE;
	if (flags & TCP_RST) {
		d->marks |= TCP_RTT_CLOSED;
		return PLUGIN_CONTINUE;
	}
	if (flags & TCP_ACK)
		tcp_rtt_acknowledged(d, &cold->dir[direction], o, p, step, now);
	if (FX_UNLIKELY(flags & TCP_SYN))
		tcp_rtt_syn(d, o, p, now);
	else if (space)
		tcp_rtt_sent(d, o, p, space, now);
	if (FX_UNLIKELY(flags & TCP_FIN))
		d->marks |= TCP_RTT_CLOSED;
	return PLUGIN_CONTINUE;
}

FX_INLINE void tcp_rtt_packet_state_from(struct tcp_rtt_packet_state *out, const struct tcp_rtt_state *s,
                                         const struct tcp_rtt_cold *cold, const struct flow_record *r,
                                         const struct packet *p, const struct packet_step *step,
                                         const volatile struct tcp_rtt_config *config)
{
	const struct tcp_rtt_dir *d = &s->dir[step->direction & 1], *o = &s->dir[(step->direction & 1) ^ 1];

	(void)cold;
	(void)r;
	(void)p;
	(void)config;
	out->sample = o->timed_at;
	out->smoothed = d->smoothed;
	out->sampled = !!(o->marks & TCP_RTT_SAMPLED);
	out->has = !!tcp_rtt_samples(d);
	for (int i = 0; i < 6; i++)
		out->pad[i] = 0;
}

#endif
