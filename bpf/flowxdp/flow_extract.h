/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_extract.h - which packets are extracted while flows are counted: those of alarmed flows (FLOW_CONFIG_EXTRACT_ALARMED), or of
 * flows with a packet that matches an expression (FLOW_CONFIG_EXTRACT_MATCHING).
 */
#ifndef FLOWXDP_FLOW_EXTRACT_H
#define FLOWXDP_FLOW_EXTRACT_H

#include "compat.h"
#include "flow_config.h"
#include "flow_record.h"
#include "flow_status.h"

/*
 * Is the packet extracted that flow_update() has just counted in *r? From the packet on that raised the flow's packet-exact alarm, or
 * that matches, both directions are. Marks its direction (flowStat bit 52). Before packet_record_fill(), whose status tells of it.
 */
FX_INLINE __u32 flow_extract_packet(struct flow_record *r, const struct packet *p, __u32 direction,
                                    FX_CONFIG struct flow_config *c)
{
	__u64 status = r->dir[0].status | r->dir[1].status, extracted = 0;

	if (c->flags & FLOW_CONFIG_EXTRACT_ALARMED)
		extracted |= status & FS(ALARM);
	if (c->flags & FLOW_CONFIG_EXTRACT_MATCHING)
		extracted |= (status & FS(LIVE_EXTRACT)) | (p->flags & PACKET_MATCHES);
	if (!extracted)
		return 0;
	r->dir[direction & 1].status |= FS(LIVE_EXTRACT);
	return 1;
}

#endif
