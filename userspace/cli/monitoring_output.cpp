// SPDX-License-Identifier: BSD-2-Clause
#include "cli/monitoring_output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>

#include <fmt/format.h>

#include "core/output_file.h"
#include "core/result.h"

namespace flowxdp {
namespace {

std::int64_t now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Of this process; 0 where /proc does not say.
std::uint64_t resident_bytes()
{
    std::ifstream pages("/proc/self/statm");
    std::uint64_t size = 0, resident = 0;
    pages >> size >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

MonitoringOutput::MonitoringOutput(const RunOptions& options, const std::string& prefix,
                                   const std::vector<PluginHost::Figure>& figures, Log* log)
    : interval_s_(options.monitoring_s), json_(options.json), on_screen_(!options.quiet), log_(log),
      monitoring_(options.monitoring_mode, options.sensor_id, figures)
{
    if (!options.monitoring_s || prefix.empty())
        return;
    path_ = file_of(prefix);
    auto opened = open_empty_output(path_);
    file_.reset(opened.ok() ? fdopen(opened->get(), "w") : nullptr);
    if (!file_)
        throw StartupError(
            fmt::format("cannot write '{}': {}", path_, opened.ok() ? std::strerror(errno) : opened.error().message));
    opened->release(); // the stream's now
    std::fprintf(file_.get(), "%s\n", monitoring_.header().c_str());
}

bool MonitoringOutput::due(double now_s)
{
    if (interval_s_ == 0)
        return false;
    if (due_s_ == 0) {
        due_s_ = now_s + interval_s_;
        return false;
    }
    if (now_s < due_s_)
        return false;
    while (due_s_ <= now_s) // a late line does not move the next one
        due_s_ += interval_s_;
    return true;
}

void MonitoringOutput::write(const RunSummary& run)
{
    const std::string line = monitoring_.line(run, now_ns(), resident_bytes());
    if (on_screen_ && json_) {
        std::fprintf(stderr, "%s\n", monitoring_.json().c_str());
    } else if (on_screen_) {
        if (!has_header_)
            std::fprintf(stderr, "%s\n", monitoring_.header().c_str());
        has_header_ = true;
        std::fprintf(stderr, "%s\n", line.c_str());
    }
    if (!file_)
        return;
    if (std::fprintf(file_.get(), "%s\n", line.c_str()) >= 0 && std::fflush(file_.get()) == 0)
        return;
    log_->write(LogLevel::kError,
                fmt::format("cannot write '{}': {}; no further line goes there", path_, std::strerror(errno)));
    file_.reset();
}

void MonitoringOutput::reopen()
{
    if (!file_)
        return;
    auto opened = open_output(path_);
    std::FILE* file = opened.ok() ? fdopen(opened->get(), "a") : nullptr;
    if (!file) {
        log_->write(LogLevel::kError, fmt::format("cannot open '{}' anew: {}; the lines go on in the old file", path_,
                                                  opened.ok() ? std::strerror(errno) : opened.error().message));
        return;
    }
    opened->release();
    file_.reset(file);
    if (std::fseek(file, 0, SEEK_END) == 0 && std::ftell(file) == 0)
        std::fprintf(file, "%s\n", monitoring_.header().c_str());
}

} // namespace flowxdp
