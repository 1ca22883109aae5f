// SPDX-License-Identifier: BSD-2-Clause
// The dissector of ssh over any stream; stream_fuzz.h says what the input is.
#include "ssh_message.h"

#include "fuzz/stream_fuzz.h"

using namespace flowxdp::ssh;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static constexpr Side kNobody{};
    flowxdp::test::fuzz_stream<Side>(
        data, size, [](const flowxdp::StreamView& head, Side* side) { return read(head, kNobody, side); });
    return 0;
}
