// SPDX-License-Identifier: BSD-2-Clause
#include "export/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace flowxdp::test {

std::optional<std::string> find_program(const std::string& name)
{
    const char* path = std::getenv("PATH");
    std::stringstream folders(std::string(path != nullptr ? path : "/usr/bin:/bin") +
                              ":/usr/sbin:/usr/local/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (::access((folder + "/" + name).c_str(), X_OK) == 0)
            return folder + "/" + name;
    return std::nullopt;
}

bool wait_until(const std::function<bool()>& condition, std::chrono::seconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        ::usleep(10'000);
    }
    return true;
}

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const std::string& log_path)
{
    std::vector<char*> arguments;
    for (const std::string& argument : argv)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0)
        throw std::runtime_error("fork failed");
    if (pid_ == 0) {
        const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        const int null = ::open("/dev/null", O_RDONLY);
        if (log < 0 || null < 0 || ::dup2(null, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0)
            ::_exit(126);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
}

ChildProcess::~ChildProcess()
{
    if (pid_ > 0)
        stop(SIGKILL);
}

bool ChildProcess::running()
{
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_)
        pid_ = -1;
    return pid_ > 0;
}

int ChildProcess::stop(int signal)
{
    if (pid_ > 0)
        ::kill(pid_, signal);
    return wait();
}

int ChildProcess::wait()
{
    while (pid_ > 0) {
        if (::waitpid(pid_, &status_, 0) == pid_)
            pid_ = -1;
        else if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string read_text(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string run_program(const std::vector<std::string>& argv, const std::string& scratch_file)
{
    ChildProcess child(argv, scratch_file);
    child.wait();
    return read_text(scratch_file);
}

UdpPortState udp_port_state(unsigned port)
{
    UdpPortState state;
    for (const char* table : {"/proc/net/udp", "/proc/net/udp6"}) {
        std::ifstream in(table);
        std::string line;
        std::getline(in, line);
        while (std::getline(in, line)) {
            // sl local_address rem_address st tx_queue:rx_queue ... drops
            std::stringstream words(line);
            std::string sl, local, remote, st, queues, word;
            words >> sl >> local >> remote >> st >> queues;
            const std::size_t colon = local.rfind(':');
            if (colon == std::string::npos || std::stoul(local.substr(colon + 1), nullptr, 16) != port)
                continue;
            // A sender's own port may be the same number: a collector's socket is not connected.
            if (remote.find_first_not_of("0:") != std::string::npos)
                continue;
            while (words >> word) {
            }
            state.bound = true;
            state.waiting_octets += std::stoul(queues.substr(queues.find(':') + 1), nullptr, 16);
            state.drops += std::stoul(word);
        }
    }
    return state;
}

} // namespace flowxdp::test
