// SPDX-License-Identifier: BSD-2-Clause
// frame_extraction.h - which frames of a replay are wanted, by the flows in which the engine counted them.
//
// It stands between engine and pipeline: the engine writes a packet record for each packet with a flow, which names the
// flow and its state after the packet. The pipeline gets all other records, and those packet records that it would have
// had without extraction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "capture/frame.h"
#include "engine.h"
#include "replay/frame_reader.h"

namespace flowxdp {

class FrameExtraction {
  public:
    struct Hooks {
        std::function<bool(const packet_record& packet)> wants;
        // Gets the frame of each packet that is wanted, in input order.
        std::function<void(std::uint64_t flow, const Frame& frame)> frame;
        std::function<void(std::uint64_t flow)> ended = {}; // may be empty
    };

    // pipeline: where the records go on; null: nowhere. flow: what the engine is opened with; packet records are added
    // to it.
    FrameExtraction(Hooks hooks, stream_writer* pipeline, flow_config* flow);
    FrameExtraction(const FrameExtraction&) = delete;
    FrameExtraction& operator=(const FrameExtraction&) = delete;

    // Where the engine writes.
    stream_writer* writer() { return &writer_; }
    // The engine has taken the frames of a block, which has the originals (ReplayLimits).
    void take(const FrameBlock& block);
    // The engine has finished.
    void finish() { read_records(); }

  private:
    struct Wanted {
        std::uint64_t packet_no, flow;
    };
    void read_records();
    void make_room(std::uint32_t need);

    Hooks hooks_;
    stream_writer* pipeline_;
    bool packet_rows_; // the pipeline has every packet record
    stream_writer writer_{};
    std::unique_ptr<std::uint64_t[]> records_; // 8-aligned
    std::size_t capacity_ = 0;                 // bytes
    std::vector<Wanted> wanted_;               // whose frames have not been taken yet
};

} // namespace flowxdp
