// SPDX-License-Identifier: BSD-2-Clause
// smtp_message.h - commands and replies of SMTP (RFC 5321) at the head of one direction's stream: the envelope, no
// mail.
#pragma once

#include "text_protocol/command_dialogue.h"

namespace flowxdp::smtp {

// Most bytes of a direction that are looked at.
inline constexpr std::uint32_t kHeadBytes = 32768;

enum Stat : std::uint8_t {
    kSmtp = 0x01,        // T2
    kAuthPending = 0x02, // T2
    kInMail = 0x04,      // T2, of its own option
    kNotSmtp = 0x08,
    kGap = 0x10,
    kHeadEnded = 0x20,
    kEncrypted = 0x40,
    kOverflow = 0x80, // T2
};

enum Text : std::uint8_t { kUser = 1, kPassword, kServer, kFrom, kTo };

// T2's names and bits of smtpCBF, from bit 0; the last two have none.
inline constexpr std::string_view kCommands[] = {"HELO", "EHLO", "MAIL", "RCPT", "DATA",     "RSET",
                                                 "SEND", "SOML", "SAML", "VRFY", "EXPN",     "HELP",
                                                 "NOOP", "QUIT", "TURN", "AUTH", "STARTTLS", "BDAT"};
inline constexpr unsigned kCommandBits = 16;

// What the client's next line is.
enum class Phase : std::uint8_t { kCommand, kFirstMailLine, kMail, kAuthUser, kAuthPassword, kAuthPlain, kAuthOther };

// What one direction said. Lies in flow memory: plain bytes, zero at first.
struct Side {
    LinePlace place;
    std::uint16_t commands; // smtpCBF
    std::uint16_t open_code;
    std::uint8_t stat; // smtpStat
    DialogueRole role;
    Phase phase;
    std::uint8_t is_done, has_starttls;
    std::uint8_t servers, senders, receivers;
    NumberList<std::uint8_t, 23> order; // indices of kCommands
    NumberList<std::uint16_t, 15> codes;
    TextPool<936> texts;
};

// Reads on. keep_passwords: their texts, too. Returns whether more bytes are wanted; a side without kSmtp is zero.
bool read(const StreamView& head, bool keep_passwords, Side* side);

} // namespace flowxdp::smtp
