// SPDX-License-Identifier: BSD-2-Clause
// stream_feed.h - feeds a dissector of streams: whole, in segments, cut at any length, with bytes that nobody captured.
// Read is a callable (StreamView, Side*) that returns whether more bytes are wanted.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text_protocol/stream_view.h"

namespace flowxdp::test {

// The bytes in a block of their exact size, so that a sanitizer sees one byte too many.
class ExactBytes {
  public:
    explicit ExactBytes(std::string_view text) : size_(text.size()), bytes_(new std::uint8_t[text.size()])
    {
        if (!text.empty())
            std::memcpy(bytes_.get(), text.data(), text.size());
    }
    [[nodiscard]] std::span<const std::uint8_t> span() const { return {bytes_.get(), size_}; }

  private:
    std::size_t size_;
    std::unique_ptr<std::uint8_t[]> bytes_;
};

// One call: the direction is complete.
template <typename Side, typename Read>
Side feed_whole(std::string_view text, Read read, std::span<const fx_stream_gap> gaps = {}, bool from_start = true)
{
    Side side{};
    const ExactBytes bytes(text);
    read(StreamView{bytes.span(), gaps, from_start, true}, &side);
    return side;
}

// A call for each segment, as long as more is wanted, then the complete head, as at the end of a flow.
template <typename Side, typename Read>
Side feed_segments(std::string_view text, const std::vector<std::size_t>& ends, Read read,
                   std::span<const fx_stream_gap> gaps = {})
{
    Side side{};
    bool more = true;
    for (const std::size_t end : ends) {
        if (!more)
            return side;
        const ExactBytes bytes(text.substr(0, end));
        // A gap is known when a byte behind it came.
        std::size_t known = 0;
        while (known < gaps.size() && gaps[known].offset + gaps[known].length < end)
            known++;
        more = read(StreamView{bytes.span(), gaps.first(known), true, false}, &side);
    }
    if (more) {
        const ExactBytes bytes(text);
        read(StreamView{bytes.span(), gaps, true, true}, &side);
    }
    return side;
}

// What a dissector keeps beside its results: how far it searched for a line's end.
template <typename Side>
bool same_results(Side a, Side b)
{
    if constexpr (requires { a.place; })
        a.place = b.place = {};
    return std::memcmp(&a, &b, sizeof a) == 0;
}

// Whether the result is the same in every split into two segments, and byte by byte.
template <typename Side, typename Read>
bool same_in_segments(std::string_view text, Read read)
{
    const Side whole = feed_whole<Side>(text, read);
    std::vector<std::size_t> bytes;
    for (std::size_t i = 1; i < text.size(); i++) {
        if (!same_results(whole, feed_segments<Side>(text, {i}, read)))
            return false;
        bytes.push_back(i);
    }
    return same_results(whole, feed_segments<Side>(text, bytes, read));
}

// Feeds every front of the text, and the text with every byte lost.
template <typename Side, typename Read>
void feed_damaged(std::string_view text, Read read)
{
    for (std::size_t i = 0; i <= text.size(); i++) {
        feed_whole<Side>(text.substr(0, i), read);
        std::string lost(text);
        const std::size_t length = std::min<std::size_t>(7, text.size() - i);
        std::fill_n(lost.begin() + static_cast<std::ptrdiff_t>(i), length, '\0');
        const fx_stream_gap gap = {i, length};
        feed_whole<Side>(lost, read, {&gap, length ? 1U : 0U});
    }
}

} // namespace flowxdp::test
