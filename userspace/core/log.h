// SPDX-License-Identifier: BSD-2-Clause
// log.h - one place where the program speaks beside its results: standard error, or a log file (-l).
//
// Levels: error (the run cannot do what was asked), warning (it can, but look), information (-v less), detail (-v).
// -q leaves errors alone. Each distinct warning is printed once. Thread safe.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace flowxdp {

enum class LogLevel { kError, kWarning, kInformation, kDetail };

class Log {
  public:
    explicit Log(LogLevel most = LogLevel::kInformation) : most_(most) {}
    void set_most(LogLevel most) { most_ = most; }
    void write(LogLevel level, const std::string& text)
    {
        if (level > most_)
            return;
        static constexpr const char* kTags[] = {"[ERR] ", "[WRN] ", "[INF] ", ""};
        const std::lock_guard lock(mutex_);
        if (level == LogLevel::kWarning && !said_.insert(text).second)
            return;
        std::fprintf(stderr, "%s%s\n", kTags[static_cast<int>(level)], text.c_str());
    }

  private:
    LogLevel most_;
    std::mutex mutex_;
    std::set<std::string> said_;
};

} // namespace flowxdp
