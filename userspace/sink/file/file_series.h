// SPDX-License-Identifier: BSD-2-Clause
// file_series.h - the files of a rotating output, one after the other: PATH.partN while it is written, a name with its
// time when it is finished.
//
// Live, a finished file keeps its part name until the commit that covers its rows is in the journal: a kill before that
// makes these rows come again, and a daemon that takes over cuts them off the parts that the journal names. So at most
// one finished file waits for its name, and the one after it cannot end before. A name that is taken is left alone: the
// file gets the next number behind its time.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "sink/file/file_command.h"
#include "sink/file/rotation.h"

namespace flowxdp {

class FileSeries {
  public:
    // What a daemon that takes over has to know beside length and identity of the part, in positions(): number of the
    // part, time of its first row, time of the first row of the part before.
    using Words = std::array<std::uint64_t, 3>;

    FileSeries(std::string path, Rotation rotation, bool live);

    // Before the first part is opened. Parts that nobody goes on with get their names. words: a predecessor's, whose
    // part holds safe rows if part_begun; empty: a fresh start.
    Result<void> begin(std::span<const std::uint64_t> words, bool part_begun);
    // The part was not gone on with: it is empty.
    void part_is_new() { has_rows_ = false; }
    // The part that is written, or the next one.
    [[nodiscard]] std::string part() const { return part_name(index_); }
    // A row with this time comes: the first one of a part gives it its time.
    void note_row(std::int64_t row_ns);
    // Whether the part, which has so much in it, has to end before a row with the time now_ns.
    [[nodiscard]] bool is_due(std::uint64_t bytes, std::uint64_t rows, std::int64_t now_ns) const;
    // The part was closed with rows in it.
    Result<void> end_part();
    // Calls that only come when the last positions are in the journal (write, tick, commit): gives the finished file
    // its name, and looks at its commands.
    Result<void> settle();
    // The queue is empty: looks at the commands.
    Result<void> poll() { return command_.poll(); }
    // The end: every part is closed, its rows are where they belong. Waits for the commands for a bounded time.
    Result<void> finish();
    [[nodiscard]] Words words() const;
    // After words() of a commit.
    void note_positions() { entered_ = true; }
    // Any thread.
    [[nodiscard]] std::vector<std::string> report() const;

  private:
    [[nodiscard]] std::string part_name(std::uint64_t index) const;
    Result<void> publish(std::uint64_t index, std::int64_t first_ns);
    Result<void> adopt_parts();

    std::string path_;
    Rotation rotation_;
    bool live_;
    std::uint64_t index_ = 0;
    bool has_rows_ = false; // the part has a row: first_ns_ is its time
    std::int64_t first_ns_ = 0;
    bool waits_ = false;        // part index_ - 1 is finished and has no name yet
    std::int64_t waits_ns_ = 0; // time of its first row
    bool entered_ = false;      // positions were taken since it was finished
    FileCommand command_;
    std::atomic<std::uint64_t> finished_{0}, unnamed_{0};
};

} // namespace flowxdp
