// SPDX-License-Identifier: BSD-2-Clause
#include "row_server.h"

#include <utility>

#include "copy_text.h"

namespace flowxdp {
namespace {

// Another sensor made the same table or partition in the same moment: PostgreSQL's IF NOT EXISTS does not wait.
bool is_race(const SqlError& error)
{
    return error.state == "42P07" || error.state == "42701" || error.state == "23505";
}

// Values that PostgreSQL will not take, however often it is asked: data exceptions and constraints of the table.
bool is_refusal(const SqlError& error)
{
    return error.state.starts_with("22") || error.state.starts_with("23");
}

} // namespace

PostgresRowServer::PostgresRowServer(PostgresConnection* connection, FlowTableSql sql, bool make, std::size_t most_days)
    : connection_(connection), sql_(std::move(sql)), make_(make), most_days_(most_days)
{
}

std::optional<SqlError> PostgresRowServer::begin()
{
    if (!connection_->is_open())
        if (auto error = connection_->open())
            return error;
    if (made_ || !make_)
        return std::nullopt;
    for (const std::string& statement : sql_.make_table())
        if (auto error = connection_->run(statement); error && !is_race(*error))
            return error;
    made_ = true;
    return std::nullopt;
}

std::optional<SqlError> PostgresRowServer::make_partitions(const RowSlice& slice)
{
    for (const std::int64_t time : slice.times_ns) {
        const std::int64_t day = day_of(time);
        if (!make_ || days_.size() >= most_days_ || days_.contains(day))
            continue;
        // 23514: rows of this day are in the default partition already, and stay there.
        if (auto error = connection_->run(sql_.make_partition(day));
            error && !is_race(*error) && error->state != "23514")
            return error;
        days_.insert(day);
    }
    return std::nullopt;
}

std::optional<SqlError> PostgresRowServer::transact(const RowSlice& slice)
{
    for (const std::string& statement : {std::string("BEGIN"), sql_.make_staging()})
        if (auto error = connection_->run(statement))
            return error;
    if (auto error = connection_->copy(sql_.copy(), slice.bytes))
        return error;
    for (const std::string& statement : {sql_.take_over(), std::string("COMMIT")})
        if (auto error = connection_->run(statement))
            return error;
    return std::nullopt;
}

Attempt PostgresRowServer::deliver(const RowSlice& slice, std::chrono::milliseconds at_most)
{
    connection_->limit_step(at_most);
    if (auto error = begin()) {
        const bool away = !connection_->is_open();
        return {away ? Delivery::kAway : Delivery::kLater, error->message};
    }
    if (auto error = make_partitions(slice))
        return {Delivery::kLater, error->message};
    auto error = transact(slice);
    if (!error)
        return {Delivery::kDone};
    if (connection_->is_open() && connection_->run("ROLLBACK"))
        connection_->close();
    if (error->state == "42P01" || error->state == "42703")
        made_ = false; // somebody dropped the table or a column
    if (error->state == "42P01" || error->state == "23514")
        days_.clear(); // or a partition
    return {is_refusal(*error) ? Delivery::kRefused : Delivery::kLater, error->message};
}

} // namespace flowxdp
