// SPDX-License-Identifier: BSD-2-Clause
// link_type.h - libpcap's knowledge of link types: files hold LINKTYPE_ values, libpcap's calls want DLT_ ones.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>

namespace flowxdp {

struct PcapCloser {
    void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, PcapCloser>;

// A libpcap handle for a capture file of this link type, for pcap_datalink() and pcap_compile(). It uses libpcap's own
// mapping table: none is kept here. Snap length 262144. Empty when libpcap refuses; *reason (not null) then holds its
// message.
PcapHandle open_link_type(std::uint32_t link_type, std::string* reason);

} // namespace flowxdp
