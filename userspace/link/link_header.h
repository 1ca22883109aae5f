// SPDX-License-Identifier: BSD-2-Clause
// link_header.h - the thin link-type step in front of the shared parser.
//
// XDP only ever sees Ethernet, or IP packets of a tunnel's device. A capture file may hold anything: this step strips
// the link header that XDP never sees (radiotap, Linux cooked, Frame Relay, DSA tags, ...) and tells the shared parser
// where to start and with what. It reads no IP. Both replay engines call it, so both see the same bytes.
#pragma once

#include <cstdint>

#include "capture/frame.h"
#include "flowxdp/packet.h"

namespace flowxdp {

enum class LinkOutcome {
    kOk,          // *bytes and *meta are filled
    kShortFrame,  // the frame ends inside its link header: counted packets_short_frame, no flow
    kUnsupported, // no step for this link type: counted packets_link_unsupported, no flow
};

// frame.link_type is a LINKTYPE_ value. *bytes: the first byte after the stripped link header. *meta: wire_len is never
// below cap_len, clock_ns is left 0 for the engine. Pure.
LinkOutcome strip_link_header(const Frame& frame, const std::uint8_t** bytes, frame_meta* meta);

// The parser's start on a live link of this type, by the same step: start_kind and link_headers of a frame without a
// header to strip (Ethernet, raw IP).
frame_meta link_start(std::uint32_t link_type);

// True when the link type has a step.
bool link_type_supported(std::uint32_t link_type);

} // namespace flowxdp
