// SPDX-License-Identifier: BSD-2-Clause
#include "replay/replay.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "link/link_header.h"
#include "replay/file_times.h"
#include "replay/seen_interfaces.h"

namespace flowxdp {
namespace {

class NativeReplayEngine final : public ReplayEngine {
  public:
    NativeReplayEngine(const bundle_descriptor& bundle, engine* e) : bundle_(bundle), engine_(e) {}
    ~NativeReplayEngine() override { bundle_.close(engine_); }
    void feed(const engine_frame* frames, std::uint32_t n) override { bundle_.feed(engine_, frames, n); }
    void advance(std::int64_t clock_ns) override { bundle_.advance(engine_, clock_ns); }
    void finish() override { bundle_.finish(engine_); }
    const engine_counts& counts() override { return *bundle_.counts(engine_); }

  private:
    const bundle_descriptor& bundle_;
    engine* engine_;
};

constexpr std::size_t kBatch = 256;

} // namespace

std::unique_ptr<ReplayEngine> make_native_replay_engine(const bundle_descriptor& bundle, const engine_options& options)
{
    engine* e = bundle.open(&options);
    if (!e)
        throw StartupError("cannot start the native engine: out of memory");
    return std::make_unique<NativeReplayEngine>(bundle, e);
}

void run_replay(Capture& capture, PacketFilter* filter, const ReplayLimits& limits, ReplayEngine& engine,
                const ReplayControl& control, RunSummary* run)
{
    std::array<Frame, kBatch> frames;
    std::array<LinkedFrame, kBatch> linked;
    std::array<engine_frame, kBatch> batch;
    std::map<std::uint32_t, std::uint64_t> unsupported; // frames by link type
    SeenInterfaces interfaces;
    FileTimes file_times;
    bool whole_input = false;
    for (;;) {
        if (control.stop && control.stop()) {
            run->interrupted = true;
            break;
        }
        std::size_t want = kBatch;
        if (limits.max_packets)
            want = std::min<std::uint64_t>(want, limits.max_packets - run->frames);
        const std::size_t n = want ? capture.read({frames.data(), want}) : 0;
        if (!n) {
            // A signal during the wait for a silent pipe ends the stream like the pipe's end.
            run->interrupted = want && control.stop && control.stop();
            whole_input = want && !run->interrupted;
            break;
        }
        std::uint32_t fed = 0;
        file_times.add(capture.files(), {frames.data(), n});
        for (std::size_t i = 0; i < n; i++) {
            Frame& frame = frames[i];
            run->frames++;
            if (control.interfaces && interfaces.first_time(frame.if_id))
                control.interfaces->name(frame.if_id, capture.interface_name(frame.if_id));
            if (limits.snap_len && frame.cap_len > limits.snap_len)
                frame.cap_len = limits.snap_len;
            run->captured_bytes += frame.cap_len;
            run->wire_bytes += frame.wire_len;
            run->snapped_frames += frame.cap_len < frame.wire_len;
            if (!run->has_time) {
                run->has_time = true;
                run->first_ns = run->last_ns = frame.ts_ns;
            }
            run->first_ns = std::min(run->first_ns, frame.ts_ns);
            run->last_ns = std::max(run->last_ns, frame.ts_ns);
            if (filter && !filter->matches(frame)) {
                run->input.filtered++;
                continue;
            }
            switch (strip_link_header(frame, &linked[fed])) {
            case LinkOutcome::kShortFrame:
                run->input.short_frame++;
                continue;
            case LinkOutcome::kUnsupported:
                run->input.link_unsupported++;
                unsupported[frame.link_type]++;
                continue;
            case LinkOutcome::kOk:
                break;
            }
            batch[fed] = {linked[fed].bytes, linked[fed].meta, run->frames};
            fed++;
        }
        engine.feed(batch.data(), fed);
        if (control.progress)
            control.progress(run->frames, capture);
    }
    run->files = capture.files();
    // A live sensor's own capture: flows that fell due between its last packet and its end did so live, too.
    if (whole_input && !run->files.empty() && run->files.back().observed_until_ns > run->last_ns)
        engine.advance(run->files.back().observed_until_ns);
    engine.finish();
    run->counts = engine.counts();
    run->damages = capture.damages();
    run->input_bytes_read = capture.bytes_read();
    run->input_bytes_total = capture.bytes_total();
    if (std::string advice = file_times.advice(run->files); !advice.empty())
        run->hints.push_back(std::move(advice));
    for (const CaptureFileInfo& file : run->files)
        if (file.clamped_times)
            run->problems.push_back(
                fmt::format("{} time stamps in '{}' lie before 1678 or after 2261, which 64 bits of "
                            "nanoseconds cannot hold: set to the nearest that fits",
                            file.clamped_times, file.name));
    for (const auto& [link_type, count] : unsupported)
        run->problems.push_back(
            fmt::format("{} frames of link type {} ({}), which flowxdp does not know: no flows from "
                        "them",
                        count, link_type, link_type_name(link_type)));
    if (filter)
        for (const auto& [link_type, text] : filter->problems())
            run->problems.push_back(fmt::format("filter '{}' does not fit link type {}: {}", filter->expression(),
                                                link_type_name(link_type), text));
}

} // namespace flowxdp
