// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as JetStream's answer to a message: it is an acknowledgement or an error with a text, never both, and
// nothing that a terminal would obey comes through.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "publish_ack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const flowxdp::PublishAck ack = flowxdp::parse_publish_ack(text);
    if (ack.stored != ack.error.empty() || (ack.duplicate && !ack.stored) || (ack.error_code && ack.stored))
        std::abort();
    if (ack.stored &&
        (text.find("\"stream\"") == std::string_view::npos || text.find("\"seq\"") == std::string_view::npos))
        std::abort();
    if (ack.error.size() > 2000 ||
        std::ranges::any_of(ack.error, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        std::abort();
    return 0;
}
