// SPDX-License-Identifier: BSD-2-Clause
#include "replay/file_times.h"

#include <algorithm>

#include <fmt/format.h>

#include "flowxdp/clock.h"
#include "report/end_report.h"

namespace flowxdp {
namespace {
constexpr std::size_t kFewFiles = 8; // at most so many are named in the sentence
}

void FileTimes::add(const std::vector<CaptureFileInfo>& files, std::span<const Frame> frames)
{
    const std::size_t file = files.size() - 1;
    if (begins_.empty() || begins_.back().file != file) {
        const std::int64_t ts_ns = frames.front().ts_ns;
        if (begins_.empty())
            newest_ns_ = ts_ns;
        else if (ts_ns < newest_ns_ - CLOCK_STEP_BACK_NS && early_files_++ == 0) {
            early_ = file;
            early_ns_ = ts_ns;
            late_ = newest_file_;
            late_ns_ = newest_ns_;
        }
        begins_.push_back({file, ts_ns});
    }
    for (const Frame& frame : frames)
        if (frame.ts_ns >= newest_ns_) {
            newest_ns_ = frame.ts_ns;
            newest_file_ = file;
        }
}

std::string FileTimes::advice(const std::vector<CaptureFileInfo>& files) const
{
    if (!early_files_)
        return {};
    std::string text =
        fmt::format("'{}' begins on {}, but '{}' before it ends on {}: flows that go on from one file to "
                    "the next are cut. ",
                    files[early_].name, utc_date(early_ns_), files[late_].name, utc_date(late_ns_));
    if (begins_.size() > kFewFiles)
        return text + fmt::format("{} of {} files are early like this: give them in the order of their first packets, "
                                  "which 'capinfos -Tra FILE...' prints",
                                  early_files_, begins_.size());
    std::vector<Begin> order = begins_;
    std::ranges::stable_sort(order, {}, &Begin::ts_ns);
    text += "Give the files in the order of their time:";
    for (const Begin& begin : order)
        text += fmt::format(" '{}'", files[begin.file].name);
    return text;
}

} // namespace flowxdp
