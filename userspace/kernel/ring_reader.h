// SPDX-License-Identifier: BSD-2-Clause
// ring_reader.h - reads the sensor's ring without libbpf's consumer, because the position must move only when the
// records read are safe (docs/crash-safety.md): read() only reads, acknowledge() releases.
#pragma once

#include <cstdint>
#include <functional>

#include "core/result.h"
#include "flowxdp/record_stream.h"
#include "kernel/record_check.h"

namespace flowxdp {

class RingReader {
  public:
    // map_fd: a BPF_MAP_TYPE_RINGBUF of ring_bytes, of a sensor with these records. Throws StartupError when the ring
    // cannot be mapped.
    RingReader(int map_fd, std::uint32_t ring_bytes, const RecordBounds& bounds);
    ~RingReader();
    RingReader(const RingReader&) = delete;
    RingReader& operator=(const RingReader&) = delete;

    // Calls take(record) for every finished record after those read before, in ring order; stops at one that is still
    // being written. During the call position() is where that record begins. Returns how many were taken.
    std::uint64_t read(const std::function<void(const stream_header&)>& take);
    // Where the next read begins: all records before were taken.
    [[nodiscard]] std::uint64_t position() const { return read_position_; }
    // Skips to a position that a journal calls safe; an impossible one counts as damage. Before the first read().
    void skip_to(std::uint64_t position);
    // Records, and stretches without a recognisable one, that were skipped because no program can have written them.
    [[nodiscard]] std::uint64_t damaged() const { return damaged_; }
    // Releases everything before a position to the kernel; at most position().
    void acknowledge(std::uint64_t position);
    void acknowledge() { acknowledge(position()); }
    // Bytes between the kernel's position and the acknowledged one.
    [[nodiscard]] std::uint64_t used() const;

  private:
    [[nodiscard]] std::uint64_t producer_position() const;
    // Whether a reader can be at this position, with the kernel's at end.
    [[nodiscard]] bool is_position(std::uint64_t position, std::uint64_t end) const
    {
        return position <= end && end - position <= mask_ + 1 && position % 8 == 0;
    }

    RecordBounds bounds_;
    std::uint64_t damaged_ = 0;
    std::uint64_t mask_;
    std::uint64_t read_position_ = 0;
    void* consumer_page_ = nullptr;
    void* producer_pages_ = nullptr;
    std::size_t producer_bytes_ = 0;
    volatile std::uint64_t* consumer_position_ = nullptr;
    const volatile std::uint64_t* producer_position_ = nullptr;
    const std::uint8_t* data_ = nullptr;
};

} // namespace flowxdp
