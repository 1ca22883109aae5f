// SPDX-License-Identifier: BSD-2-Clause
#include "ftp_message.h"

#include <arpa/inet.h>

namespace flowxdp::ftp {

namespace {

// h1,h2,h3,h4,p1,p2 (RFC 959 4.1.2).
std::optional<Endpoint> host_port(std::string_view text)
{
    std::uint8_t numbers[6] = {};
    for (unsigned i = 0; i < 6; i++) {
        const auto number = leading_number(text, 10, 255);
        if (!number)
            return std::nullopt;
        numbers[i] = static_cast<std::uint8_t>(*number);
        while (!text.empty() && is_digit(text.front()))
            text.remove_prefix(1);
        if (i == 5)
            break;
        if (text.empty() || text.front() != ',')
            return std::nullopt;
        text.remove_prefix(1);
    }
    Endpoint out{};
    out.address[10] = out.address[11] = 0xff;
    std::memcpy(out.address + 12, numbers, 4);
    out.ip_version = 4;
    out.port = static_cast<std::uint16_t>(numbers[4] << 8 | numbers[5]);
    return out;
}

// |1|132.235.1.2|6275| with any delimiter; protocol and address may be left out (RFC 2428 2, 3).
std::optional<Endpoint> extended_port(std::string_view text)
{
    if (text.size() < 5)
        return std::nullopt;
    const char delimiter = text.front();
    std::string_view parts[3];
    for (std::string_view& part : parts) {
        text.remove_prefix(1);
        const std::size_t end = text.find(delimiter);
        if (end == std::string_view::npos)
            return std::nullopt;
        part = text.substr(0, end);
        text.remove_prefix(end);
    }
    Endpoint out{};
    const auto port = leading_number(parts[2], 10, 65535);
    if (!port)
        return std::nullopt;
    out.port = static_cast<std::uint16_t>(*port);
    if (parts[1].empty())
        return out;
    char address[INET6_ADDRSTRLEN] = "";
    if (parts[1].size() >= sizeof address)
        return std::nullopt;
    std::memcpy(address, parts[1].data(), parts[1].size());
    if (inet_pton(AF_INET6, address, out.address) == 1) {
        out.ip_version = 6;
        return out;
    }
    out.address[10] = out.address[11] = 0xff;
    if (inet_pton(AF_INET, address, out.address + 12) != 1)
        return std::nullopt;
    out.ip_version = 4;
    return out;
}

class Reader : public CommandDialogue<Reader, Side> {
  public:
    static constexpr auto& kCommands = ftp::kCommands;
    static constexpr std::uint32_t kHeadBytes = ftp::kHeadBytes;
    static constexpr std::uint8_t kNotThis = kNotFtp;

    Reader(const StreamView& head, bool keep_passwords, Side* side)
        : CommandDialogue(head, side), keep_passwords_(keep_passwords)
    {
    }

    // After AUTH.
    [[nodiscard]] bool may_turn_to_tls() const
    {
        constexpr std::uint64_t kAuth = 1u << 5;
        return (s_.commands & kAuth) != 0;
    }

    void reply(const ReplyLine& reply)
    {
        if (reply.code == 227) { // somewhere in the text, mostly in brackets (RFC 1123 4.1.2.6)
            std::string_view rest = reply.text;
            while (!rest.empty() && !is_digit(rest.front()))
                rest.remove_prefix(1);
            announce(host_port(rest), kPassive);
        } else if (reply.code == 229) {
            announce(extended_port(reply.text.substr(std::min(reply.text.rfind('(') + 1, reply.text.size()))),
                     kPassive);
        } else if (reply.code == 234) { // RFC 4217 4: TLS from here on
            encrypted();
        }
    }

    void command(unsigned index, std::string_view text)
    {
        s_.commands |= 1ULL << index;
        const std::string_view name = kCommands[index];
        if (name == "PORT")
            announce(host_port(text), kActive);
        else if (name == "EPRT")
            announce(extended_port(text), kActive);
        if (text.empty())
            return;
        if (name == "USER")
            keep(kUser, text, &s_.users);
        else if (name == "PASS" || name == "ACCT" || name == "ADAT")
            password(text);
        else
            keep(kParameter, text, &s_.parameters);
    }

    // Telnet commands in front of ABOR.
    void other_command(std::string_view line)
    {
        const std::size_t telnet = line.size();
        while (!line.empty() && static_cast<std::uint8_t>(line.front()) >= 0xf0)
            line.remove_prefix(1);
        if (line.size() != telnet)
            client_line(line);
        else
            raise(kNotFtp);
    }

  private:
    void password(std::string_view text)
    {
        if (keep_passwords_)
            keep(kPassword, text, &s_.passwords);
        else if (s_.passwords != 0xff)
            s_.passwords++;
    }

    void announce(const std::optional<Endpoint>& endpoint, Stat kind)
    {
        if (!endpoint)
            return;
        s_.stat |= static_cast<std::uint8_t>(kind);
        for (unsigned i = 0; i < s_.endpoint_count; i++)
            if (std::memcmp(&s_.endpoints[i], &*endpoint, sizeof *endpoint) == 0)
                return;
        if (s_.endpoint_count == kMostEndpoints)
            s_.stat |= kOverflow;
        else
            s_.endpoints[s_.endpoint_count++] = *endpoint;
    }

    const bool keep_passwords_;
};

} // namespace

bool read(const StreamView& head, bool keep_passwords, Side* side)
{
    return Reader(head, keep_passwords, side).run();
}

} // namespace flowxdp::ftp
