// SPDX-License-Identifier: BSD-2-Clause
// stream_fuzz.h - a dissector of streams over any input: it ends, reads nothing beyond the head, and says the same of
// the stream in one piece as in segments.
//
// Input: number of segments and 2 bytes for the length of each, then 2 bytes of place and 1 of length of a gap (0:
// none); the rest is the stream.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/stream_feed.h"

namespace flowxdp::test {

template <typename Side, typename Read>
void fuzz_stream(const std::uint8_t* data, std::size_t size, Read read)
{
    const auto byte = [&] {
        if (!size)
            return std::uint8_t{0};
        size--;
        return *data++;
    };
    std::vector<std::size_t> ends;
    for (unsigned left = byte() % 16U; left; left--) {
        const std::size_t length = byte() << 8U | byte();
        ends.push_back((ends.empty() ? 0 : ends.back()) + length);
    }
    fx_stream_gap gap{};
    gap.offset = static_cast<std::size_t>(byte() << 8U | byte());
    gap.length = byte();
    std::string text(reinterpret_cast<const char*>(data), size);
    gap.offset = std::min(gap.offset, text.size());
    gap.length = std::min(gap.length, text.size() - gap.offset);
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(gap.offset), gap.length, '\0');
    ends.erase(std::remove_if(ends.begin(), ends.end(), [&](std::size_t end) { return end >= text.size(); }),
               ends.end());
    // A gap comes whole, with a byte behind it: a segment never ends within one.
    for (std::size_t& end : ends)
        if (end >= gap.offset && end < gap.offset + gap.length + 1)
            end = gap.offset + gap.length == text.size() ? gap.offset : gap.offset + gap.length + 1;
    const std::span<const fx_stream_gap> gaps(&gap, gap.length ? 1 : 0);
    const Side whole = feed_whole<Side>(text, read, gaps), parts = feed_segments<Side>(text, ends, read, gaps);
    if (!same_results(whole, parts)) {
        std::fprintf(stderr, "stream_fuzz: segments gave another result\n");
        std::abort();
    }
}

} // namespace flowxdp::test
