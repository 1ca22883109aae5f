/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_hash.h - the hash of a flow key: for the native table's index and for the front of the kernel's table. Without the
 * secret nobody can make keys that collide.
 *
 * Multilinear-HM of Lemire and Kaser ("Strongly universal string hashing is fast", 2014): the sum of products of key
 * halves with secret words; its upper half is used. Any two keys collide under one secret in 2^32, whatever they have in
 * common. A plain chain of multiply and shift has differences that cancel under every seed: 65,536 keys that differ in
 * the top four bits of four words share 16 hashes there. The steps after the sum keep keys at equal distances from
 * standing in a row; they map 32 bits one to one, so they make no two hashes equal.
 */
#ifndef FLOWXDP_FLOW_HASH_H
#define FLOWXDP_FLOW_HASH_H

#include "compat.h"
#include "flow_key.h"

#define FLOW_HASH_WORDS 13 /* one, and two for each word of a key */

struct flow_hash_secret {
	__u64 word[FLOW_HASH_WORDS];
};

/* Draws the secret from a seed: SplitMix64 (Steele, Lea, Flood 2014). */
FX_INLINE void flow_hash_secret_from(struct flow_hash_secret *secret, __u64 seed)
{
	for (int i = 0; i < FLOW_HASH_WORDS; i++) {
		__u64 z = seed += 0x9e3779b97f4a7c15ULL;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		secret->word[i] = z ^ z >> 31;
	}
}

FX_INLINE __u64 flow_hash_product(FX_CONFIG struct flow_hash_secret *secret, __u32 i, __u64 word)
{
	return (secret->word[2 * i + 1] + (__u32)word) * (secret->word[2 * i + 2] + (word >> 32));
}

/* The upper half of the sum: for the front's sets and tags, which keys at equal distances fill evenly. */
FX_INLINE __u32 flow_key_tag(const struct flow_key *k, FX_CONFIG struct flow_hash_secret *secret)
{
	__u64 ports = fx_load_word((const __u8 *)k + FLOW_KEY_PORTS_AT);
	__u64 sum = secret->word[0] + flow_hash_product(secret, 1, k->lo_addr[1]) +
	            flow_hash_product(secret, 3, k->hi_addr[1]) + flow_hash_product(secret, 4, ports);

	if (k->tunnel_header)
		sum += flow_hash_product(secret, 5, fx_load_word((const __u8 *)k + FLOW_KEY_TUNNEL_AT));
	if (k->kind != FLOW_KIND_IPV4) /* of IPv4 keys these words are equal, so their products would be */
		sum += flow_hash_product(secret, 0, k->lo_addr[0]) + flow_hash_product(secret, 2, k->hi_addr[0]);
	return (__u32)(sum >> 32);
}

FX_INLINE __u32 flow_key_hash(const struct flow_key *k, FX_CONFIG struct flow_hash_secret *secret)
{
	__u32 hash = flow_key_tag(k, secret);

	hash = (hash ^ hash >> 16) * 0x7feb352du;
	hash = (hash ^ hash >> 15) * 0x846ca68bu;
	return hash ^ hash >> 16;
}

#endif
