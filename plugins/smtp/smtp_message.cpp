// SPDX-License-Identifier: BSD-2-Clause
#include "smtp_message.h"

#include <string>

namespace flowxdp::smtp {

namespace {

constexpr std::size_t kMostText = 127;

// RFC 4648; ends at the first character that is none of its letters, and at a length that no text needs.
std::string base64_decoded(std::string_view text)
{
    std::string out;
    unsigned held = 0, bits = 0;
    for (const char c : text) {
        unsigned six = 0;
        if (c >= 'A' && c <= 'Z')
            six = static_cast<unsigned>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            six = static_cast<unsigned>(c - 'a') + 26;
        else if (is_digit(c))
            six = static_cast<unsigned>(c - '0') + 52;
        else if (c == '+' || c == '/')
            six = c == '+' ? 62 : 63;
        else
            break;
        held = (held << 6 | six) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(held >> bits & 0xff);
        }
        if (out.size() > 3 * kMostText)
            break;
    }
    return out;
}

// FROM:<a@b> SIZE=1 and TO:<@relay:a@b>: the mailbox with its route, without the brackets (RFC 5321 4.1.2).
std::string_view mailbox(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return {};
    text = trimmed(text.substr(colon + 1));
    if (!text.empty() && text.front() == '<') {
        text.remove_prefix(1);
        return text.substr(0, text.find('>'));
    }
    return take_word(&text);
}

class Reader : public CommandDialogue<Reader, Side> {
  public:
    static constexpr auto& kCommands = smtp::kCommands;
    static constexpr std::uint32_t kHeadBytes = smtp::kHeadBytes;
    static constexpr std::uint8_t kNotThis = kNotSmtp;

    Reader(const StreamView& head, bool keep_passwords, Side* side)
        : CommandDialogue(head, side), keep_passwords_(keep_passwords)
    {
    }

    bool run()
    {
        const bool more = CommandDialogue::run();
        pending();
        return more;
    }

    [[nodiscard]] bool may_turn_to_tls() const { return s_.has_starttls != 0; }

    // The last line of a mail may be in the gap.
    void after_gap()
    {
        if (s_.phase == Phase::kMail)
            s_.phase = Phase::kFirstMailLine;
    }

    bool takes(std::string_view line)
    {
        const bool is_mail = s_.phase == Phase::kMail || s_.phase == Phase::kFirstMailLine;
        if (is_mail)
            mail_line(line);
        return is_mail;
    }

    void reply(const ReplyLine& reply)
    {
        std::string_view rest = reply.text;
        if (reply.code != 220 || !reply.is_first)
            return;
        if (s_.servers == 0) { // the greeting: domain first (RFC 5321 4.2)
            keep(kServer, take_word(&rest), &s_.servers);
        } else { // the answer to STARTTLS (RFC 3207 4)
            s_.has_starttls = 1;
        }
    }

    void other_command(std::string_view line)
    {
        if (s_.phase == Phase::kCommand)
            raise(kNotSmtp);
        else
            auth_line(line);
    }

    void command(unsigned index, std::string_view text)
    {
        s_.phase = Phase::kCommand;
        if (index < kCommandBits)
            s_.commands |= static_cast<std::uint16_t>(1u << index);
        const std::string_view name = kCommands[index];
        if (name == "HELO" || name == "EHLO")
            keep(kServer, take_word(&text), &s_.servers);
        else if (name == "MAIL" || name == "SEND" || name == "SOML" || name == "SAML")
            keep(kFrom, mailbox(text), &s_.senders);
        else if (name == "RCPT")
            keep(kTo, mailbox(text), &s_.receivers);
        else if (name == "DATA")
            s_.phase = Phase::kFirstMailLine;
        else if (name == "BDAT") // RFC 3030 2
            skip(leading_number(text, 10, kHeadBytes).value_or(kHeadBytes));
        else if (name == "STARTTLS")
            s_.has_starttls = 1;
        else if (name == "AUTH")
            auth(text);
    }

  private:
    // A server that refused DATA gets a command next. Mail begins with a header field, which none of these words is.
    void mail_line(std::string_view text)
    {
        std::string_view rest = text;
        if (s_.phase == Phase::kFirstMailLine && index_of(take_word(&rest)) >= 0) {
            s_.phase = Phase::kCommand;
            client_line(text);
        } else {
            s_.phase = text == "." ? Phase::kCommand : Phase::kMail;
        }
    }

    void skip(std::uint64_t bytes)
    {
        s_.place.offset += static_cast<std::uint32_t>(bytes);
        if (s_.place.offset <= kHeadBytes)
            return;
        s_.stat |= kHeadEnded;
        s_.is_done = 1;
    }

    // RFC 4954 4, RFC 4616 2; LOGIN was never published, and is what clients use.
    void auth(std::string_view text)
    {
        const std::string_view mechanism = take_word(&text);
        if (same_word(mechanism, "PLAIN"))
            s_.phase = Phase::kAuthPlain;
        else if (same_word(mechanism, "LOGIN"))
            s_.phase = Phase::kAuthUser;
        else
            s_.phase = Phase::kAuthOther;
        if (!text.empty())
            auth_line(text);
    }

    void auth_line(std::string_view text)
    {
        if (text == "*") { // cancelled
            s_.phase = Phase::kCommand;
            return;
        }
        const std::string decoded = base64_decoded(text);
        switch (s_.phase) {
        case Phase::kAuthUser:
            keep(kUser, decoded);
            s_.phase = Phase::kAuthPassword;
            break;
        case Phase::kAuthPassword:
            password(decoded);
            s_.phase = Phase::kCommand;
            break;
        case Phase::kAuthPlain: {
            const std::size_t first = decoded.find('\0');
            const std::size_t second = first == std::string::npos ? first : decoded.find('\0', first + 1);
            if (second != std::string::npos) {
                keep(kUser, std::string_view(decoded).substr(first + 1, second - first - 1));
                password(std::string_view(decoded).substr(second + 1));
            }
            s_.phase = Phase::kCommand;
            break;
        }
        default:
            break; // answers of other mechanisms, until the next command
        }
    }

    void password(std::string_view text)
    {
        if (keep_passwords_)
            keep(kPassword, text);
    }

    // AUTH without its end, and a mail without its last line.
    void pending()
    {
        s_.stat &= static_cast<std::uint8_t>(~(kAuthPending | kInMail));
        if (s_.phase == Phase::kMail || s_.phase == Phase::kFirstMailLine)
            s_.stat |= kInMail;
        else if (s_.phase >= Phase::kAuthUser && s_.phase <= Phase::kAuthPlain)
            s_.stat |= kAuthPending;
    }

    const bool keep_passwords_;
};

} // namespace

bool read(const StreamView& head, bool keep_passwords, Side* side)
{
    return Reader(head, keep_passwords, side).run();
}

} // namespace flowxdp::smtp
