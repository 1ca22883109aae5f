/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h - the packet clock: the only time that ends flows.
 *
 * It follows the time stamps. It does not run back when they do by up to a minute (jitter); it steps back when they do by more
 * (another file, a clock that was reset). Before a step back both engines end the flows that are due at the old clock.
 */
#ifndef FLOWXDP_CLOCK_H
#define FLOWXDP_CLOCK_H

#include "compat.h"

#define CLOCK_STEP_BACK_NS 60000000000LL

struct packet_clock {
	__s64 now_ns;
	__u8 started;
};

/* Advances the clock to a packet's time stamp. Returns 1 when it stepped back (*before is then the old clock), else 0. */
FX_INLINE int packet_clock_advance(struct packet_clock *c, __s64 ts_ns, __s64 *before)
{
	if (!c->started) {
		c->started = 1;
		c->now_ns = ts_ns;
		return 0;
	}
	*before = c->now_ns;
	if (ts_ns < c->now_ns - CLOCK_STEP_BACK_NS) {
		c->now_ns = ts_ns;
		return 1;
	}
	if (ts_ns > c->now_ns)
		c->now_ns = ts_ns;
	return 0;
}

#endif
