// SPDX-License-Identifier: BSD-2-Clause
#include "row_server.h"

#include <set>
#include <utility>

namespace flowxdp {
namespace {

// Codes of the server's src/Common/ErrorCodes.cpp.
constexpr int kColumnIsThere = 15, kColumnIsThereToo = 44; // DUPLICATE_COLUMN, ILLEGAL_COLUMN
constexpr int kViolatedConstraint = 469, kThrowIf = 395;   // a constraint; throwIf() of a materialised view
constexpr int kContentTooLarge = 413;                      // of HTTP: a proxy's bound
constexpr std::size_t kMostPartitions = 100;               // max_partitions_per_insert_block

Attempt attempt_of(const ClickhouseError& error)
{
    const bool refused =
        error.code == kViolatedConstraint || error.code == kThrowIf || error.status == kContentTooLarge;
    return {error.away ? Delivery::kAway : refused ? Delivery::kRefused : Delivery::kLater, error.message};
}

} // namespace

ClickhouseRowServer::ClickhouseRowServer(ClickhouseConnection* connection, ClickhouseTableSql sql, bool make)
    : connection_(connection), sql_(std::move(sql)), make_(make)
{
}

// Asks what the server knows and what the table has: RowBinary has no names, and a type that differs would make
// nonsense of the rest of the row.
Attempt ClickhouseRowServer::begin()
{
    std::string known, description;
    if (const auto error =
            connection_->run("SELECT name FROM system.data_type_families WHERE name = 'DateTime64' UNION "
                             "ALL SELECT name FROM system.settings WHERE name = 'async_insert' FORMAT "
                             "TabSeparated",
                             {}, &known))
        return attempt_of(*error);
    const auto types =
        known.find("DateTime64") == std::string::npos ? ClickhouseTypes::kOld : ClickhouseTypes::kCurrent;
    knows_async_insert_ = known.find("async_insert") != std::string::npos;
    if (make_)
        if (const auto error = connection_->run(sql_.make_table(types)))
            return attempt_of(*error);
    if (const auto error = connection_->run(sql_.describe(), {}, &description))
        return attempt_of(*error);
    ClickhouseTableSql::TableColumns table = ClickhouseTableSql::read_description(description);
    if (const std::string add = sql_.add_columns(table, types); make_ && !add.empty()) {
        // Another sensor may have added the same column in this moment.
        if (const auto error = connection_->run(add);
            error && error->code != kColumnIsThere && error->code != kColumnIsThereToo)
            return attempt_of(*error);
        if (const auto error = connection_->run(sql_.describe(), {}, &description))
            return attempt_of(*error);
        table = ClickhouseTableSql::read_description(description);
    }
    if (const auto fits = sql_.check(table); !fits.ok())
        return {Delivery::kLater, fits.error().message};
    begun_ = true;
    return {Delivery::kDone};
}

Attempt ClickhouseRowServer::deliver(const RowSlice& slice, std::chrono::milliseconds at_most)
{
    connection_->limit_step(at_most);
    std::set<std::uint16_t> days;
    for (const std::int64_t time : slice.times_ns)
        days.insert(clickhouse_date(time));
    if (days.size() > kMostPartitions) // the sender halves the batch
        return {Delivery::kRefused, "rows of more than 100 days are in one block"};
    if (!begun_)
        if (Attempt attempt = begin(); attempt.delivery != Delivery::kDone) {
            // Nothing was said about the rows yet.
            if (attempt.delivery == Delivery::kRefused)
                attempt.delivery = Delivery::kLater;
            return attempt;
        }
    const auto error = connection_->run(sql_.insert(), slice.bytes, nullptr, knows_async_insert_);
    if (!error)
        return {Delivery::kDone};
    begun_ = false; // the table may be another one, or the server
    return attempt_of(*error);
}

} // namespace flowxdp
