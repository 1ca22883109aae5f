// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a capture file. Checks more than memory: frames must lie in what was read, and cutting the input into
// pieces must change neither frames nor damage.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "capture/byte_source.h"
#include "capture/capture_file.h"

namespace {

void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "capture_fuzz: %s\n", what);
    std::abort();
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value)
{
    return (hash ^ value) * 0x9e3779b97f4a7c15ULL;
}

// All that a reader can tell of a file.
struct Reading {
    std::uint64_t packets = 0;
    std::uint64_t hash = 0; // of every field and every byte of every frame
    std::string end;

    bool operator==(const Reading&) const = default;
};

Reading read_in_pieces(std::span<const std::uint8_t> input, std::size_t piece, std::size_t batch)
{
    using flowxdp::CaptureFile;
    Reading reading;
    CaptureFile file("fuzz", std::make_unique<flowxdp::MemorySource>(input, piece), input.size());
    flowxdp::Result<bool> header = file.read_header();
    if (!header) {
        reading.end = header.error().message;
        require(!reading.end.empty(), "an error without a reason");
        return reading;
    }
    std::vector<flowxdp::Frame> frames(batch);
    while (*header) {
        const std::size_t count = file.read(frames);
        if (count == 0)
            break;
        require(count <= batch, "more frames than asked for");
        for (std::size_t i = 0; i < count; ++i) {
            const flowxdp::Frame& frame = frames[i];
            require(frame.ts_ns <= flowxdp::kTimeLimitNs && frame.ts_ns >= -flowxdp::kTimeLimitNs,
                    "a time beyond its limit");
            reading.hash = mixed(reading.hash, static_cast<std::uint64_t>(frame.ts_ns));
            reading.hash = mixed(reading.hash, (std::uint64_t{frame.cap_len} << 32) | frame.wire_len);
            reading.hash = mixed(reading.hash, (std::uint64_t{frame.if_id} << 32) | frame.link_type);
            for (std::uint32_t at = 0; at < frame.cap_len; ++at)
                reading.hash = mixed(reading.hash, frame.data[at]);
        }
        reading.packets += count;
    }
    require(file.info().packets == reading.packets, "the packet count is wrong");
    require(file.state() != CaptureFile::State::kReading, "no frames, and no reason");
    file.finish();
    if (file.damage()) {
        require(!file.damage()->reason.empty(), "a damage without a reason");
        reading.end = std::to_string(file.damage()->offset) + ": " + file.damage()->reason;
    }
    return reading;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::span<const std::uint8_t> input(data, size);
    const Reading whole = read_in_pieces(input, SIZE_MAX, 64);
    require(read_in_pieces(input, 13, 3) == whole, "pieces of the input change what is read");
    return 0;
}
