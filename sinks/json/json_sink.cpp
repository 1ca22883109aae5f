// SPDX-License-Identifier: BSD-2-Clause
// json_sink.cpp - JSON lines: one object a row (row/json_text.h has the grammar), to files or standard output.
#include <optional>

#include "flowxdp/sink.hpp"
#include "row/json_text.h"
#include "sink/file/row_file.h"
#include "sink/row_origin.h"

namespace flowxdp {
namespace {

struct Options : OptionSet {
    Text packets{this, "packets", "", "file for packet rows; empty: beside the flow rows, '-': standard output"};
    Switch origin{this, "origin", "0", "1 = sensor and boot as first members: with flowInd and dir a row's key"};
};
constexpr Options kOptions;

class JsonSink final : public Sink {
  public:
    JsonSink(std::string path, const OptionValues& values)
        : path_(std::move(path)), packet_path_(values[kOptions.packets]), with_origin_(values[kOptions.origin])
    {
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        return row_and_packet_files(path_, packet_path_, "_flows.json", context);
    }
    Result<void> open(const SinkContext& context) override
    {
        if (path_.empty())
            path_ = default_row_path(context, "_flows.json");
        if (with_origin_)
            origin_.emplace(context);
        flow_printer_.emplace(*context.flow_schema);
        if (Result<void> opened = flows_.open(path_, start_of(context, 0)); !opened.ok())
            return opened;
        if (!context.packet_schema)
            return {};
        packet_printer_.emplace(*context.packet_schema);
        if (packet_path_.empty())
            packet_path_ = packet_path_beside(path_);
        // Objects of both kinds may share a stream: packet objects begin with "pktNo".
        return packet_path_ == path_ ? Result<void>() : packets_.open(packet_path_, start_of(context, 2));
    }
    Result<void> write(const Rows& rows) override { return print(*flow_printer_, rows, &flows_); }
    Result<void> write_packets(const Rows& rows) override
    {
        return print(*packet_printer_, rows, packets_.is_open() ? &packets_ : &flows_);
    }
    Result<void> flush(bool final) override
    {
        const Result<void> first = flows_.flush(final);
        const Result<void> second = packets_.flush(final);
        return first.ok() ? second : first;
    }
    Result<void> commit() override
    {
        const Result<void> first = flows_.commit();
        const Result<void> second = packets_.commit();
        return first.ok() ? second : first;
    }
    Result<void> reopen() override
    {
        const Result<bool> flows = flows_.reopen();
        const Result<bool> packets = packets_.reopen();
        return !flows.ok() ? flows.error() : !packets.ok() ? packets.error() : Result<void>();
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        return {flows_.position(), flows_.identity(), packets_.position(), packets_.identity()};
    }

  private:
    Result<void> print(const JsonRowPrinter& printer, const Rows& rows, RowFile* file)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            line_.clear();
            printer.append(rows.row(i), &line_);
            if (origin_)
                origin_->put_members(0, &line_);
            file->buffer()->append(line_);
            if (Result<void> done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    std::string path_, packet_path_;
    bool with_origin_;
    std::optional<RowOrigin> origin_;
    std::optional<JsonRowPrinter> flow_printer_, packet_printer_;
    RowFile flows_{&counts_}, packets_{&counts_};
    std::string line_; // the row that is printed
};

constexpr SinkDescription kDescription = {
    .name = "json",
    .version = "1.0.0",
    .help = "JSON lines, one object a row",
    .target_help = "PATH, '-' or nothing for PREFIX_flows.json; .gz and .zst compress",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::JsonSink, flowxdp::kDescription)
