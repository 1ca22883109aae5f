// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as the datagrams of a UDP flow, and as the frames of an Initial packet, which no fuzzer seals.
//
// Input: datagrams, each behind a byte of direction (bit 0), claims more than it has (bit 1), frames instead (bit 2),
// and two bytes of its length.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "quic/connection.h"
#include "quic/frames.h"

namespace {

using namespace flowxdp::quic;

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "quic_fuzz: %s\n", what);
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static ConnectionReader reader; // fetches algorithms once
    auto facts = std::make_unique<ConnectionFacts>();
    auto frames = std::make_unique<CryptoStream>();
    for (unsigned i = 0; i < 16 && size >= 3; i++) {
        const std::uint8_t kind = data[0];
        const std::size_t claimed = static_cast<std::size_t>(data[1] << 8 | data[2]),
                          length = std::min(claimed, size - 3);
        // A block of its own, so that a read behind it is seen.
        const std::vector<std::uint8_t> bytes(data + 3, data + 3 + length);
        data += 3 + length;
        size -= 3 + length;
        if (kind & 4) {
            bool closed = false;
            read_frames(bytes, frames.get(), &closed);
        } else {
            reader.read(kind & 1, bytes, kind & 2 ? length + 1 : length, 1'772'582'400, facts.get());
        }
        require(frames->in_order <= CryptoStream::kMost && facts->stream.in_order <= CryptoStream::kMost,
                "more crypto data than there is room for");
        require(facts->message_at <= facts->stream.in_order, "a message outside the stream");
    }
    take_unfinished_hello(1'772'582'400, facts.get());
    for (const SideFacts& side : facts->side)
        require(side.destination.length <= kMostConnectionId && side.source.length <= kMostConnectionId, "a long id");
    return 0;
}
