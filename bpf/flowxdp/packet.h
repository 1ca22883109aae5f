/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - one frame as the sensor sees it: what came with it (frame_meta) and what was parsed (packet).
 *
 * Both are ABI between the engines and the tests; sizes are asserted.
 */
#ifndef FLOWXDP_PACKET_H
#define FLOWXDP_PACKET_H

#include "compat.h"
#include "flow_status.h"
#include "header.h"

/* A header that starts after the first 1,500 bytes of a frame is not dissected. */
#define PACKET_MAX_HEADER_OFFSET 1500u
/* Headers dissected in a frame at most; then dissection ends (flowStat bit 43). */
#define PACKET_MAX_HEADERS 20u
/* Bytes of a frame that a program can read: the kernel's helper reads at no offset above 65,535 (6.1 and 6.18). */
#define FRAME_MAX_VISIBLE 65536u
/* Bytes of a frame that extraction keeps at most. */
#define FRAME_SNAP_MAX FRAME_MAX_VISIBLE
/* First bytes of an egress frame that are built for the filter (leaving.bpf.h): more than headers ever have. */
#define LEAVING_HEAD_BYTES 512u
/* Payload bytes that packet mode and payload plugins may see, counted from the start of L7. */
#define PACKET_MAX_PAYLOAD 16384u

/*
 * What the parser gets beside a frame's bytes. 32 bytes are the most that BPF_PROG_TEST_RUN takes as XDP metadata on 6.1. The link
 * step (userspace/link) strips the link header, and fills start_kind and link_headers.
 */
struct frame_meta {
	__s64 ts_ns;            /* capture time stamp, ns since the epoch (live: boot clock, ns) */
	__s64 clock_ns;         /* the packet clock after this packet, clock.h */
	__u32 wire_len;         /* bytes on the wire, the stripped link header not included */
	__u32 cap_len;          /* bytes captured, likewise; never more than can be read */
	__u32 if_id;            /* interface: pcapng interface number, live ifindex */
	__u16 start_kind;       /* enum header_kind of the first byte */
	__u8 link_headers[2];   /* enum header_id of stripped link headers, outer first; 0 = none. The second one may have
	                         * FRAME_META_MATCHES beside it */
};
FX_STATIC_ASSERT(sizeof(struct frame_meta) == 32, "fits XDP metadata on 6.1");
/* The frame matches the expression of -e matching. Header ids are smaller. */
#define FRAME_META_MATCHES 0x80u

/*
 * The parsed packet. Numbers are host order, addresses network order. IPv4 is held v4-mapped (RFC 4291 2.5.5.2).
 * Offsets count from the first byte after the stripped link header. A comment says when a field is valid; at other times those of the
 * last group hold what an earlier packet left there, because clearing them would cost each packet more than parsing them.
 */
struct packet {
	/* set by packet_clear() */
	__s64 ts_ns, clock_ns;  /* as in frame_meta */
	__u64 packet_no;        /* ordinal in the input, from 1; 0 = live without packet mode */
	__u32 wire_len, cap_len, if_id;
	__u32 enclosing_end;    /* parser: where the headers so far say that the frame ends; at most wire_len */

	/* cleared by packet_clear() */
	__u64 status;           /* flowStat bits this packet raises */
	__u8 headers[HEADER_STACK_BYTES];
	__u32 cursor;           /* parser: next kind << 16 | next offset */
	__u32 l3_offset;
	__u32 l3_end;           /* where the IP header says that its datagram ends: a claim, may be more than wire_len */
	__u32 l4_offset;
	__u32 l4_len;           /* claimed bytes from l4_offset to l3_end, 0 when the claim ends before */
	__u32 payload_offset, payload_len; /* L7: after the L4 header, claimed length */
	__u32 l2_header_len;    /* bytes before the innermost IP header; whole frame when there is none */
	__u32 tunnel_end;       /* parser: end of a UDP tunnel in which no usable IP header was found yet; 0 = none */
	__u32 tcp_seq;          /* valid with PACKET_HAS_TCP */
	__u32 tcp_options;      /* bit n: option kind n < 32 seen */
	__u32 fragment_id;      /* IPv4 identification or RFC 8200 4.5, host order */
	__u16 src_port, dst_port; /* 0 where the protocol has none or the header is cut */
	__u16 ethertype;        /* of the innermost payload; 0 when the link names none */
	__u16 vlan_id;          /* innermost VID, 0 = untagged */
	__u16 vlan_stack[3];    /* VIDs in order of appearance, the first three */
	__u16 ip_id;            /* IPv4 */
	__u16 fragment_offset;  /* units of 8 bytes, of the innermost fragmented header */
	__u16 tcp_window;       /* raw, unscaled; valid with PACKET_HAS_TCP */
	__u16 l4_checksum;
	__u16 flags;            /* enum packet_flag */
	__u16 pending_vlan;     /* parser: innermost VID after the last IP header; part of the key when another IP header follows */
	__u8 mac_src[6], mac_dst[6]; /* outermost Ethernet or 802.11 addresses; zero where the link has none */
	__u8 ip_version;        /* 4, 6, 0 = L2 flow */
	__u8 ip_proto;          /* last protocol or next header reached */
	__u8 ttl, tos;
	__u8 ip_header_len;     /* bytes, IPv4: with options */
	__u8 ip_flags;          /* IPv4: the three flag bits */
	__u8 tcp_flags;         /* valid with PACKET_HAS_TCP */
	__u8 tcp_header_len;
	__u8 headers_used;      /* bytes of headers[] in use */
	__u8 header_count;      /* numHdrs, repeats counted */
	__u8 vlan_count;        /* tags seen, may exceed 3 */
	__u8 mpls_count;
	__u8 steps;             /* parser: headers dissected so far */
	__u8 fragment_version;  /* 4 or 6: there is a fragmented header */
	union {
		__u8 icmp_type; /* valid with PACKET_HAS_ICMP */
		__u8 tcp_flags_high; /* valid with PACKET_HAS_TCP: the four bits before tcp_flags; the lowest is AE (RFC 9768) */
	};
	union {
		__u8 icmp_code; /* valid with PACKET_HAS_ICMP */
		__u8 tcp_option_count; /* TCP: options before the end of the list, NOPs included */
	};
	__u8 link_has_mac;
	__u8 parse_tcp_options; /* set before parsing: options of every segment, not of SYNs alone */
	__u8 ip_option[2];      /* only with parse_tcp_options. IPv4: the first two kinds other than NOP of the innermost
	                         * header; IPv6: first option type of the hop-by-hop, the destination header */
	__u8 ip_option_count;   /* see ip_option; IPv4: PACKET_IP_OPTION_BAD when one is malformed; IPv6: hop-by-hop
	                         * headers, and destination headers << 4 */
	__u8 tunnel_header;     /* enum header_id of the tunnel whose tunnel_id this is; 0 = none */
	__u8 pending_tunnel_header; /* parser: as pending_tunnel_id; 0 = none */
	__u8 has_transport;     /* parser: packet_parse_ports()' answer, where packet_parse_transport() comes later */

	/* neither set nor cleared by packet_clear() */
	__be32 src[4], dst[4];  /* ip_version != 0: the innermost usable IP header; else 0 */
	/* fragment_version != 0: the header that was fragmented (the outermost one, if several were) */
	__be32 fragment_src[4], fragment_dst[4];
	__u32 fragment_tunnel_id; /* tunnel_id when it was met */
	__u16 fragment_vlan;    /* vlan_id when it was met */
	__u8 fragment_proto;
	__u8 fragment_tunnel_header; /* tunnel_header when it was met */
	__u32 tunnel_id;        /* tunnel_header != 0: the VNI, TEID or GRE key of the innermost tunnel that has one */
	__u32 pending_tunnel_id; /* parser: of a tunnel in which no IP header was found yet */
	__u32 tcp_ack;          /* PACKET_HAS_TCP */
	__u32 tcp_ts_value, tcp_ts_echo; /* PACKET_HAS_TIMESTAMP */
	__u16 tcp_mss;          /* PACKET_HAS_MSS */
	__u8 tcp_window_scale;  /* PACKET_HAS_WSCALE */
	__u8 step_header;       /* parser: id of the header the last step dissected */
	__u16 option_cursor;    /* parser: offset of the next TCP option */
	/* parser, tunnel_end != 0: what it was before the tunnel that is being tried */
	__u16 tunnel_kind;      /* enum header_kind of that tunnel */
	__u64 tunnel_status;
	__u16 tunnel_flags;
	__u8 tunnel_headers_used, tunnel_header_count;
	__u8 tunnel_vlan_count, tunnel_mpls_count;
	__u8 tunnel_link_has_mac;
	__u8 pad2;
};
#define PACKET_IP_OPTION_BAD 0x80u
FX_STATIC_ASSERT(sizeof(struct packet) % 8 == 0, "compared by words");
#define PACKET_CLEARED_AT offsetof(struct packet, status)
#define PACKET_CLEARED_BYTES (offsetof(struct packet, src) - PACKET_CLEARED_AT)
FX_STATIC_ASSERT(PACKET_CLEARED_BYTES % 8 == 0, "cleared by words");
FX_STATIC_ASSERT(sizeof(struct packet) == 296, "ABI of tests and engines");

enum packet_flag {
	PACKET_HAS_PORTS = 1,       /* both ports were captured */
	PACKET_HAS_TCP = 2,         /* flags and window were captured and the header length is sane */
	PACKET_LATER_FRAGMENT = 4,  /* offset > 0: carries no L4 header */
	PACKET_FIRST_FRAGMENT = 8,  /* offset 0 and more follow */
	PACKET_LAST_FRAGMENT = 16,  /* offset > 0 and none follows */
	PACKET_HAS_WSCALE = 32,
	PACKET_HAS_MSS = 64,
	PACKET_HAS_TIMESTAMP = 128,
	PACKET_NO_FLOW = 256,       /* shorter than its L2 header: counted, not attributed */
	PACKET_BAD_TCP_OPTION = 512,
	PACKET_IP_OPTIONS = 1024,
	PACKET_LLC = 2048,          /* the frame's payload is IEEE 802.2 LLC */
	PACKET_HAS_ICMP = 4096,     /* ICMP or ICMPv6: type and code were captured */
	PACKET_FRAGMENT_COLLISION = 8192, /* a first fragment that took the slot of another datagram (fragment.h) */
	PACKET_MORE_SUBFRAMES = 16384,    /* 802.11 A-MSDU: others follow the subframe that was dissected */
	PACKET_MATCHES = 32768,     /* its frame matches the expression of -e matching */
};

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

/* Padding of one frame: wire length less what the L3 header claims; ARP 28 bytes. Frames above 64 bytes have none. */
FX_INLINE __s64 packet_pad_bytes(const struct packet *p)
{
	if (p->wire_len > 64)
		return 0;
	if (p->ip_version)
		return (__s64)p->wire_len - (__s64)p->l3_end;
	if (p->ethertype == 0x0806 && p->wire_len >= 42)
		return (__s64)p->wire_len - 14 - 4 * (__s64)p->vlan_count - 28;
	return 0;
}

/* Octets of a packet in its flow: what the IP header claims; for L2 flows what was on the wire. */
FX_INLINE __u32 packet_octets(const struct packet *p)
{
	if (!p->ip_version)
		return p->wire_len;
	return fx_rest(p->l3_end, p->l3_offset);
}

#endif
