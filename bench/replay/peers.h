// SPDX-License-Identifier: BSD-2-Clause
// peers.h - other flow meters that read a capture, where they are installed.
#pragma once

#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace flowxdp::bench {

// A socket of loopback that nobody reads: where a peer sends its records that cannot write them to a file.
class Nobody {
  public:
    Nobody(); // Throws std::runtime_error.
    [[nodiscard]] std::string address() const;

  private:
    UniqueFd socket_;
};

struct Peer {
    std::string name; // and what it writes
    std::vector<std::string> command;
};

// Those that are found in PATH or /usr/sbin, for one capture. Each keeps all its flows in memory and ends them as
// flowxdp's default does where it can be told to. Files go below folder.
std::vector<Peer> installed_peers(const std::string& capture, const std::string& folder, const Nobody& nobody);

} // namespace flowxdp::bench
