// SPDX-License-Identifier: BSD-2-Clause
// child_process.h - collectors as child processes, waited for by condition.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flowxdp::test {

// Path of a program on PATH or among the system's daemons.
std::optional<std::string> find_program(const std::string& name);

// True when the condition came true within a minute; it is asked every 10 ms.
bool wait_until(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(60));

// A process that writes stdout and stderr to a file; killed when it goes out of scope.
class ChildProcess {
  public:
    ChildProcess(const std::vector<std::string>& argv, const std::string& log_path);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] bool running();
    // Sends the signal, waits for the end; returns the exit code, 128 + signal, or -1.
    int stop(int signal);
    int wait();

  private:
    pid_t pid_ = -1;
    int status_ = 0;
};

// Runs to the end; what it wrote to stdout and stderr.
std::string run_program(const std::vector<std::string>& argv, const std::string& scratch_file);
std::string read_text(const std::string& path);

// What the kernel says of UDP sockets bound to the port, IPv4 and IPv6.
struct UdpPortState {
    bool bound = false;
    unsigned long waiting_octets = 0; // received, not yet read
    unsigned long drops = 0;
};
UdpPortState udp_port_state(unsigned port);

} // namespace flowxdp::test
