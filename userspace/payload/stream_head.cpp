// SPDX-License-Identifier: BSD-2-Clause
#include "payload/stream_head.h"

#include <algorithm>
#include <cstring>

namespace flowxdp {

void StreamHead::add(const StreamSegment& segment, std::uint32_t limit)
{
    if (segment.reset)
        return; // its payload is a diagnosis, not of the stream (RFC 9293 3.5.3)
    const std::uint32_t first = segment.sequence + (segment.syn ? 1 : 0);
    if (segment.syn && !has_data_) {
        origin_ = first;
        has_origin_ = has_syn_ = true;
    } else if (segment.syn && first != origin_) {
        return; // another connection
    } else if (segment.syn) {
        has_syn_ = true; // it came late
    }
    const auto claimed =
        std::max<std::uint32_t>(segment.payload_len, static_cast<std::uint32_t>(segment.payload.size()));
    if (!claimed)
        return;
    if (!has_origin_) {
        origin_ = first;
        has_origin_ = true;
    }
    has_data_ = true;
    const std::int64_t from = static_cast<std::int32_t>(first - origin_), to = from + claimed;
    if (to <= 0 || from >= limit)
        return;
    const bool was_waiting = !held_.empty();
    const std::int64_t captured_to = from + static_cast<std::int64_t>(segment.payload.size());
    const auto cut = [limit](std::int64_t at) {
        return static_cast<std::uint32_t>(std::clamp<std::int64_t>(at, 0, limit));
    };
    if (cut(from) < cut(captured_to))
        place(cut(from), cut(captured_to), segment.payload.data() + (cut(from) - from));
    if (cut(captured_to) < cut(to))
        place(cut(captured_to), cut(to), nullptr);
    join();
    if (held_.empty())
        waited_ = 0;
    else if (was_waiting && ++waited_ >= FX_STREAM_PATIENCE)
        skip_hole();
    while (held_.size() > kMostRanges)
        skip_hole();
}

// Keeps what is new of a range: between and behind the ranges that are there. NULL: nobody captured it.
void StreamHead::place(std::uint32_t from, std::uint32_t to, const std::uint8_t* bytes)
{
    const std::uint32_t start = from;
    from = std::max(from, length_);
    std::vector<Range> fresh;
    for (const Range& r : held_) {
        if (from >= to || r.from >= to)
            break;
        if (from < r.from)
            fresh.push_back({from, r.from, bytes != nullptr});
        from = std::max(from, r.to);
    }
    if (from < to)
        fresh.push_back({from, to, bytes != nullptr});
    for (const Range& r : fresh) {
        if (bytes_.size() < r.to)
            bytes_.resize(r.to);
        if (bytes)
            std::memcpy(bytes_.data() + r.from, bytes + (r.from - start), r.to - r.from);
        held_.insert(std::ranges::upper_bound(held_, r.from, {}, &Range::from), r);
    }
}

// Moves the end of the bytes without a hole over the ranges that follow it.
void StreamHead::join()
{
    std::size_t joined = 0;
    for (; joined < held_.size() && held_[joined].from == length_; joined++) {
        if (!held_[joined].captured)
            make_gap(held_[joined].from, held_[joined].to);
        length_ = held_[joined].to;
    }
    if (joined) {
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(joined));
        waited_ = 0;
    }
}

void StreamHead::make_gap(std::uint32_t from, std::uint32_t to)
{
    if (!gaps_.empty() && gaps_.back().offset + gaps_.back().length == from)
        gaps_.back().length += to - from;
    else
        gaps_.push_back({from, to - from});
}

void StreamHead::skip_hole()
{
    make_gap(length_, held_.front().from);
    length_ = held_.front().from;
    join();
}

void StreamHead::give_up()
{
    while (!held_.empty())
        skip_hole();
}

void StreamHead::release()
{
    // Assigning {} would keep the memory.
    std::vector<std::uint8_t>().swap(bytes_);
    std::vector<Range>().swap(held_);
    std::vector<fx_stream_gap>().swap(gaps_);
    length_ = 0;
}

} // namespace flowxdp
