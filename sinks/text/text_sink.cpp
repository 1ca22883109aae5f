// SPDX-License-Identifier: BSD-2-Clause
// text_sink.cpp - Tranalyzer2's files: PREFIX_flows.txt, PREFIX_headers.txt and, in packet mode, PREFIX_packets.txt.
// The format is README.md's grammar; cells are cell_text.h's.
#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "flowxdp/sink.hpp"
#include "row/cell_text.h"
#include "row/schema.h"
#include "sink/file/split_file.h"

namespace flowxdp {
namespace {

struct Options : OptionSet {
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
        : target_(std::move(target)), rule_(rule_of(values[kOptions.split], values[kOptions.start]))
    {
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        if (goes_to_stdout(context))
            return {{"-"}};
        const std::string prefix = prefix_of(context);
        std::vector<SinkFile> files = {
            {prefix + "_flows.txt" + (rule_.splits() ? std::to_string(rule_.first_index) : ""), rule_.splits(),
             PlaceWords{0, 1, 3}},
            {prefix + "_headers.txt"}};
        const auto flow_words = static_cast<std::uint8_t>(SplitFile::position_words(rule_));
        if (context.packet_schema)
            files.push_back(
                {prefix + "_packets.txt", false, PlaceWords{flow_words, static_cast<std::uint8_t>(flow_words + 1), 0}});
        return files;
    }
    Result<void> open(const SinkContext& context) override
    {
        const bool to_stdout = goes_to_stdout(context);
        const std::string prefix = prefix_of(context);
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

    // As in T2 the size is checked after each row, so A and B of a flow may be in two files.
    Result<void> write(const Rows& rows) override { return print(rows, StringStyle::kQuoted, &flows_); }
    Result<void> write_packets(const Rows& rows) override { return print(rows, StringStyle::kBare, &packets_); }

    Result<void> flush(bool final) override
    {
        const Result<void> flows = flows_.flush(final);
        const Result<void> packets = packets_.flush(final);
        return flows.ok() ? packets : flows;
    }

    Result<void> commit() override
    {
        const Result<void> first = flows_.commit();
        const Result<void> second = packets_.commit();
        return first.ok() ? second : first;
    }
    Result<void> reopen() override
    {
        const Result<void> flows = flows_.reopen();
        const Result<void> packets = packets_.reopen();
        return flows.ok() ? packets : flows;
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        std::vector<std::uint64_t> all = flows_.positions();
        if (has_packets_)
            for (const std::uint64_t word : packets_.positions())
                all.push_back(word);
        return all;
    }

  private:
    [[nodiscard]] bool goes_to_stdout(const SinkContext& context) const
    {
        return target_ == "-" || (target_.empty() && context.rows_to_stdout);
    }
    [[nodiscard]] std::string prefix_of(const SinkContext& context) const
    {
        return target_.empty() ? context.output_prefix : target_;
    }
    Result<void> print(const Rows& rows, StringStyle style, SplitFile* file)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            auto buffer = file->begin_row();
            if (!buffer.ok()) {
                counts_.dropped++;
                result = buffer.error();
                continue;
            }
            append_row_text(rows.row(i), style, '\t', buffer.value());
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
    SplitRule rule_;
    SplitFile flows_{&counts_}, packets_{&counts_};
    bool has_packets_ = false;
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
