// SPDX-License-Identifier: BSD-2-Clause
// postgres_sink.cpp - rows into a PostgreSQL table by COPY, each once. README.md has the table.
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "connection.h"
#include "copy_text.h"
#include "flowxdp/sink.hpp"
#include "row_server.h"
#include "sink/batch/batch_sink.h"

namespace flowxdp {
namespace {

struct Options : BatchSinkOptions {
    Text table{this, "table", "flows", "table of flow rows, NAME or SCHEMA.NAME"};
    Text packet_table{this, "packet_table", "packets", "table of packet rows, of packet mode"};
    Switch make{this, "make", "1", "0 = table, columns and partitions are not made: they are there"};
    Number<std::uint32_t> days{
        this, "days", "400", "partitions that a run may make; further days share the default one", 0, 100000};
    Text passfile{this, "passfile", "", "file with the password, in libpq's format; empty: libpq's own"};
    Duration step{this, "step", "10s", "how long the server may take for connecting or a statement", 100, 3600000};
};
constexpr Options kOptions;

class PostgresSink final : public BatchSink {
  public:
    PostgresSink(const std::string& target, const OptionValues& values)
        : BatchSink(batch_options_of(kOptions, values)), tables_{std::string(values[kOptions.table]),
                                                                 std::string(values[kOptions.packet_table])},
          make_(values[kOptions.make]), days_(values[kOptions.days]),
          connection_(target, std::string(values[kOptions.passfile]), std::chrono::milliseconds(values[kOptions.step]))
    {
        if (const std::string problem = PostgresConnection::parameters_problem(target); !problem.empty())
            throw std::invalid_argument("target: " + problem);
        // A partition's name has nine characters more, and a name 63.
        for (const std::string& table : tables_)
            if (const std::string name = table.substr(table.find('.') + 1); name.empty() || name.size() > 54)
                throw std::invalid_argument("a table's name has from 1 to 54 characters");
    }

  protected:
    Result<std::unique_ptr<BatchServer>> make_server(const SinkContext& context, const Schema& schema,
                                                     bool packets) override
    {
        // boot is 64 bits; the type has a sign.
        prefix_ = fmt::format("{}\t{}\t", context.sensor_id, static_cast<std::int64_t>(context.boot));
        auto sql = FlowTableSql::of(tables_[packets], schema, packets);
        if (!sql.ok())
            return sql.error();
        return std::unique_ptr<BatchServer>(
            std::make_unique<PostgresRowServer>(&connection_, sql.take(), make_, days_));
    }
    void append_row(const RowView& row, bool, std::string* out) override
    {
        *out += prefix_;
        *out += day_text(day_of(row.header().end_clock_ns));
        for (const Column& column : row.schema().columns()) {
            out->push_back('\t');
            append_copy_cell(row, column, out);
        }
        out->push_back('\n');
    }

  private:
    std::string tables_[2]; // of flows, of packets
    bool make_;
    std::size_t days_;
    PostgresConnection connection_;
    std::string prefix_;
};

constexpr SinkDescription kDescription = {
    .name = "postgres",
    .version = "1.0.0",
    .help = "rows into a PostgreSQL table, each once",
    .target_help =
        "postgresql://USER@HOST:PORT/DATABASE, or words of libpq without commas; empty: PGHOST, PGDATABASE, ...",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::PostgresSink, flowxdp::kDescription)
