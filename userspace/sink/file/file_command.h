// SPDX-License-Identifier: BSD-2-Clause
// file_command.h - the command that runs for each finished file.
//
// No shell reads it: it is split at blanks, and the file's name is one more word at the end. A few run at once, a
// bounded number waits, what comes on top of that is skipped and counted. Standard output of a command goes to standard
// error, since rows may be on it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/result.h"

namespace flowxdp {

class FileCommand {
  public:
    static constexpr std::size_t kAtOnce = 2;
    static constexpr std::size_t kWaiting = 1024;

    // text: the command and its first arguments; empty = there is none.
    explicit FileCommand(const std::string& text = "");

    // Runs it for a file, now or when one before has ended.
    void run(const std::string& path);
    // Notes those that ended, starts those that wait. Error: one failed since the last call.
    Result<void> poll();
    // As poll(), until all have ended or patience is over. What has not begun by then is skipped.
    Result<void> finish(std::chrono::milliseconds patience);
    // "command: 5 succeeded, 1 failed (...)"; empty without a command. Any thread.
    [[nodiscard]] std::string report() const;
    [[nodiscard]] std::uint64_t succeeded() const { return succeeded_; }
    [[nodiscard]] std::uint64_t failed() const { return failed_; }
    [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

  private:
    struct Running {
        pid_t process;
        std::string path;
    };
    void start(const std::string& path);
    void note_ended();
    void fail(const std::string& path, const std::string& why);

    std::vector<std::string> words_;
    std::deque<std::string> waiting_;
    std::vector<Running> running_;
    std::string problem_; // the last failure that poll() has not told
    std::atomic<std::uint64_t> succeeded_{0}, failed_{0}, skipped_{0}, unfinished_{0};
};

} // namespace flowxdp
