// SPDX-License-Identifier: BSD-2-Clause
// text_sink.cpp - Tranalyzer2's files: PREFIX_flows.txt, PREFIX_headers.txt and, in packet mode, PREFIX_packets.txt.
// The format is README.md's grammar; cells are cell_text.h's.
#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "flowxdp/sink.hpp"
#include "row/cell_text.h"
#include "row/schema.h"
#include "sink/file/table_files.h"

namespace flowxdp {
namespace {

struct Options : RotationOptions {
    Text split{this, "split", "", "start a new flow file after SIZE (500M, 1e6) or so many flows (10000f)"};
    Text start{this, "start", "0", "index of the first piece"};
};
constexpr Options kOptions;

SplitRule rule_of(std::string_view split, std::string_view start)
{
    if (split.empty()) {
        if (start != "0")
            throw std::invalid_argument("option 'start' is the first number of pieces: give split, too");
        return {};
    }
    auto rule = parse_split_rule(std::string(split), std::string(start));
    if (!rule.ok())
        throw std::invalid_argument(rule.error().message);
    return rule.take();
}

class TextSink final : public Sink {
  public:
    TextSink(std::string target, const OptionValues& values)
        : target_(std::move(target)), split_(rule_of(values[kOptions.split], values[kOptions.start])),
          rotation_(rotation_of(kOptions, values))
    {
        if (split_.splits() && rotation_.rotates())
            throw std::invalid_argument("options 'split' (-W) and 'rotate' (--rotate): give one of them");
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        if (goes_to_stdout(context))
            return {{"-"}};
        std::vector<SinkFile> files = paths(context).files(context);
        files.insert(files.begin() + 1, {prefix_of(context) + "_headers.txt"});
        return files;
    }
    Result<void> open(const SinkContext& context) override
    {
        const std::string packet_header = context.packet_schema ? header_line(*context.packet_schema) : "";
        if (auto opened = files_.open(paths(context), header_line(*context.flow_schema), packet_header, context);
            !opened.ok())
            return opened;
        return goes_to_stdout(context) ? Result<void>{}
                                       : write_headers_file(prefix_of(context) + "_headers.txt", context);
    }

    // As in T2 the size is checked after each row, so A and B of a flow may be in two files.
    Result<void> write(const Rows& rows) override { return print(rows, StringStyle::kQuoted, files_.flows()); }
    Result<void> write_packets(const Rows& rows) override { return print(rows, StringStyle::kBare, files_.packets()); }
    Result<void> tick(std::int64_t clock_ns) override { return files_.tick(clock_ns); }
    Result<void> flush(bool final) override { return files_.flush(final); }
    Result<void> commit() override { return files_.commit(); }
    Result<void> reopen() override { return files_.reopen(); }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override { return files_.positions(); }
    [[nodiscard]] std::vector<std::string> report() const override { return files_.report(); }

  private:
    [[nodiscard]] bool goes_to_stdout(const SinkContext& context) const
    {
        return target_ == "-" || (target_.empty() && context.rows_to_stdout);
    }
    [[nodiscard]] std::string prefix_of(const SinkContext& context) const
    {
        return target_.empty() ? context.output_prefix : target_;
    }
    // T2 splits the flow file alone.
    [[nodiscard]] TablePaths paths(const SinkContext& context) const
    {
        if (goes_to_stdout(context))
            return {"-", "-", {}, {}, true};
        const std::string prefix = prefix_of(context);
        return {prefix + "_flows.txt", prefix + "_packets.txt", {split_, rotation_}, {{}, rotation_}};
    }
    Result<void> print(const Rows& rows, StringStyle style, SplitFile* file)
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
            append_row_text(row, style, '\t', buffer.value());
            if (auto done = file->row_done(); !done.ok())
                result = done;
        }
        return result;
    }

    static std::string header_line(const Schema& schema)
    {
        std::string line = "%";
        for (const Column& c : schema.columns()) {
            if (line.size() > 1)
                line += '\t';
            line += c.name;
        }
        return line + '\n';
    }

    static Result<void> write_headers_file(const std::string& path, const SinkContext& context)
    {
        std::string text;
        for (const std::string& line : context.header_lines)
            text += "# " + line + "\n";
        text += "# Col No.\tType\tName\tDescription\n";
        std::size_t n = 0;
        for (const Column& c : context.flow_schema->columns())
            text += fmt::format("{}\t{}\t{}\t{}\n", ++n, type_name(c), c.name, c.help);
        SinkCounts no_rows;
        RowFile file(&no_rows);
        if (auto opened = file.open(path); !opened.ok())
            return opened;
        if (auto written = file.write_header(text); !written.ok())
            return written;
        return file.flush(true);
    }

    std::string target_;
    SplitRule split_;
    Rotation rotation_;
    TableFiles files_{&counts_};
};

constexpr SinkDescription kDescription = {
    .name = "text",
    .version = "1.0.0",
    .help = "Tranalyzer2's flow, headers and packet files",
    .target_help = "PREFIX or - (default: -w)",
    .options = kOptions.all(),
    .flags = FX_SINK_TAKES_PREFIX,
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::TextSink, flowxdp::kDescription)
