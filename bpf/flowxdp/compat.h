/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compat.h - what differs between the two targets, BPF and host. No other file asks for which one it is compiled.
 *
 * Everything else in bpf/flowxdp and in the plugins' kernel halves is the common subset of C11 and C++20, and calls no helper, no
 * libc and no clock. Time, configuration and randomness are arguments.
 *
 * Loads read network byte order and return host order unless the name says RAW.
 */
#ifndef FLOWXDP_COMPAT_H
#define FLOWXDP_COMPAT_H

#include <stddef.h>

#include <linux/types.h>

#define FX_INLINE static __inline__ __attribute__((always_inline, unused))
#define FX_LIKELY(x) __builtin_expect(!!(x), 1)
#define FX_UNLIKELY(x) __builtin_expect(!!(x), 0)

#ifdef __cplusplus
#define FX_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define FX_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

#ifdef __bpf__

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

FX_INLINE __u8 fx_load8(const __u8 *p) { return *p; }
FX_INLINE __u16 fx_load16(const __u8 *p) { return bpf_ntohs(*(const __u16 *)p); }
FX_INLINE __u32 fx_load32(const __u8 *p) { return bpf_ntohl(*(const __u32 *)p); }
FX_INLINE __u32 fx_load_raw32(const __u8 *p) { return *(const __u32 *)p; }
FX_INLINE __u16 fx_load_raw16(const __u8 *p) { return *(const __u16 *)p; }
/*
 * Six bytes, as a MAC address has, and sixteen, as a header stack has. clang 14 copies byte by byte what it does not know to be
 * aligned.
 */
FX_INLINE void fx_copy6(__u8 *to, const __u8 *from)
{
	*(__u32 *)to = *(const __u32 *)from;
	*(__u16 *)(to + 4) = *(const __u16 *)(from + 4);
}
FX_INLINE void fx_copy16(__u8 *to, const __u8 *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

/*
 * A word of 64 bits, 8-aligned, of fields. What is read as a word is written as one: a processor that reads at once what several stores
 * wrote waits until they have left for the cache. clang 14 writes 32 bits at a time where it does not know of the alignment.
 */
typedef __u64 __attribute__((may_alias)) fx_word;
FX_INLINE __u64 fx_load_word(const void *at) { return *(const fx_word *)at; }
FX_INLINE void fx_store_word(void *at, __u64 word) { *(fx_word *)at = word; }

/* Configuration: frozen at load, so that the verifier knows its values. */
#define FX_CONFIG const volatile

/* Reads or writes x in memory. The verifier then does not know the value, so states that differ in it alone merge. */
#define FX_OPAQUE(x) (*(volatile __typeof__(x) *)&(x))

/*
 * Keeps a pointer that was made of a variable, as to one direction of a record. clang 14 for BPF makes it anew before each use, with four
 * instructions.
 */
#define FX_HOLD(pointer) __asm__ volatile("" : "+r"(pointer))

/*
 * 6.1: "invalid access to packet ... r=0", because it loses the bound of an offset that clang 14 spilled before the comparison;
 * cure: state the bound again where the pointer is made. No offset of the parser is above 2047.
 */
FX_INLINE __u64 fx_bound(__u64 offset)
{
	__asm__ volatile("%0 &= 0x7ff" : "+r"(offset));
	return offset;
}

/* clang 14: it unrolls short retry loops and multiplies the program; cure: the pragma. */
#define FX_NO_UNROLL _Pragma("clang loop unroll(disable)")
/* 6.1: "invalid access to map value ... off=4416" in turn 185 of 4, because it loses a 4-byte counter that clang 14 spilled and does
 * not see the loop end; cure: unroll the few turns that index a record. */
#define FX_UNROLL _Pragma("clang loop unroll(full)")

#else /* host */

#include <string.h>

FX_INLINE __u8 fx_load8(const __u8 *p) { return *p; }
FX_INLINE __u16 fx_load16(const __u8 *p)
{
	__u16 v;
	memcpy(&v, p, 2);
	return __builtin_bswap16(v);
}
FX_INLINE __u32 fx_load32(const __u8 *p)
{
	__u32 v;
	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}
FX_INLINE __u32 fx_load_raw32(const __u8 *p)
{
	__u32 v;
	memcpy(&v, p, 4);
	return v;
}
FX_INLINE __u16 fx_load_raw16(const __u8 *p)
{
	__u16 v;
	memcpy(&v, p, 2);
	return v;
}
FX_INLINE __u64 fx_load_word(const void *at)
{
	__u64 word;
	memcpy(&word, at, sizeof(word));
	return word;
}
FX_INLINE void fx_store_word(void *at, __u64 word) { memcpy(at, &word, sizeof(word)); }
FX_INLINE void fx_copy6(__u8 *to, const __u8 *from) { memcpy(to, from, 6); }
FX_INLINE void fx_copy16(__u8 *to, const __u8 *from) { memcpy(to, from, 16); }
#define FX_CONFIG const
#define FX_OPAQUE(x) (x)
#define FX_HOLD(pointer) ((void)(pointer))
FX_INLINE __u64 fx_bound(__u64 offset) { return offset; }
#define FX_NO_UNROLL
#define FX_UNROLL

#endif

/* The word whose first half in memory is first. */
FX_INLINE __u64 fx_word_of(__u32 first, __u32 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)second << 32 | first;
#else
	return (__u64)first << 32 | second;
#endif
}

/* a - b, or 0 when b is larger. BPF has comparisons only as branches. */
FX_INLINE __u32 fx_rest(__u32 a, __u32 b)
{
	__s64 rest = (__s64)a - (__s64)b;

	return (__u32)(rest & ~(rest >> 63));
}

/* field |= bits, for a field of another width, without a conversion warning on either target. */
#define FX_SET(field, bits) ((field) = (__typeof__(field))((field) | (bits)))

/*
 * A function of a kernel half that the verifier checks once, and not again for each state of the caller. It is global in BPF, so it
 * takes five arguments at most, and must check its pointers for NULL.
 */
#ifdef __bpf__
#define FX_CHECKED_ONCE __attribute__((noinline))
#else
#define FX_CHECKED_ONCE FX_INLINE
#endif

#endif
