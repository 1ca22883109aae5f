// SPDX-License-Identifier: BSD-2-Clause
// clickhouse_sink.cpp - rows into a ClickHouse table over HTTP, a block a batch. README.md has the table.
#include <fstream>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "connection.h"
#include "core/secret.h"
#include "flowxdp/sink.hpp"
#include "row_binary.h"
#include "row_server.h"
#include "sink/batch/batch_sink.h"
#include "table_sql.h"

namespace flowxdp {
namespace {

struct Options : BatchSinkOptions {
    Text table{this, "table", "flows", "table of flow rows"};
    Text packet_table{this, "packet_table", "packets", "table of packet rows, of packet mode"};
    Switch make{this, "make", "1", "0 = tables and columns are not made: they are there"};
    Text sql{this, "sql", "", "file for the statements that make the tables, written at the start"};
    Text user{this, "user", "", "user of the server; empty: CLICKHOUSE_USER, or the server's default user"};
    Text password_file{this, "password_file", "", "file with the password; empty: CLICKHOUSE_PASSWORD"};
    Text ca{this, "ca", "", "file with certificates for https://; empty: the system's"};
    Duration step{this, "step", "30s", "how long the server may take for connecting, and be silent", 100, 3600000};
};
constexpr Options kOptions;

// Throws std::invalid_argument, without a secret in its sentence.
ClickhouseLogin login_of(const OptionValues& values)
{
    ClickhouseLogin login;
    login.user = user_name(values[kOptions.user], "CLICKHOUSE_USER");
    login.authorities = values[kOptions.ca];
    auto password = read_secret(std::string(values[kOptions.password_file]), "CLICKHOUSE_PASSWORD");
    if (!password.ok())
        throw std::invalid_argument("password_file: " + password.error().message);
    login.password = password.take();
    return login;
}

ClickhouseTarget target_of(const std::string& text)
{
    auto target = parse_clickhouse_target(text);
    if (!target.ok())
        throw std::invalid_argument("target: " + target.error().message);
    return target.take();
}

class ClickhouseSink final : public BatchSink {
  public:
    ClickhouseSink(const std::string& target, const OptionValues& values)
        : BatchSink(batch_options_of(kOptions, values)), tables_{std::string(values[kOptions.table]),
                                                                 std::string(values[kOptions.packet_table])},
          make_(values[kOptions.make]), sql_path_(values[kOptions.sql]),
          connection_(target_of(target), login_of(values), std::chrono::milliseconds(values[kOptions.step]))
    {
        for (const std::string& table : tables_)
            if (table.empty())
                throw std::invalid_argument("a table has a name");
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext&) const override
    {
        return sql_path_.empty() ? std::vector<SinkFile>{} : std::vector<SinkFile>{{sql_path_}};
    }
    Result<void> open(const SinkContext& context) override
    {
        if (auto opened = BatchSink::open(context); !opened.ok())
            return opened;
        if (sql_path_.empty())
            return {};
        std::ofstream file(sql_path_, std::ios::trunc);
        file << statements_;
        if (!file.flush())
            return Error{fmt::format("sql: cannot write '{}'", sql_path_)};
        return {};
    }

  protected:
    Result<std::unique_ptr<BatchServer>> make_server(const SinkContext& context, const Schema& schema,
                                                     bool packets) override
    {
        prefix_.clear();
        append_little_endian(context.sensor_id, 4, &prefix_);
        append_little_endian(context.boot, 8, &prefix_);
        auto sql = ClickhouseTableSql::of(tables_[packets], schema, packets);
        if (!sql.ok())
            return sql.error();
        statements_ += sql->make_table(ClickhouseTypes::kCurrent) + ";\n";
        return std::unique_ptr<BatchServer>(std::make_unique<ClickhouseRowServer>(&connection_, sql.take(), make_));
    }
    void append_row(const RowView& row, bool, std::string* out) override
    {
        *out += prefix_;
        append_little_endian(clickhouse_date(row.header().end_clock_ns), 2, out);
        for (const Column& column : row.schema().columns())
            append_binary_cell(row, column, out);
    }

  private:
    std::string tables_[2]; // of flows, of packets
    bool make_;
    std::string sql_path_, statements_;
    ClickhouseConnection connection_;
    std::string prefix_;
};

constexpr SinkDescription kDescription = {
    .name = "clickhouse",
    .version = "1.0.0",
    .help = "rows into a ClickHouse table over HTTP",
    .target_help = "http://HOST:PORT/DATABASE or https://HOST:PORT/DATABASE",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::ClickhouseSink, flowxdp::kDescription)
