// SPDX-License-Identifier: BSD-2-Clause
// write_behind.h - a write on a thread of its own, while the caller prepares what comes after it. One at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/result.h"

namespace flowxdp {

class WriteBehind {
  public:
    WriteBehind() = default;
    WriteBehind(const WriteBehind&) = delete;
    WriteBehind& operator=(const WriteBehind&) = delete;
    ~WriteBehind()
    {
        if (!thread_.joinable())
            return;
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    // Precondition: wait() was called after the start() before. What write() uses belongs to it until wait() returns.
    void start(std::function<Result<void>()> write)
    {
        {
            const std::lock_guard lock(mutex_);
            write_ = std::move(write);
        }
        changed_.notify_all();
        if (!thread_.joinable()) // a short file needs no thread
            thread_ = std::thread([this] { run(); });
    }
    // Returns when nothing is being written: what the last write said, once.
    Result<void> wait()
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !write_; });
        return result_ ? *std::exchange(result_, std::nullopt) : Result<void>();
    }

  private:
    void run()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return write_ || stopping_; });
            if (!write_)
                return;
            lock.unlock();
            Result<void> result = write_(); // nobody changes it before it is empty
            lock.lock();
            result_ = std::move(result);
            write_ = nullptr;
            changed_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<Result<void>()> write_; // empty: nothing is being written
    std::optional<Result<void>> result_;
    bool stopping_ = false;
    std::thread thread_; // last: it uses all of the above
};

} // namespace flowxdp
