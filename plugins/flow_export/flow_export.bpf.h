/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flow_export, kernel half: what flow exporters report and no plugin of T2 has as a column. */
#ifndef FLOWXDP_FLOW_EXPORT_BPF_H
#define FLOWXDP_FLOW_EXPORT_BPF_H

#include "flowxdp/plugin_half.h"

struct flow_export_config {
	__u64 reserved;
};

struct flow_export_dir {
	__u32 ip_len_min, ip_len_max; /* bytes, as IP headers claim; 0 for L2 flows */
	__u8 ttl_min, ttl_max;
	__u8 tcp_flags;               /* or-ed */
	__u8 tos;                     /* of the first packet (IPFIX 5) */
	__u8 tcp_flags_high;          /* or-ed: AE and the three reserved bits */
	__u8 icmp_type, icmp_code;    /* of the first packet that has them */
	__u8 has_icmp;                /* 1: icmp_type and icmp_code are set */
};

struct flow_export_state {
	struct flow_export_dir dir[2];
};
FX_STATIC_ASSERT(sizeof(struct flow_export_state) == 32, "slot size");

FX_INLINE __u32 flow_export_on_packet(struct flow_export_state *s, struct no_cold *cold, struct flow_record *r,
                                      const struct packet *p, const struct packet_step *step,
                                      const volatile struct flow_export_config *config)
{
	struct flow_export_dir *d = &s->dir[step->direction & 1];
	__u32 len = p->ip_version ? packet_octets(p) : 0;

	(void)cold;
	(void)r;
	(void)config;
	if (step->first) {
		d->ip_len_min = len;
		d->ip_len_max = len;
		d->ttl_min = p->ttl;
		d->ttl_max = p->ttl;
		d->tos = p->tos;
	}
	if (len < d->ip_len_min)
		d->ip_len_min = len;
	if (len > d->ip_len_max)
		d->ip_len_max = len;
	if (p->ttl < d->ttl_min)
		d->ttl_min = p->ttl;
	if (p->ttl > d->ttl_max)
		d->ttl_max = p->ttl;
	if (p->flags & PACKET_HAS_TCP) {
		FX_SET(d->tcp_flags, p->tcp_flags);
		FX_SET(d->tcp_flags_high, p->tcp_flags_high);
	}
	if ((p->flags & PACKET_HAS_ICMP) && !d->has_icmp) {
		d->icmp_type = p->icmp_type;
		d->icmp_code = p->icmp_code;
		d->has_icmp = 1;
	}
	return PLUGIN_CONTINUE;
}

#endif
