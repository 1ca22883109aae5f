// SPDX-License-Identifier: BSD-2-Clause
// socket_sender.h - messages to one receiver, which may be slow or absent, and may disconnect and return.
//
// Nothing here blocks longer than it is told to. Messages wait in a queue bounded in bytes of memory; a stream message
// leaves the queue when the receiver's host has acknowledged it (TCP) or the receiver has read it (unix), not when the
// kernel took it: what a dying connection swallowed is sent again on the next one. Receivers see messages at least once
// and whole messages only in order. A datagram leaves the queue when it is sent.
//
//     kDown --attempt--> kConnecting --connected--> kUp        any error: back to kDown, next attempt after a back-off
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "flowxdp/sink.hpp"
#include "sink/patience.h"
#include "sink/stream/endpoint.h"

namespace flowxdp {

struct SenderOptions {
    Endpoint endpoint;
    std::size_t queue_bytes = 64u << 20;
    // A full queue waits for the receiver, until for so long nothing could be sent; then messages are dropped until
    // something moves again.
    std::chrono::milliseconds patience{30000};
    // The same once the run ends.
    std::chrono::milliseconds drain{10000};
    std::chrono::milliseconds backoff_min{100}, backoff_max{10000};
    std::chrono::milliseconds connect_timeout{5000};
    // UDP has no connections: the preamble is sent again after this time. 0: only once.
    std::chrono::milliseconds preamble_interval{60000};
};

class SocketSender {
  public:
    using Clock = std::chrono::steady_clock;

    // counts: sent, dropped and retried count the rows that send() was given. Must outlive this object.
    SocketSender(SenderOptions options, SinkCounts* counts);
    SocketSender(const SocketSender&) = delete;
    SocketSender& operator=(const SocketSender&) = delete;

    // Before the first message: who says that the run ends.
    void listen_to(Patience::EndBegan end) { patience_.listen_to(std::move(end)); }
    // The messages that begin every connection; UDP: a datagram each.
    void set_preamble(std::vector<std::string> messages) { preamble_ = std::move(messages); }

    // Waits a moment for the first connection, so that a receiver that is there gets everything from the start. An
    // absent one is no error here; the next call reports it.
    void connect_within(std::chrono::milliseconds wait);
    // Queues a message made of so many rows. Waits while the queue is full (SenderOptions). Error: the connection was
    // lost or could not be made, or rows are being dropped; said once an outage.
    Result<void> send(std::string message, std::uint64_t rows);
    // Connects and sends for at most wait; returns as soon as there is nothing to send. Errors as for send().
    Result<void> pump(std::chrono::milliseconds wait);
    // Returns when every message was acknowledged (a datagram: sent), or when nothing has moved for as long as
    // SenderOptions::patience says; what then still waits is waiting_rows(), and later calls return at once until
    // something moves again. Errors as for send().
    Result<void> commit();
    // Sends everything, as long as it moves; what cannot be sent is dropped and counted. Closes.
    Result<void> drain();
    // Removes messages that are not begun. Returns their rows, which are not counted as dropped.
    std::uint64_t discard_unsent();

    [[nodiscard]] bool connected() const { return state_ == State::kUp; }
    // Nothing to send. Acknowledgements may be missing.
    [[nodiscard]] bool nothing_to_send() const { return handed_ == queue_.size() && greeting_at_ == greeting_.size(); }
    // Memory of messages that are not acknowledged.
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
    // Rows of them. Any thread.
    [[nodiscard]] std::uint64_t waiting_rows() const { return waiting_rows_; }

  private:
    enum class State { kDown, kConnecting, kUp };
    struct Message {
        std::string bytes;
        std::uint64_t rows;
        std::uint64_t end; // its end in this connection's stream, once handed over
        [[nodiscard]] std::size_t memory() const { return sizeof(Message) + bytes.size(); }
    };

    bool step();
    bool start_attempt();
    bool check_attempt();
    bool serve();
    bool send_stream();
    bool send_datagrams();
    bool hand_over(const std::string& bytes, std::size_t* at);
    void learn_acknowledged();
    void pop_front();
    void connected_now();
    void note_failure(const char* operation, int error_number);
    [[nodiscard]] std::string why() const;
    void attempt_failed(const char* operation, int error_number);
    void lost(const char* operation, int error_number);
    void back_to_down();
    void remember(std::string message);
    Result<void> take_error();
    void wait_for_event(Clock::time_point deadline) const;
    [[nodiscard]] bool is_datagram() const
    {
        return options_.endpoint.kind == Endpoint::Kind::kUdp ||
               options_.endpoint.kind == Endpoint::Kind::kUnixDatagram;
    }

    SenderOptions options_;
    SinkCounts* counts_;
    std::vector<std::string> preamble_;

    State state_ = State::kDown;
    UniqueFd fd_;
    std::vector<SocketAddress> addresses_;
    std::size_t address_ = 0;
    Clock::time_point next_attempt_{}, attempt_began_{}, preamble_sent_{};
    std::chrono::milliseconds backoff_;
    bool input_ended_ = false;

    std::deque<Message> queue_; // [0, handed_) wait for their acknowledgement
    std::size_t queued_bytes_ = 0;
    std::atomic<std::uint64_t> waiting_rows_{0};
    std::size_t handed_ = 0;
    std::size_t at_ = 0;                // bytes of queue_[handed_] the kernel took
    std::vector<std::string> greeting_; // preamble messages this connection still needs
    std::size_t greeting_at_ = 0, greeting_byte_ = 0;
    std::uint64_t stream_bytes_ = 0; // the kernel took on this connection
    Patience patience_;
    bool giving_up_ = false;     // patience ended: nobody waits for this receiver until something moves
    std::string reason_;         // of the last failure
    std::uint64_t failures_ = 0; // since something was sent
    bool outage_said_ = false;
    std::string error_; // to be told by the next call
};

} // namespace flowxdp
