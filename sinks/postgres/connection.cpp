// SPDX-License-Identifier: BSD-2-Clause
#include "connection.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

// libpq ends its messages with a newline, and has several lines of some.
std::string one_line(std::string_view text)
{
    while (!text.empty() && text.back() == '\n')
        text.remove_suffix(1);
    std::string line(text);
    std::ranges::replace(line, '\n', ' ');
    return printable(line);
}

} // namespace

PostgresConnection::PostgresConnection(std::string parameters, std::string pass_file, std::chrono::milliseconds step)
    : parameters_(std::move(parameters)), pass_file_(std::move(pass_file)), longest_step_(step), step_(step)
{
}

std::string PostgresConnection::parameters_problem(const std::string& parameters)
{
    char* error = nullptr;
    PQconninfoOption* options = PQconninfoParse(parameters.c_str(), &error);
    if (!options) {
        // libpq's sentence may hold the text, and the text a password.
        PQfreemem(error);
        return "it is no connection string or URI of libpq";
    }
    std::string problem;
    for (const PQconninfoOption* o = options; o->keyword; o++)
        if (o->val && *o->val && (!std::strcmp(o->keyword, "password") || !std::strcmp(o->keyword, "sslpassword")))
            problem = "a password stands in it, where others see it: use passfile=FILE, ~/.pgpass or PGPASSWORD";
    PQconninfoFree(options);
    return problem;
}

bool PostgresConnection::wait(short events, Clock::time_point until)
{
    using std::chrono::milliseconds;
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
        pollfd polled = {PQsocket(connection_.get()), events, 0};
        const int n = ::poll(&polled, 1, static_cast<int>(std::clamp<long long>(left, 0, 1000)));
        if (n > 0)
            return true;
        if ((n < 0 && errno != EINTR) || left <= 0)
            return false;
    }
}

SqlError PostgresConnection::lost(const char* what)
{
    SqlError error;
    error.message = PQstatus(connection_.get()) == CONNECTION_BAD ? one_line(PQerrorMessage(connection_.get())) : "";
    if (error.message.empty())
        error.message = fmt::format("the server did not answer within {} ms: {}", step_.count(), what);
    close();
    return error;
}

std::optional<SqlError> PostgresConnection::open()
{
    std::vector<const char*> names = {"dbname"}, values = {parameters_.c_str()};
    const auto add = [&](const char* name, const char* value) {
        names.push_back(name);
        values.push_back(value);
    };
    if (!pass_file_.empty())
        add("passfile", pass_file_.c_str());
    add("application_name", "flowxdp");
    add("client_encoding", "UTF8");
    names.push_back(nullptr);
    values.push_back(nullptr);
    const auto until = Clock::now() + step_;
    connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
    if (!connection_)
        return SqlError{"", "no memory for a connection"};
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(connection_.get())) {
        if (PQstatus(connection_.get()) == CONNECTION_BAD || state == PGRES_POLLING_FAILED ||
            !wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
            return lost("connecting");
    }
    PQsetnonblocking(connection_.get(), 1);
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr); // "exists already, skipping"
    return run("SET TIME ZONE 'UTC'");
}

std::optional<SqlError> PostgresConnection::flush(Clock::time_point until)
{
    for (;;) {
        const int left = PQflush(connection_.get());
        if (left == 0)
            return std::nullopt;
        // What the server says meanwhile is read, or both sides may wait for each other.
        if (left < 0 || !wait(POLLIN | POLLOUT, until) || !PQconsumeInput(connection_.get()))
            return lost("sending");
    }
}

std::optional<SqlError> PostgresConnection::finish_statement(Clock::time_point until, bool may_copy, bool* copies)
{
    std::optional<SqlError> error;
    for (;;) {
        while (PQisBusy(connection_.get()))
            if (!wait(POLLIN, until) || !PQconsumeInput(connection_.get()))
                return lost("a statement");
        PGresult* result = PQgetResult(connection_.get());
        if (!result)
            break;
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
            const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            error = SqlError{state ? state : "", one_line(PQresultErrorMessage(result))};
        }
        PQclear(result);
        if (status == PGRES_COPY_IN) {
            if (copies)
                *copies = true;
            if (may_copy)
                return error; // the rows come first
            error = SqlError{"", "the server wants rows that nobody has"};
            close();
            return error;
        }
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        SqlError why = lost("a statement");
        if (error)
            why.message = error->message; // it said why it hung up
        return why;
    }
    return error;
}

std::optional<SqlError> PostgresConnection::run(const std::string& statement)
{
    const auto until = Clock::now() + step_;
    if (!PQsendQuery(connection_.get(), statement.c_str()))
        return lost("a statement");
    if (auto error = flush(until))
        return error;
    return finish_statement(until, false);
}

std::optional<SqlError> PostgresConnection::copy(const std::string& statement, std::string_view text)
{
    auto until = Clock::now() + step_;
    if (!PQsendQuery(connection_.get(), statement.c_str()))
        return lost("COPY");
    if (auto error = flush(until))
        return error;
    bool copies = false;
    if (auto error = finish_statement(until, true, &copies); error || !copies)
        return error ? error : std::optional(SqlError{"", "the server does not take rows"});
    constexpr std::size_t kPiece = 64u << 10;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t n = std::min(kPiece, text.size() - at);
        const int taken = PQputCopyData(connection_.get(), text.data() + at, static_cast<int>(n));
        if (taken < 0)
            return lost("COPY");
        if (taken > 0) {
            at += n;
            until = Clock::now() + step_;
        } else if (!wait(POLLIN | POLLOUT, until) || !PQconsumeInput(connection_.get())) {
            return lost("COPY");
        }
    }
    for (int ended = 0; (ended = PQputCopyEnd(connection_.get(), nullptr)) != 1;)
        if (ended < 0 || !wait(POLLOUT, until))
            return lost("COPY");
    if (auto error = flush(until))
        return error;
    return finish_statement(until, false);
}

} // namespace flowxdp
