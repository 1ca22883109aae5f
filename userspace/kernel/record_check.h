// SPDX-License-Identifier: BSD-2-Clause
// record_check.h - checks that a record from a ring, an outbox or a table is one that the programs can have written.
//
// Those maps are pinned, and the owner of the pins may write there. A record that passes can be read by its sizes and
// used as an index without another check; its counts may still be invented.
#pragma once

#include <cstddef>
#include <cstdint>

#include "flowxdp/record_stream.h"

namespace flowxdp {

// Bounds of a sensor's records, by the bundle and the enabled plugins.
struct RecordBounds {
    std::uint32_t record_size = sizeof(flow_record);          // core and slots, bytes
    std::uint32_t packet_record_size = sizeof(packet_record); // core and packet states, bytes
    bool any_time = false;                                    // times are a capture's, not this machine's boot clock
};

// 73 years of boot clock: differences and sums of two such times fit into 64 bits, also with a wall offset.
inline constexpr std::int64_t kLargestBootNs = 1LL << 61;

inline bool is_boot_time(std::int64_t ns)
{
    return ns >= -kLargestBootNs && ns <= kLargestBootNs;
}

inline bool is_whole(const flow_record& r, bool any_time)
{
    if (r.key.kind != FLOW_KIND_L2 && r.key.kind != FLOW_KIND_IPV4 && r.key.kind != FLOW_KIND_IPV6)
        return false;
    if (r.lo_direction > DIRECTION_B)
        return false;
    if (any_time)
        return true;
    bool times = is_boot_time(r.first_clock_ns);
    for (const flow_dir& d : r.dir)
        times = times && is_boot_time(d.first_ns) && is_boot_time(d.last_ns) && is_boot_time(d.last_clock_ns);
    return times;
}

inline bool is_whole(const ended_record& e, const RecordBounds& bounds)
{
    return e.header.size == offsetof(ended_record, record) + bounds.record_size && e.record.flow_id &&
           (e.record.dir[0].packets || e.record.dir[1].packets) && e.reason >= FLOW_END_IDLE &&
           e.reason <= FLOW_END_RESOURCES && (bounds.any_time || is_boot_time(e.end_clock_ns)) &&
           is_whole(e.record, bounds.any_time);
}

inline bool is_whole(const packet_record& p, const RecordBounds& bounds)
{
    return p.header.size >= bounds.packet_record_size &&
           p.header_captured + p.payload_captured <= p.header.size - bounds.packet_record_size &&
           p.direction <= DIRECTION_B && (p.ip_version == 0 || p.ip_version == 4 || p.ip_version == 6) &&
           (bounds.any_time || is_boot_time(p.ts_ns));
}

inline bool is_whole(const frame_record& f, const RecordBounds& bounds)
{
    return f.header.size >= sizeof f && f.cap_len <= f.header.size - sizeof f &&
           (bounds.any_time || is_boot_time(f.ts_ns));
}

// The record at a place with `room` bytes: its kind is one that programs write, and it ends within the room.
inline bool is_whole(const stream_header& header, std::uint64_t room, const RecordBounds& bounds)
{
    if (room < sizeof header || header.size > room || header.size % 8)
        return false;
    switch (header.kind) {
    case STREAM_ENDED:
        return header.size >= sizeof(ended_record) && is_whole(reinterpret_cast<const ended_record&>(header), bounds);
    case STREAM_PACKET:
        return header.size >= sizeof(packet_record) && is_whole(reinterpret_cast<const packet_record&>(header), bounds);
    case STREAM_FRAME:
        return header.size >= sizeof(frame_record) && is_whole(reinterpret_cast<const frame_record&>(header), bounds);
    default:
        return false;
    }
}

} // namespace flowxdp
