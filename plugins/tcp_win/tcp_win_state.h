/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tcp_win_state.h - options and state of tcp_win's kernel half; tcp_geo_win and tests read the state, too. */
#ifndef FLOWXDP_TCP_WIN_STATE_H
#define FLOWXDP_TCP_WIN_STATE_H

#include "flowxdp/compat.h"

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

#endif
