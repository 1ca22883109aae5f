// SPDX-License-Identifier: BSD-2-Clause
// page_memory.h - a large array that grows in place: address space is reserved once, memory comes as it is used.
//
// In huge pages from the second megabytes on: a table of a million flows costs a TLB miss for nearly every cache line
// in small pages, and a page fault for every seven flows.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace flowxdp {

class PageMemory {
  public:
    PageMemory() = default;
    // Reserves bytes of addresses; nothing of it may be touched before commit(). Throws std::bad_alloc.
    explicit PageMemory(std::size_t bytes) : reserved_((bytes + 2 * kHugePage - 1) / kHugePage * kHugePage)
    {
        mapping_ = ::mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping_ == MAP_FAILED)
            throw std::bad_alloc();
        const auto start = reinterpret_cast<std::uintptr_t>(mapping_);
        data_ = reinterpret_cast<std::byte*>((start + kHugePage - 1) / kHugePage * kHugePage);
    }
    PageMemory(PageMemory&& other) noexcept { swap(other); }
    PageMemory& operator=(PageMemory&& other) noexcept
    {
        swap(other);
        return *this;
    }
    PageMemory(const PageMemory&) = delete;
    PageMemory& operator=(const PageMemory&) = delete;
    ~PageMemory()
    {
        if (mapping_)
            ::munmap(mapping_, reserved_);
    }

    [[nodiscard]] std::byte* data() const { return data_; }
    // Makes the first bytes usable; what was not before is zero. Throws std::bad_alloc.
    void commit(std::size_t bytes)
    {
        if (bytes <= committed_)
            return;
        // In steps that grow with it, so that the kernel is asked some dozens of times at most.
        std::size_t to = committed_ + committed_ / 4;
        to = ((to < bytes ? bytes : to) + kHugePage - 1) / kHugePage * kHugePage;
        const std::size_t end = reserved_ - static_cast<std::size_t>(data_ - static_cast<std::byte*>(mapping_));
        to = to < end ? to : end;
        if (::mprotect(data_ + committed_, to - committed_, PROT_READ | PROT_WRITE))
            throw std::bad_alloc();
        // A wish: without huge pages everything works as well. Small captures do with small pages.
        if (to > kHugePage)
            ::madvise(data_ + kHugePage, to - kHugePage, MADV_HUGEPAGE);
        committed_ = to;
    }

  private:
    static constexpr std::size_t kHugePage = 2u << 20;

    void swap(PageMemory& other) noexcept
    {
        std::swap(mapping_, other.mapping_);
        std::swap(data_, other.data_);
        std::swap(reserved_, other.reserved_);
        std::swap(committed_, other.committed_);
    }

    void* mapping_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t reserved_ = 0, committed_ = 0;
};

} // namespace flowxdp
