/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_transport.h - the transport header of the innermost usable IP header: ports, TCP and its options, payload bounds.
 */
#ifndef FLOWXDP_PARSE_TRANSPORT_H
#define FLOWXDP_PARSE_TRANSPORT_H

#include "parse_ip.h"

/* Header id of an IP protocol that ends dissection; 0 = hdrDesc has no name for it. */
FX_INLINE __u32 header_of_final_proto(__u32 proto)
{
	switch (proto) {
	case 1: return HEADER_ICMP;
	case 2: return HEADER_IGMP;
	case 6: return HEADER_TCP;
	case 17: return HEADER_UDP;
	case 33: return HEADER_DCCP;
	case 47: return HEADER_GRE;
	case 50: return HEADER_ESP;
	case 58: return HEADER_ICMPV6;
	case 88: return HEADER_EIGRP;
	case 89: return HEADER_OSPF;
	case 97: return HEADER_ETHERIP;
	case 103: return HEADER_PIM;
	case 112: return HEADER_VRRP;
	case 115: return HEADER_L2TP;
	case 132: return HEADER_SCTP;
	case 136: return HEADER_UDPLITE;
	default: return HEADER_NONE;
	}
}

/* RFC 9293 3.1 options: kinds seen, MSS, window scale, time stamps. */
FX_INLINE void packet_parse_tcp_options(const __u8 *data, const __u8 *end, struct packet *p, __u32 stop)
{
	FX_OPAQUE(p->option_cursor) = (__u16)(p->l4_offset + 20);
	FX_NO_UNROLL
	for (int i = 0; i < 40; i++) {
		__u32 o = FX_OPAQUE(p->option_cursor), kind, len;
		const __u8 *q;

		if (o >= stop || o > PACKET_MAX_HEADER_OFFSET + 60)
			return;
		q = data + fx_bound(o);
		if (o + 1 > p->cap_len || q + 1 > end)
			return;
		kind = fx_load8(q);
		if (kind < 32)
			p->tcp_options |= 1u << (kind & 31);
		else
			p->tcp_options |= 1u << 31;
		if (kind == 0)
			return;
		p->tcp_option_count++;
		if (kind == 1) {
			FX_OPAQUE(p->option_cursor) = (__u16)(o + 1);
			continue;
		}
		if (o + 2 > stop || o + 2 > p->cap_len || q + 2 > end)
			return;
		len = fx_load8(q + 1);
		if (len < 2 || o + len > stop) {
			FX_SET(p->flags, PACKET_BAD_TCP_OPTION);
			return;
		}
		if (kind == 2 && len == 4 && o + 4 <= p->cap_len && q + 4 <= end) {
			p->tcp_mss = fx_load16(q + 2);
			FX_SET(p->flags, PACKET_HAS_MSS);
		} else if (kind == 3 && len == 3 && o + 3 <= p->cap_len && q + 3 <= end) {
			p->tcp_window_scale = fx_load8(q + 2);
			FX_SET(p->flags, PACKET_HAS_WSCALE);
		} else if (kind == 8 && len == 10 && o + 10 <= p->cap_len && q + 10 <= end) {
			p->tcp_ts_value = fx_load32(q + 2);
			p->tcp_ts_echo = fx_load32(q + 6);
			FX_SET(p->flags, PACKET_HAS_TIMESTAMP);
		}
		FX_OPAQUE(p->option_cursor) = (__u16)(o + len);
	}
}

/* What L4 has at most: where the datagram or the captured bytes end. */
FX_INLINE __u32 packet_l4_limit(const struct packet *p) { return p->cap_len < p->l3_end ? p->cap_len : p->l3_end; }

/*
 * Reads the ports after the innermost IP header: the packet's flow key is then known. Returns 0 when no transport header can be read,
 * else packet_parse_transport() is to follow.
 */
FX_INLINE __u32 packet_parse_ports(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u32 offset, limit, proto;
	const __u8 *q;

	if (FX_UNLIKELY(FX_OPAQUE(p->tunnel_end)))
		packet_leave_tunnel(p);
	if (!p->ip_version) {
		p->status |= FS(L2_FLOW);
		p->l2_header_len = p->wire_len;
		for (int i = 0; i < 4; i++) {
			p->src[i] = 0;
			p->dst[i] = 0;
		}
		return 0;
	}
	offset = FX_OPAQUE(p->l4_offset);
	proto = p->ip_proto;
	p->l2_header_len = p->l3_offset;
	if (FX_UNLIKELY(p->ip_version == 4 && p->parse_tcp_options && p->ip_header_len > 20))
		packet_parse_ip_options(data, end, p);
	else if (p->ip_version == 4)
		p->ip_option_count = 0; /* an outer IPv6 header may have set it */
	p->l4_len = fx_rest(p->l3_end, offset);
	p->payload_offset = offset;
	p->payload_len = p->l4_len;
	if (p->l3_end > p->wire_len)
		p->status |= FS(LENGTH_MISMATCH);
	if (p->cap_len < p->wire_len && p->cap_len < p->l3_end)
		p->status |= FS(L3_SNAPPED);
	if (p->flags & PACKET_LATER_FRAGMENT)
		return 0;
	if (offset > PACKET_MAX_HEADER_OFFSET)
		return 0;
	limit = packet_l4_limit(p);
	q = data + fx_bound(offset);

	if (proto == 6 || proto == 17 || proto == 136 || proto == 132 || proto == 33) {
		__u32 n = proto == 132 ? 12 : 4; /* SCTP: no ports unless the common header is whole, as in Wireshark */

		if (offset + n <= limit && q + n <= end) {
			p->src_port = fx_load16(q);
			p->dst_port = fx_load16(q + 2);
			FX_SET(p->flags, PACKET_HAS_PORTS);
		}
	}
	return 1;
}

/* Reads the rest of the transport header, payload bounds, and the bits that depend on them. */
FX_INLINE void packet_parse_transport(const __u8 *data, const __u8 *end, struct packet *p)
{
	__u32 offset = FX_OPAQUE(p->l4_offset), limit = packet_l4_limit(p), proto = p->ip_proto, header_len = 0, minimum = 0;
	const __u8 *q = data + fx_bound(offset);

	if (proto == 6) {
		minimum = 20;
		if (offset + 16 <= limit && q + 16 <= end) {
			header_len = (fx_load8(q + 12) >> 4) * 4;
			p->tcp_header_len = (__u8)header_len;
			if (header_len >= 20) {
				p->tcp_seq = fx_load32(q + 4);
				p->tcp_ack = fx_load32(q + 8);
				p->tcp_flags = fx_load8(q + 13);
				p->tcp_flags_high = fx_load8(q + 12) & 0x0f;
				p->tcp_window = fx_load16(q + 14);
				FX_SET(p->flags, PACKET_HAS_TCP);
				if (offset + 20 <= limit && q + 20 <= end) {
					p->l4_checksum = fx_load16(q + 16);
				}
				if (header_len > 20 && ((p->tcp_flags & TCP_SYN) || p->parse_tcp_options))
					packet_parse_tcp_options(data, end, p, offset + header_len);
			}
		}
	} else if (proto == 17 || proto == 136) {
		minimum = header_len = 8;
		if (p->src_port == 1900 ? p->dst_port > 1024 : p->dst_port == 1900 && p->src_port > 1024)
			p->status |= FS(UPNP);
	} else if (proto == 132) {
		minimum = header_len = 12;
	} else if (proto == 33) {
		minimum = header_len = 12;
	} else if (proto == 1 || proto == 58) {
		minimum = 4;
		header_len = 8;
		if (offset + 4 <= limit && q + 4 <= end) {
			p->icmp_type = fx_load8(q);
			p->icmp_code = fx_load8(q + 1);
			FX_SET(p->flags, PACKET_HAS_ICMP);
			p->l4_checksum = fx_load16(q + 2);
		}
	} else if (proto == 2) {
		minimum = header_len = 8;
	}
	if (offset + minimum > p->cap_len && p->cap_len < p->wire_len)
		p->status |= FS(L4_HEADER_SNAPPED);
	p->payload_offset = offset + header_len;
	p->payload_len = fx_rest(p->l4_len, header_len);
	if (proto == 6 && (p->flags & PACKET_HAS_PORTS) && p->src_port == p->dst_port && p->src[0] == p->dst[0] &&
	    p->src[1] == p->dst[1] && p->src[2] == p->dst[2] && p->src[3] == p->dst[3])
		p->status |= FS(LAND_ATTACK);
}

/* Reads the transport header after the innermost IP header. */
FX_INLINE void packet_parse_l4(const __u8 *data, const __u8 *end, struct packet *p)
{
	if (packet_parse_ports(data, end, p))
		packet_parse_transport(data, end, p);
}

#endif
