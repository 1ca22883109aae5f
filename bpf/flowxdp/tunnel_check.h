/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tunnel_check.h - whether a UDP payload is the tunnel that its port announces. A port proves nothing, because clients draw their ports
 * from the same numbers. So the parser tries: it saves its state, parses the inner headers, and
 *   - enters the tunnel at the first usable IP header whose length fills the UDP payload and whose own checks hold, or
 *   - leaves it: it restores the state, and the packet is the outer UDP packet.
 */
#ifndef FLOWXDP_TUNNEL_CHECK_H
#define FLOWXDP_TUNNEL_CHECK_H

#include "header_stack.h"
#include "parse_step.h"
#include "tunnel_config.h"

/*
 * Ports below belong to services (IANA: system ports). A packet from such a port is a service's answer to a client's port. Port 0 is
 * nobody's: a sender that expects no answer may use it (RFC 768), as tunnels' senders do.
 */
#define TUNNEL_FIRST_CLIENT_PORT 1024u
/* Bytes allowed after an Ethernet header in a tunnel: the minimum payload of an Ethernet frame, and its check sequence. */
#define TUNNEL_PADDED_BYTES (46u + 4u)

/* tunnel_end of a tunnel whose inner frame is fragmented: its end is not in this packet. */
#define PACKET_END_UNKNOWN 0xffffffffu

/* Kind of the header that a UDP port announces; HEADER_KIND_NONE when no tunnel uses the port. */
FX_INLINE __u32 tunnel_kind_of_port(FX_CONFIG struct tunnel_config *c, __u32 port)
{
	if (FX_LIKELY(!(c->endings[(port >> 6) & 3] >> (port & 63) & 1)))
		return HEADER_KIND_NONE;
	FX_UNROLL
	for (__u32 i = 0; i < TUNNEL_PORTS_MAX; i++)
		if (c->ports[i & (TUNNEL_PORTS_MAX - 1)].port == port)
			return c->ports[i & (TUNNEL_PORTS_MAX - 1)].kind;
	return HEADER_KIND_NONE;
}

/*
 * Begins to try the tunnel of the UDP header at offset; the UDP header is not in the stack yet. Returns the kind of the inner header,
 * or HEADER_KIND_NONE when no tunnel is announced: the destination port must be a tunnel's. For Teredo the source port may be, because
 * its servers and relays answer a client at the port that the client drew (RFC 4380 5.3).
 */
FX_INLINE __u32 packet_try_tunnel(FX_CONFIG struct tunnel_config *c, __u32 src_port, __u32 dst_port, __u32 offset,
                                  __u32 length, struct packet *p)
{
	/* Verifier: each port of the list is followed to the end; cure: FX_OPAQUE. */
	FX_OPAQUE(p->tunnel_kind) = (__u16)tunnel_kind_of_port(c, dst_port);
	if (FX_LIKELY(!FX_OPAQUE(p->tunnel_kind))) {
		FX_OPAQUE(p->tunnel_kind) = (__u16)tunnel_kind_of_port(c, src_port);
		if (FX_LIKELY(FX_OPAQUE(p->tunnel_kind) != HEADER_KIND_TEREDO)) {
			p->tunnel_kind = HEADER_KIND_NONE;
			return HEADER_KIND_NONE;
		}
	}
	if (src_port && src_port < TUNNEL_FIRST_CLIENT_PORT && !tunnel_kind_of_port(c, src_port))
		return HEADER_KIND_NONE;

	__u32 content_end = offset + length;

	if (!length || p->wire_len > 0xffff) /* RFC 2675, or a buffer that is cut into segments later: more than 16 bits can say */
		content_end = p->enclosing_end;
	else if (length < 8 || (content_end > p->l3_end && !(p->flags & PACKET_FIRST_FRAGMENT)))
		return HEADER_KIND_NONE;
	packet_enclose(p, content_end);

	__u32 used = FX_OPAQUE(p->headers_used);

	p->tunnel_status = p->status | (used < HEADER_STACK_BYTES ? 0 : FS(HEADERS_OVERRUN));
	p->tunnel_headers_used = (__u8)(used < HEADER_STACK_BYTES ? used + 1 : used);
	p->tunnel_header_count = (__u8)(p->header_count + 1);
	p->tunnel_vlan_count = p->vlan_count;
	p->tunnel_mpls_count = p->mpls_count;
	p->tunnel_flags = p->flags;
	p->tunnel_link_has_mac = p->link_has_mac;
	p->tunnel_end = content_end;
	return FX_OPAQUE(p->tunnel_kind);
}

/* No usable IP header was found inside. Restores what the packet was before the tunnel; the outer IP header stays. */
FX_INLINE void packet_leave_tunnel(struct packet *p)
{
	__u32 used = FX_OPAQUE(p->tunnel_headers_used), vlans = FX_OPAQUE(p->tunnel_vlan_count);

	p->tunnel_end = 0;
	p->status = p->tunnel_status;
	p->flags = p->tunnel_flags;
	p->headers_used = (__u8)used;
	p->header_count = p->tunnel_header_count;
	FX_UNROLL
	for (__u32 i = 0; i < HEADER_STACK_BYTES; i++)
		p->headers[i & (HEADER_STACK_BYTES - 1)] &= (__u8)~((__s32)(used - 1 - i) >> 31); /* no branch to follow */
	p->vlan_count = (__u8)vlans;
	if (vlans < 1)
		p->vlan_stack[0] = 0;
	if (vlans < 2)
		p->vlan_stack[1] = 0;
	if (vlans < 3)
		p->vlan_stack[2] = 0;
	p->pending_vlan = 0;
	p->pending_tunnel_header = 0;
	p->mpls_count = p->tunnel_mpls_count;
	if (!p->tunnel_link_has_mac) {
		__builtin_memset(p->mac_src, 0, sizeof(p->mac_src));
		__builtin_memset(p->mac_dst, 0, sizeof(p->mac_dst));
		p->link_has_mac = 0;
	}
}

/* Do the n bytes at offset, by the length field of a tunnel's header, fill the UDP payload? */
FX_INLINE int packet_fills_tunnel(const struct packet *p, __u32 offset, __u32 n)
{
	return p->wire_len > 0xffff || offset + n == p->tunnel_end;
}

/*
 * Does the IP datagram from offset to inner_end fill the tunnel? An Ethernet frame around it may be padded. A Teredo datagram may be
 * followed by trailers (RFC 6081 4; Windows sends them with bubbles), because its address prefix proves enough.
 */
FX_INLINE int packet_datagram_fills_tunnel(const struct packet *p, __u32 offset, __u32 inner_end)
{
	__u32 kind = FX_OPAQUE(p->tunnel_kind);

	if (inner_end == p->tunnel_end || p->tunnel_end == PACKET_END_UNKNOWN)
		return 1;
	if (inner_end > p->tunnel_end)
		return 0;
	return kind == HEADER_KIND_TEREDO ||
	       (p->tunnel_end - offset <= TUNNEL_PADDED_BYTES && kind != HEADER_KIND_GTP && kind != HEADER_KIND_AYIYA &&
	        kind != HEADER_KIND_L2TP);
}

/* Does the header's checksum hold (RFC 791 3.1)? 0: the device fills it in. Words that were not captured prove nothing. */
FX_INLINE int packet_ipv4_checks(const __u8 *data, const __u8 *end, __u32 offset, __u32 header_len, const struct packet *p)
{
	const __u8 *q = data + fx_bound(offset);
	__u32 sum = 0;

	if (offset + 20 > p->cap_len || q + 20 > end)
		return 0;
	if (!fx_load16(q + 10))
		return 1;
	for (int i = 0; i < 10; i++)
		sum += fx_load16(q + 2 * i);
	FX_UNROLL
	for (__u32 i = 0; i < 10; i++) {
		__u32 at = 20 + 4 * i;

		if (at < header_len) {
			q = data + fx_bound(offset + at);
			if (offset + at + 4 > p->cap_len || q + 4 > end)
				return 1;
			sum += fx_load16(q) + fx_load16(q + 2);
		}
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* Does the usable IPv4 header at offset prove the tunnel around it? */
FX_INLINE int packet_enter_tunnel4(const __u8 *data, const __u8 *end, __u32 offset, __u32 header_len, __u32 total_len,
                                   struct packet *p)
{
	__u32 inner_end = total_len ? offset + total_len : packet_unnamed_end(p, offset + header_len);

	if (p->tunnel_kind == HEADER_KIND_TEREDO || !packet_datagram_fills_tunnel(p, offset, inner_end) ||
	    !packet_ipv4_checks(data, end, offset, header_len, p))
		return 0;
	p->tunnel_end = 0;
	return 1;
}

/* RFC 4380 2.6, 5.2.1: a Teredo address (2001::/32) on one side, or a client that asks for one by its link-local address. */
FX_INLINE int ipv6_is_teredo(const __u8 *q)
{
	return fx_load32(q + 8) == 0x20010000 || fx_load32(q + 24) == 0x20010000 ||
	       (fx_load32(q + 8) == 0xfe800000 && !fx_load32(q + 12));
}

/* An address that IANA has allocated (IPv6 address space): ::/8, 2000::/3, 5f00::/16 (RFC 9602), fc00::/6. */
FX_INLINE int ipv6_is_allocated(__u32 first_word)
{
	return !(first_word >> 24) || first_word >> 29 == 1 || first_word >> 26 == 0xfc >> 2 || first_word >> 16 == 0x5f00;
}

/*
 * The same for the IPv6 header at q and offset. It has no checksum, but its source is never a multicast address (RFC 4291 2.7). After
 * MPLS, whose labels prove nothing, both addresses must be allocated by IANA.
 */
FX_INLINE int packet_enter_tunnel6(const __u8 *q, __u32 offset, __u32 payload_len, __u32 next, struct packet *p)
{
	__u32 inner_end = payload_len || next == 59 ? offset + 40 + payload_len : packet_unnamed_end(p, offset + 40);
	__u32 kind = FX_OPAQUE(p->tunnel_kind);

	if (!packet_datagram_fills_tunnel(p, offset, inner_end) || fx_load8(q + 8) == 0xff)
		return 0;
	if (kind == HEADER_KIND_TEREDO && !ipv6_is_teredo(q))
		return 0;
	if (kind == 0x8847 && !(ipv6_is_allocated(fx_load32(q + 8)) && ipv6_is_allocated(fx_load32(q + 24))))
		return 0;
	p->tunnel_end = 0;
	return 1;
}

#endif
