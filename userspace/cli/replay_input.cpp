// SPDX-License-Identifier: BSD-2-Clause
#include "cli/replay_input.h"

namespace flowxdp {
namespace {

// files: captures that were named, or a list's; empty for a series.
std::unique_ptr<Capture> open_capture(const ReplayOptions& options, const std::vector<std::string>& files,
                                      const std::function<bool()>& stop)
{
    CaptureOptions capture_options;
    capture_options.stop = stop;
    auto capture = options.series.empty() ? open_captures(files, capture_options)
                                          : open_capture_series(options.series, capture_options);
    if (!capture.ok())
        throw StartupError(capture.error().message);
    return capture.take();
}

} // namespace

ReplayInput open_replay_input(const ReplayOptions& options, const std::function<bool()>& stop,
                              const std::atomic<bool>& stop_reading)
{
    ReplayInput input;
    for (const auto& [expression, filter] :
         {std::pair{&options.run.filter, &input.filter}, {&options.run.extract_filter, &input.extract_filter}}) {
        if (expression->empty())
            continue;
        auto compiled = PacketFilter::compile(*expression);
        if (!compiled.ok())
            throw StartupError(compiled.error().message, ExitCode::kUsage);
        *filter = compiled.take();
    }
    std::vector<std::string> files = options.files;
    if (!options.list_file.empty()) {
        auto list = read_capture_list(options.list_file);
        if (!list.ok())
            throw StartupError(list.error().message);
        files = list.take();
    }
    // While packets are read ahead, signals are taken in this thread alone.
    const std::thread::id opener = std::this_thread::get_id();
    input.capture = open_capture(options, files, [stop, &stop_reading, opener] {
        return std::this_thread::get_id() == opener ? stop() : stop_reading.load();
    });
    input.files.name = !options.files.empty()       ? options.files.front()
                       : !options.list_file.empty() ? options.list_file
                                                    : options.series.substr(0, options.series.find(':'));
    input.files.files = files;
    if (!options.list_file.empty())
        input.files.files.push_back(options.list_file);
    if (!options.series.empty())
        for (const CaptureFileInfo& file : input.capture->files())
            input.files.files.push_back(file.name);
    return input;
}

} // namespace flowxdp
