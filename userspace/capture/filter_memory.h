// SPDX-License-Identifier: BSD-2-Clause
// filter_memory.h - does a filter read memory that it did not write?
//
// libpcap's code generator keeps offsets in scratch memory words; up to 1.10.3 what it makes of 'geneve or X' reads one
// that only frames with a Geneve header have written. Its interpreter then finds garbage there, the kernel's finds
// zeros: such a filter has no answer. Both engines refuse it by this one look.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace flowxdp {

// The first instruction that some way from the start leads to without writing the memory word that it reads. Any
// program will do, loops and jumps out of it included. Pure.
std::optional<std::size_t> unwritten_memory_read(std::span<const sock_filter> program);

// A clause for that instruction, with the way out.
std::string unwritten_memory_reason(std::size_t instruction);

} // namespace flowxdp
