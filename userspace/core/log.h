// SPDX-License-Identifier: BSD-2-Clause
// log.h - the program's messages, beside its results: on standard error, or in a log file (-l).
//
// Levels: error (the run cannot do what was asked), warning (it can, but check), information (-v less), detail (-v).
// -q leaves errors alone. With --log-format json each message is a JSON object. Each distinct warning is printed once.
// Thread safe.
#pragma once

#include <time.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {

enum class LogLevel { kError, kWarning, kInformation, kDetail };
enum class LogFormat { kText, kJson };

// A message as a line, with its end. JSON: {"time":"2026-11-29T18:20:00.123Z","level":"warning","message":"..."}.
inline std::string log_line(LogFormat format, LogLevel level, const std::string& text)
{
    const auto at = static_cast<int>(level);
    static constexpr const char* kTags[] = {"[ERR] ", "[WRN] ", "[INF] ", ""};
    static constexpr const char* kWords[] = {"error", "warning", "information", "detail"};
    if (format == LogFormat::kText)
        return kTags[at] + printable(text) + "\n";
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    std::tm parts{};
    char date[32] = "";
    if (gmtime_r(&now.tv_sec, &parts))
        std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    // Printable text has no control characters and is UTF-8: two characters are left that JSON escapes.
    std::string message;
    for (const char c : printable(text))
        (c == '"' || c == '\\' ? message += '\\' : message) += c;
    return fmt::format("{{\"time\":\"{}.{:03}Z\",\"level\":\"{}\",\"message\":\"{}\"}}\n", date, now.tv_nsec / 1000000,
                       kWords[at], message);
}

class Log {
  public:
    explicit Log(LogLevel most = LogLevel::kInformation, LogFormat format = LogFormat::kText)
        : most_(most), format_(format)
    {
    }
    void set_most(LogLevel most) { most_ = most; }
    void write(LogLevel level, const std::string& text)
    {
        if (level > most_)
            return;
        const std::lock_guard lock(mutex_);
        if (level == LogLevel::kWarning && !said_.insert(text).second)
            return;
        const std::string line = log_line(format_, level, text);
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
    LogFormat format_;
    std::mutex mutex_;
    std::set<std::string> said_;
    bool defers_ = false;
    std::string deferred_;
};

} // namespace flowxdp
