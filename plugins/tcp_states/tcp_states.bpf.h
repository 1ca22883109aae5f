/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_states, kernel half: follows each direction through a TCP connection's life, sets its idle timeout by state, and
 * notes what was malformed (T2 reference G3).
 *
 *     new (120 s) -> established (610 s) -> closing (120 s, this side's FIN) -> closed (10 s, both FINs acknowledged)
 *     any -> reset (0.1 s, both directions)
 */
#ifndef FLOWXDP_TCP_STATES_BPF_H
#define FLOWXDP_TCP_STATES_BPF_H

#include "plugin_half.h"

struct tcp_states_config {
	__u32 new_ms, established_ms, closing_ms, closed_ms, reset_ms;
	__u32 reserved;
};

enum tcp_state {
	TCP_STATE_NEW,
	TCP_STATE_ESTABLISHED,
	TCP_STATE_CLOSING,
	TCP_STATE_CLOSED,
	TCP_STATE_RESET,
};

/* tcpStatesAFlags */
enum tcp_states_flag {
	TCP_STATES_BAD_ESTABLISHMENT = 0x01,
	TCP_STATES_BAD_TEARDOWN = 0x02,
	TCP_STATES_BAD_FLAGS = 0x04,
	TCP_STATES_AFTER_TEARDOWN = 0x08,
	TCP_STATES_AFTER_RESET = 0x10,
	TCP_STATES_RESET_SENT = 0x40,
	TCP_STATES_EVIL = 0x80,
};

enum tcp_states_progress {
	TCP_STATES_SYN_SEEN = 1,
	TCP_STATES_FIN_SEEN = 2,
	TCP_STATES_FIN_ACKED = 4, /* the other side acknowledged our FIN */
	TCP_STATES_REFUSED = 8,   /* a SYN answered by RST-ACK: a clean refusal */
	TCP_STATES_SEEN = 16,
};

struct tcp_states_dir {
	__u32 first_seq; /* of the SYN */
	__u32 fin_ack;   /* acknowledgment number that covers our FIN; before it, our SYN with its data (RFC 7413) */
	__u8 state;      /* enum tcp_state */
	__u8 anomalies;  /* enum tcp_states_flag */
	__u8 progress;   /* enum tcp_states_progress */
	__u8 pad;
};

struct tcp_states_state {
	struct tcp_states_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_states_state) == 24, "slot size");

struct tcp_states_packet_state {
	__u8 anomalies;
	__u8 pad[7];
};

FX_INLINE void tcp_states_establish(struct tcp_states_dir *d, struct tcp_states_dir *o, __u32 anomaly)
{
	d->state = TCP_STATE_ESTABLISHED;
	FX_SET(d->anomalies, anomaly);
	if (o->state == TCP_STATE_NEW)
		o->state = TCP_STATE_ESTABLISHED;
	FX_SET(o->anomalies, anomaly);
}

/* Does ack answer the SYN of o? Data in the SYN may be acknowledged or not (TCP Fast Open). */
FX_INLINE __u32 tcp_states_acks_syn(const struct tcp_states_dir *o, __u32 ack)
{
	if (!(o->progress & TCP_STATES_SYN_SEEN))
		return 0;
	return ack - o->first_seq - 1 <= o->fin_ack - o->first_seq - 1;
}

FX_INLINE void tcp_states_reset(struct tcp_states_dir *d, struct tcp_states_dir *o, __u32 flags)
{
	FX_SET(d->anomalies, TCP_STATES_RESET_SENT);
	if (!(o->progress & TCP_STATES_SEEN))
		FX_SET(d->anomalies, TCP_STATES_EVIL);
	if ((flags & TCP_ACK) && d->state == TCP_STATE_NEW && !(d->progress & TCP_STATES_SEEN) &&
	    o->state == TCP_STATE_NEW && (o->progress & TCP_STATES_SYN_SEEN)) {
		FX_SET(d->progress, TCP_STATES_REFUSED);
		FX_SET(o->progress, TCP_STATES_REFUSED);
	} else if (d->state != TCP_STATE_RESET) {
		__u32 anomaly = d->state == TCP_STATE_NEW ? TCP_STATES_BAD_ESTABLISHMENT : TCP_STATES_BAD_TEARDOWN;

		FX_SET(d->anomalies, anomaly);
		FX_SET(o->anomalies, anomaly);
	}
	d->state = TCP_STATE_RESET;
	o->state = TCP_STATE_RESET;
}

FX_INLINE void tcp_states_advance(struct tcp_states_dir *d, struct tcp_states_dir *o, const struct packet *p)
{
	__u32 flags = p->tcp_flags;

	if (flags == 0 || (flags & (TCP_FIN | TCP_PSH | TCP_URG)) == (TCP_FIN | TCP_PSH | TCP_URG) ||
	    (flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN))
		FX_SET(d->anomalies, TCP_STATES_EVIL);
	if (flags & TCP_RST) {
		tcp_states_reset(d, o, flags);
		return;
	}
	if (d->state == TCP_STATE_RESET) {
		FX_SET(d->anomalies, TCP_STATES_AFTER_RESET);
		return;
	}
	if (d->state == TCP_STATE_CLOSED) {
		if (p->payload_len || (flags & (TCP_SYN | TCP_FIN)))
			FX_SET(d->anomalies, TCP_STATES_AFTER_TEARDOWN);
		return;
	}
	if (d->state == TCP_STATE_NEW) {
		if (flags & TCP_SYN) {
			d->first_seq = p->tcp_seq;
			d->fin_ack = p->tcp_seq + 1 + p->payload_len;
			FX_SET(d->progress, TCP_STATES_SYN_SEEN);
			if ((flags & TCP_ACK) && !tcp_states_acks_syn(o, p->tcp_ack))
				tcp_states_establish(d, o, TCP_STATES_BAD_ESTABLISHMENT);
		} else if ((d->progress & o->progress & TCP_STATES_SYN_SEEN) && (flags & TCP_ACK) &&
		           (__s32)(p->tcp_ack - (o->first_seq + 1)) >= 0) {
			tcp_states_establish(d, o, 0);
		} else {
			tcp_states_establish(d, o, TCP_STATES_BAD_ESTABLISHMENT);
		}
	} else if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		/* established or closing; a SYN-ACK may be a retransmission whose ACK was lost */
		FX_SET(d->anomalies, TCP_STATES_BAD_FLAGS);
	}
	if (flags & TCP_FIN) {
		if (!(o->progress & TCP_STATES_SEEN))
			FX_SET(d->anomalies, TCP_STATES_EVIL);
		d->fin_ack = p->tcp_seq + !!(flags & TCP_SYN) + p->payload_len + 1;
		d->state = TCP_STATE_CLOSING;
		FX_SET(d->progress, TCP_STATES_FIN_SEEN);
	}
	if ((o->progress & TCP_STATES_FIN_SEEN) && (flags & TCP_ACK) && (__s32)(p->tcp_ack - o->fin_ack) >= 0) {
		FX_SET(o->progress, TCP_STATES_FIN_ACKED);
		if (d->progress & TCP_STATES_FIN_ACKED) {
			d->state = TCP_STATE_CLOSED;
			o->state = TCP_STATE_CLOSED;
		}
	}
}

FX_INLINE __u32 tcp_states_timeout_ms(__u32 state, const volatile struct tcp_states_config *config)
{
	switch (state) {
	case TCP_STATE_NEW: return config->new_ms;
	case TCP_STATE_ESTABLISHED: return config->established_ms;
	case TCP_STATE_CLOSING: return config->closing_ms;
	case TCP_STATE_CLOSED: return config->closed_ms;
	default: return config->reset_ms;
	}
}

FX_INLINE __u32 tcp_states_on_packet(struct tcp_states_state *s, struct flow_record *r, const struct packet *p,
                                     const struct packet_step *step, const volatile struct tcp_states_config *config)
{
	__u32 direction = step->direction & 1;
	struct tcp_states_dir *d = &s->dir[direction], *o = &s->dir[direction ^ 1];

	if (!(p->flags & PACKET_HAS_TCP))
		return PLUGIN_CONTINUE;
	tcp_states_advance(d, o, p);
	FX_SET(d->progress, TCP_STATES_SEEN);
	r->dir[direction].timeout_ms = tcp_states_timeout_ms(d->state, config);
	if (r->dir[direction ^ 1].packets)
		r->dir[direction ^ 1].timeout_ms = tcp_states_timeout_ms(o->state, config);
	return PLUGIN_CONTINUE;
}

FX_INLINE void tcp_states_packet_state_from(struct tcp_states_packet_state *out, const struct tcp_states_state *s,
                                            const struct flow_record *r, const struct packet *p,
                                            const struct packet_step *step,
                                            const volatile struct tcp_states_config *config)
{
	(void)r;
	(void)p;
	(void)config;
	out->anomalies = s->dir[step->direction & 1].anomalies;
	for (int i = 0; i < 7; i++)
		out->pad[i] = 0;
}

#endif
