// SPDX-License-Identifier: BSD-2-Clause
// filter_memory.h - does a filter read memory that it did not write?
//
// libpcap's code generator keeps offsets in scratch memory words. Up to 1.10.3 its code for 'geneve or X' reads a word
// that is written only for frames with a Geneve header. libpcap's interpreter then reads garbage, the kernel's reads
// zeros: such a filter has no answer. Both engines refuse it by this check.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace flowxdp {

// The first instruction that reads a memory word which some path from the start has not written. Takes any program,
// also one with loops and jumps out of it. Pure.
std::optional<std::size_t> unwritten_memory_read(std::span<const sock_filter> program);

// A clause for that instruction, with the way out.
std::string unwritten_memory_reason(std::size_t instruction);

} // namespace flowxdp
