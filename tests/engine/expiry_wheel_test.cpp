// SPDX-License-Identifier: BSD-2-Clause
// The wheel against a list of due times: everything is found due exactly once, never early, never a tick late.
#include "expiry_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace flowxdp {
namespace {

constexpr std::int64_t kSecond = 1000000000;
constexpr std::int64_t kTick = 1LL << ExpiryWheel::kTickBits;

class WheelBench {
  public:
    WheelBench() : table_(sizeof(flow_record), sizeof(flow_record), 1u << 20), wheel_(&table_) {}

    EntryId add(std::int64_t due_ns)
    {
        flow_key key{};
        key.lo_addr[0] = ++keys_;
        const EntryId id = table_.insert(key, static_cast<std::uint32_t>(keys_ * 2654435761u));
        due_[id] = due_ns;
        wheel_.link(id, due_ns);
        return id;
    }
    // A packet: the due time changes, the wheel hears of it.
    void step_back(std::int64_t clock_ns)
    {
        wheel_.step_back(ExpiryWheel::tick_of(clock_ns), [this](EntryId id) { return due_.at(id); });
    }
    void change(EntryId id, std::int64_t due_ns)
    {
        due_[id] = due_ns;
        wheel_.touch(id, due_ns);
    }
    void remove(EntryId id)
    {
        wheel_.unlink(id);
        table_.remove(id);
        due_.erase(id);
    }
    // Returns what ended, checked against the due times.
    std::vector<EntryId> advance(std::int64_t clock_ns, bool exactly)
    {
        std::vector<EntryId> ended;
        auto due = [this](EntryId id) { return due_.at(id); };
        auto end = [&](EntryId id) {
            const auto at = due_.find(id);
            ASSERT_NE(at, due_.end()) << "ended twice";
            EXPECT_LE(at->second, clock_ns) << "ended early";
            due_.erase(at);
            table_.remove(id);
            ended.push_back(id);
        };
        if (exactly)
            wheel_.advance_exactly(clock_ns, due, end);
        else
            wheel_.advance(clock_ns, due, end);
        for (const auto& [id, due_ns] : due_) {
            if (exactly)
                EXPECT_GT(due_ns, clock_ns) << "missed";
            else
                EXPECT_GE(ExpiryWheel::tick_of(due_ns), ExpiryWheel::tick_of(clock_ns)) << "missed";
        }
        return ended;
    }
    ExpiryWheel& wheel() { return wheel_; }
    // For tests that count work and do not want the bench's own.
    auto due_of()
    {
        return [this](EntryId id) { return due_.at(id); };
    }
    static auto no_end()
    {
        return [](EntryId) { ADD_FAILURE() << "ended early"; };
    }
    std::map<EntryId, std::int64_t>& due() { return due_; }

  private:
    FlowTable table_;
    ExpiryWheel wheel_;
    std::uint64_t keys_ = 0;
    std::map<EntryId, std::int64_t> due_;
};

TEST(ExpiryWheel, ATickIsTwoToTheTwentySevenNanoseconds)
{
    EXPECT_EQ(ExpiryWheel::tick_of(kTick - 1), 0);
    EXPECT_EQ(ExpiryWheel::tick_of(kTick), 1);
    EXPECT_EQ(ExpiryWheel::tick_of(-1), -1); // before 1970 as well
    EXPECT_EQ(ExpiryWheel::clock_of(3), 3 * kTick);
}

TEST(ExpiryWheel, ExactAdvanceEndsAtTheDueNanosecondAndNotBefore)
{
    WheelBench bench;
    const EntryId id = bench.add(10 * kSecond);
    EXPECT_TRUE(bench.advance(10 * kSecond - 1, true).empty());
    EXPECT_EQ(bench.advance(10 * kSecond, true), std::vector<EntryId>{id});
    EXPECT_TRUE(bench.advance(11 * kSecond, true).empty());
}

TEST(ExpiryWheel, AnEntryThatGrewOlderIsLookedAtAndKept)
{
    WheelBench bench;
    const EntryId id = bench.add(10 * kSecond);
    bench.change(id, 500 * kSecond);
    EXPECT_TRUE(bench.advance(499 * kSecond, true).empty());
    EXPECT_EQ(bench.advance(501 * kSecond, false).size(), 1U);
}

TEST(ExpiryWheel, AShorterTimeoutTakesEffectAtOnce)
{
    WheelBench bench;
    const EntryId id = bench.add(610 * kSecond);
    bench.change(id, kSecond / 10);
    EXPECT_EQ(bench.advance(kSecond / 10, true).size(), 1U);
}

TEST(ExpiryWheel, DueTimesBehindTheWheelsEndAreFound)
{
    WheelBench bench; // 8,192 ticks are about 1,100 s
    bench.add(5000 * kSecond);
    bench.add(1200 * kSecond);
    EXPECT_TRUE(bench.advance(1199 * kSecond, true).empty());
    EXPECT_EQ(bench.advance(1201 * kSecond, true).size(), 1U);
    EXPECT_TRUE(bench.advance(4999 * kSecond, true).empty());
    EXPECT_EQ(bench.advance(5000 * kSecond, true).size(), 1U);
}

TEST(ExpiryWheel, AJumpOfYearsEndsWhatIsDueAndKeepsTheRest)
{
    WheelBench bench;
    const std::int64_t year = 365LL * 86400 * kSecond;
    bench.add(kSecond);
    bench.add(2000 * kSecond);
    bench.add(2 * year);
    EXPECT_EQ(bench.advance(year, true).size(), 2U);
    EXPECT_EQ(bench.due().size(), 1U);
    EXPECT_EQ(bench.advance(2 * year, true).size(), 1U);
}

TEST(ExpiryWheel, AfterAStepBackOldAndNewEntriesAreFound)
{
    WheelBench bench;
    bench.wheel().set_now(ExpiryWheel::tick_of(100000 * kSecond));
    bench.add(100182 * kSecond); // waits in the heap
    bench.advance(100000 * kSecond, true);
    bench.step_back(50 * kSecond);
    bench.add(60 * kSecond);
    EXPECT_EQ(bench.advance(60 * kSecond, true).size(), 1U);
    EXPECT_TRUE(bench.advance(99999 * kSecond, true).empty());
    EXPECT_EQ(bench.advance(100182 * kSecond, true).size(), 1U);
}

TEST(ExpiryWheel, AgreesWithTheDueTimesOverRandomLives)
{
    for (const std::uint64_t seed : {1, 2, 3}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        WheelBench bench;
        std::int64_t clock = 1000 * kSecond;
        bench.wheel().set_now(ExpiryWheel::tick_of(clock));
        std::size_t added = 0, ended = 0, removed = 0;
        const std::int64_t timeouts[] = {1, kSecond / 10, 10 * kSecond, 120 * kSecond, 182 * kSecond, 5000 * kSecond};
        auto timeout = [&] { return timeouts[random() % 6] + static_cast<std::int64_t>(random() % 1000000); };
        for (int step = 0; step < 4000; step++) {
            for (std::uint64_t n = random() % 4; n; n--, added++)
                bench.add(clock + timeout());
            if (!bench.due().empty()) {
                const auto any =
                    std::next(bench.due().begin(), static_cast<std::ptrdiff_t>(random() % bench.due().size()));
                if (random() % 8 == 0) {
                    bench.remove(any->first);
                    removed++;
                } else {
                    bench.change(any->first, clock + timeout());
                }
            }
            switch (random() % 200) {
            case 0:
                clock += 3000 * kSecond;
                break; // over the whole wheel
            case 1:    // a step back, as the engine does it
                ended += bench.advance(clock, true).size();
                clock -= 2000 * kSecond;
                bench.step_back(clock);
                continue;
            default:
                clock += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * kSecond));
                break;
            }
            ended += bench.advance(clock, random() % 4 == 0).size();
            ASSERT_FALSE(testing::Test::HasFailure());
        }
        // Everything that was linked is either there or ended, once.
        EXPECT_EQ(added, ended + removed + bench.due().size());
    }
}

constexpr std::size_t kMany = 20000;

// 20,000 entries that fall due at 1,182 s and the nanoseconds behind.
void add_many(WheelBench& bench)
{
    bench.wheel().set_now(ExpiryWheel::tick_of(1000 * kSecond));
    for (std::size_t i = 0; i < kMany; i++)
        bench.add(1182 * kSecond + static_cast<std::int64_t>(i));
}

// Work is counted in looks at an entry: all that the wheel does is proportional to them.
TEST(ExpiryWheel, AClockThatStepsToAndFroLooksAtEachEntryOnce)
{
    for (const std::int64_t back : {61, 1500, 400 * 86400}) {
        SCOPED_TRACE(back);
        WheelBench bench;
        add_many(bench);
        for (int i = 0; i < 1000; i++) {
            bench.wheel().advance_exactly(1001 * kSecond, bench.due_of(), bench.no_end());
            bench.step_back((1001 - back) * kSecond);
            bench.wheel().advance((1001 - back) * kSecond, bench.due_of(), bench.no_end());
            bench.wheel().advance(1001 * kSecond, bench.due_of(), bench.no_end());
        }
        EXPECT_LE(bench.wheel().looks(), kMany + 1000);
        EXPECT_EQ(bench.advance(1183 * kSecond, true).size(), kMany);
    }
}

TEST(ExpiryWheel, ManyThatFallDueInOneTickAreEndedOneByOneWithoutALookAtTheRest)
{
    WheelBench bench;
    add_many(bench);
    std::size_t ended = 0;
    for (std::size_t i = 0; i < kMany; i++)
        bench.wheel().advance_exactly(1182 * kSecond + static_cast<std::int64_t>(i), bench.due_of(),
                                      [&ended](EntryId) { ended++; });
    EXPECT_EQ(ended, kMany);
    EXPECT_LE(bench.wheel().looks(), 2 * kMany);
}

TEST(ExpiryWheel, JumpsAheadPassOverWhatIsNotDue)
{
    WheelBench bench; // as with an idle timeout of 400 days
    bench.wheel().set_now(0);
    for (std::size_t i = 0; i < kMany; i++)
        bench.add(400LL * 86400 * kSecond);
    for (std::int64_t clock = 0; clock < 400LL * 86400; clock += 1020)
        bench.wheel().advance(clock * kSecond, bench.due_of(), bench.no_end());
    EXPECT_LE(bench.wheel().looks(), kMany);
}

TEST(ExpiryWheel, WhatWasRemovedFromTheHeapDoesNotPileUp)
{
    WheelBench bench;
    const EntryId id = bench.add(5000 * kSecond); // beyond the wheel
    for (std::int64_t i = 1; i < 100000; i++)
        bench.change(id, 5000 * kSecond - i);
    EXPECT_LE(bench.wheel().heap_places(), 2000U);
    EXPECT_TRUE(bench.advance(5000 * kSecond - 100000, true).empty());
    EXPECT_EQ(bench.advance(5000 * kSecond - 99999, true).size(), 1U);
}

} // namespace
} // namespace flowxdp
