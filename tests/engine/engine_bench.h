// SPDX-License-Identifier: BSD-2-Clause
// engine_bench.h - the native engine through the bundle's C ABI: frames in, ended flows and packet rows out, in the
// order in which the pipeline would print them.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "engine.h"
#include "pipeline/flow_order.h"
#include "support/packet_builder.h"

namespace flowxdp::test {

inline constexpr std::int64_t kSecond = 1000000000;

struct TimedFrame {
    Bytes bytes;
    std::int64_t ts_ns;
};

// What a test looks at of an ended flow.
struct Ended {
    std::uint64_t flow_id;
    std::uint32_t reason;
    std::int64_t end_clock_ns;
    std::uint32_t era;
    std::uint64_t packets[2];
    std::uint64_t status[2];
    flow_record record;

    [[nodiscard]] bool has(unsigned direction, std::uint64_t mask) const { return (status[direction] & mask) == mask; }
    // The tuple of everything but the record, for comparisons.
    [[nodiscard]] std::vector<std::uint64_t> facts() const
    {
        return {flow_id,   reason,   static_cast<std::uint64_t>(end_clock_ns), era, packets[0], packets[1],
                status[0], status[1]};
    }
};

struct EngineRun {
    std::vector<Ended> flows;           // ordered as rows are
    std::vector<packet_record> packets; // cores
    engine_counts counts{};
    std::size_t most_held = 0; // flows that waited for their order at a time

    [[nodiscard]] std::uint64_t count(counter c) const { return counts.counter[c]; }
    // One side of the ledger.
    [[nodiscard]] std::uint64_t packets_in_flows() const
    {
        std::uint64_t sum = 0;
        for (const Ended& e : flows)
            sum += e.packets[0] + e.packets[1];
        return sum;
    }
};

class EngineBench {
  public:
    explicit EngineBench(std::uint32_t max_flows = 4096)
    {
        setup_.flow.idle_timeout_ms = 182000;
        setup_.flow.tunnels = tunnel_config_default();
        bundle_lay_out(flowxdp_bundle(), 0, &setup_.flow);
        flow_hash_secret_from(&setup_.flow.table_secret, 99);
        setup_.flow.fragment_seed = 99;
        setup_.max_flows = max_flows;
    }

    flow_config& config() { return setup_.flow; }

    // Enables a kernel half; returns its zeroed configuration.
    template <typename Config>
    Config* enable(std::string_view name)
    {
        const bundle_descriptor& bundle = *flowxdp_bundle();
        for (std::uint32_t i = 0; i < bundle.half_count; i++) {
            const half_descriptor& half = bundle.halves[i];
            if (name != half.name)
                continue;
            EXPECT_EQ(half.config_size, sizeof(Config));
            bundle_lay_out(&bundle, setup_.flow.enabled | 1u << i, &setup_.flow);
            return reinterpret_cast<Config*>(plugin_options_.data() + half.config_offset);
        }
        ADD_FAILURE() << "no kernel half " << name;
        return nullptr;
    }

    EngineBench& frame(Bytes bytes, std::int64_t ts_ns)
    {
        frames_.push_back({std::move(bytes), ts_ns});
        return *this;
    }

    // Feeds everything, batch frames a call, and finishes. The frames of every parse_every-th call are parsed ahead, by
    // parse() and all of them before the first is fed; 0: none.
    EngineRun run(std::uint32_t batch = 1000000, std::size_t parse_every = 0) const
    {
        EngineRun result;
        FlowOrder order;
        Collector collector;
        engine_options options = setup_;
        options.plugin_options = plugin_options_.data();
        options.plugin_options_size = static_cast<__u32>(plugin_options_.size());
        options.out = collector.writer();
        const bundle_descriptor& bundle = *flowxdp_bundle();
        engine* e = bundle.open(&options);
        EXPECT_NE(e, nullptr);
        std::vector<engine_frame> all;
        for (const auto& input : frames_) {
            engine_frame f{};
            f.bytes = input.bytes.data();
            f.meta.ts_ns = input.ts_ns;
            f.meta.wire_len = f.meta.cap_len = static_cast<__u32>(input.bytes.size());
            f.meta.start_kind = HEADER_KIND_ETHERNET;
            f.packet_no = all.size() + 1;
            all.push_back(f);
        }
        std::vector<std::vector<std::uint64_t>> parsed; // of the calls
        for (std::size_t at = 0; at < all.size(); at += batch) {
            const std::size_t n = std::min<std::size_t>(batch, all.size() - at);
            parsed.emplace_back();
            if (!parse_every || parsed.size() % parse_every)
                continue;
            parsed.back().resize(n * bundle.parsed_size / sizeof(std::uint64_t));
            bundle.parse(e, &all[at], static_cast<__u32>(n), parsed.back().data());
        }
        for (std::size_t at = 0, call = 0; at < all.size(); at += batch, call++)
            bundle.feed(e, &all[at], static_cast<__u32>(std::min<std::size_t>(batch, all.size() - at)),
                        parsed[call].empty() ? nullptr : parsed[call].data());
        bundle.finish(e);
        result.counts = *bundle.counts(e);
        bundle.close(e);
        auto take = [&result](const ended_record& r) {
            result.flows.push_back({r.record.flow_id,
                                    r.reason,
                                    r.end_clock_ns,
                                    r.era,
                                    {r.record.dir[0].packets, r.record.dir[1].packets},
                                    {r.record.dir[0].status, r.record.dir[1].status},
                                    r.record});
        };
        collector.each([&](const stream_header* header) {
            if (header->kind == STREAM_ENDED)
                order.hold(*reinterpret_cast<const ended_record*>(header)),
                    result.most_held = std::max(result.most_held, order.held());
            else if (header->kind == STREAM_PACKET)
                result.packets.push_back(*reinterpret_cast<const packet_record*>(header));
            else if (header->kind == STREAM_WATERMARK)
                order.release(reinterpret_cast<const watermark_record*>(header)->era,
                              reinterpret_cast<const watermark_record*>(header)->clock_ns, take);
            else
                ADD_FAILURE() << "a record of kind " << header->kind;
        });
        EXPECT_EQ(order.held(), 0U) << "flows behind the last watermark";
        return result;
    }

  private:
    // Chunks as the pipeline's, small enough that records meet their ends.
    class Collector {
      public:
        stream_writer* writer()
        {
            writer_.context = this;
            writer_.hand_over = [](stream_writer* w, __u32 need) {
                auto* self = static_cast<Collector*>(w->context);
                self->close_chunk();
                self->chunks_.push_back({std::vector<std::uint64_t>(std::max<std::size_t>(512, (need + 7) / 8)), 0});
                w->at = reinterpret_cast<__u8*>(self->chunks_.back().words.data());
                w->limit = w->at + self->chunks_.back().words.size() * 8;
            };
            return &writer_;
        }
        template <typename Take>
        void each(Take take)
        {
            close_chunk();
            for (const Chunk& chunk : chunks_) {
                const auto* at = reinterpret_cast<const std::uint8_t*>(chunk.words.data());
                for (const std::uint8_t* end = at + chunk.used; at < end;) {
                    const auto* header = reinterpret_cast<const stream_header*>(at);
                    ASSERT_GE(header->size, sizeof *header);
                    ASSERT_EQ(header->size % 8, 0U);
                    take(header);
                    at += header->size;
                }
            }
        }

      private:
        struct Chunk {
            std::vector<std::uint64_t> words;
            std::size_t used;
        };
        void close_chunk()
        {
            if (!chunks_.empty())
                chunks_.back().used =
                    static_cast<std::size_t>(writer_.at - reinterpret_cast<__u8*>(chunks_.back().words.data()));
        }
        stream_writer writer_{};
        std::vector<Chunk> chunks_;
    };

    engine_options setup_{};
    std::vector<std::uint8_t> plugin_options_ = std::vector<std::uint8_t>(flowxdp_bundle()->plugin_options_size);
    std::vector<TimedFrame> frames_;
};

inline Bytes udp_frame(const std::string& src, std::uint32_t src_port, const std::string& dst, std::uint32_t dst_port)
{
    return Packet().eth().ipv4(src, dst).udp(src_port, dst_port).payload(20).bytes();
}

} // namespace flowxdp::test
