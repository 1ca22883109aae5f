// SPDX-License-Identifier: BSD-2-Clause
// csv_sink.cpp - CSV files with a header record (csv_text.h), to files or standard output.
#include <atomic>

#include <fmt/format.h>

#include "csv_text.h"
#include "flowxdp/sink.hpp"
#include "sink/file/table_files.h"

namespace flowxdp {
namespace {

struct Options : RotationOptions {
    Text packets{this, "packets", "", "file for packet rows; empty: beside the flow rows"};
    Word<std::size_t> eol{this, "eol", "crlf", "line end: crlf as RFC 4180 wants it, or lf", "crlf|lf"};
    Word<CsvFormulas> formulas{this, "formulas", "keep",
                               "texts that a spreadsheet takes for formulas: keep, or escape with a ' in front",
                               "keep|escape"};
};
constexpr Options kOptions;
constexpr std::string_view kLineEnds[] = {"\r\n", "\n"};

class CsvSink final : public Sink {
  public:
    CsvSink(std::string path, const OptionValues& values)
        : path_(std::move(path)), packet_path_(values[kOptions.packets]), rotation_(rotation_of(kOptions, values)),
          line_end_(kLineEnds[values[kOptions.eol]]), formulas_(values[kOptions.formulas])
    {
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        return paths(context).files(context);
    }
    Result<void> open(const SinkContext& context) override
    {
        std::string flow_header, packet_header;
        append_csv_header(*context.flow_schema, line_end_, &flow_header);
        if (context.packet_schema)
            append_csv_header(*context.packet_schema, line_end_, &packet_header);
        return files_.open(paths(context), flow_header, packet_header, context);
    }
    Result<void> write(const Rows& rows) override { return print(rows, files_.flows()); }
    // Two tables in one stream are not CSV: packet rows without a file are skipped, counted and reported.
    Result<void> write_packets(const Rows& rows) override
    {
        if (files_.has_packet_file())
            return print(rows, files_.packets());
        packet_rows_skipped_ += rows.size();
        counts_.skipped += rows.size();
        return {};
    }
    Result<void> tick(std::int64_t clock_ns) override { return files_.tick(clock_ns); }
    Result<void> flush(bool final) override { return files_.flush(final); }
    Result<void> commit() override { return files_.commit(); }
    Result<void> reopen() override { return files_.reopen(); }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override { return files_.positions(); }
    [[nodiscard]] std::vector<std::string> report() const override
    {
        std::vector<std::string> lines = files_.report();
        if (const std::uint64_t skipped = packet_rows_skipped_)
            lines.push_back(fmt::format(
                "{} packet rows not written: standard output has the flow rows; give packets=PATH", skipped));
        return lines;
    }

  private:
    [[nodiscard]] TablePaths paths(const SinkContext& context) const
    {
        return TablePaths::of(path_, packet_path_, "_flows.csv", rotation_, context);
    }
    Result<void> print(const Rows& rows, SplitFile* file)
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
            append_csv_row(row, rows.schema(), line_end_, formulas_, &line_);
            buffer.value()->append(line_);
            if (Result<void> done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    std::string path_, packet_path_;
    Rotation rotation_;
    std::string_view line_end_;
    CsvFormulas formulas_;
    TableFiles files_{&counts_};
    std::string line_;                                  // the row that is printed
    std::atomic<std::uint64_t> packet_rows_skipped_{0}; // report() may be called from another thread
};

constexpr SinkDescription kDescription = {
    .name = "csv",
    .version = "1.0.0",
    .help = "comma-separated values with a header record",
    .target_help = "PATH, '-' or nothing for PREFIX_flows.csv; .gz and .zst compress",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::CsvSink, flowxdp::kDescription)
