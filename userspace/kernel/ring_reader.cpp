// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/ring_reader.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace flowxdp {

// Layout (Linux Documentation/bpf/ringbuf.rst): page 0 has the consumer's position, page 1 the producer's, then the
// data follow twice in a row, so that a reader sees every record in one piece.
RingReader::RingReader(int map_fd, std::uint32_t ring_bytes, const RecordBounds& bounds)
    : bounds_(bounds), mask_(ring_bytes - 1)
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    consumer_page_ = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (consumer_page_ == MAP_FAILED)
        throw StartupError(fmt::format("cannot map the sensor's ring: {}", std::strerror(errno)));
    producer_bytes_ = page + 2ULL * ring_bytes;
    producer_pages_ = mmap(nullptr, producer_bytes_, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page));
    if (producer_pages_ == MAP_FAILED) {
        munmap(consumer_page_, page);
        throw StartupError(fmt::format("cannot map the sensor's ring data: {}", std::strerror(errno)));
    }
    consumer_position_ = static_cast<std::uint64_t*>(consumer_page_);
    producer_position_ = static_cast<const std::uint64_t*>(producer_pages_);
    data_ = static_cast<const std::uint8_t*>(producer_pages_) + page;
    read_position_ = *consumer_position_;
}

RingReader::~RingReader()
{
    munmap(consumer_page_, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
    munmap(producer_pages_, producer_bytes_);
}

std::uint64_t RingReader::producer_position() const
{
    return __atomic_load_n(const_cast<const std::uint64_t*>(producer_position_), __ATOMIC_ACQUIRE);
}

void RingReader::skip_to(std::uint64_t position)
{
    if (!is_position(position, producer_position()))
        damaged_ += position > read_position_;
    else if (position > read_position_)
        read_position_ = position;
}

std::uint64_t RingReader::read(const std::function<void(const stream_header&)>& take)
{
    std::uint64_t n = 0;
    const std::uint64_t end = producer_position();
    // The owner of the pin may write to the consumer's page.
    if (!is_position(read_position_, end)) {
        damaged_++;
        read_position_ = end;
    }
    while (read_position_ < end) {
        const std::uint8_t* at = data_ + (read_position_ & mask_);
        const std::uint32_t length = __atomic_load_n(reinterpret_cast<const std::uint32_t*>(at), __ATOMIC_ACQUIRE);
        if (length & BPF_RINGBUF_BUSY_BIT)
            break;
        const std::uint32_t bytes = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
        const std::uint64_t next =
            read_position_ + ((static_cast<std::uint64_t>(bytes) + BPF_RINGBUF_HDR_SZ + 7) & ~7ULL);
        if (next > end) { // inside a record: the start of the next one is unknown
            damaged_++;
            read_position_ = end;
            break;
        }
        if (!(length & BPF_RINGBUF_DISCARD_BIT)) {
            const auto& record = *reinterpret_cast<const stream_header*>(at + BPF_RINGBUF_HDR_SZ);
            if (is_whole(record, bytes, bounds_)) {
                take(record);
                n++;
            } else {
                damaged_++;
            }
        }
        read_position_ = next;
    }
    return n;
}

void RingReader::acknowledge(std::uint64_t position)
{
    __atomic_store_n(const_cast<std::uint64_t*>(consumer_position_), position, __ATOMIC_RELEASE);
}

std::uint64_t RingReader::used() const
{
    return producer_position() - *consumer_position_;
}

} // namespace flowxdp
