// SPDX-License-Identifier: BSD-2-Clause
// transport.h - how messages reach a collector: datagrams, a stream, a file.
//
// A transport session begins with the preamble (templates and options), which the transport asks for before it sends
// the session's first message. Sequence numbers begin with it. Rows count as sent at the last step that the transport
// can observe. UDP: the kernel accepted the datagram. TCP: the peer's kernel acknowledged it. File: it is written.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "flowxdp/sink.hpp"
#include "message.h"
#include "options_data.h"
#include "sink/file/file_series.h"
#include "sink/stream/socket_address.h"

namespace flowxdp::ipfix {

// begins: the receiver may know nothing of this exporter; otherwise templates are repeated.
using Preamble = std::function<std::vector<Message>(bool begins)>;

// Of a file that rotates: its flow records, FileSeries::Words.
inline constexpr std::size_t kSeriesWords = 1 + std::tuple_size_v<FileSeries::Words>;

using EndBegan = std::function<std::optional<std::chrono::steady_clock::time_point>()>; // SinkContext::end_began

// Where a transport resumes after a crash.
struct TransportState {
    std::uint64_t place = 0;        // file: octets written; UDP: own port
    std::uint64_t receiver = 0;     // UDP: the collector's socket; 0: on another host. File: its identity
    std::uint64_t waiting_rows = 0; // TCP: not acknowledged
    ExportTotals totals;
    SequenceNumbers sequences;
    std::array<std::uint64_t, kSeriesWords> series{}; // a file that rotates
};

class Transport {
  public:
    explicit Transport(SinkCounts* counts) : counts_(counts) {}
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    // Resolves names, makes the socket or file. An error is a start-up error; a collector that is down is no error.
    virtual Result<void> open() = 0;
    // Octets of the largest message. Valid after open().
    [[nodiscard]] virtual std::size_t message_limit() const = 0;
    // True when a receiver may have missed earlier messages, so that templates must be repeated.
    [[nodiscard]] virtual bool datagrams() const { return false; }
    // Takes the message, which is sent, queued, or dropped and counted. Error: the transport failed.
    virtual Result<void> send(Message message) = 0;
    // Sends queued messages as far as possible without waiting.
    virtual Result<void> poll() { return {}; }
    // Sink::tick(): as poll().
    virtual Result<void> tick(std::int64_t clock_ns)
    {
        (void)clock_ns;
        return poll();
    }
    // Sink::commit(): returns when every message is written, sent or acknowledged, or when nothing has moved for too
    // long.
    virtual Result<void> commit() { return poll(); }
    // After commit(). TCP has no sequence in it: each connection begins a new one.
    [[nodiscard]] virtual TransportState state() const { return {0, 0, 0, totals_, sequences_, {}}; }
    // The last state() goes into the journal.
    virtual void note_state_taken() {}
    // Before open(): the last state() before a crash.
    virtual void go_on(const TransportState& state)
    {
        totals_ = state.totals;
        sequences_ = state.sequences;
    }
    // After open(): the session from before the crash continues, so the collector has its templates.
    [[nodiscard]] virtual bool session_goes_on() const { return false; }
    // After the last message: delivers queued messages for a bounded time. The others are counted as dropped.
    virtual Result<void> finish() = 0;
    // Name for reports and errors, e.g. "udp://127.0.0.1:9995".
    [[nodiscard]] virtual std::string name() const = 0;
    // An extra line for the report, or empty.
    [[nodiscard]] virtual std::string remark() const { return {}; }

    // Before open(): who says that the run ends.
    void listen_to(EndBegan end) { end_began_ = std::move(end); }
    void set_preamble(Preamble preamble) { preamble_ = std::move(preamble); }
    [[nodiscard]] const ExportTotals& totals() const { return totals_; }

  protected:
    void count_sent(const Message& message);
    void count_dropped(const Message& message);

    SinkCounts* counts_;
    EndBegan end_began_;
    Preamble preamble_ = [](bool) { return std::vector<Message>(); };
    SequenceNumbers sequences_;
    ExportTotals totals_;
};

// HOST and PORT of a network target.
struct Endpoint {
    std::string host;
    std::string port;

    // "127.0.0.1:9995" or "[::1]:9995".
    [[nodiscard]] std::string text() const;
};

// type: SOCK_DGRAM or SOCK_STREAM. Error: the collector, why it has no address, and how to write one.
Result<std::vector<SocketAddress>> addresses_of(const Endpoint& collector, int type);

// "udp://...: reason", from errno's value.
Error socket_error(const std::string& what, int error_number);

struct UdpLimits {
    std::size_t mtu = 1400; // octets of the largest IP packet; the route's own MTU also binds
    // Longest wait for a collector on this host that does not read; then datagrams are dropped until it reads.
    std::chrono::milliseconds patience{10000};
    std::uint32_t datagrams_per_second =
        10000; // to a collector on another host, whose buffer is not known; 0 = no limit
    // A collector on another host may have been restarted: after this much real time a session begins for it. 0 =
    // never.
    std::chrono::seconds begin_again{0};
};

struct TcpLimits {
    std::size_t backlog_octets = 8u << 20; // memory of messages not yet acknowledged
    // finish() waits this long. Once the run ends nothing else waits longer for a peer that takes nothing.
    std::chrono::milliseconds linger{5000};
    std::chrono::milliseconds patience{10000}; // longest wait of commit() while nothing moves
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds stall_timeout{30000}; // a connected peer that takes nothing is dead
    std::chrono::milliseconds first_back_off{250};  // doubled after each failure
    std::chrono::milliseconds last_back_off{8000};
};

std::unique_ptr<Transport> make_udp_transport(const Endpoint& collector, const UdpLimits& limits, SinkCounts* counts);
std::unique_ptr<Transport> make_tcp_transport(const Endpoint& collector, const TcpLimits& limits, SinkCounts* counts);
// path: "-" is stdout, which does not rotate. The file is replaced, unless it resumes after a crash. Files that rotate
// have a session each: templates, and sequence numbers from 0.
std::unique_ptr<Transport> make_file_transport(const std::string& path, const Rotation& rotation, bool live,
                                               SinkCounts* counts);

} // namespace flowxdp::ipfix
