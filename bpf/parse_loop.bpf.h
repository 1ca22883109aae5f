/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_loop.bpf.h - the parser's loop behind its first turns, one call for each header (bpf_loop).
 */
#pragma once

#include "flowxdp/parse.h"

#include "maps.bpf.h"

struct parse_loop {
	const __u8 *data, *end;
	struct packet *packet;
};

static long parse_one(__u32 i, void *context)
{
	struct parse_loop *loop = context;

	(void)i;
	return packet_parse_next(loop->data, loop->end, &config.tunnels, loop->packet);
}

/* Headers that are dissected in a plain loop; deeper ones cost a call each. */
#define PARSE_PLAIN_STEPS 4
