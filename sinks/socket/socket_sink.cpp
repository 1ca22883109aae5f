// SPDX-License-Identifier: BSD-2-Clause
// socket_sink.cpp - rows to a TCP, UDP or unix receiver as text, JSON lines or binary records. README.md has the
// formats.
#include <memory>
#include <optional>

#include "binary_rows.h"
#include "row/cell_text.h"
#include "row/json_text.h"
#include "sink/sink_options.h"
#include "sink/sink_registry.h"
#include "socket_sender.h"

namespace flowxdp {

SinkFactory socket_sink_factory();

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A datagram of this size passes every Ethernet and most tunnels in one piece.
constexpr std::size_t kDatagramBytes = 1400;
// A stream message: large enough for few system calls, small enough that little is sent twice.
constexpr std::size_t kStreamMessageBytes = 16u << 10;

enum class Format : std::size_t { kText, kJson, kBinary };
constexpr std::string_view kFormats[] = {"text", "json", "binary"};
constexpr std::string_view kRowKinds[] = {"flows", "packets"};

const std::vector<SinkOptionHelp>& options_help()
{
    static const std::vector<SinkOptionHelp> options = {
        {"format", "text", "text: the flow file; json: JSON lines; binary: length-prefixed records"},
        {"rows", "flows", "flows or packets: which rows to send"},
        {"keep", "64", "MiB of rows kept for a receiver that is slow or absent"},
        {"patience", "30", "s without progress after which waiting rows are dropped"},
        {"drain", "10", "s without progress after which the end of the run gives up"},
        {"header", "60", "s after which UDP repeats header line or schema; 0 = only at the start"},
    };
    return options;
}

class SocketSink final : public Sink {
  public:
    SocketSink(SenderOptions options, Format format, bool packet_rows)
        : format_(format), packet_rows_(packet_rows),
          message_bytes_(options.endpoint.kind == Endpoint::Kind::kUdp ? kDatagramBytes : kStreamMessageBytes),
          sender_(std::move(options), &counts_)
    {
    }

    Result<void> open(const SinkContext& context) override
    {
        if (packet_rows_ && !context.packet_schema)
            return Error{"sink 'socket': rows=packets needs packet mode: add -s"};
        const Schema& schema = packet_rows_ ? *context.packet_schema : *context.flow_schema;
        std::string preamble;
        if (format_ == Format::kText) {
            char before = '%';
            for (const Column& column : schema.columns()) {
                preamble.push_back(before);
                preamble += column.name;
                before = '\t';
            }
            preamble.push_back('\n');
        } else if (format_ == Format::kBinary) {
            append_binary_schema(schema, packet_rows_ ? BinaryRows::kPackets : BinaryRows::kFlows, context.sensor_id,
                                 &preamble);
        } else {
            json_.emplace(schema);
        }
        if (!preamble.empty())
            sender_.set_preamble({std::move(preamble)});
        sender_.connect_within(seconds(1));
        return {};
    }

    Result<void> write(const RowBatch& rows) override { return send(rows, packet_rows_); }
    Result<void> write_packets(const RowBatch& rows) override { return send(rows, !packet_rows_); }
    Result<void> tick(std::int64_t) override { return sender_.pump(milliseconds(0)); }
    Result<void> flush(bool final) override
    {
        // Not longer than new rows may wait for this thread.
        return final ? sender_.drain() : sender_.pump(milliseconds(sender_.nothing_to_send() ? 0 : 200));
    }

  private:
    Result<void> send(const RowBatch& rows, bool not_wanted)
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
        } else if (format_ == Format::kBinary) {
            append_binary_row(row, schema, out);
        } else {
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
    std::size_t message_bytes_;
    std::optional<JsonRowPrinter> json_;
    SocketSender sender_;
};

Result<std::unique_ptr<Sink>> create(const SinkSpec& spec)
{
    SinkOptions options(spec, options_help());
    const auto format = static_cast<Format>(options.word("format", kFormats));
    const bool packet_rows = options.word("rows", kRowKinds) == 1;
    SenderOptions sender;
    sender.queue_bytes = options.number("keep", 1, 65536) << 20;
    sender.patience = seconds(options.number("patience", 0, 86400));
    sender.drain = seconds(options.number("drain", 0, 86400));
    sender.preamble_interval = seconds(options.number("header", 0, 86400));
    Result<Endpoint> endpoint = parse_endpoint(spec.target, "tcp://127.0.0.1:6666", 6666);
    if (!endpoint.ok())
        options.fail(endpoint.error().message);
    if (Result<void> error = options.error(); !error.ok())
        return error.error();
    sender.endpoint = endpoint.take();
    return std::unique_ptr<Sink>(std::make_unique<SocketSink>(std::move(sender), format, packet_rows));
}

} // namespace

SinkFactory socket_sink_factory()
{
    return {"socket", "rows to a TCP, UDP or unix socket",
            "tcp://HOST:PORT (tcp://127.0.0.1:6666), udp://HOST:PORT, unix:PATH", options_help(), create};
}

} // namespace flowxdp
