/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_slots.h - where the states of the enabled kernel halves are in a record. No other file adds an offset.
 *
 * A record is the core, then the hot state of each enabled half, then the cold states, each in bundle order and without gaps. A
 * packet record is its core, then the packet states. A disabled half takes no memory and no time.
 */
#ifndef FLOWXDP_FLOW_SLOTS_H
#define FLOWXDP_FLOW_SLOTS_H

#include "compat.h"
#include "flow_config.h"
#include "flow_record.h"
#include "record_stream.h"

FX_INLINE void *flow_slot(struct flow_record *r, FX_CONFIG struct flow_config *c, __u32 half)
{
	return (void *)((__u8 *)r + c->slot_offset[half]);
}

FX_INLINE const void *flow_slot_const(const struct flow_record *r, FX_CONFIG struct flow_config *c, __u32 half)
{
	return (const void *)((const __u8 *)r + c->slot_offset[half]);
}

/* 1: the half has a cold state. The core comes first, so no cold state has offset 0. */
FX_INLINE int flow_has_cold_slot(FX_CONFIG struct flow_config *c, __u32 half) { return c->cold_offset[half] != 0; }

FX_INLINE void *flow_cold_slot(struct flow_record *r, FX_CONFIG struct flow_config *c, __u32 half)
{
	return (void *)((__u8 *)r + c->cold_offset[half]);
}

FX_INLINE const void *flow_cold_slot_const(const struct flow_record *r, FX_CONFIG struct flow_config *c, __u32 half)
{
	return (const void *)((const __u8 *)r + c->cold_offset[half]);
}

FX_INLINE void *packet_state_slot(struct packet_record *out, FX_CONFIG struct flow_config *c, __u32 half)
{
	return (void *)((__u8 *)out + c->packet_state_offset[half]);
}

FX_INLINE const void *packet_state_slot_const(const struct packet_record *out, FX_CONFIG struct flow_config *c,
                                              __u32 half)
{
	return (const void *)((const __u8 *)out + c->packet_state_offset[half]);
}

/* The headers of a packet record, after the packet states. */
FX_INLINE const __u8 *packet_headers(const struct packet_record *out, FX_CONFIG struct flow_config *c)
{
	return (const __u8 *)out + c->packet_record_size;
}

/* Its payload, after the headers. */
FX_INLINE const __u8 *packet_payload(const struct packet_record *out, FX_CONFIG struct flow_config *c)
{
	return packet_headers(out, c) + out->header_captured;
}

/*
 * Lays records out, before the first packet: flow_slots_begin(), flow_slot_add() for each enabled half in bundle order,
 * then flow_cold_slot_add() for each of them in the same order. bytes: multiples of 8; 0 = the half has none.
 */
FX_INLINE void flow_slots_begin(struct flow_config *c)
{
	c->enabled = 0;
	c->record_size = sizeof(struct flow_record);
	c->hot_size = sizeof(struct flow_record);
	c->packet_record_size = sizeof(struct packet_record);
	for (int i = 0; i < KERNEL_HALF_MAX; i++) {
		c->slot_offset[i] = 0;
		c->cold_offset[i] = 0;
		c->packet_state_offset[i] = 0;
	}
}

FX_INLINE void flow_slot_add(struct flow_config *c, __u32 half, __u32 state_bytes, __u32 packet_state_bytes)
{
	c->enabled |= 1u << half;
	c->slot_offset[half] = (__u16)c->record_size;
	c->record_size += state_bytes;
	c->hot_size += state_bytes;
	if (!packet_state_bytes)
		return;
	c->packet_state_offset[half] = (__u16)c->packet_record_size;
	c->packet_record_size += packet_state_bytes;
}

FX_INLINE void flow_cold_slot_add(struct flow_config *c, __u32 half, __u32 cold_bytes)
{
	if (!cold_bytes)
		return;
	c->cold_offset[half] = (__u16)c->record_size;
	c->record_size += cold_bytes;
}

#endif
