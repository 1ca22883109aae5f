// SPDX-License-Identifier: BSD-2-Clause
// receiver_room.h - how many datagrams a UDP receiver on this host has room for.
//
// Loopback delivers at once. A datagram that finds the receiver's buffer full is dropped, and the sender gets no error.
// Any process may ask the kernel about the sockets of its network namespace (sock_diag(7), Linux 3.3, module udp_diag),
// so a sender that asks first loses nothing.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/unique_fd.h"

namespace flowxdp::ipfix {

class ReceiverRoom {
  public:
    struct State {
        std::uint64_t used_octets, buffer_octets; // of memory, the kernel's overhead included
        std::uint64_t drops;                      // datagrams, of all senders, since the socket was made
        std::uint64_t socket;                     // differs between a receiver and its successor
    };

    // connected: a connected UDP socket. Only a receiver on this host, with an address of this host, can be asked.
    explicit ReceiverRoom(int connected);

    // The socket that receives what `connected` sends. Empty: it is on another host, there is none, or the kernel does
    // not say.
    [[nodiscard]] std::optional<State> ask() const;

    // Datagrams of so many octets that may be sent now before the next ask(); 0: wait. Leaves room for other senders.
    static unsigned datagrams(const State& state, std::size_t octets);

  private:
    UniqueFd netlink_; // empty: no receiver on this host
    sockaddr_storage own_{}, peer_{};
};

} // namespace flowxdp::ipfix
