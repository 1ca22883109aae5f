// SPDX-License-Identifier: BSD-2-Clause
#include "ftp_message.h"

#include <arpa/inet.h>

#include "text_protocol/reply_line.h"

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

int command_index(std::string_view word)
{
    for (unsigned i = 0; i < std::size(kCommands); i++)
        if (same_word(word, kCommands[i]))
            return static_cast<int>(i);
    return -1;
}

// Control characters other than blanks: not text.
bool is_binary(char c)
{
    const auto byte = static_cast<std::uint8_t>(c);
    return byte < 0x20 && c != '\r' && c != '\n' && c != '\t';
}

class Reader {
  public:
    Reader(const StreamView& head, bool keep_passwords, Side* side)
        : head_(head), keep_passwords_(keep_passwords), s_(*side)
    {
    }

    bool run()
    {
        TextLine line;
        while (!s_.is_done && !tls_begins() && take_line(head_, &s_.place, &line))
            this->line(line);
        if (head_.complete) {
            if (!s_.is_done && head_.size() >= kHeadBytes)
                s_.stat |= kHeadEnded;
            s_.is_done = 1;
        }
        const bool more = !s_.is_done;
        if (s_.role != Role::kUnknown)
            s_.stat |= static_cast<std::uint8_t>(kFtp | (head_.from_start ? 0 : kGap));
        else if (s_.is_done)
            s_ = {};
        return more;
    }

  private:
    // What begins with a control character is no line: TLS after AUTH.
    bool tls_begins()
    {
        constexpr std::uint64_t kAuth = 1u << 5;
        const std::string_view byte = head_.text(s_.place.offset, 1);
        if (byte.empty() || !is_binary(byte[0]) || head_.has_gap(s_.place.offset, s_.place.offset + 1) ||
            !(s_.commands & kAuth))
            return false;
        s_.stat |= kEncrypted;
        s_.is_done = 1;
        return true;
    }

    void line(const TextLine& line)
    {
        if (line.has_gap) {
            s_.stat |= kGap;
            return;
        }
        if (line.text.empty())
            return;
        if (s_.role == Role::kUnknown)
            s_.role = role_of(line.text);
        if (s_.role == Role::kServer)
            reply(line.text);
        else if (s_.role == Role::kClient)
            command(line.text);
        else
            s_.stat |= kNotFtp;
    }

    static Role role_of(std::string_view text)
    {
        if (reply_code(text))
            return Role::kServer;
        return command_index(take_word(&text)) >= 0 ? Role::kClient : Role::kUnknown;
    }

    void reply(std::string_view text)
    {
        const auto reply = reply_line(text, &s_.open_code);
        if (!reply) {
            s_.stat |= kNotFtp;
            return;
        }
        if (!reply->code)
            return;
        if (!s_.codes.add(reply->code))
            s_.stat |= kOverflow;
        if (reply->code == 227) { // somewhere in the text, mostly in brackets (RFC 1123 4.1.2.6)
            std::string_view rest = reply->text;
            while (!rest.empty() && !is_digit(rest.front()))
                rest.remove_prefix(1);
            announce(host_port(rest), kPassive);
        } else if (reply->code == 229) {
            announce(extended_port(reply->text.substr(std::min(reply->text.rfind('(') + 1, reply->text.size()))),
                     kPassive);
        } else if (reply->code == 234) { // RFC 4217 4: TLS from here on
            s_.stat |= kEncrypted;
            s_.is_done = 1;
        }
    }

    void command(std::string_view text)
    {
        while (!text.empty() && static_cast<std::uint8_t>(text.front()) >= 0xf0) // Telnet commands in front of ABOR
            text.remove_prefix(1);
        const std::string_view word = take_word(&text);
        const int index = command_index(word);
        if (index < 0) {
            s_.stat |= kNotFtp;
            return;
        }
        s_.commands |= 1ULL << index;
        if (!s_.order.add(static_cast<std::uint8_t>(index)))
            s_.stat |= kOverflow;
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

    void password(std::string_view text)
    {
        if (keep_passwords_)
            keep(kPassword, text, &s_.passwords);
        else if (s_.passwords != 0xff)
            s_.passwords++;
    }

    void keep(Text kind, std::string_view text, std::uint8_t* count)
    {
        constexpr std::size_t kMost = 127;
        const std::uint16_t used = s_.texts.used;
        const Added added = s_.texts.add(kind, text, kMost);
        if (added != Added::kWhole)
            s_.stat |= kOverflow;
        *count = static_cast<std::uint8_t>(*count + (s_.texts.used != used));
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

    const StreamView& head_;
    const bool keep_passwords_;
    Side& s_;
};

} // namespace

bool read(const StreamView& head, bool keep_passwords, Side* side)
{
    return Reader(head, keep_passwords, side).run();
}

} // namespace flowxdp::ftp
