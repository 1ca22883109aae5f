// SPDX-License-Identifier: BSD-2-Clause
// native_engine.h - the engine that runs the shared source on the host: replay without root.
//
// A batch: every frame is parsed and keyed and its index word prefetched; then its record is prefetched; then, in input
// order, each packet finds, ends or starts its flow and is counted. Two batches are in progress at a time: one's memory
// arrives while the other is processed. Another thread may have parsed the frames before. Output goes to a
// stream_writer.
#pragma once

#include <array>
#include <vector>

#include "activity_list.h"
#include "engine.h"
#include "expiry_wheel.h"
#include "flow_table.h"
#include "flowxdp/clock.h"
#include "flowxdp/fragment.h"
#include "flowxdp/plugin_halves.h"
#include "order_turn.h"

namespace flowxdp {

// A frame and what is known of it before its flow.
struct ParsedFrame {
    // parse(): all steps that depend on nothing but the frame
    packet parsed; // but for clock_ns
    flow_key key;
    std::uint32_t reverse, hash;

    // take_in_order(): in input order
    __s64 clock_before_step; // valid with stepped
    bool stepped;
    EntryId candidate; // FlowTable::find()
};

class NativeEngine {
  public:
    // options.plugin_options holds sizeof(plugin_options) bytes.
    explicit NativeEngine(const engine_options& options);

    // parsed: n frames that parse() made, or null.
    void feed(const engine_frame* frames, std::uint32_t n, ParsedFrame* parsed = nullptr);
    // Any thread.
    void parse(const engine_frame* frames, std::uint32_t n, ParsedFrame* parsed) const;
    void advance(std::int64_t clock_ns);
    void finish();
    [[nodiscard]] const engine_counts& counts() const { return counts_; }

  private:
    static constexpr std::uint32_t kBatch = 16;
    static constexpr std::uint32_t kFlowsBetweenWatermarks = 4096;

    using Batch = std::array<ParsedFrame, kBatch>;

    void parse_frame(const engine_frame& frame, ParsedFrame* to) const;
    void take_in_order(ParsedFrame* pending);
    void account(const engine_frame& frame, ParsedFrame* pending);
    void book_fragment(ParsedFrame* pending);
    EntryId start_flow(const ParsedFrame& pending);
    void make_room(std::int64_t clock_ns);
    void end_flow(EntryId id, flow_end reason, std::int64_t clock_ns);
    void emit_end(flow_record* record, flow_end reason, std::int64_t end_clock_ns);
    void emit_packet(const engine_frame& frame, const flow_record& record, const packet& parsed,
                     const packet_step& step, std::uint32_t payload_max);
    void emit_watermark(std::int64_t clock_ns);
    void expire(std::int64_t clock_ns);
    void expire_exactly(std::int64_t clock_ns);
    void release_early();
    void step_back(std::int64_t before_ns, std::int64_t clock_ns);
    void count(counter c) { counts_.counter[c]++; }

    engine_options options_;
    const flow_config& config_;
    plugin_options plugin_options_;
    FlowTable table_;
    ExpiryWheel wheel_;
    ActivityList activity_;
    packet_clock clock_{};
    std::uint64_t next_flow_id_ = 1;
    std::uint64_t packet_sequence_ = 0;
    std::uint32_t era_ = 0;
    std::uint32_t emitted_since_watermark_ = 0;
    std::int64_t last_clock_ns_ = 0; // of the packet accounted last
    OrderTurn turn_;
    bool release_is_due_ = false; // before the next packet
    std::vector<fragment_slot> fragments_;
    std::array<Batch, 2> batches_;
    engine_counts counts_{};
};

} // namespace flowxdp
