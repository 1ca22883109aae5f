// SPDX-License-Identifier: BSD-2-Clause
// text_sink.cpp - Tranalyzer2's files: PREFIX_flows.txt, PREFIX_headers.txt and, in packet mode, PREFIX_packets.txt.
// The format is README.md's grammar; cells are cell_text.h's.
#include <fmt/format.h>

#include "row/cell_text.h"
#include "sink/sink_registry.h"
#include "split_file.h"

namespace flowxdp {
namespace {

// Rows come from another core's cache; the one that is so far behind is asked for.
constexpr std::size_t kRowsAhead = 3;

class TextSink final : public Sink {
  public:
    TextSink(std::string target, SplitRule rule) : target_(std::move(target)), rule_(rule) {}

    Result<void> open(const SinkContext& context) override
    {
        const bool to_stdout = target_ == "-" || (target_.empty() && context.rows_to_stdout);
        const std::string prefix = target_.empty() ? context.output_prefix : target_;
        can_resume_ = !to_stdout && !rule_.splits();
        const bool resume = can_resume_ && !context.resume.empty();
        if (auto opened = open_file(&flows_, to_stdout ? "-" : prefix + "_flows.txt", rule_,
                                    header_line(*context.flow_schema), resume ? context.resume[0] : 0);
            !opened.ok())
            return opened;
        if (context.packet_schema) {
            has_packets_ = true;
            if (auto opened = open_file(&packets_, to_stdout ? "-" : prefix + "_packets.txt", {},
                                        header_line(*context.packet_schema),
                                        resume && context.resume.size() > 1 ? context.resume[1] : 0);
                !opened.ok())
                return opened;
        }
        return to_stdout ? Result<void>{} : write_headers_file(prefix + "_headers.txt", context);
    }

    Result<void> write(const RowBatch& rows) override
    {
        for (std::size_t i = 0; i < rows.size(); i++) {
            // T2 checks the size after each row; A and B of a flow may part, as there.
            const auto advanced = flows_.advance();
            if (!advanced.ok())
                return give_up(&flows_, i, rows.size(), advanced.error());
            rows.prefetch(i + kRowsAhead);
            append_row_text(rows.row(i), StringStyle::kQuoted, '\t', flows_.row());
            if (auto written = flows_.end_row(); !written.ok())
                return give_up(&flows_, i + 1, rows.size(), written.error());
        }
        counts_.sent += rows.size();
        return {};
    }

    Result<void> write_packets(const RowBatch& rows) override
    {
        for (std::size_t i = 0; i < rows.size(); i++) {
            append_row_text(rows.row(i), StringStyle::kBare, '\t', packets_.row());
            if (auto written = packets_.end_row(); !written.ok())
                return give_up(&packets_, i + 1, rows.size(), written.error());
        }
        counts_.sent += rows.size();
        return {};
    }

    Result<void> flush(bool) override
    {
        auto written = flows_.flush();
        count_lost(&flows_);
        if (has_packets_) {
            auto packets = packets_.flush();
            count_lost(&packets_);
            if (written.ok())
                written = packets;
        }
        return written;
    }

    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        if (!can_resume_)
            return {};
        return has_packets_ ? std::vector<std::uint64_t>{flows_.position(), packets_.position()}
                            : std::vector<std::uint64_t>{flows_.position()};
    }

  private:
    // resume_bytes 0: a new file that begins with its header.
    static Result<void> open_file(SplitFile* file, const std::string& path, const SplitRule& rule,
                                  const std::string& header, std::uint64_t resume_bytes)
    {
        if (resume_bytes)
            return file->resume(path, resume_bytes);
        if (auto opened = file->open(path, rule); !opened.ok())
            return opened;
        return file->write_raw(header);
    }

    // The file took `taken` of a batch's rows, then a write failed; what it had buffered is lost with them.
    Result<void> give_up(SplitFile* file, std::size_t taken, std::size_t rows, const Error& error)
    {
        counts_.sent += taken;
        counts_.dropped += rows - taken;
        count_lost(file);
        return error;
    }

    void count_lost(SplitFile* file)
    {
        const std::uint64_t lost = file->take_lost_rows();
        counts_.sent -= lost;
        counts_.dropped += lost;
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
        SplitFile file;
        if (auto opened = file.open(path, {}); !opened.ok())
            return opened;
        std::string text;
        for (const std::string& line : context.header_lines)
            text += "# " + line + "\n";
        text += "# Col No.\tType\tName\tDescription\n";
        std::size_t n = 0;
        for (const Column& c : context.flow_schema->columns())
            text += fmt::format("{}\t{}\t{}\t{}\n", ++n, Schema::type_name(c), c.name, c.help);
        if (auto written = file.write_raw(text); !written.ok())
            return written;
        return file.flush();
    }

    std::string target_;
    SplitRule rule_;
    SplitFile flows_, packets_;
    bool has_packets_ = false, can_resume_ = false;
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
