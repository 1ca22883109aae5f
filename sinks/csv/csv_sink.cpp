// SPDX-License-Identifier: BSD-2-Clause
// csv_sink.cpp - CSV files with a header record (csv_text.h), to files or standard output.
#include <memory>

#include "csv_text.h"
#include "sink/row_file.h"
#include "sink/sink_options.h"
#include "sink/sink_registry.h"

namespace flowxdp {

SinkFactory csv_sink_factory();

namespace {

const std::vector<SinkOptionHelp>& options_help()
{
    static const std::vector<SinkOptionHelp> options = {
        {"packets", "", "file for packet rows; empty: beside the flow rows"},
        {"eol", "crlf", "line end: crlf as RFC 4180 wants it, or lf"},
    };
    return options;
}

class CsvSink final : public Sink {
  public:
    CsvSink(std::string path, std::string packet_path, std::string_view line_end)
        : path_(std::move(path)), packet_path_(std::move(packet_path)), line_end_(line_end)
    {
    }

    Result<void> open(const SinkContext& context) override
    {
        if (path_.empty())
            path_ = default_row_path(context, "_flows.csv");
        const auto& resume = context.resume;
        if (Result<void> opened =
                open_file(path_, *context.flow_schema, {context.live, resume.empty() ? 0 : resume[0]}, &flows_);
            !opened.ok())
            return opened;
        if (!context.packet_schema)
            return {};
        if (packet_path_.empty())
            packet_path_ = packet_path_beside(path_);
        // Two tables in one stream are not CSV: packet rows then have no place, which is counted and said.
        return packet_path_ == path_ ? Result<void>()
                                     : open_file(packet_path_, *context.packet_schema,
                                                 {context.live, resume.size() < 2 ? 0 : resume[1]}, &packets_);
    }
    Result<void> write(const RowBatch& rows) override { return print(rows, &flows_); }
    Result<void> write_packets(const RowBatch& rows) override
    {
        if (packets_.is_open())
            return print(rows, &packets_);
        packet_rows_skipped_ += rows.size();
        counts_.skipped += rows.size();
        return {};
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
    [[nodiscard]] std::vector<std::string> report() const override
    {
        const std::uint64_t skipped = packet_rows_skipped_;
        if (!skipped)
            return {};
        return {
            fmt::format("{} packet rows not written: standard output has the flow rows; give packets=PATH", skipped)};
    }

  private:
    Result<void> open_file(const std::string& path, const Schema& schema, const RowFileStart& start,
                           RowFile* file) const
    {
        if (Result<void> opened = file->open(path, start); !opened.ok() || file->resumed())
            return opened;
        std::string header;
        append_csv_header(schema, line_end_, &header);
        return file->write_header(header);
    }
    Result<void> print(const RowBatch& rows, RowFile* file) const
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            append_csv_row(rows.row(i), rows.schema(), line_end_, file->buffer());
            if (Result<void> done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    std::string path_, packet_path_;
    std::string_view line_end_;
    RowFile flows_{&counts_}, packets_{&counts_};
    std::atomic<std::uint64_t> packet_rows_skipped_{0}; // report() may be called from another thread
};

Result<std::unique_ptr<Sink>> create(const SinkSpec& spec)
{
    static constexpr std::string_view kNames[] = {"crlf", "lf"};
    static constexpr std::string_view kLineEnds[] = {"\r\n", "\n"};
    SinkOptions options(spec, options_help());
    const std::size_t line_end = options.word("eol", kNames);
    if (Result<void> error = options.error(); !error.ok())
        return error.error();
    return std::unique_ptr<Sink>(std::make_unique<CsvSink>(spec.target, options.text("packets"), kLineEnds[line_end]));
}

} // namespace

SinkFactory csv_sink_factory()
{
    return {"csv", "comma-separated values with a header record",
            "PATH, '-' or nothing for PREFIX_flows.csv; .gz and .zst compress", options_help(), create};
}

} // namespace flowxdp
