/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet_need.h - the packets that user halves want, as a table: protocol, ports, the first packets of a direction, bytes. The host
 * fills it before the first packet from what the enabled user halves declare (plugin.h, fx_packet_need). The kernel has it in
 * .rodata, so the verifier follows entries that are there and no others.
 */
#ifndef FLOWXDP_PACKET_NEED_H
#define FLOWXDP_PACKET_NEED_H

#include "compat.h"
#include "flow_status.h"
#include "packet.h"

/* Entries of all user halves; one bit each in packet_step.needs. */
#define PACKET_NEEDS_MAX 32u

enum packet_need_flag {
	PACKET_NEED_STREAM = 1,  /* for the byte stream of a direction: SYNs, and packets with payload */
	PACKET_NEED_PAYLOAD = 2, /* packets that claim L7 payload */
	PACKET_NEED_ALARMED = 4, /* of flows with the packet-exact alarm */
	PACKET_NEED_OPTIONS = 8, /* TCP: SYNs, and segments with a multipath option */
};

#define TCP_OPTION_MPTCP (1u << 30) /* in tcp_options: option kind 30 (RFC 8684) */

struct packet_need {
	__u16 port_first, port_last; /* one of both ports is in this range; 0, 0 = any */
	__u16 ethertype;             /* of frames without a usable IP header; 0 = IP packets */
	__u16 first_packets;         /* of a flow's direction; 0 = all */
	__u16 payload_bytes;         /* of L7, at most PACKET_MAX_PAYLOAD */
	__u8 ip_proto;               /* 0 = any */
	__u8 first_layer;            /* where the bytes begin: 7, 4 or 3 */
	__u32 flags;                 /* enum packet_need_flag */
};
FX_STATIC_ASSERT(sizeof(struct packet_need) == 16, "one entry");

struct packet_needs {
	__u32 count;
	__u32 first_packets; /* a packet of a direction beyond these meets no entry; 0 = no such bound */
	struct packet_need need[PACKET_NEEDS_MAX];
	__u64 reserved;
};

/* An entry's first or second half. */
FX_INLINE __u64 packet_need_word(FX_CONFIG struct packet_need *n, __u32 i)
{
#ifdef __bpf__
	return ((FX_CONFIG __u64 *)n)[i];
#else
	__u64 word;

	__builtin_memcpy(&word, (const __u8 *)n + i * sizeof(word), sizeof(word));
	return word;
#endif
}

/* Does a port lie in the entry's range? */
FX_INLINE __u32 packet_need_port(const struct packet *p, const struct packet_need *n)
{
	return (p->src_port >= n->port_first && p->src_port <= n->port_last) ||
	       (p->dst_port >= n->port_first && p->dst_port <= n->port_last);
}

/*
 * Does the nth packet of a direction, which has this flowStat, meet an entry? The entry comes as its two words: 6.18: 337 k verified
 * instructions with everything and a full table, because the steps were followed for each entry; cure: FX_CHECKED_ONCE, and a pointer
 * into a read-only map cannot be its argument.
 */
FX_CHECKED_ONCE int packet_need_met(const struct packet *p, __u64 packet_no, __u64 status, __u64 word0, __u64 word1)
{
	struct packet_need entry;
	const struct packet_need *n = &entry;

	if (!p)
		return 0;
	__builtin_memcpy(&entry, &word0, sizeof(word0));
	__builtin_memcpy((__u8 *)&entry + sizeof(word0), &word1, sizeof(word1));
	if (n->ethertype ? p->ip_version || p->ethertype != n->ethertype : !p->ip_version)
		return 0;
	if (n->ip_proto && p->ip_proto != n->ip_proto)
		return 0;
	if (n->first_packets && packet_no > n->first_packets)
		return 0;
	if (n->port_last && !packet_need_port(p, n))
		return 0;
	if ((n->flags & PACKET_NEED_STREAM) && !p->payload_len && !(p->tcp_flags & TCP_SYN))
		return 0;
	if ((n->flags & PACKET_NEED_PAYLOAD) && !p->payload_len)
		return 0;
	if ((n->flags & PACKET_NEED_OPTIONS) && !(p->tcp_flags & TCP_SYN) && !(p->tcp_options & TCP_OPTION_MPTCP))
		return 0;
	return !(n->flags & PACKET_NEED_ALARMED) || (status & FS(ALARM));
}

#endif
