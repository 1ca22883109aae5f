// SPDX-License-Identifier: BSD-2-Clause
// Random traffic through the engine and through the rules of flows written down naively: a list of flows, looked
// through at every packet. Flows, reasons, end clocks, order and packet counts must agree, however frames are batched.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "engine/engine_bench.h"

namespace flowxdp::test {
namespace {

class Model {
  public:
    Model(std::int64_t idle_ns, std::int64_t active_ns) : idle_ns_(idle_ns), active_ns_(active_ns) {}

    // A packet of conversation n, sent by its lower end or not.
    void packet(unsigned n, bool from_low, std::int64_t ts_ns)
    {
        if (!started_) {
            clock_ = ts_ns;
            started_ = true;
        } else if (ts_ns < clock_ - 60 * kSecond) {
            end_due();
            era_++;
            clock_ = ts_ns;
        } else {
            clock_ = std::max(clock_, ts_ns);
        }
        end_due();
        auto at = alive_.find(n);
        if (at != alive_.end() && active_ns_ && clock_ - at->second.first_clock >= active_ns_) {
            end(at->second, FLOW_END_ACTIVE, clock_);
            alive_.erase(at);
            at = alive_.end();
        }
        if (at == alive_.end()) {
            at = alive_.emplace(n, Flow{}).first;
            at->second.id = ++ids_;
            at->second.first_clock = clock_;
            at->second.first_is_low = from_low;
        }
        Flow& flow = at->second;
        const unsigned direction = from_low == flow.first_is_low ? 0 : 1;
        flow.packets[direction]++;
        flow.last[direction] = clock_;
    }
    // Rows in order: {era, end clock, flowInd, reason, packets A, packets B}.
    using Row = std::tuple<std::uint32_t, std::int64_t, std::uint64_t, std::uint32_t, std::uint64_t, std::uint64_t>;
    std::vector<Row> finish()
    {
        end_due();
        era_++;
        for (const auto& [n, flow] : alive_)
            end(flow, FLOW_END_FORCED, last_clock(flow));
        std::ranges::sort(rows_);
        return rows_;
    }

  private:
    struct Flow {
        std::uint64_t id = 0;
        std::int64_t first_clock = 0;
        bool first_is_low = false;
        std::uint64_t packets[2] = {};
        std::int64_t last[2] = {};
    };
    static std::int64_t last_clock(const Flow& f)
    {
        if (!f.packets[1])
            return f.last[0];
        return std::max(f.last[0], f.last[1]);
    }
    void end_due()
    {
        std::erase_if(alive_, [this](const auto& entry) {
            const std::int64_t due = last_clock(entry.second) + idle_ns_;
            if (clock_ < due)
                return false;
            end(entry.second, FLOW_END_IDLE, due);
            return true;
        });
    }
    void end(const Flow& f, std::uint32_t reason, std::int64_t clock)
    {
        rows_.emplace_back(era_, clock, f.id, reason, f.packets[0], f.packets[1]);
    }

    std::int64_t idle_ns_, active_ns_;
    std::map<unsigned, Flow> alive_;
    std::vector<Row> rows_;
    std::int64_t clock_ = 0;
    bool started_ = false;
    std::uint32_t era_ = 0;
    std::uint64_t ids_ = 0;
};

void compare(std::uint64_t seed, std::uint32_t idle_ms, std::int64_t active_ns, std::int64_t stride_ns, bool steps)
{
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", idle " << idle_ms << " ms, active " << active_ns << " ns");
    std::mt19937_64 random(seed);
    EngineBench bench(1u << 16);
    bench.config().idle_timeout_ms = idle_ms;
    bench.config().active_timeout_ns = active_ns;
    Model model(static_cast<std::int64_t>(idle_ms) * 1000000, active_ns);
    std::int64_t now = 1700000000LL * kSecond;
    const unsigned packets = 6000, conversations = 200;
    for (unsigned i = 0; i < packets; i++) {
        now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * stride_ns));
        if (steps && random() % 500 == 0)
            now += (random() % 2 ? 1 : -1) * static_cast<std::int64_t>(random() % 5000) * kSecond;
        const std::int64_t ts = now - (random() % 4 ? 0 : static_cast<std::int64_t>(random() % 1000000000)); // jitter
        const auto n = static_cast<unsigned>(random() % conversations);
        const bool from_low = random() % 2;
        const std::string low = "10.1.0." + std::to_string(n);
        bench.frame(from_low ? udp_frame(low, 40000, "10.2.0.1", 5000) : udp_frame("10.2.0.1", 5000, low, 40000), ts);
        model.packet(n, from_low, ts);
    }
    const std::vector<Model::Row> expected = model.finish();
    struct Feed {
        std::uint32_t batch, parse_every;
    };
    for (const auto& [batch, parse_every] : {Feed{1, 0}, {7, 0}, {1000000, 0}, {1, 3}, {50, 2}, {1000000, 1}}) {
        SCOPED_TRACE(testing::Message() << "batches of " << batch << ", parsed ahead " << parse_every);
        const EngineRun run = bench.run(batch, parse_every);
        std::vector<Model::Row> rows;
        for (const Ended& e : run.flows)
            rows.emplace_back(std::min(e.era, std::get<0>(expected.back())), e.end_clock_ns, e.flow_id, e.reason,
                              e.packets[0], e.packets[1]);
        ASSERT_EQ(rows.size(), expected.size());
        for (std::size_t i = 0; i < rows.size(); i++)
            ASSERT_EQ(rows[i], expected[i]) << "row " << i;
        // The ledger.
        EXPECT_EQ(run.count(COUNTER_PACKETS_SEEN), packets);
        EXPECT_EQ(run.packets_in_flows(), packets);
        EXPECT_EQ(run.count(COUNTER_FLOWS_STARTED), run.count(COUNTER_FLOWS_ENDED_IDLE) +
                                                        run.count(COUNTER_FLOWS_ENDED_ACTIVE) +
                                                        run.count(COUNTER_FLOWS_ENDED_INPUT));
        EXPECT_EQ(run.counts.totals.direction[0].packets + run.counts.totals.direction[1].packets, packets);
        EXPECT_EQ(run.counts.live_directions, 0U);
    }
}

TEST(EngineModel, FlowsThatMostlyEndAtTheirOwnPacket)
{
    compare(1, 300, 0, kSecond / 100, false);
}
TEST(EngineModel, FlowsThatMostlyEndInSilence)
{
    compare(2, 300, 0, kSecond / 10, false);
}
TEST(EngineModel, TimeoutsBelowATick)
{
    compare(3, 5, 0, kSecond / 1000, false);
}
TEST(EngineModel, TimeoutsBeyondTheWheel)
{
    compare(4, 2000000, 0, 30 * kSecond, false);
}
TEST(EngineModel, ActiveTimeout)
{
    compare(5, 5000, 2 * kSecond, kSecond / 100, false);
}
TEST(EngineModel, ClocksThatStepBackAndForth)
{
    compare(6, 182000, 0, kSecond / 10, true);
}
TEST(EngineModel, ClocksThatStepWhileFlowsAreCut)
{
    compare(7, 30000, 60 * kSecond, kSecond / 20, true);
}
TEST(EngineModel, ClocksThatStepWhileABatchSpansManyTimeouts)
{
    compare(8, 30000, 0, 10 * kSecond, true);
}

} // namespace
} // namespace flowxdp::test
