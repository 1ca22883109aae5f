// SPDX-License-Identifier: BSD-2-Clause
// tcp_win_sink.cpp - the list of sources with small TCP windows, sent to a receiver every few seconds of packet time.
// The "customer" of Tranalyzer2's sink tutorial. README.md has the format and the options.
#include <atomic>
#include <stdexcept>

#include <fmt/format.h>

#include "flowxdp/sink.hpp"
#include "sink/stream/socket_sender.h"
#include "window_report.h"

namespace flowxdp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kDatagramBytes = 1400;
constexpr std::uint8_t kTcp = 6;

struct Options : OptionSet {
    Number<std::int64_t> interval{this, "interval", "5", "s of packet time between reports", 1, 86400};
    Number<std::uint64_t> min_packets{this, "min_packets", "30", "flows with fewer packets are not looked at",
                                      1,    0xffffffff};
    Number<std::uint64_t> max_entries{
        this, "max_entries", "100", "source addresses in the list; when it is full the oldest leaves", 1, 1000000};
    Switch nul{this, "nul", "1", "1 = a zero byte ends each report, as Tranalyzer2's tutorial sends it"};
    Number<std::uint32_t> patience{this, "patience", "30", "s without progress after which reports are dropped",
                                   0,    86400};
    Number<std::uint32_t> drain{this, "drain", "10", "s without progress after which the end of the run gives up",
                                0,    86400};
};
constexpr Options kOptions;

SenderOptions sender_options(const std::string& target, const OptionValues& values)
{
    SenderOptions sender;
    sender.queue_bytes = 1u << 20; // hundreds of reports, for a slow receiver
    sender.patience = seconds(values[kOptions.patience]);
    sender.drain = seconds(values[kOptions.drain]);
    Result<Endpoint> endpoint = parse_endpoint(target, "tcp://127.0.0.1:5555", 5555);
    if (!endpoint.ok())
        throw std::invalid_argument(endpoint.error().message);
    sender.endpoint = endpoint.take();
    return sender;
}

class TcpWinSink final : public Sink {
  public:
    TcpWinSink(const std::string& target, const OptionValues& values)
        : TcpWinSink(sender_options(target, values), values)
    {
    }

    Result<void> open(const SinkContext& context) override
    {
        if (Result<void> found = find_columns(*context.flow_schema, source_, protocol_, packets_, below_); !found.ok())
            return found;
        sender_.listen_to(context.end_began);
        sender_.connect_within(seconds(1));
        return {};
    }

    Result<void> write(const Rows& rows) override
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            take(row);
            timer_.at_least(row.header().end_clock_ns);
            if (Result<void> sent = report_if_due(); !sent.ok())
                result = sent;
        }
        return result;
    }
    Result<void> write_packets(const Rows& rows) override
    {
        counts_.skipped += rows.size();
        return {};
    }
    Result<void> tick(std::int64_t clock_ns) override
    {
        timer_.set_clock(clock_ns);
        const Result<void> sent = report_if_due();
        const Result<void> pumped = sender_.pump(milliseconds(0));
        return sent.ok() ? pumped : sent;
    }
    Result<void> flush(bool final) override { return final ? sender_.drain() : sender_.pump(milliseconds(0)); }
    [[nodiscard]] std::vector<std::string> report() const override
    {
        std::vector<std::string> lines = {fmt::format("Reports sent: {}", reports_.sent.load())};
        if (const std::uint64_t lost = reports_.dropped + replaced_)
            lines.push_back(fmt::format("Reports not sent or replaced by a newer one: {}", lost));
        if (left_)
            lines.push_back(fmt::format("Source addresses that left the full list: {}", left_.load()));
        return lines;
    }

  private:
    TcpWinSink(SenderOptions sender, const OptionValues& values)
        : nul_(values[kOptions.nul]),
          datagram_bytes_(sender.endpoint.kind == Endpoint::Kind::kUdp ? kDatagramBytes : 0),
          timer_(values[kOptions.interval]), list_(values[kOptions.min_packets], values[kOptions.max_entries]),
          sender_(std::move(sender), &reports_)
    {
    }

    void take(const RowView& row)
    {
        const std::uint8_t* source = row.bytes(source_);
        const bool tcp = row.present(source_) && source[16] != 0 && row.get(protocol_) == kTcp;
        if (!tcp || list_.add(source, source[16], row.get(packets_), row.get(below_)) == WindowList::Outcome::kIgnored)
            counts_.skipped++;
        else
            counts_.sent++;
        left_ = list_.left();
    }

    Result<void> report_if_due()
    {
        if (!timer_.due(!list_.entries().empty()))
            return {};
        // Each report has the whole list, so a receiver that was away needs only the newest one.
        if (!sender_.connected())
            replaced_ += sender_.discard_unsent();
        Result<void> result;
        auto messages = print_report(list_, timer_.second(), nul_, datagram_bytes_);
        for (std::size_t i = 0; i < messages.size(); i++)
            if (Result<void> sent = sender_.send(std::move(messages[i]), i + 1 == messages.size() ? 1 : 0); !sent.ok())
                result = sent;
        return result;
    }

    bool nul_;
    std::size_t datagram_bytes_;
    ReportTimer timer_;
    WindowList list_;
    ReadColumn<ColumnSet::Ip> source_{"srcIP"};
    ReadColumn<ColumnSet::U8> protocol_{"l4Proto"};
    ReadColumn<ColumnSet::U64> packets_{"pktsSnt"};
    ReadColumn<ColumnSet::U32> below_{"tcpWinThCnt"};
    SinkCounts reports_; // counts of the sender, in reports
    std::atomic<std::uint64_t> replaced_{0}, left_{0};
    SocketSender sender_;
};

constexpr const char* kColumns[] = {"srcIP", "l4Proto", "pktsSnt", "tcpWinThCnt", nullptr};

constexpr SinkDescription kDescription = {
    .name = "tcp_win",
    .version = "1.0.0",
    .help = "sources with small TCP windows, reported every few seconds of packet time",
    .target_help = "tcp://HOST:PORT (tcp://127.0.0.1:5555), udp://HOST:PORT, unix:PATH",
    .options = kOptions.all(),
    .required_columns = kColumns,
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::TcpWinSink, flowxdp::kDescription)
