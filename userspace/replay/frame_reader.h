// SPDX-License-Identifier: BSD-2-Clause
// frame_reader.h - reads the input ahead of the engine: reader, filter and link step on a thread of their own.
//
// Frames are handed over in blocks of thousands, in input order, so that a hand-over costs nothing per packet. A block
// holds the bytes of its frames. Whatever waits in the input's buffer is handed over before the reader asks for more:
// frames of a slow pipe do not wait for a full block. While the engine is behind, the reader parses frames for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "capture/capture.h"
#include "capture/filter.h"
#include "core/interface_directory.h"
#include "engine.h"
#include "replay/file_times.h"
#include "replay/seen_interfaces.h"
#include "report/end_report.h"

namespace flowxdp {

struct ReplayLimits {
    std::uint64_t max_packets = 0; // -c; 0 = all
    std::uint32_t snap_len = 0;    // -S; 0 = as captured
    bool originals = false;        // blocks also have the frames as they are in the input
};

// Expressions over the frames as they are in the input; null: none.
struct FrameFilters {
    PacketFilter* counted = nullptr;   // other frames are only counted as filtered
    PacketFilter* extracted = nullptr; // frames that match are marked for -e matching
};

// The part of an engine's work on a frame that depends on nothing but the frame.
class FrameParser {
  public:
    virtual ~FrameParser() = default;
    // Bytes of a parsed frame; a multiple of 8.
    [[nodiscard]] virtual std::size_t parsed_size() const = 0;
    // Any thread. parsed: room for n frames, 8-aligned.
    virtual void parse(const engine_frame* frames, std::uint32_t n, void* parsed) const = 0;
};

// Frames for the engine, in input order.
struct FrameBlock {
    std::vector<engine_frame> frames;
    std::vector<std::uint64_t> parsed; // the frames, as the engine's FrameParser made them; empty: not parsed
    std::vector<FrameBytes> bytes;     // of the frames
    std::vector<Frame> originals;      // one for each frame, with its link header; empty unless the limits want them
    std::uint64_t held_bytes = 0;      // captured, of the frames
    InputCounts input;                 // of the whole input up to this block's end
};

class FrameReader {
  public:
    // How the input ended.
    enum class End {
        kNotYet,
        kInput, // all was read
        kLimit, // as many packets as max_packets says
        kStop,  // stop() was called
    };

    // interfaces and parser may be null. What is given must outlive the reader, and nobody else uses it before the
    // reader has ended, except the parser. Begins to read.
    FrameReader(Capture& capture, const FrameFilters& filters, const ReplayLimits& limits,
                InterfaceDirectory* interfaces, const FrameParser* parser);
    // Stops.
    ~FrameReader();
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;

    // The next block, valid until the next call; null when none comes within the time, or at the end (see end()).
    // Throws what reading threw.
    FrameBlock* next(std::chrono::milliseconds patience);
    // Asks the reader to stop. Blocks that it has read still come. The capture's own waits end by its stop option.
    void stop() { stop_ = true; }

    // Not kNotYet: next() gave the last block, and the rest may be called.
    [[nodiscard]] End end() const { return ended_; }
    // Frames by link type that has no link step.
    [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& unsupported() const { return unsupported_; }
    [[nodiscard]] const FileTimes& file_times() const { return file_times_; }

  private:
    // A second core's cache holds what is under way; a slow engine makes the reader wait.
    static constexpr std::size_t kBlockFrames = 2048, kReadFrames = 256, kBlocksAhead = 5;
    // With kBlocksBehind blocks waiting the engine is behind, and the reader parses. kBlocksParsed: for how many blocks
    // it has memory, 0.75 MiB each: those that wait, the engine's and the reader's.
    static constexpr std::size_t kBlocksBehind = 2, kBlocksParsed = kBlocksAhead + 2;
    static constexpr std::uint64_t kBytesAhead = 4u << 20; // a block with more comes alone

    void run();
    End read_all();
    // Adds frames that were read last to a block.
    void take(std::size_t n, FrameBlock* block);
    FrameBlock free_block();
    // Parses the block's frames when the engine is behind.
    void parse_ahead(FrameBlock* block);
    void hand_over(FrameBlock block);

    Capture& capture_;
    FrameFilters filters_;
    ReplayLimits limits_;
    InterfaceDirectory* interfaces_;
    const FrameParser* parser_;

    // Of the reader's thread.
    InputCounts input_;
    std::map<std::uint32_t, std::uint64_t> unsupported_;
    SeenInterfaces seen_;
    FileTimes file_times_;
    std::vector<Frame> read_;

    std::atomic<bool> stop_ = false;
    End ended_ = End::kNotYet; // of the caller's thread
    FrameBlock current_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<FrameBlock> ready_;
    std::vector<FrameBlock> free_;
    std::vector<std::vector<std::uint64_t>> free_parsed_; // memory for FrameBlock::parsed
    std::uint64_t ready_bytes_ = 0;
    End end_ = End::kNotYet;
    std::exception_ptr error_;

    std::thread thread_; // last: it uses all of the above
};

} // namespace flowxdp
