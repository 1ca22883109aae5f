// SPDX-License-Identifier: BSD-2-Clause
// local_socket.h - a socket of a test, on a free port of loopback.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.h"

namespace flowxdp::test {

// A socket on a free port of 127.0.0.1 or ::1.
class LocalSocket {
  public:
    // receive_buffer: SO_RCVBUF, also of the connections that it accepts; 0 = the system's.
    explicit LocalSocket(int type, int family = AF_INET, std::uint16_t port = 0, int receive_buffer = 0)
        : family_(family)
    {
        fd_.reset(::socket(family, type | SOCK_CLOEXEC, 0));
        const int on = 1;
        EXPECT_EQ(::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
        if (receive_buffer != 0) {
            EXPECT_EQ(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
        }
        sockaddr_storage storage{};
        socklen_t size = 0;
        if (family == AF_INET) {
            auto* a = reinterpret_cast<sockaddr_in*>(&storage);
            a->sin_family = AF_INET;
            a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            a->sin_port = htons(port);
            size = sizeof *a;
        } else {
            auto* a = reinterpret_cast<sockaddr_in6*>(&storage);
            a->sin6_family = AF_INET6;
            a->sin6_addr = in6addr_loopback;
            a->sin6_port = htons(port);
            size = sizeof *a;
        }
        bound_ = ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0;
        if (type == SOCK_STREAM && bound_) {
            EXPECT_EQ(::listen(fd_.get(), 8), 0);
        }
        (void)::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size);
        port_ = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                                        : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
    }
    [[nodiscard]] bool bound() const { return bound_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }
    // The descriptor, which is the caller's from now on.
    [[nodiscard]] UniqueFd release() { return std::move(fd_); }
    [[nodiscard]] std::string target(const char* scheme) const
    {
        return std::string(scheme) + (family_ == AF_INET ? "127.0.0.1" : "[::1]") + ":" + std::to_string(port_);
    }
    // All datagrams that have arrived.
    std::vector<std::vector<std::uint8_t>> datagrams()
    {
        std::vector<std::vector<std::uint8_t>> all;
        for (;;) {
            std::vector<std::uint8_t> octets(65536);
            const ssize_t n = ::recv(fd_.get(), octets.data(), octets.size(), MSG_DONTWAIT);
            if (n < 0)
                return all;
            octets.resize(static_cast<std::size_t>(n));
            all.push_back(std::move(octets));
        }
    }

  private:
    UniqueFd fd_;
    int family_;
    bool bound_ = false;
    std::uint16_t port_ = 0;
};

} // namespace flowxdp::test
