/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tunnel_config.h - which tunnels a run tries to enter: UDP ports with the kind of their inner header, and whether IP in IP, GRE and
 * the like are entered. Part of flow_config; all zero = none.
 */
#ifndef FLOWXDP_TUNNEL_CONFIG_H
#define FLOWXDP_TUNNEL_CONFIG_H

#include "compat.h"
#include "header.h"

#define TUNNEL_PORTS_MAX 32u

enum tunnel_flag {
	TUNNEL_OVER_IP = 1, /* GRE, IPv4 and IPv6 in IP, EtherIP, MPLS in IP, Ethernet in IPv6 (SRv6) */
};

struct tunnel_port {
	__u16 port; /* host order; 0 = unused, as are all later ones */
	__u16 kind; /* enum header_kind, or an Ethertype */
};

struct tunnel_config {
	__u64 endings[4]; /* bit n: the low byte of a port is n. Checked first, because most ports are no tunnel's */
	__u32 flags;      /* enum tunnel_flag */
	__u32 pad;
	struct tunnel_port ports[TUNNEL_PORTS_MAX];
};
FX_STATIC_ASSERT(sizeof(struct tunnel_config) == 168, "the same in every bundle");

/* Tunnels by their names on the command line: X(name, header kind, ports), ports as in Tranalyzer2. */
#define FX_TUNNEL(X)                                                             \
	X(vxlan, HEADER_KIND_VXLAN, 4789, 4790, 8472)  /* RFC 7348; 4790: GPE */  \
	X(geneve, HEADER_KIND_GENEVE, 6081)            /* RFC 8926 */             \
	X(gtp, HEADER_KIND_GTP, 2152, 2123, 3386)      /* TS 29.281, 29.060 */    \
	X(l2tp, HEADER_KIND_L2TP, 1701)                /* RFC 2661 */             \
	X(teredo, HEADER_KIND_TEREDO, 3544)            /* RFC 4380 */             \
	X(ayiya, HEADER_KIND_AYIYA, 5072)                                        \
	X(capwap, HEADER_KIND_CAPWAP, 5247)            /* RFC 5415, data */       \
	X(lwapp, HEADER_KIND_LWAPP, 12222)             /* RFC 5412 */             \
	X(mpls, 0x8847, 6635)                          /* RFC 7510 */

/* Adds a port. Returns 0 when there is no room, or when the port has a tunnel already. */
FX_INLINE int tunnel_config_add(struct tunnel_config *c, __u32 port, __u32 kind)
{
	__u32 i = 0;

	while (i < TUNNEL_PORTS_MAX && c->ports[i].port && c->ports[i].port != port)
		i++;
	if (!port || i == TUNNEL_PORTS_MAX || c->ports[i].port)
		return 0;
	c->ports[i].port = (__u16)port;
	c->ports[i].kind = (__u16)kind;
	c->endings[(port >> 6) & 3] |= 1ULL << (port & 63);
	return 1;
}

#ifndef __bpf__
/* Every tunnel, at its default ports. */
FX_INLINE struct tunnel_config tunnel_config_default(void)
{
	struct tunnel_config c;

	memset(&c, 0, sizeof(c));
	c.flags = TUNNEL_OVER_IP;
#define X(name, kind, ...)                                                              \
	{                                                                               \
		const __u16 ports[] = {__VA_ARGS__};                                    \
		for (__u32 i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)            \
			tunnel_config_add(&c, ports[i], kind);                          \
	}
	FX_TUNNEL(X)
#undef X
	return c;
}
#endif

#endif
