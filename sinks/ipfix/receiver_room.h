// SPDX-License-Identifier: BSD-2-Clause
// receiver_room.h - how much a UDP receiver on this host still has room for.
//
// Loopback delivers at once, and what finds the receiver's buffer full is dropped without a word to the sender. The
// kernel tells anybody about the sockets of his network namespace (sock_diag(7), Linux 3.3, module udp_diag): who asks
// before sending loses nothing.
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
        std::uint64_t socket;                     // tells a receiver from its successor
    };

    // connected: a connected UDP socket. Only a receiver on this host, with an address of this host, can be asked.
    explicit ReceiverRoom(int connected);

    // The socket that takes what `connected` sends. Nothing: it is elsewhere, there is none, or the kernel does not
    // tell.
    [[nodiscard]] std::optional<State> ask() const;

    // Datagrams of so many octets that may be sent now before the next ask(); 0: wait. Leaves room for other senders.
    static unsigned datagrams(const State& state, std::size_t octets);

  private:
    UniqueFd netlink_; // empty: nobody to ask
    sockaddr_storage own_{}, peer_{};
};

} // namespace flowxdp::ipfix
