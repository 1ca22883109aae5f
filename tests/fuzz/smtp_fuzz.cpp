// SPDX-License-Identifier: BSD-2-Clause
// The dissector of smtp over any stream; stream_fuzz.h says what the input is.
#include "smtp_message.h"

#include "fuzz/stream_fuzz.h"

using namespace flowxdp::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    flowxdp::test::fuzz_stream<Side>(
        data, size, [](const flowxdp::StreamView& head, Side* side) { return read(head, true, side); });
    return 0;
}
