/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compat.h - the one file that asks which target it is compiled for.
 *
 * Everything else under bpf/flowxdp and in the plugins' kernel halves is the common subset of C11 and C++20: no helper,
 * no libc, no clock. Time, configuration and randomness are arguments.
 *
 * Loads read network byte order and return host order unless the name says RAW.
 */
#ifndef FLOWXDP_COMPAT_H
#define FLOWXDP_COMPAT_H

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

/* Configuration: frozen at load, so that the verifier knows what it says. */
#define FX_CONFIG const volatile

/* Read or write through memory: what comes back is unknown to the verifier, so its states merge at every header. */
#define FX_MEM(x) (*(volatile __typeof__(x) *)&(x))

/*
 * 6.1 forgets the bound of an offset that clang spilled before comparing it ("invalid access to packet ... r=0", kernel
 * 6.1.0-56, clang 14): state it again where the pointer is made. The parser never lets an offset above 2047 come here.
 */
FX_INLINE __u64 fx_bound(__u64 offset)
{
	__asm__ volatile("%0 &= 0x7ff" : "+r"(offset));
	return offset;
}

/* clang 14 would unroll short retry loops and multiply the program: keep them loops. */
#define FX_NO_UNROLL _Pragma("clang loop unroll(disable)")
/* The other way round where few turns index a record: 6.1 forgets a 4-byte counter that clang spilled, does not see the
 * loop end and refuses turn 185 of 4 ("invalid access to map value ... off=4416", kernel 6.1.0-56, clang 14). */
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
#define FX_CONFIG const
#define FX_MEM(x) (x)
FX_INLINE __u64 fx_bound(__u64 offset) { return offset; }
#define FX_NO_UNROLL
#define FX_UNROLL

#endif

/* a := a | bits, in a field of another width; keeps -Wconversion quiet on both targets */
#define FX_SET(field, bits) ((field) = (__typeof__(field))((field) | (bits)))

/*
 * A function of a kernel half that the verifier checks once, by itself, and not again for every state of its caller: global in
 * BPF, so it takes at most five arguments, and its pointers may be NULL as far as the verifier knows.
 */
#ifdef __bpf__
#define FX_CHECKED_ONCE __attribute__((noinline))
#else
#define FX_CHECKED_ONCE FX_INLINE
#endif

#endif
