// SPDX-License-Identifier: BSD-2-Clause
// page_memory.h - a large array that grows in place: address space is reserved once, memory is added as it is used.
//
// A dense array that grows (records) is populated some pages ahead: otherwise a table of a million flows costs a page
// fault for every seven of them. A large one is by another thread (page_ahead.h). Huge pages are for an array with
// random access that is small beside the rest (an index): for the records they saved a tenth of the engine's user time
// and cost twice that in the kernel of a virtual machine that gives free huge pages back to its host.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "page_ahead.h"

namespace flowxdp {

class PageMemory {
  public:
    PageMemory() = default;
    enum class Use { kGrowing, kAtRandom };

    // Reserves bytes of address space; commit() must precede any access. Throws std::bad_alloc.
    PageMemory(std::size_t bytes, Use use) : use_(use), reserved_((bytes + 2 * kHugePage - 1) / kHugePage * kHugePage)
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
        ahead_.reset();
        if (mapping_)
            ::munmap(mapping_, reserved_);
    }

    [[nodiscard]] std::byte* data() const { return data_; }
    // Makes the first bytes usable; new ones are zero. Throws std::bad_alloc.
    void commit(std::size_t bytes)
    {
        if (bytes <= populated_)
            return;
        if (bytes > committed_)
            open(bytes);
        populated_ = committed_;
        if (use_ == Use::kAtRandom)
            return;
        // Also a hint (kernel 5.14): without it each page costs a fault.
        const std::size_t from = page_of(bytes - 1);
        const std::size_t ahead = from / 8 < kHugePage ? from / 8 : kHugePage;
        const std::size_t to = page_of(bytes + ahead) + kPage;
        populated_ = to < committed_ ? to : committed_;
        if (bytes < kLarge) {
            ::madvise(data_ + from, populated_ - from, MADV_POPULATE_WRITE);
            return;
        }
        if (!ahead_)
            ahead_ = std::make_unique<PageAhead>(data_, from, kPage);
        ahead_->want(populated_ + kAhead < committed_ ? populated_ + kAhead : committed_);
    }

  private:
    static constexpr std::size_t kHugePage = 2u << 20;
    static constexpr std::size_t kPage = 4096; // where pages are larger, the hint is refused
    static constexpr std::size_t kLarge = 16u << 20, kAhead = 1u << 20;

    static std::size_t page_of(std::size_t offset) { return offset & ~(kPage - 1); }

    // Makes at least the first bytes readable and writable, in steps that grow, so that it takes some dozens of system
    // calls at most.
    void open(std::size_t bytes)
    {
        std::size_t to = committed_ + committed_ / 4;
        to = ((to < bytes ? bytes : to) + kHugePage - 1) / kHugePage * kHugePage;
        const std::size_t end = reserved_ - static_cast<std::size_t>(data_ - static_cast<std::byte*>(mapping_));
        to = to < end ? to : end;
        if (::mprotect(data_ + committed_, to - committed_, PROT_READ | PROT_WRITE))
            throw std::bad_alloc();
        if (use_ == Use::kAtRandom && to > kHugePage) // small captures need no huge pages
            ::madvise(data_ + kHugePage, to - kHugePage, MADV_HUGEPAGE);
        committed_ = to;
    }

    void swap(PageMemory& other) noexcept
    {
        std::swap(use_, other.use_);
        std::swap(populated_, other.populated_);
        std::swap(mapping_, other.mapping_);
        std::swap(data_, other.data_);
        std::swap(reserved_, other.reserved_);
        std::swap(committed_, other.committed_);
        std::swap(ahead_, other.ahead_);
    }

    Use use_ = Use::kGrowing;
    void* mapping_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t reserved_ = 0, committed_ = 0, populated_ = 0;
    std::unique_ptr<PageAhead> ahead_; // of a large array
};

} // namespace flowxdp
