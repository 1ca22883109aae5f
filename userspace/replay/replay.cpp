// SPDX-License-Identifier: BSD-2-Clause
#include "replay/replay.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "replay/frame_reader.h"

namespace flowxdp {
namespace {

class NativeReplayEngine final : public ReplayEngine, public FrameParser {
  public:
    NativeReplayEngine(const bundle_descriptor& bundle, engine* e) : bundle_(bundle), engine_(e) {}
    ~NativeReplayEngine() override { bundle_.close(engine_); }
    void feed(const engine_frame* frames, std::uint32_t n, void* parsed) override
    {
        bundle_.feed(engine_, frames, n, parsed);
    }
    [[nodiscard]] const FrameParser* parser() const override { return this; }
    [[nodiscard]] std::size_t parsed_size() const override { return bundle_.parsed_size; }
    void parse(const engine_frame* frames, std::uint32_t n, void* parsed) const override
    {
        bundle_.parse(engine_, frames, n, parsed);
    }
    void advance(std::int64_t clock_ns) override { bundle_.advance(engine_, clock_ns); }
    void finish() override { bundle_.finish(engine_); }
    const engine_counts& counts() override { return *bundle_.counts(engine_); }

  private:
    const bundle_descriptor& bundle_;
    engine* engine_;
};

constexpr std::chrono::milliseconds kLookAgain(100); // for a stop, while no frame comes

} // namespace

std::unique_ptr<ReplayEngine> make_native_replay_engine(const bundle_descriptor& bundle, const engine_options& options)
{
    engine* e = bundle.open(&options);
    if (!e)
        throw StartupError("cannot start the native engine: out of memory");
    return std::make_unique<NativeReplayEngine>(bundle, e);
}

void run_replay(Capture& capture, const FrameFilters& filters, const ReplayLimits& limits, ReplayEngine& engine,
                const ReplayControl& control, RunSummary* run)
{
    // On one CPU nobody has time left.
    const FrameParser* parser = std::thread::hardware_concurrency() > 1 ? engine.parser() : nullptr;
    FrameReader reader(capture, filters, limits, control.interfaces, parser);
    auto stop_wanted = [&] {
        if (!run->interrupted && control.stop && control.stop()) {
            run->interrupted = true;
            if (control.stop_reading)
                *control.stop_reading = true;
            reader.stop();
        }
    };
    try {
        while (reader.end() == FrameReader::End::kNotYet) {
            stop_wanted();
            FrameBlock* block = reader.next(kLookAgain);
            if (!block)
                continue;
            run->input = block->input;
            engine.feed(block->frames.data(), static_cast<std::uint32_t>(block->frames.size()),
                        block->parsed.empty() ? nullptr : block->parsed.data());
            if (control.taken) {
                engine.settle();
                control.taken(*block);
            }
            if (control.progress)
                control.progress(run->input.frames, capture);
        }
        stop_wanted(); // a signal during the wait for a silent pipe ends the stream like the pipe's end
    } catch (...) {
        if (control.stop_reading)
            *control.stop_reading = true; // the reader may wait for a pipe
        throw;
    }
    const bool whole_input = reader.end() == FrameReader::End::kInput && !run->interrupted;
    run->files = capture.files();
    // A live sensor's own capture: flows that fell due between its last packet and its end did so live, too.
    if (whole_input && !run->files.empty() && run->files.back().observed_until_ns > run->input.last_ns)
        engine.advance(run->files.back().observed_until_ns);
    engine.finish();
    run->counts = engine.counts();
    run->damages = capture.damages();
    run->input_bytes_read = capture.bytes_read();
    run->input_bytes_total = capture.bytes_total();
    if (std::string advice = reader.file_times().advice(run->files); !advice.empty())
        run->hints.push_back(std::move(advice));
    for (const CaptureFileInfo& file : run->files)
        if (file.clamped_times)
            run->problems.push_back(
                fmt::format("{} time stamps in '{}' lie before 1678 or after 2261, which 64 bits of "
                            "nanoseconds cannot hold: set to the nearest that fits",
                            file.clamped_times, file.name));
    for (const auto& [link_type, count] : reader.unsupported())
        run->problems.push_back(
            fmt::format("{} frames of link type {} ({}), which flowxdp does not know: no flows from "
                        "them",
                        count, link_type, link_type_name(link_type)));
    for (const PacketFilter* filter : {filters.counted, filters.extracted})
        if (filter)
            for (const auto& [link_type, text] : filter->problems())
                run->problems.push_back(fmt::format("filter '{}' does not fit link type {}: {}", filter->expression(),
                                                    link_type_name(link_type), text));
}

} // namespace flowxdp
