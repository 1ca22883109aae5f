// SPDX-License-Identifier: BSD-2-Clause
// json_sink.cpp - JSON lines: one object a row (row/json_text.h has the grammar), to files or standard output.
#include <optional>

#include "flowxdp/sink.hpp"
#include "row/json_text.h"
#include "sink/file/table_files.h"
#include "sink/row_origin.h"

namespace flowxdp {
namespace {

struct Options : RotationOptions {
    Text packets{this, "packets", "", "file for packet rows; empty: beside the flow rows, '-': standard output"};
    Switch origin{this, "origin", "0", "1 = sensor and boot as first members: with flowInd and dir a row's key"};
};
constexpr Options kOptions;

class JsonSink final : public Sink {
  public:
    JsonSink(std::string path, const OptionValues& values)
        : path_(std::move(path)), packet_path_(values[kOptions.packets]), rotation_(rotation_of(kOptions, values)),
          with_origin_(values[kOptions.origin])
    {
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        return paths(context).files(context);
    }
    Result<void> open(const SinkContext& context) override
    {
        if (with_origin_)
            origin_.emplace(context);
        flow_printer_.emplace(*context.flow_schema);
        if (context.packet_schema)
            packet_printer_.emplace(*context.packet_schema);
        // Objects of both kinds may share a stream: packet objects begin with "pktNo".
        return files_.open(paths(context), "", "", context);
    }
    Result<void> write(const Rows& rows) override { return print(*flow_printer_, rows, files_.flows()); }
    Result<void> write_packets(const Rows& rows) override { return print(*packet_printer_, rows, files_.packets()); }
    Result<void> tick(std::int64_t clock_ns) override { return files_.tick(clock_ns); }
    Result<void> flush(bool final) override { return files_.flush(final); }
    Result<void> commit() override { return files_.commit(); }
    Result<void> reopen() override { return files_.reopen(); }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override { return files_.positions(); }
    [[nodiscard]] std::vector<std::string> report() const override { return files_.report(); }

  private:
    [[nodiscard]] TablePaths paths(const SinkContext& context) const
    {
        return TablePaths::of(path_, packet_path_, "_flows.json", rotation_, context);
    }
    Result<void> print(const JsonRowPrinter& printer, const Rows& rows, SplitFile* file)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            auto buffer = file->begin_row(row.header().end_clock_ns);
            if (!buffer.ok()) {
                counts_.dropped++;
                result = buffer.error();
                continue;
            }
            line_.clear();
            printer.append(row, &line_);
            if (origin_)
                origin_->put_members(0, &line_);
            buffer.value()->append(line_);
            if (Result<void> done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    std::string path_, packet_path_;
    Rotation rotation_;
    bool with_origin_;
    std::optional<RowOrigin> origin_;
    std::optional<JsonRowPrinter> flow_printer_, packet_printer_;
    TableFiles files_{&counts_};
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
