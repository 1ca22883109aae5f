// SPDX-License-Identifier: BSD-2-Clause
// A client that behaves (RFC 9110, 9112), and those that do not.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "monitor/http_server.h"

namespace flowxdp {
namespace {

UniqueFd connect_to(std::uint16_t port)
{
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fd.reset();
    return fd;
}

// Sends as much as the other side takes. False: it hung up.
bool send_all(int fd, const std::string& text)
{
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
}

std::string read_all(int fd)
{
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

class HttpServerTest : public testing::Test {
  protected:
    void start(const std::string& token = "")
    {
        auto bound = HttpServer::bind({"127.0.0.1", 0, true}, token);
        ASSERT_TRUE(bound.ok()) << bound.error().message;
        server_ = bound.take();
        server_->start({{"/page",
                         [this] {
                             return calls_++, HttpPage{200, "text/plain", "body of the page\n"};
                         }},
                        {"/big",
                         [] {
                             return HttpPage{200, "text/plain", std::string(4u << 20, 'x')};
                         }},
                        {"/throws", []() -> HttpPage { throw std::runtime_error("why not"); }}});
    }
    std::string ask(const std::string& request)
    {
        const UniqueFd fd = connect_to(server_->address().port);
        send_all(fd.get(), request);
        return read_all(fd.get());
    }
    std::string get(const std::string& path, const std::string& headers = "", const std::string& method = "GET")
    {
        return ask(method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
    }
    static std::string status(const std::string& answer) { return answer.substr(0, 12); }

    std::unique_ptr<HttpServer> server_;
    std::atomic<int> calls_{0};
};

TEST_F(HttpServerTest, APageIsReadAndTheConnectionEnds)
{
    start();
    const std::string answer = get("/page");
    EXPECT_EQ(status(answer), "HTTP/1.1 200");
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nContent-Length: 17\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nbody of the page\n"));
    EXPECT_TRUE(get("/page?a=b").ends_with("body of the page\n"));
}

TEST_F(HttpServerTest, HeadHasNoBody)
{
    start();
    const std::string answer = get("/page", "", "HEAD");
    EXPECT_EQ(status(answer), "HTTP/1.1 200");
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, OtherPathsAndMethodsAreRefused)
{
    start();
    EXPECT_EQ(status(get("/")), "HTTP/1.1 404");
    EXPECT_EQ(status(get("/../page/")), "HTTP/1.1 404");
    EXPECT_EQ(status(get("/page", "Content-Length: 0\r\n", "POST")), "HTTP/1.1 405");
    EXPECT_EQ(status(get("/page", "", "DELETE")), "HTTP/1.1 405");
    EXPECT_EQ(calls_, 0);
}

TEST_F(HttpServerTest, APageThatThrowsIsAnAnswer)
{
    start();
    EXPECT_EQ(status(get("/throws")), "HTTP/1.1 500");
    EXPECT_EQ(status(get("/page")), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, OnlyWhoHasTheTokenIsAnswered)
{
    start("0123456789abcdef");
    EXPECT_EQ(status(get("/page")), "HTTP/1.1 401");
    for (const char* wrong : {"Bearer", "Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcde",
                              "Bearer 0123456789abcdef0", "0123456789abcdef", "Basic 0123456789abcdef"})
        EXPECT_EQ(status(get("/page", std::string("Authorization: ") + wrong + "\r\n")), "HTTP/1.1 401") << wrong;
    EXPECT_EQ(status(get("/nothing")), "HTTP/1.1 401") << "which pages there are is no business of theirs";
    EXPECT_EQ(calls_, 0);
    EXPECT_EQ(status(get("/page", "Authorization: Bearer 0123456789abcdef\r\n")), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, NoiseEndsTheConnectionAndNothingElse)
{
    start();
    for (const std::string& noise :
         {std::string("\r\n\r\n"), std::string(200, '\0'), std::string("GET\r\n\r\n"), std::string("GET /page\r\n\r\n"),
          std::string("GET /page HTTP/9.9\r\n\r\n"), std::string("GET /% HTTP/1.1\r\n\r\n"),
          std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
          std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
        const std::string answer = ask(noise);
        EXPECT_NE(status(answer), "HTTP/1.1 200") << noise;
    }
    EXPECT_EQ(status(get("/page")), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, RangesMultiplyNothing)
{
    start();
    std::string ranges = "Range: bytes=0-";
    for (int i = 0; i < 1500; i++)
        ranges += ",0-";
    EXPECT_LT(get("/big", ranges + "\r\n").size(), 1000u);
    // The longest one that a header line takes: its pattern is matched by recursion.
    EXPECT_LT(get("/big", "Range: bytes=0-" + std::string(7000, '1') + "\r\n").size(), 1000u);
    EXPECT_EQ(status(get("/page")), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, EndlessHeadersAreCutOff)
{
    start();
    const UniqueFd fd = connect_to(server_->address().port);
    send_all(fd.get(), "GET /page HTTP/1.1\r\n");
    bool open = true;
    std::size_t sent = 0;
    // Far more than a request may have: the server hangs up long before.
    for (; sent < (64u << 20) && open; sent += 1000)
        open = send_all(fd.get(), "a: " + std::string(995, 'x') + "\r\n");
    EXPECT_FALSE(open);
    EXPECT_LT(sent, 64u << 20);
    EXPECT_EQ(calls_, 0);
    EXPECT_EQ(status(get("/page")), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, ABodyIsNotRead)
{
    start();
    EXPECT_EQ(status(get("/page", "Content-Length: 999999999999\r\n", "POST")), "HTTP/1.1 405");
    EXPECT_EQ(status(get("/page", "Transfer-Encoding: chunked\r\n", "PUT")), "HTTP/1.1 405");
}

// Connections that say nothing take every thread and every waiting place. Those behind them are closed at once, and the
// first ones end by themselves.
TEST_F(HttpServerTest, SilentConnectionsEndAndOthersAreServedAgain)
{
    start();
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 200; i++)
        silent.push_back(connect_to(server_->address().port));
    std::string answer;
    for (int i = 0; i < 600 && !answer.starts_with("HTTP/1.1 200"); i++) {
        answer = get("/page");
        ::poll(nullptr, 0, 50);
    }
    EXPECT_EQ(status(answer), "HTTP/1.1 200");
    EXPECT_GT(server_->refused(), 0u);
    for (const UniqueFd& fd : silent)
        EXPECT_EQ(read_all(fd.get()), "");
}

TEST_F(HttpServerTest, WhoTricklesIsCutOff)
{
    start();
    const UniqueFd fd = connect_to(server_->address().port);
    const std::string request = "GET /page HTTP/1.1\r\nHost: " + std::string(2000, 'x') + "\r\n\r\n";
    bool open = true;
    std::size_t sent = 0;
    for (; sent < request.size() && open; sent++) {
        open = send_all(fd.get(), request.substr(sent, 1));
        ::poll(nullptr, 0, 20);
    }
    EXPECT_FALSE(open) << "40 s of trickling were waited for";
    EXPECT_EQ(calls_, 0);
}

TEST_F(HttpServerTest, TheEndDoesNotWaitForThem)
{
    start();
    std::vector<UniqueFd> held;
    for (int i = 0; i < 4; i++)
        held.push_back(connect_to(server_->address().port)); // say nothing
    for (int i = 0; i < 4; i++) {
        held.push_back(connect_to(server_->address().port)); // read nothing
        send_all(held.back().get(), "GET /big HTTP/1.1\r\n\r\n");
    }
    const std::uint16_t port = server_->address().port;
    server_.reset();
    EXPECT_FALSE(connect_to(port)) << "nobody listens any more";
}

TEST_F(HttpServerTest, APortIsForOne)
{
    start();
    const auto second = HttpServer::bind(server_->address(), "");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().message, "Address already in use");
}

TEST(HttpServer, AnAddressThatIsNotHereIsAnError)
{
    EXPECT_FALSE(HttpServer::bind({"192.0.2.77", 0, false}, "").ok());
}

TEST(HttpServer, IsGoneWhenItNeverStarted)
{
    std::uint16_t port = 0;
    {
        const auto bound = HttpServer::bind({"127.0.0.1", 0, true}, "");
        ASSERT_TRUE(bound.ok());
        port = bound.value()->address().port;
    }
    EXPECT_FALSE(connect_to(port));
}

} // namespace
} // namespace flowxdp
