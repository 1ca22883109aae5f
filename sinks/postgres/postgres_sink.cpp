// SPDX-License-Identifier: BSD-2-Clause
// postgres_sink.cpp - rows into a PostgreSQL table by COPY, each once. README.md has the table.
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "connection.h"
#include "copy_text.h"
#include "flowxdp/sink.hpp"
#include "row_server.h"
#include "sink/batch/batch_sender.h"

namespace flowxdp {
namespace {

using std::chrono::seconds;

struct Options : OptionSet {
    Text table{this, "table", "flows", "table of flow rows, NAME or SCHEMA.NAME"};
    Text packet_table{this, "packet_table", "packets", "table of packet rows, of packet mode"};
    Switch make{this, "make", "1", "0 = table, columns and partitions are not made: they are there"};
    Number<std::uint32_t> days{
        this, "days", "400", "partitions that a run may make; further days share the default one", 0, 100000};
    Text passfile{this, "passfile", "", "file with the password, in libpq's format; empty: libpq's own"};
    Number<std::uint32_t> batch{this, "batch", "10000", "rows of a transaction", 1, 1000000};
    Duration linger{this, "linger", "1s", "after this time a batch with fewer rows is sent", 0, 3600000};
    Duration step{this, "step", "10s", "how long the server may take for connecting or a statement", 100, 3600000};
    Number<std::uint32_t> keep{this, "keep", "64", "MiB of rows kept for a server that is slow or absent", 1, 65536};
    Number<std::uint32_t> patience{
        this, "patience", "30", "s without a confirmed batch after which waiting rows are dropped", 0, 86400};
    Number<std::uint32_t> drain{
        this, "drain", "10", "s without a confirmed batch after which the end of the run gives up", 0, 86400};
};
constexpr Options kOptions;

BatchOptions batch_options(const OptionValues& values)
{
    BatchOptions options;
    options.batch_rows = values[kOptions.batch];
    options.batch_bytes = 8u << 20;
    options.linger = std::chrono::milliseconds(values[kOptions.linger]);
    options.queue_bytes = std::size_t{values[kOptions.keep]} << 20;
    options.patience = seconds(values[kOptions.patience]);
    options.drain = seconds(values[kOptions.drain]);
    return options;
}

class PostgresSink final : public Sink {
  public:
    PostgresSink(const std::string& target, const OptionValues& values)
        : tables_{std::string(values[kOptions.table]), std::string(values[kOptions.packet_table])},
          make_(values[kOptions.make]), days_(values[kOptions.days]), options_(batch_options(values)),
          connection_(target, std::string(values[kOptions.passfile]), std::chrono::milliseconds(values[kOptions.step]))
    {
        if (const std::string problem = PostgresConnection::parameters_problem(target); !problem.empty())
            throw std::invalid_argument("target: " + problem);
        // A partition's name has nine characters more, and a name 63.
        for (const std::string& table : tables_)
            if (const std::string name = table.substr(table.find('.') + 1); name.empty() || name.size() > 54)
                throw std::invalid_argument("a table's name has from 1 to 54 characters");
    }

    Result<void> open(const SinkContext& context) override
    {
        // boot is 64 bits; the type has a sign.
        prefix_ = fmt::format("{}\t{}\t", context.sensor_id, static_cast<std::int64_t>(context.boot));
        if (auto made = make_sender(*context.flow_schema, false, &flows_); !made.ok())
            return made;
        if (context.packet_schema)
            if (auto made = make_sender(*context.packet_schema, true, &packets_); !made.ok())
                return made;
        // A daemon that was killed had stopped waiting for the server while these rows were in its memory.
        if (!context.resume.empty()) {
            counts_.rows += context.resume.front();
            counts_.dropped += context.resume.front();
        }
        return {};
    }
    Result<void> write(const Rows& rows) override { return add(rows, &*flows_->sender); }
    Result<void> write_packets(const Rows& rows) override { return add(rows, &*packets_->sender); }
    Result<void> tick(std::int64_t) override
    {
        return each([](BatchSender& sender) { return sender.pump(); });
    }
    Result<void> flush(bool final) override
    {
        return each([final](BatchSender& sender) { return final ? sender.drain() : sender.pump(); });
    }
    Result<void> commit() override
    {
        return each([](BatchSender& sender) { return sender.commit(); });
    }
    [[nodiscard]] std::vector<std::uint64_t> positions() const override
    {
        return {flows_->sender->waiting_rows() + (packets_ ? packets_->sender->waiting_rows() : 0)};
    }

  private:
    struct Table {
        std::optional<PostgresRowServer> server;
        std::optional<BatchSender> sender;
    };

    Result<void> make_sender(const Schema& schema, bool packets, std::optional<Table>* table)
    {
        auto sql = FlowTableSql::of(tables_[packets], schema, packets);
        if (!sql.ok())
            return sql.error();
        table->emplace();
        (*table)->server.emplace(&connection_, sql.take(), make_, days_);
        (*table)->sender.emplace(options_, &*(*table)->server, &counts_);
        return {};
    }
    Result<void> add(const Rows& rows, BatchSender* sender)
    {
        Result<void> result;
        for (std::size_t i = 0; i < rows.size(); i++) {
            const RowView row = rows.row(i);
            const std::int64_t time_ns = row.header().end_clock_ns;
            line_ = prefix_;
            line_ += day_text(day_of(time_ns));
            for (const Column& column : rows.schema().columns()) {
                line_.push_back('\t');
                append_copy_cell(row, column, &line_);
            }
            line_.push_back('\n');
            if (auto added = sender->add(line_, time_ns); !added.ok())
                result = added;
        }
        return result;
    }
    template <typename Call>
    Result<void> each(Call call)
    {
        Result<void> result = call(*flows_->sender);
        if (packets_)
            if (auto second = call(*packets_->sender); !second.ok())
                result = second;
        return result;
    }

    std::string tables_[2]; // of flows, of packets
    bool make_;
    std::size_t days_;
    BatchOptions options_;
    PostgresConnection connection_;
    std::optional<Table> flows_, packets_;
    std::string prefix_, line_;
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
