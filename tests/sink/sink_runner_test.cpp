// SPDX-License-Identifier: BSD-2-Clause
// One sink with its queue and its thread; the sink is the test's own and does as it is told.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sink/sink_runner.h"
#include "support/receiver.h"
#include "support/row_builder.h"

namespace flowxdp {
namespace {

using namespace test;

// Writes when the gate is open; waits until then.
class Gate {
  public:
    void open()
    {
        const std::lock_guard lock(mutex_);
        open_ = true;
        opened_.notify_all();
    }
    void pass()
    {
        std::unique_lock lock(mutex_);
        opened_.wait(lock, [this] { return open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool open_ = false;
};

class GatedSink final : public Sink {
  public:
    explicit GatedSink(Gate* gate) : gate_(gate) {}
    Result<void> open(const SinkContext&) override { return {}; }
    Result<void> write(const Rows& rows) override
    {
        gate_->pass();
        counts_.sent += rows.size();
        return {};
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override { return {counts_.sent}; }

  private:
    Gate* gate_;
};

std::shared_ptr<const RowBatch> three_rows()
{
    RowBuilder rows(make_schema({column("flowInd", FX_U64)}));
    for (std::uint64_t i = 0; i < 3; i++)
        rows.row().put<std::uint64_t>("flowInd", i);
    return rows.shared();
}

TEST(SinkRunner, UnderDropACommitDoesNotWaitForASinkThatIsStuck)
{
    Gate gate;
    SinkRunner runner("stuck", std::make_unique<GatedSink>(&gate), {1u << 20, SinkPolicy::kDrop}, 1);
    runner.start();
    for (int i = 0; i < 100; i++) { // whoever waited here would wait for ever
        runner.push(three_rows(), false);
        runner.begin_commit();
        runner.wait_for_commit();
    }
    EXPECT_EQ(runner.uncommitted_rows(), 300u) << "a successor counts them as lost";
    EXPECT_TRUE(runner.positions().empty());
    gate.open();
    ASSERT_TRUE(eventually([&] { return runner.uncommitted_rows() == 0; },
                           [&] {
                               runner.begin_commit();
                               runner.wait_for_commit();
                           }));
    EXPECT_EQ(runner.positions(), (std::vector<std::uint64_t>{300}));
    runner.finish();
    EXPECT_EQ(runner.state().rows, 300u);
    EXPECT_EQ(runner.state().sent, 300u);
}

TEST(SinkRunner, UnderBlockACommitWaits)
{
    Gate gate;
    SinkRunner runner("slow", std::make_unique<GatedSink>(&gate), {1u << 20, SinkPolicy::kBlock}, 1);
    runner.start();
    runner.push(three_rows(), false);
    runner.begin_commit();
    std::atomic<bool> committed{false};
    std::thread waiting([&] {
        runner.wait_for_commit();
        committed = true;
    });
    EXPECT_FALSE(committed);
    gate.open();
    waiting.join();
    EXPECT_EQ(runner.uncommitted_rows(), 0u);
    EXPECT_EQ(runner.positions(), (std::vector<std::uint64_t>{3}));
}

TEST(SinkRunner, WhatAPredecessorLostIsCounted)
{
    Gate gate;
    gate.open();
    SinkRunner runner("new", std::make_unique<GatedSink>(&gate), {1u << 20, SinkPolicy::kDrop}, 1);
    runner.lose(7);
    runner.start();
    runner.push(three_rows(), false);
    runner.finish();
    const SinkState state = runner.state();
    EXPECT_EQ(state.rows, 10u);
    EXPECT_EQ(state.sent, 3u);
    EXPECT_EQ(state.dropped, 7u);
}

// Ends when the others have begun to end, too: one after the other none ever would.
class LastWords final : public Sink {
  public:
    LastWords(std::atomic<int>* begun, int all) : begun_(begun), all_(all) {}
    Result<void> open(const SinkContext&) override { return {}; }
    Result<void> write(const Rows&) override { return {}; }
    Result<void> flush(bool final) override
    {
        if (final && ++*begun_)
            eventually([this] { return *begun_ == all_; }, [] {});
        return {};
    }

  private:
    std::atomic<int>* begun_;
    int all_;
};

TEST(SinkRunner, EndsBesideOthers)
{
    std::atomic<int> begun{0};
    SinkRunner one("one", std::make_unique<LastWords>(&begun, 2), {}),
        two("two", std::make_unique<LastWords>(&begun, 2), {});
    one.start();
    two.start();
    one.end();
    two.end();
    one.finish();
    two.finish();
    EXPECT_EQ(begun, 2);
}

} // namespace
} // namespace flowxdp
