// SPDX-License-Identifier: BSD-2-Clause
// replay.h - a capture becomes flows: reader -> filter -> link step -> engine -> pipeline.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/filter.h"
#include "core/interface_directory.h"
#include "core/log.h"
#include "engine.h"
#include "pipeline/pipeline.h"
#include "replay/frame_reader.h"
#include "report/end_report.h"

namespace flowxdp {

// What feeds the pipeline: the native engine through its C ABI, or the BPF program by test-run.
class ReplayEngine {
  public:
    virtual ~ReplayEngine() = default;
    // Frames in input order; bytes valid during the call. parsed: what parser() made of them, or null.
    virtual void feed(const engine_frame* frames, std::uint32_t n, void* parsed) = 0;
    // Parses frames ahead of feed(); null: this engine's frames cannot be parsed ahead.
    [[nodiscard]] virtual const FrameParser* parser() const { return nullptr; }
    // The records of every packet so far are in the stream when it returns.
    virtual void settle() {}
    // Moves the clock without a packet.
    virtual void advance(std::int64_t clock_ns) = 0;
    virtual void finish() = 0;
    [[nodiscard]] virtual const engine_counts& counts() = 0;
};

// Throws StartupError when there is no memory for it.
std::unique_ptr<ReplayEngine> make_native_replay_engine(const bundle_descriptor& bundle, const engine_options& options);

// Stops or watches a replay from outside. stop and progress are called in run_replay()'s thread, every few thousand
// packets and every 100 ms without one.
struct ReplayControl {
    std::function<bool()> stop;                // true: end of input now
    std::atomic<bool>* stop_reading = nullptr; // raised then: what the capture's own stop option has to ask, any thread
    std::function<void(std::uint64_t packets, const Capture&)> progress;
    InterfaceDirectory* interfaces = nullptr; // gets the names of those that had packets
    // The engine has taken the block's frames, and their records are in the stream. May throw StartupError.
    std::function<void(const FrameBlock& block)> taken;
};

// Runs the whole input through filter (may be null), link step and engine; fills its part of *run. Reading has a thread
// of its own (frame_reader.h), which alone uses the capture meanwhile. The engine has finished when this returns; the
// pipeline has not.
void run_replay(Capture& capture, const FrameFilters& filters, const ReplayLimits& limits, ReplayEngine& engine,
                const ReplayControl& control, RunSummary* run);

} // namespace flowxdp
