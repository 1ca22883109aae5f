// SPDX-License-Identifier: BSD-2-Clause
#include "support/classic_filter.h"

#include <pcap/pcap.h>

#include <vector>

namespace flowxdp::test {
namespace {

std::vector<bpf_insn> for_libpcap(std::span<const sock_filter> program)
{
    std::vector<bpf_insn> out;
    for (const sock_filter& i : program)
        out.push_back({i.code, i.jt, i.jf, i.k});
    return out;
}

} // namespace

bool classic_is_valid(std::span<const sock_filter> program)
{
    return bpf_validate(for_libpcap(program).data(), static_cast<int>(program.size())) != 0;
}

bool classic_matches(std::span<const sock_filter> program, const std::uint8_t* frame, std::uint32_t cap_len,
                     std::uint32_t wire_len)
{
    return bpf_filter(for_libpcap(program).data(), frame, wire_len, cap_len) != 0;
}

} // namespace flowxdp::test
