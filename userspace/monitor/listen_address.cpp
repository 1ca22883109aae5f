// SPDX-License-Identifier: BSD-2-Clause
#include "monitor/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "core/number.h"
#include "core/printable.h"
#include "core/text_file.h"

namespace flowxdp {

std::string ListenAddress::text() const
{
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<ListenAddress> read_listen_address(const std::string& text)
{
    const auto wrong = [&text] {
        return Error{
            fmt::format("'{}' is no numeric address with a port: e.g. 127.0.0.1:9669, [::1]:9669, 0.0.0.0:9669",
                        printable(text, kValueBytes))};
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos)
        return wrong();
    ListenAddress address;
    address.host = text.substr(0, colon);
    const auto port = read_number(text.substr(colon + 1), 0, 65535, 9669);
    if (!port.ok())
        return wrong();
    address.port = static_cast<std::uint16_t>(port.value());
    if (address.host == "localhost")
        address.host = "127.0.0.1";
    in_addr v4{};
    if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) {
        address.loopback = (ntohl(v4.s_addr) >> 24) == 127;
        return address;
    }
    if (address.host.size() < 2 || address.host.front() != '[' || address.host.back() != ']')
        return wrong();
    address.host = address.host.substr(1, address.host.size() - 2);
    in6_addr v6{};
    if (inet_pton(AF_INET6, address.host.c_str(), &v6) != 1)
        return wrong();
    address.loopback = IN6_IS_ADDR_LOOPBACK(&v6);
    return address;
}

Result<std::string> read_listen_token(const std::string& path)
{
    constexpr std::size_t kLeast = 16, kMost = 1024;
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH))
        return Error{"everybody may read it: chmod o= the file"};
    auto read = read_text_file(path, 2 * kMost);
    if (!read.ok())
        return read.error();
    std::string token = read.take();
    constexpr const char* kBlanks = " \t\r\n";
    token.erase(0, std::min(token.find_first_not_of(kBlanks), token.size()));
    token.erase(token.find_last_not_of(kBlanks) + 1);
    if (token.size() < kLeast || token.size() > kMost)
        return Error{fmt::format("a token has from {} to {} characters", kLeast, kMost)};
    if (!std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; }))
        return Error{"a token is one word of ASCII characters"};
    return token;
}

} // namespace flowxdp
