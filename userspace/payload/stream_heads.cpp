// SPDX-License-Identifier: BSD-2-Clause
#include "payload/stream_heads.h"

#include <algorithm>

namespace flowxdp {

void StreamHeads::add(std::uint64_t flow, unsigned direction, std::uint32_t readers, const StreamSegment& segment,
                      const packet_record* packet, std::int64_t ts_ns)
{
    auto [at, is_new] = flows_.try_emplace(flow);
    if (is_new) {
        order_.emplace_back().key = flow;
        at->second = std::prev(order_.end());
    }
    const auto entry = at->second;
    Direction& d = entry->directions[direction & 1];
    d.readers |= readers;
    d.ts_ns = std::max(d.ts_ns, ts_ns);
    std::uint32_t limit = 0;
    for (unsigned reader = 0; reader < limits_.size(); reader++)
        if ((d.readers & ~d.done) >> reader & 1)
            limit = std::max(limit, limits_[reader]);
    if (!limit)
        return; // nobody wants more
    bytes_ -= d.head.memory();
    d.head.add(segment, limit);
    bytes_ += d.head.memory();
    show(&*entry, direction & 1, packet, false);
    while ((bytes_ > most_bytes_ || flows_.size() > kMostFlows) && flows_.size() > 1) {
        const auto oldest = order_.begin() == entry ? std::next(order_.begin()) : order_.begin();
        for (const Direction& other : oldest->directions)
            if (other.readers & ~other.done) {
                dropped_++;
                break;
            }
        end(oldest);
    }
}

void StreamHeads::finish(std::uint64_t flow)
{
    if (const auto at = flows_.find(flow); at != flows_.end())
        end(at->second);
}

void StreamHeads::end(std::list<Flow>::iterator flow)
{
    for (unsigned direction = 0; direction < 2; direction++) {
        Direction& d = flow->directions[direction];
        if (d.readers & ~d.done) {
            d.head.give_up();
            show(&*flow, direction, nullptr, true);
        }
        bytes_ -= d.head.memory();
    }
    flows_.erase(flow->key);
    order_.erase(flow);
}

void StreamHeads::show(Flow* flow, unsigned direction, const packet_record* packet, bool last)
{
    Direction& d = flow->directions[direction];
    const std::span<const std::uint8_t> bytes = d.head.bytes();
    if (d.shown.empty())
        d.shown.resize(limits_.size());
    for (unsigned reader = 0; reader < limits_.size(); reader++) {
        if (!((d.readers & ~d.done) >> reader & 1))
            continue;
        const std::size_t length = std::min<std::size_t>(bytes.size(), limits_[reader]);
        if (length == d.shown[reader] && !last)
            continue;
        fx_stream stream{};
        stream.record = packet;
        stream.bytes = bytes.data();
        stream.length = length;
        stream.known_before = d.shown[reader];
        stream.ts_ns = d.ts_ns;
        stream.gaps = d.head.gaps().data();
        while (stream.gap_count < d.head.gaps().size() && stream.gaps[stream.gap_count].offset < length)
            stream.gap_count++;
        stream.direction = static_cast<std::uint8_t>(direction);
        stream.from_start = d.head.from_start();
        stream.complete = last || length == limits_[reader];
        d.shown[reader] = static_cast<std::uint32_t>(length);
        if (!show_(reader, flow->key, &stream) || stream.complete)
            d.done |= 1u << reader;
    }
    if (!(d.readers & ~d.done)) {
        bytes_ -= d.head.memory();
        d.head.release();
    }
}

} // namespace flowxdp
