// SPDX-License-Identifier: BSD-2-Clause
// syslog_sink.cpp - rows as syslog messages (RFC 5424) with a JSON object each, over UDP (RFC 5426), TCP with octet
// counting (RFC 6587, 3.4.1) or a unix datagram socket. README.md has the format.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "flowxdp/sink.hpp"
#include "row/json_text.h"
#include "sink/row_origin.h"
#include "sink/stream/socket_sender.h"
#include "syslog_message.h"

namespace flowxdp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Options : OptionSet {
    Number<std::uint32_t> facility{this, "facility", "16", "RFC 5424's number: 1 user, 3 daemon, 16 to 23 local0 to 7",
                                   0,    23};
    Number<std::uint32_t> severity{this, "severity", "6", "RFC 5424's number: 5 notice, 6 informational, 7 debug",
                                   0,    7};
    Text host{this, "host", "", "HOSTNAME of the messages; empty: this machine's name"};
    Text app{this, "app", "flowxdp", "APP-NAME of the messages"};
    Switch cee{this, "cee", "0", "1 = @cee: before the object, as rsyslog's mmjsonparse wants it"};
    Number<std::uint32_t> keep{this, "keep", "64", "MiB of rows kept for a receiver that is slow or absent", 1, 65536};
    Number<std::uint32_t> patience{this, "patience", "30", "s without progress after which waiting rows are dropped",
                                   0,    86400};
    Number<std::uint32_t> drain{this, "drain", "10", "s without progress after which the end of the run gives up",
                                0,    86400};
};
constexpr Options kOptions;

std::string host_name(std::string_view wanted)
{
    if (!wanted.empty())
        return std::string(wanted);
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

SenderOptions sender_options(const std::string& target, const OptionValues& values)
{
    SenderOptions sender;
    sender.queue_bytes = std::size_t{values[kOptions.keep]} << 20;
    sender.patience = seconds(values[kOptions.patience]);
    sender.drain = seconds(values[kOptions.drain]);
    Result<Endpoint> endpoint = parse_endpoint(target, "unix:/dev/log", 514);
    if (!endpoint.ok())
        throw std::invalid_argument(endpoint.error().message);
    sender.endpoint = endpoint.take();
    if (sender.endpoint.kind == Endpoint::Kind::kUnix)
        sender.endpoint.kind = Endpoint::Kind::kUnixDatagram;
    return sender;
}

class SyslogSink final : public Sink {
  public:
    SyslogSink(const std::string& target, const OptionValues& values)
        : SyslogSink(sender_options(target, values), values)
    {
    }

    Result<void> open(const SinkContext& context) override
    {
        origin_.emplace(context);
        flows_.emplace(*context.flow_schema);
        if (context.packet_schema)
            packets_.emplace(*context.packet_schema);
        // A daemon that was killed had stopped waiting for the receiver while these rows were in its memory.
        if (!context.resume.empty()) {
            counts_.rows += context.resume.front();
            counts_.dropped += context.resume.front();
        }
        sender_.listen_to(context.end_began);
        sender_.connect_within(seconds(1));
        return {};
    }
    Result<void> write(const Rows& rows) override { return send(rows, *flows_, "flow"); }
    Result<void> write_packets(const Rows& rows) override { return send(rows, *packets_, "packet"); }
    Result<void> tick(std::int64_t) override { return sender_.pump(milliseconds(0)); }
    Result<void> flush(bool final) override { return final ? sender_.drain() : sender_.pump(milliseconds(0)); }
    Result<void> commit() override { return sender_.commit(); }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override { return {sender_.waiting_rows()}; }

  private:
    SyslogSink(SenderOptions options, const OptionValues& values)
        : counts_octets_(options.endpoint.kind == Endpoint::Kind::kTcp), prefix_(values[kOptions.cee] ? "@cee: " : ""),
          header_(values[kOptions.facility], values[kOptions.severity], host_name(values[kOptions.host]),
                  values[kOptions.app], static_cast<std::uint32_t>(getpid())),
          sender_(std::move(options), &counts_)
    {
    }

    Result<void> send(const Rows& rows, const JsonRowPrinter& printer, std::string_view message_id)
    {
        // A datagram is one message; over a stream few system calls carry many.
        constexpr std::size_t kStreamBytes = 16u << 10;
        Result<void> result;
        std::string bytes, message, object;
        std::uint64_t waiting = 0;
        const auto hand_over = [&] {
            if (!waiting)
                return;
            if (Result<void> sent = sender_.send(std::move(bytes), waiting); !sent.ok())
                result = sent;
            bytes = {};
            waiting = 0;
        };
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            message.clear();
            object.clear();
            header_.append(row.header().end_clock_ns, message_id, &message);
            printer.append(row, &object);
            origin_->put_members(0, &object);
            object.pop_back(); // its newline
            message += prefix_;
            message += object;
            if (counts_octets_)
                bytes += fmt::format("{} ", message.size());
            bytes += message;
            waiting++;
            if (!counts_octets_ || bytes.size() >= kStreamBytes)
                hand_over();
        }
        hand_over();
        return result;
    }

    bool counts_octets_;
    std::string prefix_;
    SyslogHeader header_;
    std::optional<RowOrigin> origin_;
    std::optional<JsonRowPrinter> flows_, packets_;
    SocketSender sender_;
};

constexpr SinkDescription kDescription = {
    .name = "syslog",
    .version = "1.0.0",
    .help = "rows as syslog messages (RFC 5424) with a JSON object each",
    .target_help = "unix:PATH (unix:/dev/log), udp://HOST:PORT, tcp://HOST:PORT; port 514",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::SyslogSink, flowxdp::kDescription)
