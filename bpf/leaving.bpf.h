/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * leaving.bpf.h - egress: counts the frames that the device makes of a buffer. The device may cut a TCP or UDP buffer into segments
 * (GSO), and it inserts a VLAN tag that the kernel keeps beside the buffer. Each segment is filtered and counted as the frame on
 * the wire: with the tag, its share of the payload, its sequence number and IPv4 id; CWR in the first segment, FIN and PSH in the
 * last (kernel: net/ipv4/tcp_offload.c), without a jumbo payload option (ipv6_gso_segment()).
 */
#pragma once

#include "account.bpf.h"
#include "frame_filter.bpf.h"
#include "frame_meta.bpf.h"
#include "observe.bpf.h"

/* A buffer with less linear data than EGRESS_LINEAR is pulled up to EGRESS_PULL bytes before parsing. */
#define EGRESS_LINEAR 128u
#define EGRESS_PULL 256u
/* Frames of one buffer at most: gso_segs has 16 bits. */
#define EGRESS_SEGMENTS 65536u
#define LEGACY_BUFFER_MAX 65536u /* kernel: GRO_LEGACY_MAX_SIZE */
#define ETHERNET_ADDRESSES 12u
#define JUMBO_HEADER_BYTES 8u /* a hop-by-hop header with only a jumbo payload option (RFC 2675 2) */
#define JUMBO_OPTION 0xc2u
#define VLAN_TAG_BYTES 4u

/* 6.1: "combined stack size of 4 calls is 544" with pointers to the counts and to what CPUs share in it; cure: the callback looks both up. */
struct segment_loop {
	struct __sk_buff *ctx;
	struct scratch *scratch;
};

FX_INLINE void put_be16(__u8 *at, __u16 value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

FX_INLINE void put_be32(__u8 *at, __u32 value)
{
	put_be16(at, (__u16)(value >> 16));
	put_be16(at + 2, (__u16)value);
}

/* Copies the buffer's bytes from an offset on, LEAVING_HEAD_BYTES at most. */
FX_INLINE void copy_head(struct __sk_buff *ctx, __u32 from, __u8 *to)
{
	__u32 bytes = ctx->len - from;

	if (from >= ctx->len)
		return;
	if (bytes > LEAVING_HEAD_BYTES)
		bytes = LEAVING_HEAD_BYTES;
	bytes = ((bytes - 1) & (LEAVING_HEAD_BYTES - 1)) + 1; /* both bounds, as in load_payload() */
	__asm__ volatile("" : "+r"(bytes));
	bpf_skb_load_bytes(ctx, from, to, bytes);
}

/* Writes what segmentation will write into a segment's headers; in a tunnel, into the inner headers, which are counted. */
FX_INLINE void put_segment_headers(const struct packet *p, const struct segments *all, __u8 *head)
{
	__u32 l3 = p->l3_offset, l4 = p->l4_offset, l3_bytes = p->l3_end - l3;

	if (l3 > LEAVING_HEAD_BYTES || l4 > LEAVING_HEAD_BYTES)
		return;
	if (all->jumbo_bytes)
		head[l3 + 6] = 6; /* next header: TCP */
	if (p->ip_version == 4) {
		put_be16(head + l3 + 2, (__u16)l3_bytes);
		put_be16(head + l3 + 4, p->ip_id);
	} else if (p->ip_version == 6) {
		put_be16(head + l3 + 4, (__u16)(l3_bytes - 40));
	}
	if (p->flags & PACKET_HAS_TCP) {
		put_be32(head + l4 + 4, p->tcp_seq);
		head[l4 + 13] = p->tcp_flags;
	} else if (p->ip_proto == 17) {
		put_be16(head + l4 + 4, (__u16)p->l4_len);
	}
}

/*
 * Does the filter match the frame that s->packet and s->shift describe? The filter sees the bytes that the wire will have, except
 * checksums, which the device fills in, and lengths and ids of the headers around a segmented tunnel. A global function: it is
 * verified once.
 */
__noinline int leaving_frame_passes(struct __sk_buff *ctx)
{
	__u32 role = ROLE_EGRESS, payload;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	struct packet *p;
	__u8 *head;

	if (!s || !ctx)
		return 0;
	p = &s->packet;
	head = s->buffer;
	if (s->segments.tag_bytes) {
		copy_head(ctx, 0, head + VLAN_TAG_BYTES);
		FX_NO_UNROLL
		for (__u32 i = 0; i < ETHERNET_ADDRESSES; i++)
			head[i] = head[i + VLAN_TAG_BYTES];
		put_be16(head + ETHERNET_ADDRESSES, bpf_ntohs((__u16)ctx->vlan_proto));
		put_be16(head + ETHERNET_ADDRESSES + 2, (__u16)ctx->vlan_tci);
	} else {
		copy_head(ctx, 0, head);
	}
	if (s->segments.jumbo_bytes) {
		payload = s->segments.jumbo_at;
		if (payload < LEAVING_HEAD_BYTES)
			copy_head(ctx, payload + JUMBO_HEADER_BYTES - s->segments.tag_bytes, head + payload);
	}
	if (s->segments.segment_bytes) {
		payload = p->payload_offset;
		if (payload < LEAVING_HEAD_BYTES)
			copy_head(ctx, payload + (__u32)s->shift, head + payload);
		put_segment_headers(p, &s->segments, head);
	}
	return leaving_filter(ctx, head, s->shift, p->wire_len, p->cap_len);
}

static long count_segment(__u32 i, void *context)
{
	struct segment_loop *loop = context;
	__u32 role = ROLE_EGRESS, zero = 0;
	struct cpu_counts *c = cpu_counts(role);
	struct sensor_state *shared = bpf_map_lookup_elem(&sensor, &zero);
	struct scratch *s = loop->scratch;
	struct packet *p = &s->packet;
	const struct segments *all = &s->segments;
	__u32 at = i * all->segment_bytes, left = all->payload_bytes - at, bytes = left, cut;

	if (!c || !shared || (i && at >= all->payload_bytes))
		return 1;
	if (all->segment_bytes && left > all->segment_bytes) {
		bytes = all->segment_bytes;
		p->tcp_flags = all->tcp_flags & (__u8)~(TCP_FIN | TCP_PSH);
	} else {
		p->tcp_flags = all->tcp_flags;
	}
	if (i)
		p->tcp_flags &= (__u8)~TCP_CWR;
	cut = all->payload_bytes - bytes;
	p->payload_len = bytes;
	p->wire_len = all->wire_len - cut;
	p->cap_len = snapped(p->wire_len);
	p->l3_end = all->l3_end - cut;
	p->l4_len = all->l4_len - cut;
	p->tcp_seq = all->tcp_seq + at;
	p->ip_id = (__u16)(all->ip_id + i);
	s->shift = (__s32)(at - all->tag_bytes + all->jumbo_bytes);
	count(c, COUNTER_PACKETS_SEEN);
	p->packet_no = next_packet_no(c, shared);
	if (load.filter && !leaving_frame_passes(loop->ctx)) {
		count(c, COUNTER_PACKETS_FILTERED);
		return all->segment_bytes ? 0 : 1;
	}
	attribute_skb(loop->ctx, s, c);
	return all->segment_bytes ? 0 : 1;
}

/* Parses the VLAN tag that the kernel keeps beside the buffer, which the driver or the device inserts into the frame. */
FX_INLINE void parse_tag_beside(struct __sk_buff *ctx, struct packet *p)
{
	__u32 tci = ctx->vlan_tci;
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	packet_parse_tagged_ethernet(data, end, tci, p);
}

/*
 * A TCP buffer above 64 KiB (BIG TCP) has a jumbo payload option, without which it would be no IPv6 packet. Segmentation removes
 * the option and its header (kernel: ipv6_hopopt_jumbo_remove()), so they are in no frame. Called for large buffers only. A
 * global function: it is verified once.
 */
__noinline int remove_jumbo_header(struct __sk_buff *ctx)
{
	__u32 role = ROLE_EGRESS, at;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &role);
	__u8 header[JUMBO_HEADER_BYTES];
	struct packet *p;

	if (!s || !ctx)
		return 0;
	p = &s->packet;
	at = p->l3_offset + 40;
	if (p->ip_version != 6 || !(p->flags & PACKET_HAS_TCP) || p->l4_offset != at + JUMBO_HEADER_BYTES ||
	    bpf_skb_load_bytes(ctx, at - s->segments.tag_bytes, header, sizeof(header)) || header[0] != 6 || header[1] ||
	    header[2] != JUMBO_OPTION)
		return 0;
	s->segments.jumbo_at = at;
	s->segments.jumbo_bytes = JUMBO_HEADER_BYTES;
	p->wire_len -= JUMBO_HEADER_BYTES;
	p->l3_end -= JUMBO_HEADER_BYTES;
	p->l4_offset -= JUMBO_HEADER_BYTES;
	p->payload_offset -= JUMBO_HEADER_BYTES;
	p->ip_option_count = 0;
	p->ip_option[0] = 0;
	return 0;
}

/* Handles an egress buffer: parses it, splits it into frames, filters, keys and counts each. */
FX_INLINE void count_leaving(struct __sk_buff *ctx, struct scratch *s)
{
	struct segment_loop loop = {};
	struct packet *p = &s->packet;
	struct segments *all = &s->segments; /* 6.1: more stack than 512 bytes with account() and its callees; cure: scratch */
	struct frame_meta meta;

	/* Headers are linear unless the packet was forwarded or tunnelled. Pulling moves bytes and changes none. */
	if (ctx->data_end - ctx->data < EGRESS_LINEAR && ctx->data_end - ctx->data < ctx->len)
		bpf_skb_pull_data(ctx, ctx->len < EGRESS_PULL ? ctx->len : EGRESS_PULL);
	loop.ctx = ctx;
	loop.scratch = s;
	/* 6.18: 325 k verified instructions, because both values are followed through the parser; cure: FX_OPAQUE: 292 k. */
	all->tag_bytes = ctx->vlan_present ? VLAN_TAG_BYTES : 0;
	frame_meta_from_skb(ctx, FX_OPAQUE(all->tag_bytes), &meta);
	packet_clear(p, &meta, 0, (config.flags & FLOW_CONFIG_TCP_OPTIONS) != 0);
	if (ctx->vlan_present)
		parse_tag_beside(ctx, p);
	parse_frame_skb(ctx, p);
	packet_move(p, FX_OPAQUE(all->tag_bytes));
	all->segment_bytes = ctx->gso_size;
	all->jumbo_bytes = 0;
	if (ctx->gso_size && ctx->len > LEGACY_BUFFER_MAX)
		remove_jumbo_header(ctx);
	all->payload_bytes = p->payload_len;
	all->wire_len = p->wire_len;
	all->l3_end = p->l3_end;
	all->l4_len = p->l4_len;
	all->tcp_seq = p->tcp_seq;
	all->ip_id = p->ip_id;
	all->tcp_flags = p->tcp_flags;
	bpf_loop(EGRESS_SEGMENTS, count_segment, &loop, 0);
}
