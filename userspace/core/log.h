// SPDX-License-Identifier: BSD-2-Clause
// log.h - the program's messages, beside its results: on standard error, or in a log file (-l).
//
// Levels: error (the run cannot do what was asked), warning (it can, but check), information (-v less), detail (-v).
// -q leaves errors alone. Each distinct warning is printed once. Thread safe.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/printable.h"

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
        const std::string line = kTags[static_cast<int>(level)] + printable(text) + "\n";
        if (defers_)
            deferred_ += line;
        else
            std::fputs(line.c_str(), stderr);
    }
    // Keeps messages until print_deferred(): other messages must come first and are not known yet.
    void defer()
    {
        const std::lock_guard lock(mutex_);
        defers_ = true;
    }
    // first: information to print before the deferred messages; may be empty.
    void print_deferred(const std::vector<std::string>& first)
    {
        std::string waiting;
        {
            const std::lock_guard lock(mutex_);
            defers_ = false;
            waiting.swap(deferred_);
        }
        for (const std::string& text : first)
            write(LogLevel::kInformation, text);
        std::fputs(waiting.c_str(), stderr);
    }

  private:
    LogLevel most_;
    std::mutex mutex_;
    std::set<std::string> said_;
    bool defers_ = false;
    std::string deferred_;
};

} // namespace flowxdp
