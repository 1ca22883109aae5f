/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * header_stack.h - the headers of a frame as 16 bytes of run-length codes (header.h), written step by step.
 */
#ifndef FLOWXDP_HEADER_STACK_H
#define FLOWXDP_HEADER_STACK_H

#include "packet.h"

FX_INLINE void header_code_push(struct packet *p, __u32 code)
{
	__u32 n = FX_OPAQUE(p->headers_used);

	if (n >= HEADER_STACK_BYTES) {
		p->status |= FS(HEADERS_OVERRUN);
		return;
	}
	p->headers[n & (HEADER_STACK_BYTES - 1)] = (__u8)code;
	FX_OPAQUE(p->headers_used) = (__u8)(n + 1);
}

/* Append a header to the stack; vlan and mpls repeat as counts, unknown ones carry their number. */
FX_INLINE void packet_push_header(struct packet *p, __u32 id, __u32 kind)
{
	__u32 n = FX_OPAQUE(p->headers_used);

	p->header_count++;
	if ((id == HEADER_VLAN || id == HEADER_MPLS) && n) {
		__u32 last = p->headers[(n - 1) & (HEADER_STACK_BYTES - 1)];

		if (last == id) {
			header_code_push(p, 0x82);
			return;
		}
		if (last >= 0x82 && n > 1 && p->headers[(n - 2) & (HEADER_STACK_BYTES - 1)] == id) {
			if (last < 0xff)
				p->headers[(n - 1) & (HEADER_STACK_BYTES - 1)] = (__u8)(last + 1);
			return;
		}
	}
	if (id >= HEADER_UNKNOWN_ETHERTYPE) {
		__u32 number = id == HEADER_UNKNOWN_PROTO ? kind & 0xff : kind;

		if (n + 3 > HEADER_STACK_BYTES) {
			p->status |= FS(HEADERS_OVERRUN);
			return;
		}
		header_code_push(p, id);
		header_code_push(p, number >> 8);
		header_code_push(p, number & 0xff);
		return;
	}
	header_code_push(p, id);
}

/*
 * Appends n headers, four at most, whose codes are the bytes of `codes`, lowest first: one store when they are the first ones. Of vlan
 * and mpls at most one.
 */
FX_INLINE void packet_push_headers(struct packet *p, __u32 codes, __u32 n)
{
	__u8 bytes[4] = {(__u8)codes, (__u8)(codes >> 8), (__u8)(codes >> 16), (__u8)(codes >> 24)};

	if (FX_LIKELY(!FX_OPAQUE(p->headers_used))) {
		__builtin_memcpy(p->headers, bytes, sizeof(bytes));
		FX_OPAQUE(p->headers_used) = (__u8)n;
		p->header_count = (__u8)n;
		return;
	}
	FX_UNROLL
	for (__u32 i = 0; i < 4; i++)
		if (i < n)
			packet_push_header(p, bytes[i], 0);
}

#endif
