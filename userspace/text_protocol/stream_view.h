// SPDX-License-Identifier: BSD-2-Clause
// stream_view.h - the head of one direction's byte stream as a dissector sees it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "flowxdp/plugin.h"

namespace flowxdp {

// It only grows between two calls, until it is complete: then no byte comes any more.
struct StreamView {
    std::span<const std::uint8_t> bytes;      // from the first one on
    std::span<const fx_stream_gap> gaps = {}; // bytes that nobody captured, by offset; they are zero in bytes
    bool from_start = true;                   // bytes[0] is the connection's first
    bool complete = false;

    [[nodiscard]] std::size_t size() const { return bytes.size(); }
    // What there is of these bytes; nothing beyond the end.
    [[nodiscard]] std::string_view text(std::size_t offset, std::size_t length) const
    {
        if (offset >= bytes.size())
            return {};
        return {reinterpret_cast<const char*>(bytes.data()) + offset, std::min(length, bytes.size() - offset)};
    }
    // Whether a byte of [first, end) was not captured.
    [[nodiscard]] bool has_gap(std::size_t first, std::size_t end) const
    {
        const auto gap = std::partition_point(gaps.begin(), gaps.end(),
                                              [first](const fx_stream_gap& g) { return g.offset + g.length <= first; });
        return gap != gaps.end() && gap->offset < end;
    }
};

// The first bytes of the stream, most of them at most: then the head is complete.
inline StreamView stream_view(const fx_stream& stream, std::size_t most)
{
    return {{stream.bytes, std::min(stream.length, most)},
            {stream.gaps, stream.gap_count},
            stream.from_start != 0,
            stream.complete != 0 || stream.length >= most};
}

} // namespace flowxdp
