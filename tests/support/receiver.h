// SPDX-License-Identifier: BSD-2-Clause
// receiver.h - receivers on loopback for tests of socket sinks: they read when told, stall when not, die and come back.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "support/local_socket.h"

namespace flowxdp::test {

// Repeats the work until the condition holds. False after half a minute: the test then fails at its assertion.
inline bool eventually(const std::function<bool()>& condition, const std::function<void()>& work)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        work();
        ::poll(nullptr, 0, 1);
    }
    return true;
}

// A TCP or unix listener that accepts one connection after another. Never blocks.
class Receiver {
  public:
    // port 0: a free one. receive_buffer: SO_RCVBUF of connections, 0 = the system's.
    explicit Receiver(std::uint16_t port = 0, int receive_buffer = 0)
    {
        LocalSocket socket(SOCK_STREAM, AF_INET, port, receive_buffer);
        if (!socket.bound())
            throw std::runtime_error("cannot listen on port " + std::to_string(port));
        port_ = socket.port();
        listener_ = socket.release();
    }
    explicit Receiver(const std::string& path)
    {
        listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_.get(), 8) != 0)
            throw std::runtime_error(std::string("listen: ") + std::strerror(errno));
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string target() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] bool connected() const { return static_cast<bool>(connection_); }

    // Accepts when somebody waits and reads what is there, at most so many bytes.
    void read(std::size_t at_most = SIZE_MAX)
    {
        if (!connection_) {
            pollfd somebody = {listener_.get(), POLLIN, 0};
            if (::poll(&somebody, 1, 0) <= 0)
                return;
            connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!connection_)
                return;
            streams_.emplace_back();
        }
        char buffer[65536];
        while (at_most > 0) {
            const ssize_t n = ::recv(connection_.get(), buffer, std::min(at_most, sizeof buffer), 0);
            if (n == 0)
                ended_ = true;
            if (n <= 0)
                return;
            streams_.back().append(buffer, static_cast<std::size_t>(n));
            at_most -= static_cast<std::size_t>(n);
        }
    }
    // Closes the connection, as a receiver that ends; the listener stays.
    void hang_up() { connection_.reset(); }
    void shut_sending_half() const { ::shutdown(connection_.get(), SHUT_WR); }
    // The sender closed.
    [[nodiscard]] bool ended() const { return ended_; }
    // What came, by connection.
    [[nodiscard]] const std::vector<std::string>& streams() const { return streams_; }
    [[nodiscard]] std::string all() const
    {
        std::string text;
        for (const std::string& stream : streams_)
            text += stream;
        return text;
    }

  private:
    UniqueFd listener_, connection_;
    std::uint16_t port_ = 0;
    bool ended_ = false;
    std::vector<std::string> streams_;
};

class DatagramReceiver {
  public:
    explicit DatagramReceiver(std::uint16_t port = 0) : socket_(SOCK_DGRAM, AF_INET, port)
    {
        if (!socket_.bound())
            throw std::runtime_error("cannot receive on port " + std::to_string(port));
    }
    [[nodiscard]] std::string target() const { return socket_.target("udp://"); }
    [[nodiscard]] std::uint16_t port() const { return socket_.port(); }
    void read()
    {
        for (const std::vector<std::uint8_t>& datagram : socket_.datagrams())
            datagrams_.emplace_back(datagram.begin(), datagram.end());
    }
    [[nodiscard]] const std::vector<std::string>& datagrams() const { return datagrams_; }

  private:
    LocalSocket socket_;
    std::vector<std::string> datagrams_;
};

// A port nobody listens on.
inline std::uint16_t free_port()
{
    return Receiver().port();
}

} // namespace flowxdp::test
