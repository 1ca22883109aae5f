// SPDX-License-Identifier: BSD-2-Clause
// A server of the test's own: it takes batches, or is away, late, or particular.
#include <gtest/gtest.h>

#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sink/batch/batch_sender.h"

namespace flowxdp {
namespace {

using std::chrono::milliseconds;

class Server final : public BatchServer {
  public:
    Attempt deliver(const RowSlice& slice, milliseconds at_most) override
    {
        attempts_++;
        at_most_ = at_most;
        Attempt attempt = answer_ ? answer_(slice) : Attempt{Delivery::kDone};
        if (attempt.delivery == Delivery::kDone) {
            batches_.emplace_back(slice.bytes);
            rows_ += slice.rows();
        }
        return attempt;
    }
    [[nodiscard]] std::string all() const
    {
        std::string text;
        for (const std::string& batch : batches_)
            text += batch;
        return text;
    }

    std::function<Attempt(const RowSlice&)> answer_;
    std::vector<std::string> batches_;
    std::uint64_t rows_ = 0;
    unsigned attempts_ = 0;
    milliseconds at_most_{0}; // of the last attempt
};

BatchOptions quick()
{
    BatchOptions options;
    options.batch_rows = 4;
    options.linger = milliseconds(3600000); // nothing leaves by age
    options.patience = options.drain = milliseconds(0);
    options.backoff_min = options.backoff_max = milliseconds(0);
    return options;
}

class BatchSenderTest : public testing::Test {
  protected:
    std::string add(BatchSender& sender, int from, int to)
    {
        std::string error;
        for (int i = from; i < to; i++)
            if (auto added = sender.add("r" + std::to_string(i) + ";", i); !added.ok())
                error = added.error().message;
        return error;
    }
    Server server_;
    SinkCounts counts_;
};

TEST_F(BatchSenderTest, ABatchLeavesWhenItIsFullOrAskedFor)
{
    BatchSender sender(quick(), &server_, &counts_);
    EXPECT_EQ(add(sender, 0, 3), "");
    EXPECT_TRUE(sender.pump().ok());
    EXPECT_EQ(server_.attempts_, 0u);
    EXPECT_EQ(add(sender, 3, 6), "");
    EXPECT_EQ(server_.batches_, (std::vector<std::string>{"r0;r1;r2;r3;"}));
    EXPECT_EQ(sender.waiting_rows(), 2u);
    EXPECT_TRUE(sender.commit().ok());
    EXPECT_EQ(server_.batches_.back(), "r4;r5;");
    EXPECT_EQ(sender.waiting_rows(), 0u);
    EXPECT_EQ(counts_.sent, 6u);
}

TEST_F(BatchSenderTest, AgeSendsABatchToo)
{
    BatchOptions options = quick();
    options.linger = milliseconds(0);
    BatchSender sender(options, &server_, &counts_);
    EXPECT_EQ(add(sender, 0, 1), "");
    EXPECT_TRUE(sender.pump().ok());
    EXPECT_EQ(server_.all(), "r0;");
}

TEST_F(BatchSenderTest, BytesFillABatch)
{
    BatchOptions options = quick();
    options.batch_bytes = 5;
    BatchSender sender(options, &server_, &counts_);
    EXPECT_EQ(add(sender, 0, 2), "");
    EXPECT_EQ(server_.batches_, (std::vector<std::string>{"r0;r1;"}));
}

TEST_F(BatchSenderTest, WhatWasNotConfirmedComesAgainInItsOrder)
{
    server_.answer_ = [this](const RowSlice&) {
        return server_.attempts_ <= 3 ? Attempt{Delivery::kLater, "not now"} : Attempt{Delivery::kDone};
    };
    BatchOptions options = quick();
    options.patience = milliseconds(3600000);
    BatchSender sender(options, &server_, &counts_);
    EXPECT_EQ(add(sender, 0, 4), "not now; trying again");
    EXPECT_EQ(add(sender, 4, 6), "") << "said once an outage";
    EXPECT_TRUE(sender.commit().ok());
    EXPECT_EQ(server_.all(), "r0;r1;r2;r3;r4;r5;");
    EXPECT_EQ(counts_.sent, 6u);
    EXPECT_EQ(counts_.retried, 12u) << "three attempts of four rows";
    EXPECT_EQ(counts_.dropped, 0u);
}

TEST_F(BatchSenderTest, ACommitGivesUpWhenItsPatienceEnds)
{
    server_.answer_ = [](const RowSlice&) { return Attempt{Delivery::kAway, "nobody there"}; };
    BatchSender sender(quick(), &server_, &counts_);
    add(sender, 0, 2);
    const auto given_up = sender.commit();
    ASSERT_FALSE(given_up.ok());
    EXPECT_NE(given_up.error().message.find("nobody there"), std::string::npos);
    EXPECT_EQ(sender.waiting_rows(), 2u) << "they are not lost: a server that comes back gets them";
    EXPECT_TRUE(sender.commit().ok()) << "nobody waits for it any more";
    server_.answer_ = nullptr;
    EXPECT_TRUE(sender.commit().ok());
    EXPECT_EQ(server_.all(), "r0;r1;");
    EXPECT_EQ(counts_.sent, 2u);
}

TEST_F(BatchSenderTest, AFullQueueDropsAndCounts)
{
    server_.answer_ = [](const RowSlice&) { return Attempt{Delivery::kAway, "nobody there"}; };
    BatchOptions options = quick();
    options.queue_bytes = 4 * (3 + 16); // four rows of three bytes, and what is kept beside a row
    BatchSender sender(options, &server_, &counts_);
    EXPECT_NE(add(sender, 0, 9).find("rows are dropped"), std::string::npos);
    EXPECT_EQ(counts_.dropped, 5u);
    EXPECT_EQ(sender.waiting_rows(), 4u);
    server_.answer_ = nullptr;
    EXPECT_EQ(add(sender, 9, 10), "");
    EXPECT_TRUE(sender.commit().ok());
    EXPECT_EQ(server_.all(), "r0;r1;r2;r3;r9;");
    EXPECT_EQ(counts_.sent + counts_.dropped, 10u);
}

TEST_F(BatchSenderTest, OnlyTheRowThatIsRefusedIsLost)
{
    server_.answer_ = [](const RowSlice& slice) {
        return slice.bytes.find("r5;") == std::string_view::npos ? Attempt{Delivery::kDone}
                                                                 : Attempt{Delivery::kRefused, "r5 is wrong"};
    };
    BatchOptions options = quick();
    options.batch_rows = 11;
    BatchSender sender(options, &server_, &counts_);
    EXPECT_EQ(add(sender, 0, 11), "a row is refused and dropped: r5 is wrong");
    EXPECT_EQ(server_.all(), "r0;r1;r2;r3;r4;r6;r7;r8;r9;r10;");
    EXPECT_EQ(server_.rows_, 10u) << "times were cut where rows were";
    EXPECT_EQ(counts_.sent, 10u);
    EXPECT_EQ(counts_.dropped, 1u);
    EXPECT_EQ(sender.waiting_rows(), 0u);
}

TEST_F(BatchSenderTest, TheEndDropsWhatCannotBeDelivered)
{
    server_.answer_ = [](const RowSlice&) { return Attempt{Delivery::kAway, "nobody there"}; };
    BatchSender sender(quick(), &server_, &counts_);
    add(sender, 0, 6);
    const auto drained = sender.drain();
    ASSERT_FALSE(drained.ok());
    EXPECT_EQ(drained.error().message.substr(0, 7), "6 rows ");
    EXPECT_NE(drained.error().message.find("nobody there"), std::string::npos) << drained.error().message;
    EXPECT_EQ(counts_.dropped, 6u);
    EXPECT_EQ(sender.waiting_rows(), 0u);
}

// An hour's patience would hold up the test.
TEST_F(BatchSenderTest, OnceTheRunEndsTheTimeOfTheEndCounts)
{
    server_.answer_ = [](const RowSlice&) { return Attempt{Delivery::kLater, "not now"}; };
    BatchOptions options = quick();
    options.queue_bytes = 4 * (3 + 16);
    options.patience = milliseconds(3600000);
    options.drain = milliseconds(30);
    BatchSender sender(options, &server_, &counts_);
    std::optional<std::chrono::steady_clock::time_point> end;
    sender.listen_to([&] { return end; });
    add(sender, 0, 4);
    EXPECT_EQ(server_.at_most_, milliseconds::max()) << "while the run goes on the server's own bound counts";
    end = std::chrono::steady_clock::now();
    EXPECT_NE(add(sender, 4, 9).find("nothing was confirmed for 30 ms: rows are dropped"), std::string::npos);
    EXPECT_LE(server_.at_most_, milliseconds(500));
    EXPECT_EQ(counts_.dropped, 5u);
    EXPECT_TRUE(sender.commit().ok()) << "nobody waits for it any more";
    EXPECT_FALSE(sender.drain().ok());
    EXPECT_EQ(counts_.dropped, 9u);
}

TEST_F(BatchSenderTest, AServerThatConfirmsIsWaitedForAtTheEnd)
{
    server_.answer_ = [this](const RowSlice&) {
        ::usleep(5000); // of the end's time: the server answers slowly
        return server_.attempts_ % 4 ? Attempt{Delivery::kLater, "not now"} : Attempt{Delivery::kDone};
    };
    BatchOptions options = quick();
    options.batch_rows = 1;
    options.patience = milliseconds(0);
    options.drain = milliseconds(3600000);
    BatchSender sender(options, &server_, &counts_);
    sender.listen_to([] { return std::optional(std::chrono::steady_clock::now() - std::chrono::seconds(60)); });
    add(sender, 0, 9);
    (void)sender.drain(); // "not now" was said meanwhile
    EXPECT_EQ(counts_.sent, 9u);
    EXPECT_EQ(counts_.dropped, 0u);
}

TEST_F(BatchSenderTest, ABackOffIsWaitedFor)
{
    server_.answer_ = [](const RowSlice&) { return Attempt{Delivery::kAway, "nobody there"}; };
    BatchOptions options = quick();
    options.backoff_min = options.backoff_max = milliseconds(3600000);
    BatchSender sender(options, &server_, &counts_);
    add(sender, 0, 4);
    for (int i = 0; i < 10; i++)
        EXPECT_TRUE(sender.pump().ok());
    EXPECT_EQ(server_.attempts_, 1u);
}

} // namespace
} // namespace flowxdp
