/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * totals.h - sums over all packets with a flow, for the end report.
 *
 * The native engine has one, the kernel one for each CPU; totals_merge() adds them up.
 */
#ifndef FLOWXDP_TOTALS_H
#define FLOWXDP_TOTALS_H

#include "compat.h"
#include "flow_status.h"
#include "packet.h"

struct packets_bytes {
	__u64 packets;
	__u64 bytes; /* captured */
};

struct packet_totals {
	/* What each packet adds to comes first: few cache lines. */
	struct packets_bytes direction[2];    /* A, B by the INVERTED bit at packet time; L2 packets included */
	__u64 wire_bytes;
	__u64 full_bytes;       /* L2 header and IP length of IP packets, T2's "full bandwidth" */
	__s64 pad_bytes;        /* Ethernet trailer padding of frames of at most 64 bytes */
	__u64 ipv4_packets, ipv6_packets;
	__u64 header_count_sum;
	__u64 status;           /* flowStat of all packets or-ed */
	__u32 header_count_min, header_count_max;
	__u32 vlan_count_max, mpls_count_max;
	__u64 snapped_packets;  /* fewer bytes captured than on the wire */
	struct packets_bytes ip_proto[256];   /* by the innermost IP protocol */
	struct packets_bytes arp, rarp, llc;
	__u64 l2_packets;
	__u64 gre_packets, teredo_packets, ayiya_packets, ipv4_fragments, ipv6_fragments;
};

FX_INLINE void totals_add(struct packet_totals *t, const struct packet *p, __u32 direction, __u64 status)
{
	struct packets_bytes *d = &t->direction[direction & 1], *proto;
	__u32 n = p->header_count;

	FX_HOLD(d);
	d->packets++;
	d->bytes += p->cap_len;
	t->wire_bytes += p->wire_len;
	t->header_count_sum += n;
	if (n < t->header_count_min || !t->header_count_min)
		t->header_count_min = n;
	if (n > t->header_count_max)
		t->header_count_max = n;
	t->status |= status;
	if (p->cap_len < p->wire_len)
		t->snapped_packets++;
	if (FX_UNLIKELY(p->wire_len <= 64))
		t->pad_bytes += packet_pad_bytes(p);
	if (FX_LIKELY(p->ip_version)) {
		proto = &t->ip_proto[p->ip_proto];
		FX_HOLD(proto);
		proto->packets++;
		proto->bytes += p->cap_len;
		t->full_bytes += p->l3_end;
		if (p->ip_version == 4)
			t->ipv4_packets++;
		else
			t->ipv6_packets++;
		if (FX_UNLIKELY(status & (FS(GRE) | FS(TEREDO) | FS(AYIYA) | FS(FRAGMENT)))) {
			if (p->status & FS(GRE))
				t->gre_packets++;
			if (p->status & FS(TEREDO))
				t->teredo_packets++;
			if (p->status & FS(AYIYA))
				t->ayiya_packets++;
			if (p->status & FS(FRAGMENT)) {
				if (p->ip_version == 4)
					t->ipv4_fragments++;
				else
					t->ipv6_fragments++;
			}
		}
	} else {
		t->l2_packets++;
		if (p->status & FS(ARP)) {
			t->arp.packets++;
			t->arp.bytes += p->cap_len;
		} else if (p->status & FS(RARP)) {
			t->rarp.packets++;
			t->rarp.bytes += p->cap_len;
		} else if (p->flags & PACKET_LLC) {
			t->llc.packets++;
			t->llc.bytes += p->cap_len;
		}
	}
	if (FX_UNLIKELY(p->vlan_count > t->vlan_count_max))
		t->vlan_count_max = p->vlan_count;
	if (FX_UNLIKELY(p->mpls_count > t->mpls_count_max))
		t->mpls_count_max = p->mpls_count;
}

FX_INLINE void packets_bytes_merge(struct packets_bytes *to, const struct packets_bytes *from)
{
	to->packets += from->packets;
	to->bytes += from->bytes;
}

/* *to += *from. */
FX_INLINE void totals_merge(struct packet_totals *to, const struct packet_totals *from)
{
	for (int i = 0; i < 2; i++)
		packets_bytes_merge(&to->direction[i], &from->direction[i]);
	for (int i = 0; i < 256; i++)
		packets_bytes_merge(&to->ip_proto[i], &from->ip_proto[i]);
	packets_bytes_merge(&to->arp, &from->arp);
	packets_bytes_merge(&to->rarp, &from->rarp);
	packets_bytes_merge(&to->llc, &from->llc);
	to->wire_bytes += from->wire_bytes;
	to->full_bytes += from->full_bytes;
	to->pad_bytes += from->pad_bytes;
	to->l2_packets += from->l2_packets;
	to->ipv4_packets += from->ipv4_packets;
	to->ipv6_packets += from->ipv6_packets;
	to->gre_packets += from->gre_packets;
	to->teredo_packets += from->teredo_packets;
	to->ayiya_packets += from->ayiya_packets;
	to->ipv4_fragments += from->ipv4_fragments;
	to->ipv6_fragments += from->ipv6_fragments;
	to->snapped_packets += from->snapped_packets;
	to->header_count_sum += from->header_count_sum;
	to->status |= from->status;
	if (from->header_count_min && (!to->header_count_min || from->header_count_min < to->header_count_min))
		to->header_count_min = from->header_count_min;
	if (from->header_count_max > to->header_count_max)
		to->header_count_max = from->header_count_max;
	if (from->vlan_count_max > to->vlan_count_max)
		to->vlan_count_max = from->vlan_count_max;
	if (from->mpls_count_max > to->mpls_count_max)
		to->mpls_count_max = from->mpls_count_max;
}

#endif
