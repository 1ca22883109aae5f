/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_lock.bpf.h - a one-word lock for map values: bounded test-and-compare-and-exchange with an owner token.
 *
 * Why not bpf_spin_lock: it costs 45 to 67 ns more, allows no helper or ring call under it, is refused in for_each and syscall
 * programs on 6.1, and needs the value's size in BTF. What makes this lock correct (kernels 6.1 and 6.18):
 *   - It reads the word before it exchanges it, RECORD_LOCK_TRIES times at most. 6.1: jumps out of range above 2,048.
 *   - Only programs write the word. A slot that is used again keeps it (flow_table.bpf.h), so a holder always releases its own lock.
 *   - It is released by a plain store where the processor keeps stores in order (load.ordered_stores: x86), elsewhere by an
 *     exchange token -> 0.
 *   - A holder checks state and key before it changes anything: its pointer may be out of date.
 * It is not fair, and not for PREEMPT_RT. Context: XDP and TC programs, test-run.
 */
#pragma once

#include "flowxdp/compat.h"

#include "maps.bpf.h"

#define RECORD_LOCK_TRIES 512

/* A token that no other context of this machine has: CPU and enum program_role. */
FX_INLINE __u32 record_lock_token(__u32 role) { return (bpf_get_smp_processor_id() << 2 | role) + 1; }

FX_INLINE int record_lock_try(__u32 *lock, __u32 token)
{
	return *(volatile __u32 *)lock == 0 && __sync_val_compare_and_swap(lock, 0u, token) == 0;
}

/*
 * 6.18: 738 k verified instructions for the whole program when this loop is inlined, because each of its 512 exits is
 * followed into the caller; cure: a global function, verified once: 150 k.
 */
__noinline int record_lock_wait(__u32 *lock, __u32 token)
{
	if (!lock)
		return 0;
	FX_NO_UNROLL
	for (int i = 0; i < RECORD_LOCK_TRIES; i++)
		if (record_lock_try(lock, token))
			return 1;
	return 0;
}

/* 1: taken. 0: not free within the bound. */
FX_INLINE int record_lock(__u32 *lock, __u32 token)
{
	return FX_LIKELY(record_lock_try(lock, token)) || record_lock_wait(lock, token);
}

FX_INLINE void record_unlock(__u32 *lock, __u32 token)
{
	if (load.ordered_stores) {
		__asm__ volatile("" ::: "memory");
		*(volatile __u32 *)lock = 0;
	} else {
		__sync_val_compare_and_swap(lock, token, 0u);
	}
}
