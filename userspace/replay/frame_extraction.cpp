// SPDX-License-Identifier: BSD-2-Clause
#include "replay/frame_extraction.h"

#include <algorithm>
#include <cstring>

namespace flowxdp {
namespace {

constexpr std::size_t kRecordBytes = 256u << 10; // fits into a cache

} // namespace

FrameExtraction::FrameExtraction(Hooks hooks, stream_writer* pipeline, flow_config* flow)
    : hooks_(std::move(hooks)), pipeline_(pipeline), packet_rows_((flow->flags & FLOW_CONFIG_PACKET_RECORDS) != 0)
{
    flow->flags |= FLOW_CONFIG_PACKET_RECORDS; // payload_max stays: no bytes without packet mode
    writer_.context = this;
    writer_.hand_over = [](stream_writer* w, __u32 need) {
        static_cast<FrameExtraction*>(w->context)->make_room(need);
    };
    make_room(0);
}

void FrameExtraction::make_room(std::uint32_t need)
{
    read_records();
    if (capacity_ == 0 || capacity_ < need) {
        capacity_ = std::max<std::size_t>(kRecordBytes, (need + 7) & ~std::size_t{7});
        records_.reset(new std::uint64_t[capacity_ / 8]);
    }
    writer_.at = reinterpret_cast<std::uint8_t*>(records_.get());
    writer_.limit = writer_.at + capacity_;
}

// Remembers the packets that are wanted, and hands the records on.
void FrameExtraction::read_records()
{
    const auto* at = reinterpret_cast<const std::uint8_t*>(records_.get());
    while (at < writer_.at) {
        const auto* header = reinterpret_cast<const stream_header*>(at);
        at += header->size;
        bool goes_on = pipeline_ != nullptr;
        if (header->kind == STREAM_PACKET) {
            const auto& packet = *reinterpret_cast<const packet_record*>(header);
            if (hooks_.wants(packet))
                wanted_.push_back({packet.packet_no, packet.flow_id});
            goes_on = goes_on && (packet_rows_ || (packet.wanted | packet.needs) != 0);
        }
        if (header->kind == STREAM_ENDED && hooks_.ended)
            hooks_.ended(reinterpret_cast<const ended_record*>(header)->record.flow_id);
        if (goes_on)
            std::memcpy(stream_reserve(pipeline_, header->size), header, header->size);
    }
    writer_.at = reinterpret_cast<std::uint8_t*>(records_.get());
}

void FrameExtraction::take(const FrameBlock& block)
{
    read_records();
    std::size_t i = 0; // frames and wanted packets are in input order
    for (const Wanted& wanted : wanted_) {
        while (i < block.frames.size() && block.frames[i].packet_no < wanted.packet_no)
            i++;
        if (i < block.frames.size() && block.frames[i].packet_no == wanted.packet_no)
            hooks_.frame(wanted.flow, block.originals[i]);
    }
    wanted_.clear();
}

} // namespace flowxdp
