// SPDX-License-Identifier: BSD-2-Clause
// frame.h - one captured frame, as a capture file or an interface delivers it.
#pragma once

#include <cstdint>

namespace flowxdp {

// Times of frames lie within +-kTimeLimitNs (1678 to 2261); a file's time beyond is set to the limit and counted. The
// room up to 2^63 (268 days) lets a reader add time-outs without overflow.
inline constexpr std::int64_t kTimeLimitNs = 9'200'000'000'000'000'000;

// LINKTYPE_* values that the program itself has to name.
inline constexpr std::uint32_t kLinkTypeEthernet = 1; // LINKTYPE_ETHERNET
inline constexpr std::uint32_t kLinkTypeRaw = 101;    // LINKTYPE_RAW: an IPv4 or IPv6 packet

// Points into its reader's buffer: valid until the reader's next call.
struct Frame {
    const std::uint8_t* data; // first byte of the link header
    std::uint32_t cap_len;    // bytes at data
    std::uint32_t wire_len;   // bytes on the wire by the file; smaller than cap_len in a damaged file
    std::int64_t ts_ns;       // ns since the epoch, see kTimeLimitNs
    std::uint32_t if_id;      // pcapng interface number within its section, 0 for pcap; a live sensor's own capture:
                              // the ifindex that it showed
    std::uint32_t link_type;  // LINKTYPE_* value as in the file (tcpdump.org/linktypes.html)
};

} // namespace flowxdp
