/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tcp_win, kernel half: how often a direction's raw TCP window fell below the threshold (T2 tutorial tcpWin). */
#ifndef FLOWXDP_TCP_WIN_BPF_H
#define FLOWXDP_TCP_WIN_BPF_H

#include "plugin_half.h"

struct tcp_win_config {
	__u32 threshold; /* a packet counts when its raw 16-bit window is below; 1 = zero windows alone */
	__u32 force_at;  /* end the flow when a direction's count reaches this; 0 = never */
	__u32 alarm_at;  /* packet-exact alarm when a direction's count reaches this; 0 = never */
	__u32 reserved;
};

#define TCP_WIN_STAT_BELOW 0x01u

struct tcp_win_dir {
	__u32 below;   /* tcpWinThCnt */
	__u32 packets; /* TCP packets with a readable window */
	__u8 stat;     /* tcpWinStat */
	__u8 pad[3];
};

struct tcp_win_state {
	struct tcp_win_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct tcp_win_state) == 24, "slot size");

struct tcp_win_packet_state {
	__u32 below; /* running count of the direction, this packet included */
	__u16 window;
	__u8 valid;  /* 0: not TCP, a later fragment, or the header is cut: cells stay empty */
	__u8 pad;
};

FX_INLINE __u32 tcp_win_on_packet(struct tcp_win_state *s, struct flow_record *r, const struct packet *p,
                                  const struct packet_step *step, const volatile struct tcp_win_config *config)
{
	struct tcp_win_dir *d = &s->dir[step->direction & 1];
	__u32 verdict = PLUGIN_CONTINUE;

	(void)r;
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
                                         const struct flow_record *r, const struct packet *p,
                                         const struct packet_step *step, const volatile struct tcp_win_config *config)
{
	(void)r;
	(void)config;
	out->below = s->dir[step->direction & 1].below;
	out->window = p->tcp_window;
	out->valid = !!(p->flags & PACKET_HAS_TCP);
	out->pad = 0;
}

#endif
