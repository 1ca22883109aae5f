// SPDX-License-Identifier: BSD-2-Clause
// socket_sink.cpp - rows to a TCP, UDP or unix receiver as text, JSON lines or binary records. README.md has the
// formats.
#include <optional>
#include <stdexcept>

#include "binary_rows.h"
#include "flowxdp/sink.hpp"
#include "row/cell_text.h"
#include "row/json_text.h"
#include "sink/row_origin.h"
#include "sink/stream/socket_sender.h"

namespace flowxdp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A datagram of this size passes every Ethernet and most tunnels in one piece.
constexpr std::size_t kDatagramBytes = 1400;
// A stream message: large enough for few system calls, small enough that little is sent twice.
constexpr std::size_t kStreamMessageBytes = 16u << 10;

enum class Format : std::size_t { kText, kJson, kBinary };

struct Options : OptionSet {
    Word<Format> format{this, "format", "text",
                        "text: the flow file; json: JSON lines; binary: length-prefixed records", "text|json|binary"};
    Word<bool> rows{this, "rows", "flows", "flows or packets: which rows to send", "flows|packets"};
    Number<std::uint32_t> keep{this, "keep", "64", "MiB of rows kept for a receiver that is slow or absent", 1, 65536};
    Number<std::uint32_t> patience{this, "patience", "30", "s without progress after which waiting rows are dropped",
                                   0,    86400};
    Number<std::uint32_t> drain{this, "drain", "10", "s without progress after which the end of the run gives up",
                                0,    86400};
    Switch origin{this, "origin", "0",
                  "text, json: 1 = sensor and boot first, with flowInd and dir a row's key; binary always has them"};
    Number<std::uint32_t> header{
        this, "header", "60", "s after which UDP repeats header line or schema; 0 = only at the start", 0, 86400};
};
constexpr Options kOptions;

SenderOptions sender_options(const std::string& target, const OptionValues& values)
{
    SenderOptions sender;
    sender.queue_bytes = std::size_t{values[kOptions.keep]} << 20;
    sender.patience = seconds(values[kOptions.patience]);
    sender.drain = seconds(values[kOptions.drain]);
    sender.preamble_interval = seconds(values[kOptions.header]);
    Result<Endpoint> endpoint = parse_endpoint(target, "tcp://127.0.0.1:6666", 6666);
    if (!endpoint.ok())
        throw std::invalid_argument(endpoint.error().message);
    sender.endpoint = endpoint.take();
    return sender;
}

class SocketSink final : public Sink {
  public:
    SocketSink(const std::string& target, const OptionValues& values)
        : SocketSink(sender_options(target, values), values)
    {
    }

    Result<void> open(const SinkContext& context) override
    {
        if (packet_rows_ && !context.packet_schema)
            return Error{"sink 'socket': rows=packets needs packet mode: add -s"};
        const Schema& schema = packet_rows_ ? *context.packet_schema : *context.flow_schema;
        std::string preamble;
        if (with_origin_)
            origin_.emplace(context);
        if (format_ == Format::kText) {
            preamble = "%" + (origin_ ? origin_->text_names() : std::string());
            for (const Column& column : schema.columns())
                preamble += column.name + "\t";
            preamble.back() = '\n';
        } else if (format_ == Format::kBinary) {
            append_binary_schema(schema, packet_rows_ ? BinaryRows::kPackets : BinaryRows::kFlows, context.sensor_id,
                                 &preamble);
            append_binary_origin(context.sensor_id, context.boot, &preamble);
        } else {
            json_.emplace(schema);
        }
        if (!preamble.empty())
            sender_.set_preamble({std::move(preamble)});
        // A daemon that was killed had stopped waiting for the receiver while these rows were in its memory.
        if (!context.resume.empty()) {
            counts_.rows += context.resume.front();
            counts_.dropped += context.resume.front();
        }
        sender_.listen_to(context.end_began);
        sender_.connect_within(seconds(1));
        return {};
    }

    Result<void> write(const Rows& rows) override { return send(rows, packet_rows_); }
    Result<void> write_packets(const Rows& rows) override { return send(rows, !packet_rows_); }
    Result<void> tick(std::int64_t) override { return sender_.pump(milliseconds(0)); }
    Result<void> flush(bool final) override { return final ? sender_.drain() : sender_.pump(milliseconds(0)); }
    Result<void> commit() override { return sender_.commit(); }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override { return {sender_.waiting_rows()}; }

  private:
    SocketSink(SenderOptions options, const OptionValues& values)
        : format_(values[kOptions.format]), packet_rows_(values[kOptions.rows]), with_origin_(values[kOptions.origin]),
          message_bytes_(options.endpoint.kind == Endpoint::Kind::kUdp ? kDatagramBytes : kStreamMessageBytes),
          sender_(std::move(options), &counts_)
    {
    }

    Result<void> send(const Rows& rows, bool not_wanted)
    {
        if (not_wanted) {
            counts_.skipped += rows.size();
            return {};
        }
        Result<void> result;
        std::string message, row;
        std::uint64_t in_message = 0;
        const auto send_message = [&] {
            if (!in_message)
                return;
            if (Result<void> sent = sender_.send(std::move(message), in_message); !sent.ok())
                result = sent;
            message = {};
            in_message = 0;
        };
        for (std::size_t i = 0; i < rows.size(); i++) {
            row.clear();
            print(rows.row(i), rows.schema(), &row);
            if (message.size() + row.size() > message_bytes_)
                send_message();
            message += row;
            in_message++;
        }
        send_message();
        return result;
    }

    void print(const RowView& row, const Schema& schema, std::string* out) const
    {
        if (format_ == Format::kJson) {
            json_->append(row, out);
            if (origin_)
                origin_->put_members(0, out);
        } else if (format_ == Format::kBinary) {
            append_binary_row(row, schema, out);
        } else {
            if (origin_)
                *out += origin_->text_cells();
            const StringStyle style = packet_rows_ ? StringStyle::kBare : StringStyle::kQuoted;
            for (const Column& column : schema.columns()) {
                append_cell_text(row, column, style, out);
                out->push_back('\t');
            }
            out->back() = '\n';
        }
    }

    Format format_;
    bool packet_rows_;
    bool with_origin_;
    std::optional<RowOrigin> origin_;
    std::size_t message_bytes_;
    std::optional<JsonRowPrinter> json_;
    SocketSender sender_;
};

constexpr SinkDescription kDescription = {
    .name = "socket",
    .version = "1.0.0",
    .help = "rows to a TCP, UDP or unix socket",
    .target_help = "tcp://HOST:PORT (tcp://127.0.0.1:6666), udp://HOST:PORT, unix:PATH",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::SocketSink, flowxdp::kDescription)
