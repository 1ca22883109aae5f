// SPDX-License-Identifier: BSD-2-Clause
// page_ahead.h - gives an array that grows its memory ahead of use, on a thread of its own: clearing pages is a fifth
// of the time in which an engine starts a million flows.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace flowxdp {

class PageAhead {
  public:
    // The array begins at data, which has pages of this size; memory up to `from` is there.
    PageAhead(std::byte* data, std::size_t from, std::size_t page)
        : data_(data), page_(page), populated_(from / page * page), wanted_(populated_), thread_([this] { run(); })
    {
    }
    PageAhead(const PageAhead&) = delete;
    PageAhead& operator=(const PageAhead&) = delete;
    ~PageAhead()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    // Bytes from the start, all of them readable and writable, that will be used soon. A page that is used before it is
    // there costs a fault, nothing else.
    void want(std::size_t bytes)
    {
        {
            const std::lock_guard lock(mutex_);
            wanted_ = std::max(wanted_, bytes / page_ * page_);
        }
        changed_.notify_one();
    }

  private:
    void run()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return populated_ < wanted_ || stopping_; });
            if (stopping_)
                return;
            const std::size_t from = populated_, to = wanted_;
            lock.unlock();
            ::madvise(data_ + from, to - from, MADV_POPULATE_WRITE); // a hint, kernel 5.14
            lock.lock();
            populated_ = to;
        }
    }

    std::byte* data_;
    std::size_t page_;
    std::size_t populated_, wanted_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_; // last: it uses all of the above
};

} // namespace flowxdp
