// SPDX-License-Identifier: BSD-2-Clause
#include "peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

namespace flowxdp::bench {
namespace {

// Empty when it is not installed.
std::string find_program(const std::string& name)
{
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path ? path : "") + ":/usr/sbin");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (const std::string file = folder + "/" + name; !folder.empty() && access(file.c_str(), X_OK) == 0)
            return file;
    return "";
}

} // namespace

Nobody::Nobody() : socket_(socket(AF_INET, SOCK_DGRAM, 0))
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket_.get() < 0 || bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address))
        throw std::runtime_error("cannot open a UDP socket on loopback");
}

std::string Nobody::address() const
{
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
}

std::vector<Peer> installed_peers(const std::string& capture, const std::string& folder, const Nobody& nobody)
{
    std::vector<Peer> peers;
    if (const std::string yaf = find_program("yaf"); !yaf.empty())
        peers.push_back({"yaf, IPFIX file",
                         {yaf, "--in", capture, "--out", folder + "/yaf", "--idle-timeout", "182", "--active-timeout",
                          "3600", "--max-flows", "3000000", "--silent"}});
    if (const std::string softflowd = find_program("softflowd"); !softflowd.empty())
        peers.push_back({"softflowd, IPFIX over UDP",
                         {softflowd, "-r", capture, "-v", "10", "-b", "-m", "3000000", "-n", nobody.address(), "-c",
                          "none", "-p", folder + "/softflowd.pid"}});
    if (const std::string nfpcapd = find_program("nfpcapd"); !nfpcapd.empty()) {
        std::filesystem::create_directories(folder + "/nfpcapd");
        peers.push_back(
            {"nfpcapd, nfdump file", {nfpcapd, "-r", capture, "-w", folder + "/nfpcapd", "-e", "3600,182"}});
    }
    return peers;
}

} // namespace flowxdp::bench
