// SPDX-License-Identifier: BSD-2-Clause
#include "capture/link_type.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "capture/capture.h"

namespace flowxdp {

namespace {

// Before LINKTYPE_ values were fixed, files carried the writer's own DLT_RAW: 12, on OpenBSD 14. libpcap only knows the
// number of the system that it was built for.
std::uint32_t canonical(std::uint32_t link_type)
{
    return link_type == 12 || link_type == 14 ? kLinkTypeRaw : link_type;
}

} // namespace

PcapHandle open_link_type(std::uint32_t link_type, std::string* reason)
{
    // An empty capture of that type, in memory: the only public way to libpcap's map from LINKTYPE_ to DLT_.
    struct pcap_file_header header = {};
    header.magic = 0xa1b2c3d4;
    header.version_major = PCAP_VERSION_MAJOR;
    header.version_minor = PCAP_VERSION_MINOR;
    header.snaplen = 262144;
    header.linktype = canonical(link_type);
    std::FILE* file = ::fmemopen(&header, sizeof(header), "rb");
    if (file == nullptr) {
        *reason = std::strerror(errno);
        return nullptr;
    }
    std::array<char, PCAP_ERRBUF_SIZE> error = {};
    PcapHandle handle(pcap_fopen_offline(file, error.data()));
    if (handle)
        return handle; // owns the file
    std::fclose(file);
    *reason = error.data();
    return nullptr;
}

namespace {

// DLT_ value, or -1 when libpcap refuses the link type.
int datalink_of(std::uint32_t link_type)
{
    std::string reason;
    PcapHandle handle = open_link_type(link_type, &reason);
    return handle ? pcap_datalink(handle.get()) : -1;
}

} // namespace

std::string link_type_name(std::uint32_t link_type)
{
    const char* name = pcap_datalink_val_to_name(datalink_of(link_type));
    return name != nullptr ? name : "UNKNOWN";
}

std::string link_type_description(std::uint32_t link_type)
{
    const char* description = pcap_datalink_val_to_description(datalink_of(link_type));
    return description != nullptr ? description : "";
}

} // namespace flowxdp
