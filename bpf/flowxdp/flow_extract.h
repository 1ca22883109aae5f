/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_extract.h - which packets are extracted while flows are counted: those of alarmed flows (FLOW_CONFIG_EXTRACT_ALARMED).
 */
#ifndef FLOWXDP_FLOW_EXTRACT_H
#define FLOWXDP_FLOW_EXTRACT_H

#include "compat.h"
#include "flow_record.h"
#include "flow_status.h"

/*
 * Is the packet extracted that flow_update() has just counted in *r? From the packet on that raised the flow's packet-exact alarm,
 * both directions are. Marks its direction (flowStat bit 52). Before packet_record_fill(), whose status tells of it.
 */
FX_INLINE __u32 flow_extract_packet(struct flow_record *r, __u32 direction)
{
	if (!((r->dir[0].status | r->dir[1].status) & FS(ALARM)))
		return 0;
	r->dir[direction & 1].status |= FS(LIVE_EXTRACT);
	return 1;
}

#endif
