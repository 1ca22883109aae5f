// SPDX-License-Identifier: BSD-2-Clause
#include "monitor/http_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include <httplib.h>

namespace flowxdp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kThreads = 8;
constexpr std::size_t kWaiting = 64; // connections that wait for a thread
constexpr std::size_t kRequestBytes = 16u << 10;
constexpr std::chrono::seconds kRequestTime{5};         // until the request is whole
constexpr std::chrono::seconds kAnswerTime{20};         // until the other side has read the answer
constexpr std::chrono::milliseconds kBetweenTries{500}; // to listen
// A server that ends does not wait for readers that take their time.
constexpr std::chrono::seconds kLastAnswerTime{1};

// A connection that reads at most so much, and ends at a time whatever trickles in. The library's own stream counts the
// time of each call, and takes any number of header lines.
class BoundedStream final : public httplib::Stream {
  public:
    // since: when it was accepted. What waited silently for a thread ends when one looks at it.
    BoundedStream(socket_t socket, Clock::time_point since, const std::atomic<bool>& stopping)
        : socket_(socket), stopping_(stopping), deadline_(since + kRequestTime)
    {
    }

    [[nodiscard]] bool is_readable() const override { return at_ < filled_ || wait(POLLIN); }
    [[nodiscard]] bool is_writable() const override { return wait(POLLOUT); }
    ssize_t read(char* to, std::size_t size) override
    {
        if (at_ == filled_) {
            const std::size_t room = std::min(buffer_.size(), kRequestBytes - taken_);
            if (!room || !wait(POLLIN))
                return -1;
            const ssize_t n = ::recv(socket_, buffer_.data(), room, MSG_DONTWAIT);
            if (n <= 0)
                return n;
            at_ = 0;
            filled_ = static_cast<std::size_t>(n);
            taken_ += filled_;
        }
        const std::size_t n = std::min(size, filled_ - at_);
        std::memcpy(to, buffer_.data() + at_, n);
        at_ += n;
        return static_cast<ssize_t>(n);
    }
    ssize_t write(const char* bytes, std::size_t size) override
    {
        if (!answering_)
            deadline_ = Clock::now() + kAnswerTime;
        answering_ = true;
        std::size_t sent = 0;
        while (sent < size) {
            if (!wait(POLLOUT))
                return -1;
            const ssize_t n = ::send(socket_, bytes + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN && errno != EINTR)
                return -1;
            sent += n > 0 ? static_cast<std::size_t>(n) : 0;
        }
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    [[nodiscard]] socket_t socket() const override { return socket_; }

  private:
    [[nodiscard]] bool wait(short events) const
    {
        using std::chrono::milliseconds;
        // Short pieces, so that a server that stops is not held up.
        for (auto stop_at = Clock::time_point::max();;) {
            if (stopping_ && stop_at == Clock::time_point::max())
                stop_at = answering_ ? Clock::now() + kLastAnswerTime : Clock::now();
            const auto left = std::chrono::ceil<milliseconds>(std::min(deadline_, stop_at) - Clock::now());
            pollfd polled = {socket_, events, 0};
            const int n = ::poll(&polled, 1, static_cast<int>(std::clamp<long>(left.count(), 0, 100)));
            if (n > 0)
                return true;
            if ((n < 0 && errno != EINTR) || left.count() <= 0)
                return false;
        }
    }

    socket_t socket_;
    const std::atomic<bool>& stopping_;
    Clock::time_point deadline_;
    bool answering_ = false;
    std::array<char, 2048> buffer_{};
    std::size_t at_ = 0, filled_ = 0, taken_ = 0;
};

// Threads that serve connections. One that finds no place is closed at once, by the thread that accepts.
class BoundedQueue final : public httplib::TaskQueue {
  public:
    explicit BoundedQueue(std::atomic<std::uint64_t>* refused) : refused_(refused)
    {
        for (std::size_t i = 0; i < kThreads; i++)
            threads_.emplace_back([this] { work(); });
    }
    void enqueue(std::function<void()> task) override
    {
        {
            const std::lock_guard lock(mutex_);
            if (tasks_.size() < kWaiting) {
                tasks_.push_back({std::move(task), Clock::now()});
                not_empty_.notify_one();
                return;
            }
        }
        // The task alone knows its connection.
        ++*refused_;
        refusing = true;
        task();
        refusing = false;
    }
    void shutdown() override
    {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        not_empty_.notify_all();
        for (std::thread& thread : threads_)
            thread.join();
    }

    static thread_local bool refusing;              // the task that runs on this thread closes its connection
    static thread_local Clock::time_point accepted; // its connection, then

  private:
    struct Task {
        std::function<void()> run;
        Clock::time_point accepted;
    };
    void work()
    {
        for (;;) {
            Task task;
            {
                std::unique_lock lock(mutex_);
                not_empty_.wait(lock, [this] { return !tasks_.empty() || ended_; });
                if (tasks_.empty())
                    return;
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            accepted = task.accepted;
            task.run();
        }
    }

    std::atomic<std::uint64_t>* refused_;
    std::mutex mutex_;
    std::condition_variable not_empty_;
    std::deque<Task> tasks_;
    bool ended_ = false;
    std::vector<std::thread> threads_;
};
thread_local bool BoundedQueue::refusing = false;
thread_local Clock::time_point BoundedQueue::accepted{};

// Compares every character, so that the time does not tell how many were right.
bool is_same(const std::string& a, const std::string& b)
{
    unsigned differs = a.size() != b.size();
    for (std::size_t i = 0; i < a.size(); i++)
        differs |=
            static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i % std::max<std::size_t>(b.size(), 1)]);
    return !differs;
}

} // namespace

class HttpServer::Listener final : public httplib::Server {
  public:
    explicit Listener(std::string token) : token_(std::move(token))
    {
        new_task_queue = [this] { return new BoundedQueue(&refused_); };
        // Not the library's SO_REUSEPORT: a second daemon must not take half of the connections.
        set_socket_options([](socket_t socket) {
            const int yes = 1;
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
            answer(request, &response);
            return HandlerResponse::Handled;
        });
    }
    ~Listener() override
    {
        if (svr_sock_ != INVALID_SOCKET)
            ::close(svr_sock_); // it never listened
    }
    void set_pages(Pages pages) { pages_ = std::move(pages); }
    // Until stop_serving(). The library's loop also ends when accepting fails; it then begins anew.
    void serve(const ListenAddress& address)
    {
        while (!stopping_) {
            if (svr_sock_ != INVALID_SOCKET || bind_to_port(address.host, address.port))
                listen_after_bind();
            if (!stopping_)
                std::this_thread::sleep_for(kBetweenTries);
        }
        ended_ = true;
    }
    void stop_serving()
    {
        stopping_ = true;
        // The library's stop() does nothing before its loop runs.
        while (!ended_ && !is_running())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        stop();
    }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

  private:
    bool process_and_close_socket(socket_t socket) override
    {
        if (!BoundedQueue::refusing) {
            try {
                BoundedStream stream(socket, BoundedQueue::accepted, stopping_);
                bool closed = false;
                process_request(stream, true, closed, nullptr);
            } catch (...) {
                // Of the library, about what was sent: the connection ends.
            }
        }
        ::shutdown(socket, SHUT_RDWR);
        ::close(socket);
        return true;
    }

    void answer(const httplib::Request& request, httplib::Response* response)
    {
        HttpPage page = page_for(request);
        response->status = page.status;
        response->set_header("X-Content-Type-Options", "nosniff");
        response->set_header("Cache-Control", "no-store");
        if (page.status == 401)
            response->set_header("WWW-Authenticate", "Bearer");
        if (page.status == 405)
            response->set_header("Allow", "GET, HEAD");
        // Without a body there is nothing that ranges could multiply.
        if (page.status != 416)
            response->set_content(page.body, page.type);
    }
    HttpPage page_for(const httplib::Request& request)
    {
        if (!request.ranges.empty())
            return {416, "", ""};
        if (request.method != "GET" && request.method != "HEAD")
            return {405, "text/plain", "only GET and HEAD\n"};
        if (!token_.empty() && !is_same(request.get_header_value("Authorization"), "Bearer " + token_))
            return {401, "text/plain", "a token is needed: Authorization: Bearer TOKEN\n"};
        const auto page = pages_.find(request.path);
        if (page == pages_.end())
            return {404, "text/plain", "no such page\n"};
        try {
            return page->second();
        } catch (const std::exception& error) {
            return {500, "text/plain", std::string(error.what()) + "\n"};
        }
    }

    std::string token_;
    Pages pages_;
    std::atomic<bool> stopping_{false}, ended_{false};
    std::atomic<std::uint64_t> refused_{0};
};

HttpServer::HttpServer(ListenAddress address, std::unique_ptr<Listener> listener)
    : address_(std::move(address)), listener_(std::move(listener))
{
}

Result<std::unique_ptr<HttpServer>> HttpServer::bind(const ListenAddress& address, const std::string& token)
{
    auto listener = std::make_unique<Listener>(token);
    ListenAddress bound = address;
    errno = 0;
    if (address.port) {
        if (!listener->bind_to_port(address.host, address.port))
            return Error{errno ? std::strerror(errno) : "no such address here"};
    } else {
        const int port = listener->bind_to_any_port(address.host);
        if (port <= 0)
            return Error{errno ? std::strerror(errno) : "no such address here"};
        bound.port = static_cast<std::uint16_t>(port);
    }
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(bound), std::move(listener)));
}

void HttpServer::start(Pages pages)
{
    listener_->set_pages(std::move(pages));
    thread_ = std::thread([this] { listener_->serve(address_); });
}

HttpServer::~HttpServer()
{
    if (!thread_.joinable())
        return;
    listener_->stop_serving();
    thread_.join();
}

std::uint64_t HttpServer::refused() const
{
    return listener_->refused();
}

} // namespace flowxdp
