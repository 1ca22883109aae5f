/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * first_payload, kernel half: wants the first packets with payload of each direction, and some bytes of it. A packet's number
 * among them comes with it, so that the user half can put packets in order that two CPUs handed over.
 */
#ifndef FLOWXDP_FIRST_PAYLOAD_BPF_H
#define FLOWXDP_FIRST_PAYLOAD_BPF_H

#include "flowxdp/plugin_half.h"

struct first_payload_config {
	__u32 packets; /* of a direction; 0 = none */
	__u32 bytes;   /* of payload */
	__u32 port;    /* one of both ports; 0 = any */
	__u32 reserved;
};

struct first_payload_state {
	__u32 with_payload[2]; /* packets of direction A, B */
};
FX_STATIC_ASSERT(sizeof(struct first_payload_state) == 8, "slot size");

#define FIRST_PAYLOAD_HAS_PACKET_STATE
struct first_payload_packet_state {
	__u32 number; /* of this packet among those with payload of its direction, from 1 */
	__u32 reserved;
};

FX_INLINE __u32 first_payload_on_packet(struct first_payload_state *s, struct no_cold *cold, struct flow_record *r,
                                        const struct packet *p, const struct packet_step *step,
                                        const volatile struct first_payload_config *config)
{
	(void)cold;
	(void)r;
	(void)config;
	if (p->ip_version && p->payload_len)
		s->with_payload[step->direction & 1]++;
	return PLUGIN_CONTINUE;
}

FX_INLINE void first_payload_packet_state_from(struct first_payload_packet_state *out,
                                               const struct first_payload_state *s, const struct no_cold *cold,
                                               const struct flow_record *r, const struct packet *p,
                                               const struct packet_step *step,
                                               const volatile struct first_payload_config *config)
{
	(void)cold;
	(void)r;
	(void)p;
	(void)config;
	out->number = s->with_payload[step->direction & 1];
	out->reserved = 0;
}

#define FIRST_PAYLOAD_HAS_NEED
FX_INLINE __u32 first_payload_packet_wanted(const struct first_payload_state *s, const struct no_cold *cold,
                                            const struct flow_record *r, const struct packet *p,
                                            const struct packet_step *step,
                                            const volatile struct first_payload_config *config)
{
	(void)cold;
	(void)r;
	if (!p->ip_version || !p->payload_len || s->with_payload[step->direction & 1] > config->packets)
		return PACKET_NOT_WANTED;
	if (config->port && p->src_port != config->port && p->dst_port != config->port)
		return PACKET_NOT_WANTED;
	return PACKET_WANTED(config->bytes);
}

#endif
