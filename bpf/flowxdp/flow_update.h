/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_update.h - counts a packet in its flow: first the core, then the plugins' kernel halves in plugin order.
 *
 * It runs under the record's lock and calls no function that is not inlined or FX_CHECKED_ONCE.
 */
#ifndef FLOWXDP_FLOW_UPDATE_H
#define FLOWXDP_FLOW_UPDATE_H

#include "compat.h"
#include "flow_slots.h"
#include "flow_start.h"
#include "plugin_halves.h"
#include "record_stream.h"

/* Dividing packet.flags by it moves the parser's bits to their places in fxStat. */
#define PACKET_SENSOR_STATUS 256u
FX_STATIC_ASSERT(PACKET_FRAGMENT_COLLISION / PACKET_SENSOR_STATUS == FXS(FRAGMENT_COLLISION) &&
                 PACKET_MORE_SUBFRAMES / PACKET_SENSOR_STATUS == FXS(MORE_SUBFRAMES), "the same distance");

/*
 * Does an enabled half leave *p out of *r, a flow that has begun and goes on? Then nothing else may count it in *r. To be asked before
 * flow_update(), under the lock; returns 0 or 1.
 */
FX_INLINE __u32 packet_is_left_out(struct flow_record *r, const struct packet *p, __u32 reverse,
                                   FX_CONFIG struct flow_config *c, FX_CONFIG struct plugin_options *options)
{
	__u32 direction = (r->lo_direction ^ reverse) & 1, left_out = 0;

	if (!(c->flags & FLOW_CONFIG_CAN_LEAVE_OUT))
		return 0;
#define X(name)                                                                                                        \
	if (c->enabled & (1u << KERNEL_HALF_##name))                                                                   \
		left_out |= name##_leaves_out((struct name##_state *)flow_slot(r, c, KERNEL_HALF_##name),              \
		                              FX_COLD_SLOT(name, r, c), r, p, direction, &options->name);
	FX_FOR_EACH_LEAVING_OUT(X)
#undef X
	(void)direction;
	(void)p;
	(void)options;
	return left_out;
}

/*
 * Counts *p in *r and fills *step. Returns the plugins' verdicts (enum plugin_verdict), or-ed. With PLUGIN_FORCE bit 41 is already set
 * and the caller must end the flow at this packet.
 */
FX_INLINE __u32 flow_update(struct flow_record *r, const struct packet *p, __u32 reverse,
                            FX_CONFIG struct flow_config *c, FX_CONFIG struct plugin_options *options,
                            struct packet_step *step)
{
	__u32 direction = (r->lo_direction ^ reverse) & 1, verdict, octets = packet_octets(p);
	struct flow_dir *d = &r->dir[direction], *o = &r->dir[direction ^ 1];
	const __u32 enabled = c->enabled;
	__s64 clock = p->clock_ns;
	__u64 status = p->status;

	FX_HOLD(d);
	FX_HOLD(o);
	step->direction = direction;
	step->first = !d->packets;
	step->verdict = PLUGIN_CONTINUE;
	step->wanted = 0;
	step->record_bytes = 0;
	step->needs = 0;
	step->first_layer = 7;
	step->interval_ns = 0;
	step->round_trip_ns = 0;
	if (o->packets && clock > o->last_clock_ns)
		step->round_trip_ns = clock - o->last_clock_ns;
	if (step->first) {
		d->first_ns = p->ts_ns;
		d->last_ns = p->ts_ns;
		d->timeout_ms = c->idle_timeout_ms;
		d->if_id = p->if_id;
		if (direction == DIRECTION_B)
			status |= FS(INVERTED);
	} else {
		if (clock > d->last_clock_ns)
			step->interval_ns = clock - d->last_clock_ns;
		if (FX_UNLIKELY(clock < d->last_clock_ns))
			status |= FS(TIME_JUMP);
		if (p->ts_ns < d->first_ns)
			d->first_ns = p->ts_ns;
		if (p->ts_ns > d->last_ns)
			d->last_ns = p->ts_ns;
	}
	if (p->ip_version == 4) {
		if (p->ip_id && d->last_ip_id == p->ip_id)
			status |= FS(DUPLICATE_IP_ID);
		d->last_ip_id = p->ip_id;
	}
	if (FX_UNLIKELY(p->flags & (PACKET_FIRST_FRAGMENT | PACKET_LAST_FRAGMENT))) {
		if (p->flags & PACKET_FIRST_FRAGMENT)
			FX_SET(d->flags, FLOW_DIR_FRAGMENT_PENDING);
		else
			d->flags = (__u8)(d->flags & ~FLOW_DIR_FRAGMENT_PENDING);
	}
	/* 6.18: 8,000 verified instructions more with a branch, because each side is followed through every half; cure: none. */
	FX_SET(d->sensor_status, (p->flags & (PACKET_FRAGMENT_COLLISION | PACKET_MORE_SUBFRAMES)) / PACKET_SENSOR_STATUS);
	d->packets++;
	d->octets += octets;
	d->last_clock_ns = clock;
	d->status |= status;
	d->tos = p->tos;
	d->ttl = p->ttl;

	/* 6.18: 374 k verified instructions (all plugins and force mode), because each half's verdict keeps states apart; cure:
	 * FX_OPAQUE. */
#define X(name)                                                                                        \
	if (enabled & (1u << KERNEL_HALF_##name)) {                                                    \
		verdict = name##_on_packet((struct name##_state *)flow_slot(r, c, KERNEL_HALF_##name), \
		                           FX_COLD_SLOT(name, r, c), r, p, step, &options->name);      \
		FX_OPAQUE(step->verdict) = FX_OPAQUE(step->verdict) | verdict;                         \
	}
	FX_FOR_EACH_KERNEL_HALF(X)
#undef X
	verdict = FX_OPAQUE(step->verdict);
	if (FX_UNLIKELY(verdict & PLUGIN_ALARM))
		d->status |= FS(ALARM);
	if (FX_UNLIKELY(verdict & PLUGIN_FORCE))
		d->status |= FS(FORCED);
	return verdict;
}

/* Fills a packet record's core and packet states from the packet and its flow. The caller sets header.size. */
FX_INLINE void packet_record_fill(struct packet_record *out, const struct flow_record *r, const struct packet *p,
                                  const struct packet_step *step, FX_CONFIG struct flow_config *c,
                                  FX_CONFIG struct plugin_options *options)
{
	const struct flow_dir *d = &r->dir[step->direction & 1];

	out->header.kind = STREAM_PACKET;
	out->header.source = 0;
	out->packet_no = p->packet_no;
	out->flow_id = r->flow_id;
	out->status = d->status;
	out->ts_ns = p->ts_ns;
	out->wall_offset_ns = 0;
	out->interval_ns = step->interval_ns;
	out->round_trip_ns = step->round_trip_ns;
	out->duration_ns = d->last_ns - d->first_ns;
	out->direction_packet_no = d->packets;
	fx_copy16(out->headers, p->headers);
	for (int i = 0; i < 4; i++) {
		out->src[i] = p->src[i];
		out->dst[i] = p->dst[i];
	}
	out->wire_len = p->wire_len;
	out->cap_len = p->cap_len;
	out->l3_offset = p->l3_offset;
	out->l3_end = p->l3_end;
	out->l4_offset = p->l4_offset;
	out->payload_offset = p->payload_offset;
	out->payload_len = p->payload_len;
	out->if_id = p->if_id;
	out->payload_captured = 0;
	out->src_port = p->src_port;
	out->dst_port = p->dst_port;
	out->ethertype = p->ethertype;
	for (int i = 0; i < 3; i++)
		out->vlan_stack[i] = p->vlan_stack[i];
	out->flags = p->flags;
	fx_copy6(out->mac_src, p->mac_src);
	fx_copy6(out->mac_dst, p->mac_dst);
	out->header_captured = 0;
	out->wanted = step->wanted;
	out->needs = step->needs;
	out->tcp_seq = p->tcp_seq;
	out->direction = (__u8)step->direction;
	out->ip_version = p->ip_version;
	out->ip_proto = p->ip_proto;
	out->header_count = p->header_count;
	out->vlan_count = p->vlan_count;
	out->tcp_flags = p->tcp_flags;
#define X(name)                                                                                                    \
	if (c->enabled & (1u << KERNEL_HALF_##name))                                                               \
		name##_packet_state_from(                                                                          \
		    (struct name##_packet_state *)packet_state_slot(out, c, KERNEL_HALF_##name),                   \
		    (const struct name##_state *)flow_slot_const(r, c, KERNEL_HALF_##name),                        \
		    FX_COLD_SLOT_CONST(name, r, c), r, p, step, &options->name);
	FX_FOR_EACH_PACKET_STATE(X)
#undef X
}

/* The bytes of a frame that its packet record carries. */
struct packet_bytes {
	__u32 offset; /* of the first one in the frame */
	__u32 header; /* in front of L7: from L3 or L4 on; of a frame without IP all of them */
	__u32 all;    /* header and payload, at most PACKET_MAX_PAYLOAD */
};

/*
 * Which bytes does the record of *p carry? Those that were captured, lie inside the IP datagram and are readable in every engine: from
 * first_layer on, and at most payload_max of L7. What has no IP header begins after the link header, for layers 3 and 4 alone. From
 * layer 4 on, only the options of a TCP header come: a leaving buffer's segments have the same options, and other fields of their own.
 */
FX_INLINE void packet_record_bytes(const struct packet *p, __u32 first_layer, __u32 payload_max, struct packet_bytes *b)
{
	__u32 end = p->cap_len < FRAME_MAX_VISIBLE ? p->cap_len : FRAME_MAX_VISIBLE, n;

	b->offset = p->payload_offset;
	b->header = 0;
	b->all = 0;
	if (!p->ip_version) {
		if (first_layer == 7 || !p->payload_offset || p->payload_offset >= end)
			return;
		n = end - p->payload_offset;
		b->all = b->header = n < PACKET_MAX_PAYLOAD ? n : PACKET_MAX_PAYLOAD;
		return;
	}
	if (p->l3_end < end)
		end = p->l3_end;
	if (first_layer == 3)
		b->offset = p->l3_offset;
	else if (first_layer == 4)
		b->offset = p->l4_offset + (p->ip_proto == 6 ? 20 : 0);
	if (b->offset > p->payload_offset)
		b->offset = p->payload_offset;
	if (b->offset >= end)
		return;
	b->header = (p->payload_offset < end ? p->payload_offset : end) - b->offset;
	n = end - b->offset;
	if (n > b->header && n - b->header > payload_max)
		n = b->header + payload_max;
	b->all = n < PACKET_MAX_PAYLOAD ? n : PACKET_MAX_PAYLOAD;
	if (b->header > b->all)
		b->header = b->all;
}

#endif
