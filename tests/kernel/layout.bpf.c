/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Type information of a bundle with two fields, which the including file may name, order and surround with others. */
#include <linux/types.h>

#ifndef FIELDS
#define FIELDS __u32 packets; __u32 octets;
#endif
#ifndef COUNTERS
#define COUNTERS SEEN, LOST
#endif

enum counter { COUNTERS };
typedef __u64 identity;
struct flow_record {
	FIELDS
	identity key[2];
};
union bundle_layout {
	struct flow_record flow_record;
	enum counter counter;
};

const volatile union bundle_layout bundle_layout __attribute__((section(".rodata.bundle_layout")));
