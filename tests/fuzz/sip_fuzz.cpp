// SPDX-License-Identifier: BSD-2-Clause
// The dissector of sip over any stream (stream_fuzz.h says what the input is), and over the input as two datagrams.
#include "sip_message.h"

#include "fuzz/stream_fuzz.h"

using namespace flowxdp::sip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    flowxdp::test::fuzz_stream<Side>(data, size,
                                     [](const flowxdp::StreamView& head, Side* side) { return read(head, side); });
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Side side{};
    for (const std::string_view part : {text.substr(0, size / 2), text.substr(size / 2), text}) {
        const flowxdp::test::ExactBytes bytes(part.substr(0, PACKET_MAX_PAYLOAD));
        read_datagram(bytes.span(), part.size() <= PACKET_MAX_PAYLOAD, &side);
    }
    return 0;
}
