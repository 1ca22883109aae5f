// SPDX-License-Identifier: BSD-2-Clause
// tcp_win_sink.cpp - the list of sources with small TCP windows, sent to a receiver every few seconds of packet time.
// The tutorial's "customer": reference F4. README.md has the format and the options.
#include <memory>

#include "sink/sink_options.h"
#include "sink/sink_registry.h"
#include "socket_sender.h"
#include "window_report.h"

namespace flowxdp {

SinkFactory tcp_win_sink_factory();

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kDatagramBytes = 1400;
constexpr std::uint8_t kTcp = 6;
constexpr std::string_view kNoYes[] = {"0", "1"};

const std::vector<SinkOptionHelp>& options_help()
{
    static const std::vector<SinkOptionHelp> options = {
        {"interval", "5", "s of packet time between reports"},
        {"min_packets", "30", "flows with fewer packets are not looked at"},
        {"max_entries", "100", "source addresses in the list; when it is full the oldest leaves"},
        {"nul", "1", "1 = a zero byte ends each report, as Tranalyzer2's tutorial sends it"},
        {"patience", "30", "s without progress after which reports are dropped"},
        {"drain", "10", "s without progress after which the end of the run gives up"},
    };
    return options;
}

struct WindowOptions {
    std::int64_t interval_s;
    std::uint64_t min_packets;
    std::size_t max_entries;
    bool nul;
};

class TcpWinSink final : public Sink {
  public:
    TcpWinSink(const WindowOptions& window, SenderOptions sender)
        : nul_(window.nul), datagram_bytes_(sender.endpoint.kind == Endpoint::Kind::kUdp ? kDatagramBytes : 0),
          timer_(window.interval_s), list_(window.min_packets, window.max_entries),
          sender_(std::move(sender), &reports_)
    {
    }

    [[nodiscard]] std::vector<std::string> required_columns() const override
    {
        return {"srcIP", "l4Proto", "pktsSnt", "tcpWinThCnt"};
    }

    Result<void> open(const SinkContext& context) override
    {
        const std::pair<const char*, fx_type> wanted[] = {
            {"srcIP", FX_IP}, {"l4Proto", FX_U8}, {"pktsSnt", FX_U64}, {"tcpWinThCnt", FX_U32}};
        const Schema& schema = *context.flow_schema;
        for (std::size_t i = 0; i < std::size(wanted); i++) {
            const auto found = schema.find(wanted[i].first);
            if (!found || schema.columns()[*found].type != wanted[i].second || schema.columns()[*found].list)
                return Error{
                    fmt::format("sink 'tcp_win': column '{}' is not there or not of its type", wanted[i].first)};
            columns_[i] = schema.columns()[*found];
        }
        sender_.connect_within(seconds(1));
        return {};
    }

    Result<void> write(const RowBatch& rows) override
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
    Result<void> write_packets(const RowBatch& rows) override
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
    Result<void> flush(bool final) override
    {
        return final ? sender_.drain() : sender_.pump(milliseconds(sender_.nothing_to_send() ? 0 : 200));
    }
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
    enum { kSource, kProtocol, kPackets, kBelow };

    void take(const RowView& row)
    {
        const std::uint8_t* source = row.bytes(columns_[kSource]);
        const bool tcp =
            row.present(columns_[kSource]) && source[16] != 0 && row.get<std::uint8_t>(columns_[kProtocol]) == kTcp;
        if (!tcp || list_.add(source, source[16], row.get<std::uint64_t>(columns_[kPackets]),
                              row.get<std::uint32_t>(columns_[kBelow])) == WindowList::Outcome::kIgnored)
            counts_.skipped++;
        else
            counts_.sent++;
        left_ = list_.left();
    }

    Result<void> report_if_due()
    {
        if (!timer_.due(!list_.entries().empty()))
            return {};
        // Each report holds the whole list: a receiver that is away misses nothing when it gets the newest alone.
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
    Column columns_[4];
    SinkCounts reports_; // the sender's: reports, not rows
    std::atomic<std::uint64_t> replaced_{0}, left_{0};
    SocketSender sender_;
};

Result<std::unique_ptr<Sink>> create(const SinkSpec& spec)
{
    SinkOptions options(spec, options_help());
    WindowOptions window{};
    window.interval_s = static_cast<std::int64_t>(options.number("interval", 1, 86400));
    window.min_packets = options.number("min_packets", 1, 0xffffffff);
    window.max_entries = options.number("max_entries", 1, 1000000);
    window.nul = options.word("nul", kNoYes) == 1;
    SenderOptions sender;
    sender.queue_bytes = 1u << 20; // some hundred reports for a receiver that is slow
    sender.patience = seconds(options.number("patience", 0, 86400));
    sender.drain = seconds(options.number("drain", 0, 86400));
    Result<Endpoint> endpoint = parse_endpoint(spec.target, "tcp://127.0.0.1:5555", 5555);
    if (!endpoint.ok())
        options.fail(endpoint.error().message);
    if (Result<void> error = options.error(); !error.ok())
        return error.error();
    sender.endpoint = endpoint.take();
    return std::unique_ptr<Sink>(std::make_unique<TcpWinSink>(window, std::move(sender)));
}

} // namespace

SinkFactory tcp_win_sink_factory()
{
    return {"tcp_win", "sources with small TCP windows, reported every few seconds of packet time",
            "tcp://HOST:PORT (tcp://127.0.0.1:5555), udp://HOST:PORT, unix:PATH", options_help(), create};
}

} // namespace flowxdp
