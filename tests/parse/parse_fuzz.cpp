// SPDX-License-Identifier: BSD-2-Clause
// parse_fuzz.cpp - link step and parser over arbitrary bytes.
//
// Input: selector (1 byte: link type, or a start kind of the parser), wire length above the capture (1 byte), frame.
// The frame lies in a heap block of exactly its size. Checked beside memory: invariants every consumer relies on.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "flowxdp/fragment.h"
#include "flowxdp/parse.h"
#include "link/link_header.h"

namespace {

const tunnel_config kTunnels = tunnel_config_default();

constexpr std::uint16_t kLinkTypes[] = {0,   1,   6,   7,   8,   9,   10,  11,  12,  50,  51,  99,  104, 105,
                                        106, 107, 108, 109, 113, 117, 119, 122, 123, 127, 129, 138, 143, 149,
                                        163, 166, 178, 179, 180, 181, 192, 197, 204, 205, 206, 219, 226, 228,
                                        229, 239, 240, 241, 242, 258, 274, 276, 281, 282, 284, 285, 9999};
constexpr std::size_t kLinkTypeCount = sizeof(kLinkTypes) / sizeof(kLinkTypes[0]);

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// outer_headers: those that the frame has in front of a tunnel, at least: none when dissection began with any header.
void check(const packet& p, unsigned outer_headers)
{
    require(p.headers_used <= HEADER_STACK_BYTES);
    require(p.steps <= PACKET_MAX_HEADERS);
    require(p.ip_version == 0 || p.ip_version == 4 || p.ip_version == 6);
    require(!(p.flags & PACKET_HAS_TCP) || ((p.flags & PACKET_HAS_PORTS) && p.ip_proto == 6));
    require((p.flags & PACKET_HAS_PORTS) || (p.src_port == 0 && p.dst_port == 0));
    require(!(p.flags & PACKET_LATER_FRAGMENT) || !(p.flags & PACKET_HAS_PORTS));
    require(!(p.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) || p.fragment_version != 0);
    require(p.vlan_id < 4096);
    require(!p.tunnel_header || p.header_count >= outer_headers + 2); // the tunnel, an IP header
    require(p.tunnel_end == 0);                                       // entered or left, never between
    for (unsigned i = p.headers_used; i < HEADER_STACK_BYTES; i++)
        require(p.headers[i] == 0);
    if (p.ip_version == 0) {
        require((p.status & FS(L2_FLOW)) && p.payload_len == 0 && p.src_port == 0);
        return;
    }
    require(p.l3_offset <= PACKET_MAX_HEADER_OFFSET && p.l3_offset + 20 <= p.cap_len);
    require(p.payload_len <= p.l4_len && p.l4_len <= 0x40000 + p.wire_len);
    require(!(p.status & FS(L2_FLOW)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    const std::uint32_t cap_len = static_cast<std::uint32_t>(size - 2), selector = data[0];
    auto heap = std::make_unique<std::uint8_t[]>(cap_len);
    struct {
        const std::uint8_t* bytes;
        frame_meta meta;
    } linked{};
    packet p{}, loop_only{}; // compared byte by byte, with what the parser leaves as it is

    std::memcpy(heap.get(), data + 2, cap_len);
    if (selector < 200) {
        flowxdp::Frame frame{heap.get(), cap_len, cap_len + data[1], 1, 0, kLinkTypes[selector % kLinkTypeCount]};

        if (flowxdp::strip_link_header(frame, &linked.bytes, &linked.meta) != flowxdp::LinkOutcome::kOk)
            return 0;
    } else { // any header first, also those no link announces
        linked.bytes = heap.get();
        linked.meta.cap_len = cap_len;
        linked.meta.wire_len = cap_len + data[1];
        linked.meta.start_kind = static_cast<std::uint16_t>(HEADER_KIND_ETHERNET + (selector - 200));
    }
    require(linked.bytes >= heap.get() && linked.bytes + linked.meta.cap_len <= heap.get() + cap_len);
    require(linked.meta.wire_len >= linked.meta.cap_len);
    packet_parse(linked.bytes, &linked.meta, &kTunnels, 1, 1, &p);
    check(p, selector < 200 ? 1 : 0);

    // the straight line is the loop, only faster
    packet_clear(&loop_only, &linked.meta, 1, 1);
    while (!packet_parse_next(linked.bytes, linked.bytes + linked.meta.cap_len, &kTunnels, &loop_only)) {
    }
    packet_parse_l4(linked.bytes, linked.bytes + linked.meta.cap_len, &loop_only);
    p.cursor = loop_only.cursor = 0;
    p.step_header = loop_only.step_header = 0;
    require(std::memcmp(&p, &loop_only, sizeof(p)) == 0);

    flow_key key;
    fragment_slot slot{};
    std::uint32_t reverse = flow_key_from(&p, FLOW_KEY_TUNNEL, &key);

    require(reverse <= 1);
    if (p.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)) {
        require(fragment_slot_index(&p, 1, FLOW_KEY_TUNNEL) < FRAGMENT_SLOTS);
        fragment_book(&slot, &p, FLOW_KEY_TUNNEL, &key, &reverse);
    }
    return 0;
}
