// SPDX-License-Identifier: BSD-2-Clause
// sqlite_sink.cpp - tables flows and packets of an SQLite database (README.md).
#include <atomic>
#include <memory>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "core/output_file.h"
#include "flowxdp/sink.hpp"
#include "sqlite_table.h"

namespace flowxdp {
namespace {

struct Options : OptionSet {
    Duration busy{this, "busy", "5s", "how long to wait while another program writes to the database", 0, 600000};
    Word<bool> sync{
        this, "sync", "normal",
        "full: each batch is on the disk when it counts as sent; normal: as files, a power cut may take the "
        "last ones",
        "normal|full"};
};
constexpr Options kOptions;

struct Close {
    void operator()(sqlite3* p) const { sqlite3_close_v2(p); }
};

class SqliteSink final : public Sink {
  public:
    SqliteSink(std::string path, const OptionValues& values)
        : path_(std::move(path)), busy_ms_(values[kOptions.busy]), full_(values[kOptions.sync])
    {
        if (path_ == "-")
            throw std::invalid_argument("a database cannot be written to standard output: give sqlite:PATH");
    }

    [[nodiscard]] std::vector<SinkFile> files(const SinkContext& context) const override
    {
        return {{path_of(context)}};
    }
    Result<void> open(const SinkContext& context) override
    {
        const std::string path = path_of(context);
        if (path == "-")
            return Error{"no file: write sqlite:PATH, or add -w PREFIX for PREFIX.sqlite"};
        path_ = path;
        // The rules of every output: no link that somebody else has put there.
        if (auto checked = open_output(path); !checked.ok())
            return Error{fmt::format("{}: cannot create the file: {}", path, checked.error().message)};
        sqlite3* opened = nullptr;
        const std::string name = path.starts_with('/') ? path : "./" + path; // ":memory:" is a file's name, too
        const int code = sqlite3_open_v2(name.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
        database_.reset(opened);
        if (code != SQLITE_OK)
            return named(sqlite_failed(opened, "open it"));
        sqlite3_busy_timeout(opened, static_cast<int>(busy_ms_));
        if (Result<void> begun = begin(context); !begun.ok())
            return named(begun.error());
        return {};
    }
    Result<void> write(const Rows& rows) override { return add(rows, &flows_); }
    Result<void> write_packets(const Rows& rows) override { return add(rows, &packets_); }
    [[nodiscard]] std::vector<std::string> report() const override
    {
        if (const std::uint64_t repeated = repeated_)
            return {fmt::format("{} rows were there already (after a kill some come twice)", repeated)};
        return {};
    }

  private:
    [[nodiscard]] std::string path_of(const SinkContext& context) const
    {
        if (!path_.empty())
            return path_;
        return context.output_prefix.empty() ? "-" : context.output_prefix + ".sqlite";
    }
    [[nodiscard]] Error named(const Error& error) const { return Error{path_ + ": " + error.message}; }

    Result<void> begin(const SinkContext& context)
    {
        sqlite3* database = database_.get();
        for (const char* sql :
             {"PRAGMA journal_mode=WAL", full_ ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
              "BEGIN IMMEDIATE",
              "CREATE TABLE IF NOT EXISTS columns(\"table\" TEXT, name TEXT, type TEXT, unit TEXT, help TEXT, PRIMARY "
              "KEY(\"table\", name)) WITHOUT ROWID"})
            if (Result<void> done = sqlite_run(database, sql); !done.ok())
                return done;
        if (Result<void> made = flows_.open(database, *context.flow_schema, context.sensor_id, context.boot);
            !made.ok())
            return made;
        if (context.packet_schema)
            if (Result<void> made = packets_.open(database, *context.packet_schema, context.sensor_id, context.boot);
                !made.ok())
                return made;
        if (!context.live) {
            if (Result<void> forgotten = flows_.forget_run(); !forgotten.ok())
                return forgotten;
            if (context.packet_schema)
                if (Result<void> forgotten = packets_.forget_run(); !forgotten.ok())
                    return forgotten;
        }
        return sqlite_run(database, "COMMIT");
    }

    // One transaction: all of a batch is there, or nothing, and then it is tried once more.
    Result<void> add(const Rows& rows, SqliteTable* table)
    {
        Result<void> added = add_once(rows, table);
        if (!added.ok()) {
            counts_.retried++;
            added = add_once(rows, table);
        }
        if (added.ok())
            counts_.sent += rows.size();
        else
            counts_.dropped += rows.size();
        return added;
    }
    Result<void> add_once(const Rows& rows, SqliteTable* table)
    {
        sqlite3* database = database_.get();
        Result<void> done = sqlite_run(database, "BEGIN IMMEDIATE");
        std::uint64_t repeated = 0;
        for (std::size_t i = 0; done.ok() && i < rows.size(); i++) {
            bool is_new = false;
            done = table->add(rows.row(i), &is_new);
            repeated += !is_new;
        }
        if (done.ok())
            done = sqlite_run(database, "COMMIT");
        if (done.ok()) {
            repeated_ += repeated;
            return {};
        }
        if (sqlite3_get_autocommit(database) == 0)
            sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
        return named(done.error());
    }

    std::string path_;
    std::uint32_t busy_ms_;
    bool full_;
    std::unique_ptr<sqlite3, Close> database_;
    SqliteTable flows_{"flows", "\"flowInd\", \"dir\""}, packets_{"packets", "\"pktNo\""}; // before the database closes
    std::atomic<std::uint64_t> repeated_{0};
};

constexpr SinkDescription kDescription = {
    .name = "sqlite",
    .version = "1.0.0",
    .help = "an SQLite database with tables flows and packets",
    .target_help = "PATH, or nothing for PREFIX.sqlite",
    .options = kOptions.all(),
};

} // namespace
} // namespace flowxdp

FLOWXDP_SINK(flowxdp::SqliteSink, flowxdp::kDescription)
