/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * header.h - two number spaces for protocol headers.
 *
 * header kind (16 bits): what the parser's next step dissects. One space, so one switch:
 *     >= 0x0600          an Ethertype
 *     0x0100 | n         IP protocol number n
 *     0x0200 ...         link, tunnel and pseudo headers of our own (HEADER_KIND_*)
 *     0                  nothing follows
 *
 * header id (8 bits, 1..127): what was dissected, for hdrDesc. FX_HEADER(X): X(ID, "name in hdrDesc").
 */
#ifndef FLOWXDP_HEADER_H
#define FLOWXDP_HEADER_H

#include "compat.h"

#define HEADER_KIND_IP_PROTO 0x100u
#define HEADER_KIND_OF_PROTO(n) (HEADER_KIND_IP_PROTO | (n))

enum header_kind {
	HEADER_KIND_NONE = 0,
	HEADER_KIND_ETHERNET = 0x200,
	HEADER_KIND_LLC,         /* IEEE 802.2, also after Ethernet length fields, 802.11 data, ATM */
	HEADER_KIND_PPP,         /* RFC 1661, with or without address and control bytes */
	HEADER_KIND_ERSPAN2,
	HEADER_KIND_ERSPAN3,
	HEADER_KIND_VXLAN,       /* RFC 7348; also VXLAN-GPE, told by its P flag */
	HEADER_KIND_GENEVE,      /* RFC 8926 */
	HEADER_KIND_GTP,         /* 3GPP TS 29.060, 29.281: v0 and v1 user plane */
	HEADER_KIND_GTP_EXT,
	HEADER_KIND_L2TP,        /* RFC 2661 */
	HEADER_KIND_TEREDO,      /* RFC 4380 */
	HEADER_KIND_AYIYA,
	HEADER_KIND_CAPWAP,      /* RFC 5415 data channel */
	HEADER_KIND_LWAPP,       /* RFC 5412 */
	HEADER_KIND_DOT11,       /* IEEE 802.11 data frame, frame control as on the air */
	HEADER_KIND_DOT11_SWAPPED, /* the same with the two frame control bytes swapped (Cisco in CAPWAP) */
	HEADER_KIND_PSEUDOWIRE,  /* below the last MPLS label: RFC 4385 */
	HEADER_KIND_IP_BY_NIBBLE,/* raw IP: version told by the first nibble */
	HEADER_KIND_GRE_ROUTE,   /* RFC 1701 source route entries */
	HEADER_KIND_UNKNOWN,     /* a link header that names no protocol we know: an L2 flow */
	HEADER_KIND_ETHERNET_BRCM, /* Ethernet with a Broadcom switch tag between addresses and type */
	HEADER_KIND_ETHERNET_DSA,  /* the same with Marvell's tag */
	HEADER_KIND_ETHERNET_EDSA, /* the same with Marvell's tag after an Ethertype */
	HEADER_KIND_BRCM,        /* the tags themselves */
	HEADER_KIND_DSA,
	HEADER_KIND_DOT11_PADDED,  /* DOT11 with its header padded to four bytes (radiotap says so) */
};

#define FX_HEADER(X)                                                                                 \
	X(ETH, "eth") X(VLAN, "vlan") X(MPLS, "mpls") X(PPPOE, "pppoe") X(PPP, "ppp") X(LLC, "llc")  \
	X(SNAP, "snap") X(IPV4, "ipv4") X(IPV6, "ipv6") X(AH, "ah") X(ESP, "esp") X(GRE, "gre")      \
	X(ERSPAN, "erspan") X(ETHERIP, "etherip") X(UDP, "udp") X(UDPLITE, "udplite") X(TCP, "tcp")  \
	X(ICMP, "icmp") X(ICMPV6, "icmpv6") X(IGMP, "igmp") X(SCTP, "sctp") X(DCCP, "dccp")          \
	X(VXLAN, "vxlan") X(GENEVE, "geneve") X(GTP, "gtp") X(L2TP, "l2tp") X(TEREDO, "teredo")      \
	X(AYIYA, "ayiya") X(CAPWAP, "capwap") X(LWAPP, "lwapp") X(WLAN, "wlan") X(PW, "pw")          \
	X(PBB, "pbb") X(MACSEC, "macsec") X(NSH, "nsh") X(TRILL, "trill") X(CMD, "cmd") X(ARP, "arp") \
	X(RARP, "rarp") X(LLDP, "lldp") X(PPPOED, "pppoed") X(OSPF, "ospf") X(PIM, "pim")            \
	X(EIGRP, "eigrp") X(VRRP, "vrrp") X(WCCP, "wccp") X(SLL, "sll") X(SLL2, "sll2") X(RAW, "raw") \
	X(NULL, "null") X(LOOP, "loop") X(CHDLC, "chdlc") X(FR, "fr") X(RADIOTAP, "radiotap")        \
	X(PRISM, "prism") X(PPI, "ppi") X(AVS, "avs") X(PKTAP, "pktap") X(TOKENRING, "tr")           \
	X(FDDI, "fddi") X(ATM, "atm") X(IPOIB, "ipoib") X(IPNET, "ipnet") X(NFLOG, "nflog")          \
	X(PFLOG, "pflog") X(ENC, "enc") X(DSA, "dsa") X(BRCM, "brcm") X(MPACKET, "mpacket")          \
	X(IPFC, "ipfc") X(SUNATM, "sunatm") X(JUNIPER, "juniper") X(VNTAG, "vntag") X(ETAG, "etag")   \
	X(HSR, "hsr") X(RTAG, "rtag") X(ARISTA, "arista") X(FABRICPATH, "fabricpath")                     \
	X(UNKNOWN_ETHERTYPE, "UNK") X(UNKNOWN_PROTO, "UNK")

enum header_id {
	HEADER_NONE = 0,
#define X(id, name) HEADER_##id,
	FX_HEADER(X)
#undef X
	HEADER_COUNT
};
FX_STATIC_ASSERT(HEADER_COUNT < 128, "bit 7 of a header code marks a repeat count");

/*
 * Header stack: 16 bytes of run-length codes, outer to inner, zero padded.
 *   1..127          a header id; UNKNOWN_* is followed by two bytes: Ethertype or protocol number, big endian
 *   0x80 | n        the header before it stands n times (2 <= n <= 127); only vlan and mpls repeat
 */
#define HEADER_STACK_BYTES 16u

#endif
