// SPDX-License-Identifier: BSD-2-Clause
// filter_program.h - translates a filter's classic BPF to eBPF, for its function in frame_filter.bpf.h.
//
// libpcap compiles expressions to classic BPF (pcap_compile); the kernel's XDP and clsact programs speak eBPF.
// The translation keeps the meaning that pcap_offline_filter() gives a program: a load beyond the captured bytes and a
// division by zero refuse the frame, a shift by 32 or more gives 0, `len` is the length on the wire.
#pragma once

#include <linux/bpf.h>
#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// A filter as the sensor takes it. Empty program: no filter.
struct FrameFilter {
    std::string expression;           // as the user wrote it
    std::vector<sock_filter> program; // classic BPF for Ethernet
    [[nodiscard]] bool empty() const { return program.empty(); }
};

// Where the frame is: a received one in the XDP program's buffers, or one that a sent buffer becomes.
enum class FilterContext { kXdp, kLeaving };

// The body of `int frame_filter(ctx, data, end, wire_len, cap_len)`, or of `int leaving_filter(ctx, head, shift,
// wire_len, cap_len)`: returns 1 for a frame that matches, else 0. Pure. Accepted by the verifiers of 6.1 and 6.18.
// kXdp: bytes below `end` are read directly, others of the first cap_len bytes by bpf_xdp_load_bytes(), so a frame in
// several buffers is filtered like any other. kLeaving: the first LEAVING_HEAD_BYTES are read from `head`, which is
// readable to there whatever the frame's length; later bytes are read from the buffer at offset + shift, by
// bpf_skb_load_bytes().
// Error: the reason and a way out. Refused are backward jumps (libpcap's loops over IPv6 extension headers: ip6
// protochain), loads of kernel metadata (offsets from 0x80000000 on), reads of memory words that some path has not
// written (libpcap's interpreter reads garbage there), programs that a classic BPF checker would refuse too, and
// results of more than 32,767 instructions, the reach of a jump.
Result<std::vector<bpf_insn>> translate_filter(std::span<const sock_filter> program, FilterContext context);

} // namespace flowxdp
