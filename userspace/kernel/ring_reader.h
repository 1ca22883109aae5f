// SPDX-License-Identifier: BSD-2-Clause
// ring_reader.h - reads the sensor's ring without libbpf's consumer, because the position must move only when what was
// read is safe (DESIGN 3, journal): read() looks, acknowledge() lets go.
#pragma once

#include <cstdint>
#include <functional>

#include "core/result.h"
#include "record_stream.h"

namespace flowxdp {

class RingReader {
  public:
    // map_fd: a BPF_MAP_TYPE_RINGBUF of ring_bytes. Throws StartupError when it cannot be mapped.
    RingReader(int map_fd, std::uint32_t ring_bytes);
    ~RingReader();
    RingReader(const RingReader&) = delete;
    RingReader& operator=(const RingReader&) = delete;

    // Calls take(record) for every finished record behind what was read before, in ring order; stops at one that is
    // still being written, or that take refuses (false): it comes again at the next read. Returns how many were taken.
    std::uint64_t read(const std::function<bool(const stream_header&)>& take);
    // Where the next read begins: everything before has been taken.
    [[nodiscard]] std::uint64_t position() const { return read_position_; }
    // Skips to a position that a journal says is safe. Before the first read().
    void skip_to(std::uint64_t position)
    {
        if (position > read_position_)
            read_position_ = position;
    }
    // Frees everything read so far for the kernel.
    void acknowledge();
    // Bytes between the kernel's position and the acknowledged one.
    [[nodiscard]] std::uint64_t used() const;

  private:
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
