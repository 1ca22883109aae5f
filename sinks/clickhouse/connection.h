// SPDX-License-Identifier: BSD-2-Clause
// connection.h - statements to a ClickHouse server over HTTP, each of which ends within a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace flowxdp {

// http://HOST:PORT/DATABASE, or https.
struct ClickhouseTarget {
    bool encrypted = false;
    std::string host; // without the brackets of an IPv6 address
    std::uint16_t port = 8123;
    std::string database = "default";
};
// Error: what is wrong with it. A user or a password in it is wrong: others would see it.
Result<ClickhouseTarget> parse_clickhouse_target(const std::string& text);

struct ClickhouseLogin {
    std::string user; // empty: the server's default user
    std::string password;
    std::string authorities; // file with the certificates that an https server's may have; empty: the system's
};

// Why a statement failed.
struct ClickhouseError {
    bool away = false; // nothing arrived
    int status = 0;    // of HTTP; 0 = no answer
    int code = 0;      // the server's; 0 = not the server's
    std::string message = {};
};

class ClickhouseConnection {
  public:
    // step: how long the server may take for connecting, and be silent.
    ClickhouseConnection(const ClickhouseTarget& target, const ClickhouseLogin& login, std::chrono::milliseconds step);
    ~ClickhouseConnection();
    ClickhouseConnection(const ClickhouseConnection&) = delete;
    ClickhouseConnection& operator=(const ClickhouseConnection&) = delete;

    // From now on the server has at most so long, and at most the time it was given at first.
    void limit_step(std::chrono::milliseconds at_most);
    // Nothing = done: the server said so at its end. rows: bytes that follow an INSERT. answer: takes what a question
    // brings; without it any word in the answer is an error. synchronous: rows are written when the answer comes, also
    // where the user's profile says otherwise; a server before 21.11 does not know the word.
    std::optional<ClickhouseError> run(const std::string& statement, std::string_view rows = {},
                                       std::string* answer = nullptr, bool synchronous = false);

  private:
    class Client;
    std::chrono::milliseconds longest_step_, step_;
    std::string where_; // for messages
    std::string path_, synchronous_path_;
    std::unique_ptr<Client> client_;
};

} // namespace flowxdp
