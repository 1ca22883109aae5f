// SPDX-License-Identifier: BSD-2-Clause
// text_sink.cpp - Tranalyzer2's files: PREFIX_flows.txt, PREFIX_headers.txt and, in packet mode, PREFIX_packets.txt.
// The format is README.md's grammar; cells are cell_text.h's.
#include <algorithm>

#include <fmt/format.h>

#include "row/cell_text.h"
#include "row/text_buffer.h"
#include "sink/sink_registry.h"
#include "split_file.h"

namespace flowxdp {
namespace {

class TextSink final : public Sink {
  public:
    TextSink(std::string target, SplitRule rule) : target_(std::move(target)), rule_(rule) {}

    Result<void> open(const SinkContext& context) override
    {
        const bool to_stdout = target_ == "-" || (target_.empty() && context.rows_to_stdout);
        const std::string prefix = target_.empty() ? context.output_prefix : target_;
        const std::span<const std::uint64_t> resume(context.resume);
        const std::size_t flow_words = std::min(SplitFile::position_words(rule_), resume.size());
        if (auto opened = flows_.open(to_stdout ? "-" : prefix + "_flows.txt", rule_, header_line(*context.flow_schema),
                                      context.live, resume.first(flow_words));
            !opened.ok())
            return opened;
        if (context.packet_schema) {
            has_packets_ = true;
            if (auto opened =
                    packets_.open(to_stdout ? "-" : prefix + "_packets.txt", {}, header_line(*context.packet_schema),
                                  context.live, resume.subspan(flow_words));
                !opened.ok())
                return opened;
        }
        return to_stdout ? Result<void>{} : write_headers_file(prefix + "_headers.txt", context);
    }

    // T2 checks the size after each row; A and B of a flow may part, as there.
    Result<void> write(const RowBatch& rows) override { return print(rows, StringStyle::kQuoted, &flows_); }
    Result<void> write_packets(const RowBatch& rows) override { return print(rows, StringStyle::kBare, &packets_); }

    Result<void> flush(bool final) override
    {
        const Result<void> flows = flows_.flush(final);
        const Result<void> packets = packets_.flush(final);
        return flows.ok() ? packets : flows;
    }

    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        std::vector<std::uint64_t> all = flows_.positions();
        if (has_packets_)
            all.push_back(packets_.positions().front());
        return all;
    }

  private:
    Result<void> print(const RowBatch& rows, StringStyle style, SplitFile* file)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            auto buffer = file->begin_row();
            if (!buffer.ok()) {
                counts_.dropped++;
                result = buffer.error();
                continue;
            }
            line_.clear();
            append_row_text(rows.row(i), style, '\t', &line_);
            buffer.value()->append(line_.view());
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
            text += fmt::format("{}\t{}\t{}\t{}\n", ++n, Schema::type_name(c), c.name, c.help);
        SinkCounts no_rows;
        RowFile file(&no_rows);
        if (auto opened = file.open(path); !opened.ok())
            return opened;
        if (auto written = file.write_header(text); !written.ok())
            return written;
        return file.flush(true);
    }

    std::string target_;
    SplitRule rule_;
    SplitFile flows_{&counts_}, packets_{&counts_};
    TextBuffer line_; // the row being made
    bool has_packets_ = false;
};

Result<std::unique_ptr<Sink>> create(const SinkSpec& spec)
{
    SplitRule rule;
    std::string start;
    for (const auto& [key, value] : spec.options) {
        if (key == "start")
            start = value;
        else if (key != "split")
            return Error{fmt::format("sink 'text' has no option '{}'; it has: split, start", key)};
    }
    if (spec.options.contains("split")) {
        auto parsed = parse_split_rule(spec.options.at("split"), start);
        if (!parsed.ok())
            return parsed.error();
        rule = parsed.value();
    }
    return std::unique_ptr<Sink>(std::make_unique<TextSink>(spec.target, rule));
}

} // namespace

SinkFactory text_sink_factory()
{
    return {"text",
            "Tranalyzer2's flow, headers and packet files",
            "PREFIX or - (default: -w)",
            {{"split", "", "start a new flow file after SIZE (500M, 1e6) or so many flows (10000f)"},
             {"start", "0", "index of the first piece"}},
            create};
}

} // namespace flowxdp
