/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tcp_win, kernel half: counts the packets of a direction whose raw TCP window is below the threshold (T2 tutorial tcpWin). */
#ifndef FLOWXDP_TCP_WIN_BPF_H
#define FLOWXDP_TCP_WIN_BPF_H

#include "flowxdp/plugin_half.h"
#include "tcp_win/tcp_win_state.h"

#define TCP_WIN_HAS_PACKET_STATE
struct tcp_win_packet_state {
	__u32 below; /* running count of the direction, this packet included */
	__u16 window;
	__u8 valid;  /* 0: not TCP, a later fragment, or the header is cut: cells stay empty */
	__u8 pad;
};

FX_INLINE __u32 tcp_win_on_packet(struct tcp_win_state *s, struct no_cold *cold, struct flow_record *r,
                                  const struct packet *p, const struct packet_step *step,
                                  const volatile struct tcp_win_config *config)
{
	struct tcp_win_dir *d = &s->dir[step->direction & 1];
	__u32 verdict = PLUGIN_CONTINUE;

	(void)cold;
	(void)r;
	FX_HOLD(d);
	if (!(p->flags & PACKET_HAS_TCP))
		return verdict;
	d->packets++;
	if (p->tcp_window >= config->threshold)
		return verdict;
	d->below++;
	FX_SET(d->stat, TCP_WIN_STAT_BELOW);
	if (config->force_at && d->below == config->force_at)
		verdict |= PLUGIN_FORCE;
	if (config->alarm_at && d->below == config->alarm_at)
		verdict |= PLUGIN_ALARM;
	return verdict;
}

FX_INLINE void tcp_win_packet_state_from(struct tcp_win_packet_state *out, const struct tcp_win_state *s,
                                         const struct no_cold *cold, const struct flow_record *r,
                                         const struct packet *p, const struct packet_step *step,
                                         const volatile struct tcp_win_config *config)
{
	(void)cold;
	(void)r;
	(void)config;
	out->below = s->dir[step->direction & 1].below;
	out->window = p->tcp_window;
	out->valid = !!(p->flags & PACKET_HAS_TCP);
	out->pad = 0;
}

#endif
