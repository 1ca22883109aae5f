/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* basic_stats, kernel half: L7 sizes and inter-arrival times of each direction, as exact integer sums. */
#ifndef FLOWXDP_BASIC_STATS_BPF_H
#define FLOWXDP_BASIC_STATS_BPF_H

#include "flowxdp/plugin_half.h"

struct basic_stats_config {
	__u64 reserved;
};

struct basic_stats_dir {
	__u64 l7_bytes;
	__u64 l7_square_sum;
	__u64 interval_sum_ns;
	__u64 interval_square_lo, interval_square_hi; /* 128-bit sum of squares; BPF has no 128-bit product */
	__u64 interval_max_ns;
	__s64 pad_bytes;
	__u32 l7_min, l7_max;
};

struct basic_stats_state {
	struct basic_stats_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct basic_stats_state) == 128, "slot size");

#define BASIC_STATS_HAS_PACKET_STATE

/* What basic_stats adds to a packet row; bytes. */
struct basic_stats_packet_state {
	__s32 pad_bytes;
	__u32 reserved;
};

/* hi:lo += v * v, by 32-bit limbs. Most intervals have one: they are below 4.3 s. */
FX_INLINE void basic_stats_add_square(__u64 *lo, __u64 *hi, __u64 v)
{
	__u64 h = v >> 32, l = v & 0xffffffffu, cross, sum = l * l;

	if (FX_UNLIKELY(h)) {
		cross = h * l;
		*hi += h * h + (cross >> 31);
		sum += cross << 33;
		if (sum < cross << 33)
			*hi += 1;
	}
	*lo += sum;
	if (*lo < sum)
		*hi += 1;
}

FX_INLINE __u32 basic_stats_on_packet(struct basic_stats_state *s, struct no_cold *cold, struct flow_record *r,
                                      const struct packet *p, const struct packet_step *step,
                                      const volatile struct basic_stats_config *config)
{
	struct basic_stats_dir *d = &s->dir[step->direction & 1];
	__u64 interval = (__u64)step->interval_ns;
	__u32 len = p->ip_version ? p->payload_len : 0;

	(void)cold;
	(void)r;
	(void)config;
	FX_HOLD(d);
	if (step->first || len < d->l7_min)
		d->l7_min = len;
	if (len > d->l7_max)
		d->l7_max = len;
	d->l7_bytes += len;
	d->l7_square_sum += (__u64)len * len;
	d->interval_sum_ns += interval;
	basic_stats_add_square(&d->interval_square_lo, &d->interval_square_hi, interval);
	if (interval > d->interval_max_ns)
		d->interval_max_ns = interval;
	d->pad_bytes += packet_pad_bytes(p);
	return PLUGIN_CONTINUE;
}

FX_INLINE void basic_stats_packet_state_from(struct basic_stats_packet_state *out, const struct basic_stats_state *s,
                                             const struct no_cold *cold, const struct flow_record *r,
                                             const struct packet *p, const struct packet_step *step,
                                             const volatile struct basic_stats_config *config)
{
	(void)cold;
	(void)s;
	(void)r;
	(void)step;
	(void)config;
	out->pad_bytes = (__s32)packet_pad_bytes(p);
	out->reserved = 0;
}

#endif
