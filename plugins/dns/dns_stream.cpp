// SPDX-License-Identifier: BSD-2-Clause
#include "dns_stream.h"

#include <algorithm>
#include <span>

namespace flowxdp::dns {
namespace {

constexpr std::size_t kLengthBytes = 2;

bool has_gap(const fx_stream& stream, std::size_t first, std::size_t end)
{
    const std::span<const fx_stream_gap> gaps(stream.gaps, stream.gap_count);
    return std::any_of(gaps.begin(), gaps.end(),
                       [&](const fx_stream_gap& gap) { return gap.offset < end && first < gap.offset + gap.length; });
}

// A message that keeps all rules. It tells where a stream is entered that was not seen from its start.
bool is_sound(Bytes message)
{
    auto reader = MessageReader::open(message);
    if (!reader)
        return false;
    for (Record record; reader->next_record(&record);)
        ;
    return reader->fault() == Fault::kNone && reader->offset() == message.size();
}

} // namespace

bool add_stream(const fx_stream& stream, std::size_t head, FlowMessages* messages)
{
    FlowMessages::Sums& sums = messages->sums(stream.direction & 1u);
    const Bytes bytes(stream.bytes, stream.length);
    const auto arrival = [&](bool whole) {
        return Arrival{stream.ts_ns, static_cast<std::uint8_t>(stream.direction & 1u), false, whole};
    };
    const auto give_up = [&] {
        sums.status |= kStatDns | kStatCorrupt;
        return false;
    };
    while (bytes.size() - sums.stream_offset >= kLengthBytes) {
        const std::size_t at = sums.stream_offset, start = at + kLengthBytes;
        if (has_gap(stream, at, start))
            return give_up();
        const std::size_t size = std::size_t{bytes[at]} << 8 | bytes[at + 1];
        if (bytes.size() - start < size)
            break;
        const Bytes message = bytes.subspan(start, size);
        const bool missing = has_gap(stream, start, start + size);
        if (at == 0 && !stream.from_start && (missing || !is_sound(message)))
            return give_up();
        if (stream.known_before > at && stream.known_before < start + size)
            sums.status |= kStatSegments;
        if (missing)
            sums.status |= kStatDns | kStatUnfinished;
        else if (!messages->add(message, arrival(true)) && size < kHeaderBytes)
            return give_up();
        sums.stream_offset = static_cast<std::uint32_t>(start + size);
    }
    if (!stream.complete)
        return true;
    if (bytes.size() >= head)
        sums.status |= kStatDns | kStatLater;
    if (const std::size_t at = sums.stream_offset; at < bytes.size()) {
        // What there is of the last message; without its start nothing is known of it.
        const std::size_t start = std::min(at + kLengthBytes, bytes.size());
        if ((at == 0 && !stream.from_start) || has_gap(stream, at, bytes.size()))
            return give_up();
        messages->add(bytes.subspan(start), arrival(false));
        sums.stream_offset = static_cast<std::uint32_t>(bytes.size());
    }
    return false;
}

} // namespace flowxdp::dns
