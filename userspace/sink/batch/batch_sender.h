// SPDX-License-Identifier: BSD-2-Clause
// batch_sender.h - rows in batches to one server that confirms each of them, and that may be slow, absent, or come
// back.
//
// A batch leaves memory when the server has confirmed it, not when it was sent: rows arrive at least once. What waits
// is bounded in bytes of memory. A server that is away is asked again after a back-off.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flowxdp/sink.hpp"
#include "sink/patience.h"

namespace flowxdp {

// Rows as the server reads them, one after the other.
struct RowSlice {
    std::string_view bytes;
    std::span<const std::int64_t> times_ns; // when each row's flow ended
    [[nodiscard]] std::size_t rows() const { return times_ns.size(); }
};

enum class Delivery {
    kDone,    // the server has confirmed all of them
    kAway,    // no server: nothing arrived
    kLater,   // it did not confirm: all, some or none arrived
    kRefused, // it will not take these rows, however often it is asked
};
struct Attempt {
    Delivery delivery;
    std::string reason = {}; // a sentence without credentials; of kDone nothing
};

class BatchServer {
  public:
    virtual ~BatchServer() = default;
    // Connects when needed. Waits at most so long for each answer of the server, or less when the server has a bound of
    // its own.
    virtual Attempt deliver(const RowSlice& slice, std::chrono::milliseconds at_most) = 0;
};

struct BatchOptions {
    std::size_t batch_bytes = 1u << 20, batch_rows = 10000; // a batch that has so much is sent
    std::chrono::milliseconds linger{1000};                 // one that has less after this time
    std::size_t queue_bytes = 64u << 20;
    // A full queue waits for the server, until for so long nothing was confirmed; then rows are dropped until something
    // is again.
    std::chrono::milliseconds patience{30000};
    std::chrono::milliseconds drain{10000}; // the same once the run ends
    std::chrono::milliseconds backoff_min{100}, backoff_max{10000};
};

class BatchSender {
  public:
    // server and counts must outlive this object. counts: sent, dropped and retried count rows.
    BatchSender(BatchOptions options, BatchServer* server, SinkCounts* counts);
    BatchSender(const BatchSender&) = delete;
    BatchSender& operator=(const BatchSender&) = delete;

    // Before the first row: who says that the run ends.
    void listen_to(Patience::EndBegan end) { patience_.listen_to(std::move(end)); }
    // Appends a row. Waits while the queue is full (BatchOptions). Error: the server is away or refuses rows, or rows
    // are being dropped; said once an outage.
    Result<void> add(std::string_view row, std::int64_t time_ns);
    // Sends what is full or old enough; tries once.
    Result<void> pump();
    // Returns when every row is confirmed, or when nothing was for as long as patience says. What then waits is
    // waiting_rows(), and later calls return at once until something moves again.
    Result<void> commit();
    // At the end of the run. Waits likewise; rows that are not confirmed by then are dropped and counted.
    Result<void> drain();

    // Rows that are not confirmed. Any thread.
    [[nodiscard]] std::uint64_t waiting_rows() const { return waiting_rows_; }

  private:
    using Clock = std::chrono::steady_clock;
    struct Batch {
        std::string bytes;
        std::vector<std::size_t> ends; // of the rows, in bytes
        std::vector<std::int64_t> times_ns;
        [[nodiscard]] std::size_t memory() const { return bytes.size() + ends.size() * kRowBytes; }
    };
    static constexpr std::size_t kRowBytes = sizeof(std::size_t) + sizeof(std::int64_t); // beside the row itself

    void close_batch();
    bool try_front();
    void split_front();
    void confirmed();
    void pause(Clock::time_point until) const;
    Result<void> take_error();

    BatchOptions options_;
    BatchServer* server_;
    SinkCounts* counts_;
    Batch filling_;
    Clock::time_point filling_since_{};
    std::deque<Batch> queue_;
    std::size_t queued_bytes_ = 0; // memory of all batches, filling_ included
    std::atomic<std::uint64_t> waiting_rows_{0};
    Clock::time_point next_attempt_{};
    Patience patience_;
    std::chrono::milliseconds backoff_;
    bool away_ = false;      // at the last attempt
    bool giving_up_ = false; // patience ended: nobody waits for this server until something moves
    bool outage_said_ = false;
    std::string reason_; // of the last failure
    std::string error_;  // to be told by the next call
};

} // namespace flowxdp
