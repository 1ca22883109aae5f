// SPDX-License-Identifier: BSD-2-Clause
// csv_sink.cpp - CSV files with a header record (csv_text.h), to files or standard output.
#include <atomic>

#include <fmt/format.h>

#include "csv_text.h"
#include "flowxdp/sink.hpp"
#include "sink/file/row_file.h"

namespace flowxdp {
namespace {

struct Options : OptionSet {
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
        : path_(std::move(path)), packet_path_(values[kOptions.packets]), line_end_(kLineEnds[values[kOptions.eol]]),
          formulas_(values[kOptions.formulas])
    {
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        return row_and_packet_files(path_, packet_path_, "_flows.csv", context);
    }
    Result<void> open(const SinkContext& context) override
    {
        if (path_.empty())
            path_ = default_row_path(context, "_flows.csv");
        append_csv_header(*context.flow_schema, line_end_, &flow_header_);
        if (Result<void> opened = open_file(path_, flow_header_, start_of(context, 0), &flows_); !opened.ok())
            return opened;
        if (!context.packet_schema)
            return {};
        if (packet_path_.empty())
            packet_path_ = packet_path_beside(path_);
        append_csv_header(*context.packet_schema, line_end_, &packet_header_);
        // Two tables in one stream are not CSV. Packet rows are then skipped, counted and reported.
        return packet_path_ == path_ ? Result<void>()
                                     : open_file(packet_path_, packet_header_, start_of(context, 2), &packets_);
    }
    Result<void> write(const Rows& rows) override { return print(rows, &flows_); }
    Result<void> write_packets(const Rows& rows) override
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
    Result<void> commit() override
    {
        const Result<void> first = flows_.commit();
        const Result<void> second = packets_.commit();
        return first.ok() ? second : first;
    }
    Result<void> reopen() override
    {
        const Result<void> flows = reopen_file(flow_header_, &flows_);
        const Result<void> packets = reopen_file(packet_header_, &packets_);
        return flows.ok() ? packets : flows;
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        return {flows_.position(), flows_.identity(), packets_.position(), packets_.identity()};
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
    static Result<void> open_file(const std::string& path, const std::string& header, const RowFileStart& start,
                                  RowFile* file)
    {
        if (Result<void> opened = file->open(path, start); !opened.ok() || file->resumed())
            return opened;
        return file->write_header(header);
    }
    static Result<void> reopen_file(const std::string& header, RowFile* file)
    {
        const Result<bool> began = file->reopen();
        if (!began.ok())
            return began.error();
        return began.value() ? file->write_header(header) : Result<void>();
    }
    Result<void> print(const Rows& rows, RowFile* file)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            line_.clear();
            append_csv_row(rows.row(i), rows.schema(), line_end_, formulas_, &line_);
            file->buffer()->append(line_);
            if (Result<void> done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    std::string path_, packet_path_, flow_header_, packet_header_;
    std::string_view line_end_;
    CsvFormulas formulas_;
    RowFile flows_{&counts_}, packets_{&counts_};
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
