// SPDX-License-Identifier: BSD-2-Clause
// connection.h - a PostgreSQL session whose every step ends within a time, also when the server is stopped in the
// middle of one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <libpq-fe.h>

#include "core/result.h"

namespace flowxdp {

// Why a statement failed: the server's code (SQLSTATE), empty when there was no answer.
struct SqlError {
    std::string state;
    std::string message; // one line
};

class PostgresConnection {
  public:
    // parameters: a connection string or URI of libpq. step: how long connecting, a statement or a piece of COPY may
    // take.
    PostgresConnection(std::string parameters, std::string pass_file, std::chrono::milliseconds step);

    // From now on a step takes at most so long, and at most the time it was given at first.
    void limit_step(std::chrono::milliseconds at_most) { step_ = std::min(longest_step_, at_most); }
    [[nodiscard]] bool is_open() const { return connection_ != nullptr; }
    // Nothing = open. The message is libpq's, which holds no password.
    std::optional<SqlError> open();
    // Runs a statement without rows. A connection that is lost or late is closed.
    std::optional<SqlError> run(const std::string& statement);
    // COPY ... FROM STDIN with this text.
    std::optional<SqlError> copy(const std::string& statement, std::string_view text);
    void close() { connection_.reset(); }

    // What is wrong with the parameters of a user; empty = nothing. A password in them is wrong: it would be seen.
    static std::string parameters_problem(const std::string& parameters);

  private:
    using Clock = std::chrono::steady_clock;
    struct Finish {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };
    bool wait(short events, Clock::time_point until);
    std::optional<SqlError> flush(Clock::time_point until);
    std::optional<SqlError> finish_statement(Clock::time_point until, bool may_copy, bool* copies = nullptr);
    SqlError lost(const char* what);

    std::string parameters_, pass_file_;
    std::chrono::milliseconds longest_step_, step_;
    std::unique_ptr<PGconn, Finish> connection_;
};

} // namespace flowxdp
