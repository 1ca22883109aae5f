// SPDX-License-Identifier: BSD-2-Clause
#include "parquet_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/output_file.h"
#include "core/printable.h"

namespace flowxdp {
namespace {

constexpr std::chrono::seconds kCommandPatience{10};
// Rows of a transaction, of which all or none are in the database. The library's own bound is 204,800.
constexpr std::uint64_t kMostAppended = 100000;

std::string quoted(std::string_view text, char quote)
{
    std::string out(1, quote);
    for (const char c : text)
        out += c == quote ? std::string(2, c) : std::string(1, c);
    return out + quote;
}

bool exists(const std::string& path)
{
    struct stat file = {};
    return ::lstat(path.c_str(), &file) == 0;
}

} // namespace

ParquetFile::ParquetFile(std::shared_ptr<const DuckdbLibrary> library, std::string path, Rotation rotation, bool live,
                         SinkCounts* counts)
    : library_(std::move(library)), path_(std::move(path)), rotation_(std::move(rotation)), live_(live),
      counts_(counts), command_(rotation_.command)
{
}

ParquetFile::~ParquetFile()
{
    close_database();
}

Error ParquetFile::named(const std::string& what, const std::string& why) const
{
    return Error{fmt::format("{}: cannot {}: {}", path_, what, printable(why, 300))};
}

void ParquetFile::close_database()
{
    if (appender_)
        library_->appender_destroy(&appender_);
    if (connection_)
        library_->disconnect(&connection_);
    if (database_)
        library_->close(&database_);
    appender_ = connection_ = database_ = nullptr;
}

Result<void> ParquetFile::open_database()
{
    // The rules of every output: no link that somebody else has put there.
    for (const char* ending : {".tmp", ".part"}) {
        const std::string name = path_ + ending;
        const bool there = exists(name);
        if (auto opened = open_output(name); !opened.ok())
            return named(std::string("create ") + name, opened.error().message);
        if (!there)
            ::unlink(name.c_str()); // an empty file is no database
    }
    char* error = nullptr;
    if (library_->open_ext((path_ + ".part").c_str(), &database_, nullptr, &error)) {
        const std::string why = error ? error : "no reason";
        library_->free(error);
        return named("open " + path_ + ".part", why);
    }
    if (library_->connect(database_, &connection_))
        return named("open " + path_ + ".part", "no connection");
    // Rows leave in the order in which they came, without a sort.
    return run("SET threads = 1; SET memory_limit = '512MB'; SET preserve_insertion_order = true");
}

Result<void> ParquetFile::run(const std::string& sql, std::int64_t* number, std::string* text)
{
    DuckdbResult result = {};
    const int failed = library_->query(connection_, sql.c_str(), &result);
    const char* error = failed ? library_->result_error(&result) : nullptr;
    Result<void> done;
    if (failed)
        done = named("run '" + sql.substr(0, 40) + "'", error ? error : "no reason");
    if (!failed && number)
        *number = library_->value_int64(&result, 0, 0);
    if (!failed && text) {
        char* value = library_->value_varchar(&result, 0, 0);
        *text = value ? value : "";
        library_->free(value);
    }
    library_->destroy_result(&result);
    return done;
}

Result<void> ParquetFile::make_appender()
{
    if (library_->appender_create(connection_, nullptr, "flow_rows", &appender_))
        return named("append to " + path_ + ".part", appender_ ? library_->appender_error(appender_) : "no memory");
    return {};
}

// A name that no file has yet.
std::string ParquetFile::free_name() const
{
    std::string name;
    for (unsigned again = 0; name.empty() || exists(name); again++)
        name = finished_name(path_, rotation_.stamp, first_ns_, again);
    return name;
}

// A run was killed while it finished a file: the file is whole when the database says so.
Result<void> ParquetFile::finish_interrupted()
{
    std::string name;
    if (auto asked = run("SELECT max(name) FROM finished", nullptr, &name); !asked.ok())
        return asked;
    const std::string written = path_ + ".tmp";
    if (name.empty() || !exists(written)) {
        ::unlink(written.c_str());
        return run("DELETE FROM finished");
    }
    if (std::rename(written.c_str(), name.c_str()) != 0)
        return named("rename " + written, std::strerror(errno));
    return run("DELETE FROM finished");
}

Result<void> ParquetFile::open(const Schema& schema, std::uint32_t sensor, std::uint64_t boot, std::uint64_t resume)
{
    if (auto opened = open_database(); !opened.ok())
        return opened;
    std::string columns = "sensor UINTEGER, boot UBIGINT, ";
    for (const Column& column : schema.columns())
        columns += fmt::format("{} {}, ", quoted(column.name, '"'), duckdb_type(column));
    const std::string tables =
        fmt::format("CREATE TABLE IF NOT EXISTS flow_rows ({}flowxdp_row UBIGINT); CREATE TABLE IF NOT EXISTS "
                    "finished (name VARCHAR)",
                    columns);
    std::int64_t left = 0;
    if (auto made = run(tables); !made.ok())
        return made;
    if (auto finished = finish_interrupted(); !finished.ok())
        return finished;
    // Rows that the journal does not know come again. Those of another run stay.
    if (resume || boot)
        if (auto cut = run(fmt::format("DELETE FROM flow_rows WHERE sensor = {} AND boot = {} AND flowxdp_row >= {}",
                                       sensor, boot, resume));
            !cut.ok())
            return cut;
    if (auto counted = run("SELECT count(*) FROM flow_rows", &left); !counted.ok())
        return counted;
    struct stat file = {};
    ::stat((path_ + ".part").c_str(), &file);
    first_ns_ = std::int64_t{file.st_mtim.tv_sec} * 1000000000; // of rows that are there: the last change of the file
    part_rows_ = static_cast<std::uint64_t>(left);
    if (!resume && left) { // of a run that nobody goes on with
        if (auto finished = finish_part(free_name()); !finished.ok())
            return finished;
    }
    if (!resume) { // its columns may be others
        if (auto dropped = run("DROP TABLE flow_rows; " + tables); !dropped.ok())
            return dropped;
    }
    rows_ = committed_ = resume;
    chunk_.emplace(library_, schema, sensor, boot);
    return make_appender();
}

Result<void> ParquetFile::push_chunk()
{
    if (!chunk_->rows())
        return {};
    const std::uint64_t rows = chunk_->rows();
    const int failed = library_->append_data_chunk(appender_, chunk_->chunk());
    chunk_->clear();
    appended_ += rows;
    if (!failed)
        return {};
    return named("append to " + path_ + ".part", library_->appender_error(appender_));
}

Result<void> ParquetFile::add(const RowView& row)
{
    if (!part_rows_)
        first_ns_ = row.header().end_clock_ns;
    chunk_->add(row, rows_++);
    part_rows_++;
    part_bytes_ += row.schema().row_size();
    Result<void> done = chunk_->full() ? push_chunk() : Result<void>();
    if (appended_ < kMostAppended)
        return done;
    Result<void> committed = commit();
    return done.ok() ? committed : done;
}

Result<void> ParquetFile::commit()
{
    Result<void> done = push_chunk();
    if (!appended_)
        return done;
    if (done.ok() && library_->appender_flush(appender_))
        done = named("write " + path_ + ".part", library_->appender_error(appender_));
    const std::uint64_t rows = std::exchange(appended_, 0);
    if (done.ok()) {
        counts_->sent += rows;
        committed_ = rows_;
        return {};
    }
    // A full disk. What the appender held is lost with it; the rows before are in the database.
    counts_->dropped += rows;
    part_rows_ -= rows;
    committed_ = rows_;
    library_->appender_destroy(&appender_);
    appender_ = nullptr;
    if (auto made = make_appender(); !made.ok())
        return made;
    return done;
}

// The rows of the part become a file. Killed at any place, they are in the database or in that file, never in both.
Result<void> ParquetFile::finish_part(const std::string& name)
{
    if (!part_rows_)
        return {};
    const std::string written = path_ + ".tmp";
    if (auto copied = run(fmt::format("COPY (SELECT * EXCLUDE (flowxdp_row) FROM flow_rows) TO {} "
                                      "(FORMAT PARQUET, COMPRESSION ZSTD)",
                                      quoted(written, '\'')));
        !copied.ok())
        return copied;
    if (auto emptied = run(
            fmt::format("BEGIN; DELETE FROM flow_rows; INSERT INTO finished VALUES ({}); COMMIT", quoted(name, '\'')));
        !emptied.ok())
        return emptied;
    part_rows_ = part_bytes_ = 0;
    if (std::rename(written.c_str(), name.c_str()) != 0)
        return named("rename " + written, std::strerror(errno));
    command_.run(name);
    return run("DELETE FROM finished");
}

Result<void> ParquetFile::settle(std::int64_t now_ns)
{
    Result<void> polled = command_.poll();
    const bool safe = !live_ || committed_ == rows_;
    if (!part_rows_ || !safe || !rotation_.is_due(part_bytes_, part_rows_, first_ns_, now_ns))
        return polled;
    if (auto committed = commit(); !committed.ok())
        return committed;
    if (auto finished = finish_part(free_name()); !finished.ok())
        return finished;
    return polled;
}

Result<void> ParquetFile::finish()
{
    if (!database_)
        return {};
    Result<void> done = commit();
    Result<void> finished = finish_part(rotation_.rotates() ? free_name() : path_);
    const bool empty = part_rows_ == 0;
    close_database();
    if (finished.ok() && empty)
        for (const char* ending : {".part", ".part.wal"})
            ::unlink((path_ + ending).c_str());
    Result<void> commands = command_.finish(kCommandPatience);
    return !done.ok() ? done : !finished.ok() ? finished : commands;
}

} // namespace flowxdp
