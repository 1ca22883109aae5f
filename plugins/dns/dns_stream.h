// SPDX-License-Identifier: BSD-2-Clause
// dns_stream.h - DNS over TCP: messages behind a length of two bytes (RFC 1035 4.2.2, RFC 7766), several in a stream.
#pragma once

#include <cstddef>

#include "dns_flow.h"
#include "flowxdp/plugin.h"

namespace flowxdp::dns {

// Takes in the messages that are whole since the last call. head: the most bytes of a stream that come. False: no more
// bytes are wanted.
bool add_stream(const fx_stream& stream, std::size_t head, FlowMessages* messages);

} // namespace flowxdp::dns
