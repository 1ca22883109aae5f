// SPDX-License-Identifier: BSD-2-Clause
// hostile_records.h - chance that is the same in each run, and records that a sensor's programs might have written.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

#include "kernel/record_check.h"

namespace flowxdp::test {

// What is random in a test is the same in each run.
class Chance {
  public:
    std::uint64_t word() { return engine_(); }
    std::uint64_t below(std::uint64_t n) { return engine_() % n; }
    void fill(void* at, std::size_t bytes)
    {
        for (std::size_t i = 0; i < bytes; i += sizeof(std::uint64_t)) {
            const std::uint64_t value = engine_();
            std::memcpy(static_cast<std::uint8_t*>(at) + i, &value, std::min(bytes - i, sizeof value));
        }
    }
    // A few fields of some bytes become random, or extreme.
    void damage(void* at, std::size_t bytes)
    {
        for (std::uint64_t n = below(6); n > 0; n--)
            damage_one(at, bytes);
    }
    // One field.
    void damage_one(void* at, std::size_t bytes)
    {
        static constexpr std::uint64_t kExtremes[] = {0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, 1ULL << 63, ~0ULL};
        const std::size_t width = std::size_t{1} << below(4);
        const std::size_t place = below(bytes / width) * width;
        const std::uint64_t value = below(2) ? word() : kExtremes[below(std::size(kExtremes))];
        std::memcpy(static_cast<std::uint8_t*>(at) + place, &value, width);
    }

  private:
    std::mt19937_64 engine_{7};
};

// A sound core; the slots behind it are random.
inline void make_record(Chance* chance, const RecordBounds& bounds, ended_record* e)
{
    chance->fill(&e->record, bounds.record_size);
    e->header = {static_cast<__u32>(offsetof(ended_record, record)) + bounds.record_size, STREAM_ENDED, 0};
    e->end_clock_ns = static_cast<__s64>(chance->below(1ULL << 50));
    e->wall_offset_ns = 0;
    e->era = 0;
    e->reason = FLOW_END_IDLE;
    e->record.key.kind = std::array{FLOW_KIND_L2, FLOW_KIND_IPV4, FLOW_KIND_IPV6}[chance->below(3)];
    e->record.lo_direction = static_cast<__u8>(chance->below(2));
    e->record.first_clock_ns = static_cast<__s64>(chance->below(1ULL << 50));
    for (flow_dir& d : e->record.dir)
        d.first_ns = d.last_ns = d.last_clock_ns = static_cast<__s64>(chance->below(1ULL << 50));
}

inline void make_packet(Chance* chance, const RecordBounds& bounds, std::uint8_t* bytes)
{
    auto* p = reinterpret_cast<packet_record*>(bytes);
    const auto payload = static_cast<__u16>(chance->below(128));
    chance->fill(bytes, (bounds.packet_record_size + payload + 7) & ~7u);
    p->header = {(bounds.packet_record_size + payload + 7) & ~7u, STREAM_PACKET, 0};
    p->ts_ns = static_cast<__s64>(chance->below(1ULL << 50));
    p->wall_offset_ns = 0;
    p->header_captured = static_cast<__u16>(chance->below(payload + 1U));
    p->payload_captured = static_cast<__u16>(payload - p->header_captured);
    p->direction = static_cast<__u8>(chance->below(2));
    p->ip_version = std::array<__u8, 3>{0, 4, 6}[chance->below(3)];
}

} // namespace flowxdp::test
