/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_wlan.h - parser step for IEEE 802.11, from a capture or out of a CAPWAP tunnel.
 */
#ifndef FLOWXDP_PARSE_WLAN_H
#define FLOWXDP_PARSE_WLAN_H

#include "parse_step.h"

/* IEEE 802.11-2016 9.2. */
FX_INLINE __u64 packet_parse_dot11(const __u8 *data, const __u8 *end, __u32 offset, __u32 kind, struct packet *p)
{
	const __u8 *q;

	if (!p->steps && p->cap_len < 10)
		FX_SET(p->flags, PACKET_NO_FLOW);
	FX_READ_OR_RETURN(10, L2_SNAPPED);
	__u32 control = kind != HEADER_KIND_DOT11_SWAPPED ? fx_load8(q) : fx_load8(q + 1);
	__u32 flags = kind != HEADER_KIND_DOT11_SWAPPED ? fx_load8(q + 1) : fx_load8(q);
	__u32 n = 24;

	if (!p->link_has_mac)
		packet_copy_mac(p->mac_dst, q + 4);
	if ((control & 0x0c) == 0x04) { /* control frames have one or two addresses */
		if (!p->link_has_mac && offset + 16 <= p->cap_len && q + 16 <= end)
			packet_copy_mac(p->mac_src, q + 10);
		p->link_has_mac = 1;
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(WLAN);
	}
	FX_READ_OR_RETURN(24, L2_SNAPPED);
	if (!p->link_has_mac) { /* DA and SA by To DS and From DS, 9.3.2.1 */
		packet_copy_mac(p->mac_dst, flags & 1 ? q + 16 : q + 4);
		if ((flags & 3) == 3 && offset + 30 <= p->cap_len && q + 30 <= end)
			packet_copy_mac(p->mac_src, q + 24);
		else
			packet_copy_mac(p->mac_src, (flags & 3) == 2 ? q + 16 : q + 10);
		p->link_has_mac = 1;
	}
	/*
	 * Not data, no data, or encrypted: an L2 flow. Fragment numbers are ignored: controllers send whole frames with
	 * arbitrary numbers, and a real later fragment does not begin with LLC.
	 */
	if ((control & 0x0c) != 0x08 || (control & 0x40) || (flags & 0x40)) {
		p->status |= FS(STOP_DISSECT);
		FX_RETURN_LAST(WLAN);
	}
	n += (flags & 3) == 3 ? 6 : 0;
	__u32 pad = kind == HEADER_KIND_DOT11_PADDED ? 2 : 0; /* every header below is 2 mod 4 bytes long, or 0 */

	if (!(control & 0x80))
		FX_RETURN_NEXT(WLAN, offset + n + (n & pad), HEADER_KIND_LLC);
	offset += n;
	FX_READ_OR_RETURN(2, L2_SNAPPED);
	__u32 qos = fx_load8(q), skip = flags & 0x80 ? 6 : 2;

	skip += (n + skip) & pad;

	/*
	 * An A-MSDU subframe begins like an 802.3 frame. Only the first one is parsed. 9.3.2.2.2: its length counts the bytes
	 * after these 14, and all subframes but the last are padded to four bytes.
	 */
	if (qos & 0x80) {
		q = data + fx_bound(offset + skip);
		if (offset + skip + 14 <= p->cap_len && q + 14 <= end) {
			__u32 next = offset + skip + ((14 + (__u32)fx_load16(q + 12) + 3) & ~3u);

			if (next + 14 <= (p->ip_version ? p->l3_end : p->wire_len))
				FX_SET(p->flags, PACKET_MORE_SUBFRAMES);
		}
	}
	FX_RETURN_NEXT(WLAN, offset + skip, qos & 0x80 ? HEADER_KIND_ETHERNET : HEADER_KIND_LLC);
}

#endif
