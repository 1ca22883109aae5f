// SPDX-License-Identifier: BSD-2-Clause
#include "connection.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostAnswerBytes = 4u << 20; // a description of 10,000 columns has less
constexpr std::size_t kMostMessageBytes = 300;

// "Code: 60, e.displayText() = ..." or "Code: 60. DB::Exception: ...".
int code_in(std::string_view text)
{
    constexpr std::string_view kWord = "Code: ";
    const std::size_t at = text.find(kWord);
    int code = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + kWord.size(), text.data() + text.size(), code);
    return code;
}

std::string url_word(std::string_view text)
{
    std::string out;
    for (const char c : text)
        out += std::isalnum(static_cast<unsigned char>(c)) || c == '_' ? std::string(1, c)
                                                                       : fmt::format("%{:02X}", c & 0xff);
    return out;
}

} // namespace

Result<ClickhouseTarget> parse_clickhouse_target(const std::string& text)
{
    constexpr const char* kForm = "write clickhouse:http://HOST:8123/DATABASE";
    ClickhouseTarget target;
    std::string_view rest = text;
    if (rest.starts_with("https://")) {
        target.encrypted = true;
        target.port = 8443;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return Error{fmt::format("no http:// or https://: {}", kForm)};
    }
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, slash), path = rest.substr(slash);
    if (authority.find('@') != std::string_view::npos)
        return Error{"a user or a password stands in it, where others see it: use user=NAME and password_file=FILE, or "
                     "CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"};
    if (path.find_first_of("?#") != std::string_view::npos)
        return Error{fmt::format("parameters are not taken: {}", kForm)};
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos)
            return Error{fmt::format("no ']' after the address: {}", kForm)};
        target.host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
    } else {
        const std::size_t colon = std::min(authority.find(':'), authority.size());
        target.host = authority.substr(0, colon);
        port = authority.substr(colon);
    }
    if (target.host.empty())
        return Error{fmt::format("no host: {}", kForm)};
    if (!port.empty()) {
        const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), target.port);
        if (port.front() != ':' || error != std::errc() || end != port.data() + port.size() || target.port == 0)
            return Error{fmt::format("the port is no number from 1 to 65535: {}", kForm)};
    }
    path.remove_prefix(std::min<std::size_t>(1, path.size()));
    if (path.ends_with('/'))
        path.remove_suffix(1);
    if (path.find('/') != std::string_view::npos)
        return Error{fmt::format("the database is one word: {}", kForm)};
    if (!path.empty())
        target.database = path;
    return target;
}

class ClickhouseConnection::Client {
  public:
    Client(const ClickhouseTarget& target, const ClickhouseLogin& login, std::chrono::milliseconds step)
    {
        if (target.encrypted) {
            auto client = std::make_unique<httplib::SSLClient>(target.host, target.port);
            if (!login.authorities.empty())
                client->set_ca_cert_path(login.authorities);
            client->enable_server_certificate_verification(true);
            client_ = std::move(client);
        } else {
            client_ = std::make_unique<httplib::ClientImpl>(target.host, target.port);
        }
        client_->set_keep_alive(true);
        client_->set_tcp_nodelay(true);
        limit_step(step);
        if (!login.user.empty())
            headers_.emplace("X-ClickHouse-User", login.user);
        if (!login.password.empty())
            headers_.emplace("X-ClickHouse-Key", login.password);
    }

    void limit_step(std::chrono::milliseconds step)
    {
        client_->set_connection_timeout(step);
        client_->set_read_timeout(step);
        client_->set_write_timeout(step);
    }

    httplib::Result post(const std::string& path, std::string body, std::string* answer)
    {
        httplib::Request request;
        request.method = "POST";
        request.path = path;
        request.headers = headers_;
        request.body = std::move(body);
        // False ends the request: more than any answer has.
        request.content_receiver = [answer](const char* bytes, std::size_t size, std::uint64_t, std::uint64_t) {
            answer->append(bytes, size);
            return answer->size() <= kMostAnswerBytes;
        };
        return client_->send(request);
    }

  private:
    std::unique_ptr<httplib::ClientImpl> client_;
    httplib::Headers headers_;
};

ClickhouseConnection::ClickhouseConnection(const ClickhouseTarget& target, const ClickhouseLogin& login,
                                           std::chrono::milliseconds step)
    : longest_step_(step), step_(step), where_(fmt::format("{}:{}", target.host, target.port)),
      // The answer comes when the statement has ended, so its status says how.
      path_(fmt::format("/?database={}&wait_end_of_query=1", url_word(target.database))),
      synchronous_path_(path_ + "&async_insert=0"), client_(std::make_unique<Client>(target, login, step))
{
}

ClickhouseConnection::~ClickhouseConnection() = default;

void ClickhouseConnection::limit_step(std::chrono::milliseconds at_most)
{
    step_ = std::min(longest_step_, at_most);
    client_->limit_step(step_);
}

std::optional<ClickhouseError> ClickhouseConnection::run(const std::string& statement, std::string_view rows,
                                                         std::string* answer, bool synchronous)
{
    std::string body;
    body.reserve(statement.size() + rows.size());
    body += statement;
    body += rows;
    std::string text;
    const httplib::Result result = client_->post(synchronous ? synchronous_path_ : path_, std::move(body), &text);
    if (!result) {
        ClickhouseError error;
        switch (result.error()) {
        case httplib::Error::Connection:
        case httplib::Error::ConnectionTimeout:
        case httplib::Error::BindIPAddress:
            error.away = true;
            error.message = fmt::format("{}: cannot connect", where_);
            break;
        case httplib::Error::SSLConnection:
        case httplib::Error::SSLLoadingCerts:
        case httplib::Error::SSLServerVerification:
            error.away = true;
            error.message = fmt::format("{}: TLS failed ({}): look at the server's certificate and at ca=FILE", where_,
                                        httplib::to_string(result.error()));
            break;
        default:
            error.message = fmt::format("{}: no whole answer, or none for {} ms ({})", where_, step_.count(),
                                        httplib::to_string(result.error()));
        }
        return error;
    }
    const auto header = result->get_header_value("X-ClickHouse-Exception-Code");
    ClickhouseError error{.status = result->status, .code = header.empty() ? 0 : std::atoi(header.c_str())};
    const bool wordless = answer || text.find_first_not_of("\r\n") == std::string::npos;
    if (error.status == 200 && !error.code && wordless) {
        if (answer)
            *answer = std::move(text);
        return std::nullopt;
    }
    if (!error.code)
        error.code = code_in(text);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    error.message = fmt::format("{}: HTTP status {}: {}", where_, error.status, printable(text, kMostMessageBytes));
    return error;
}

} // namespace flowxdp
