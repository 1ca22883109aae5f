// SPDX-License-Identifier: BSD-2-Clause
// http_server.h - a small HTTP server for pages that are read: GET and HEAD, one request a connection.
//
// Its threads, its waiting connections, the bytes of a request and the time of a connection are bounded, whatever the
// other side does. It never touches the run: a page is a function that the run lends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "core/result.h"
#include "monitor/listen_address.h"

namespace flowxdp {

struct HttpPage {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
};

class HttpServer {
  public:
    // By path. Called by several threads at once; what a page throws becomes an answer 500.
    using Pages = std::map<std::string, std::function<HttpPage()>>;

    // Binds. token: what "Authorization: Bearer" must say; empty = nothing. Error: the reason, as a clause.
    static Result<std::unique_ptr<HttpServer>> bind(const ListenAddress& address, const std::string& token);
    // Stops: a connection that is being served is served first.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Connections made since bind() waited for this. Once.
    void start(Pages pages);
    // With the port that was found.
    [[nodiscard]] const ListenAddress& address() const { return address_; }
    // Connections that were closed unanswered, because too many were waiting.
    [[nodiscard]] std::uint64_t refused() const;

  private:
    class Listener;
    HttpServer(ListenAddress address, std::unique_ptr<Listener> listener);

    ListenAddress address_;
    std::unique_ptr<Listener> listener_;
    std::thread thread_;
};

} // namespace flowxdp
