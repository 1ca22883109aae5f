// SPDX-License-Identifier: BSD-2-Clause
// parquet_sink.cpp - rows in Parquet files, written by DuckDB's library. README.md has the columns.
#include <memory>
#include <optional>
#include <stdexcept>

#include "flowxdp/sink.hpp"
#include "parquet_file.h"

namespace flowxdp {
namespace {

struct Options : RotationOptions {
    Text packets{this, "packets", "", "file for packet rows; empty: they are skipped"};
    Text library{this, "library", "libduckdb.so", "DuckDB's library: a path, or a name that the loader finds"};
};
constexpr Options kOptions;

class ParquetSink final : public Sink {
  public:
    ParquetSink(std::string path, const OptionValues& values)
        : paths_{std::move(path), std::string(values[kOptions.packets])}, library_(values[kOptions.library]),
          rotation_(rotation_of(kOptions, values))
    {
        if (paths_[0] == "-" || paths_[1] == "-")
            throw std::invalid_argument("a Parquet file cannot be written to standard output: give parquet:PATH");
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        std::vector<SinkFile> files = {{path_of(context)}};
        if (!paths_[1].empty())
            files.push_back({paths_[1]});
        return files;
    }
    Result<void> open(const SinkContext& context) override
    {
        auto library = DuckdbLibrary::load(library_);
        if (!library.ok())
            return library.error();
        const std::string path = path_of(context);
        if (path == "-")
            return Error{"no file: write parquet:PATH, or add -w PREFIX for PREFIX_flows.parquet"};
        for (int packets = 0; packets < 2; packets++) {
            const auto& schema = packets ? context.packet_schema : context.flow_schema;
            if (packets && (!schema || paths_[1].empty()))
                continue;
            const auto word = static_cast<std::size_t>(packets);
            const std::uint64_t resume = word < context.resume.size() ? context.resume[word] : 0;
            files_[packets].emplace(*library, packets ? paths_[1] : path, rotation_, context.live, &counts_);
            if (auto opened = files_[packets]->open(*schema, context.sensor_id, context.boot, resume); !opened.ok())
                return opened;
        }
        return {};
    }
    Result<void> write(const Rows& rows) override { return add(rows, false); }
    Result<void> write_packets(const Rows& rows) override { return add(rows, true); }
    Result<void> tick(std::int64_t clock_ns) override
    {
        return each([clock_ns](ParquetFile& file) { return file.settle(clock_ns); });
    }
    Result<void> flush(bool final) override
    {
        return final ? each([](ParquetFile& file) { return file.finish(); }) : Result<void>();
    }
    Result<void> commit() override
    {
        return each([](ParquetFile& file) { return file.commit(); });
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        return {files_[0]->committed_rows(), files_[1] ? files_[1]->committed_rows() : 0};
    }
    [[nodiscard]] std::vector<std::string> report() const override
    {
        std::vector<std::string> lines;
        for (const auto& file : files_)
            if (file && !file->report().empty())
                lines.push_back(file->report());
        return lines;
    }

  private:
    [[nodiscard]] std::string path_of(const SinkContext& context) const
    {
        if (!paths_[0].empty())
            return paths_[0];
        return context.output_prefix.empty() ? "-" : context.output_prefix + "_flows.parquet";
    }
    Result<void> add(const Rows& rows, bool packets)
    {
        auto& file = files_[packets];
        if (!file) {
            counts_.skipped += rows.size();
            return {};
        }
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            if (auto settled = file->settle(row.header().end_clock_ns); !settled.ok())
                result = settled;
            if (auto added = file->add(row); !added.ok())
                result = added;
        }
        return result;
    }
    template <typename Call>
    Result<void> each(Call call)
    {
        Result<void> result;
        for (auto& file : files_)
            if (file)
                if (auto done = call(*file); !done.ok())
                    result = done;
        return result;
    }

    std::string paths_[2]; // of flows, of packets
    std::string library_;
    Rotation rotation_;
    std::optional<ParquetFile> files_[2];
};

constexpr SinkDescription kDescription = {
    .name = "parquet",
    .version = "1.0.0",
    .help = "Parquet files, written by DuckDB's library",
    .target_help = "PATH, or nothing for PREFIX_flows.parquet",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::ParquetSink, flowxdp::kDescription)
