// SPDX-License-Identifier: BSD-2-Clause
// classic_filter.h - libpcap's own checker and interpreter of classic BPF, the reference for every translation. A file
// of its own: pcap/bpf.h and linux/bpf.h both call their instruction struct bpf_insn.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

namespace flowxdp::test {

// bpf_validate()
bool classic_is_valid(std::span<const sock_filter> program);
// bpf_filter(), which pcap_offline_filter() is made of
bool classic_matches(std::span<const sock_filter> program, const std::uint8_t* frame, std::uint32_t cap_len,
                     std::uint32_t wire_len);

} // namespace flowxdp::test
