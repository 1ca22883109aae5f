// SPDX-License-Identifier: BSD-2-Clause
// json_sink.cpp - JSON lines: one object a row (row/json_text.h has the grammar), to files or standard output.
#include <memory>
#include <optional>

#include "row/json_text.h"
#include "sink/row_file.h"
#include "sink/sink_options.h"
#include "sink/sink_registry.h"

namespace flowxdp {

SinkFactory json_sink_factory();

namespace {

const std::vector<SinkOptionHelp>& options_help()
{
    static const std::vector<SinkOptionHelp> options = {
        {"packets", "", "file for packet rows; empty: beside the flow rows, '-': standard output"},
    };
    return options;
}

class JsonSink final : public Sink {
  public:
    JsonSink(std::string path, std::string packet_path) : path_(std::move(path)), packet_path_(std::move(packet_path))
    {
    }

    Result<void> open(const SinkContext& context) override
    {
        if (path_.empty())
            path_ = default_row_path(context, "_flows.json");
        flow_printer_.emplace(*context.flow_schema);
        const auto& resume = context.resume;
        if (Result<void> opened = flows_.open(path_, {context.live, resume.empty() ? 0 : resume[0]}); !opened.ok())
            return opened;
        if (!context.packet_schema)
            return {};
        packet_printer_.emplace(*context.packet_schema);
        if (packet_path_.empty())
            packet_path_ = packet_path_beside(path_);
        // Objects of both kinds may share a stream: packet objects begin with "pktNo".
        return packet_path_ == path_ ? Result<void>()
                                     : packets_.open(packet_path_, {context.live, resume.size() < 2 ? 0 : resume[1]});
    }
    Result<void> write(const RowBatch& rows) override { return print(*flow_printer_, rows, &flows_); }
    Result<void> write_packets(const RowBatch& rows) override
    {
        return print(*packet_printer_, rows, packets_.is_open() ? &packets_ : &flows_);
    }
    Result<void> flush(bool final) override
    {
        const Result<void> first = flows_.flush(final);
        const Result<void> second = packets_.flush(final);
        return first.ok() ? second : first;
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        return {flows_.position(), packets_.position()};
    }

  private:
    static Result<void> print(const JsonRowPrinter& printer, const RowBatch& rows, RowFile* file)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            printer.append(rows.row(i), file->buffer());
            if (Result<void> done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    std::string path_, packet_path_;
    std::optional<JsonRowPrinter> flow_printer_, packet_printer_;
    RowFile flows_{&counts_}, packets_{&counts_};
};

Result<std::unique_ptr<Sink>> create(const SinkSpec& spec)
{
    const SinkOptions options(spec, options_help());
    if (Result<void> error = options.error(); !error.ok())
        return error.error();
    return std::unique_ptr<Sink>(std::make_unique<JsonSink>(spec.target, options.text("packets")));
}

} // namespace

SinkFactory json_sink_factory()
{
    return {"json", "JSON lines, one object a row", "PATH, '-' or nothing for PREFIX_flows.json; .gz and .zst compress",
            options_help(), create};
}

} // namespace flowxdp
