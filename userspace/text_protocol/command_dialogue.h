// SPDX-License-Identifier: BSD-2-Clause
// command_dialogue.h - one direction of a protocol of commands and replies, a line each: FTP, SMTP. What it is shows
// its first line.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "text_protocol/header_field.h"
#include "text_protocol/line_reader.h"
#include "text_protocol/reply_line.h"
#include "text_protocol/text_pool.h"

namespace flowxdp {

enum class DialogueRole : std::uint8_t { kUnknown, kClient, kServer };

// Bits that a side's stat has in each of these protocols.
enum DialogueStat : std::uint8_t {
    kDialogueIs = 0x01,
    kDialogueGap = 0x10,
    kDialogueHeadEnded = 0x20,
    kDialogueEncrypted = 0x40,
    kDialogueOverflow = 0x80,
};

// Protocol is the class that derives from this one. Side is what it keeps in flow memory; it has the members place,
// stat, role, is_done, open_code, codes, order and texts. Protocol has:
//     kCommands, kHeadBytes         the words of commands; most bytes that are looked at
//     kNotThis                      the bit of stat for lines that are no command or reply
//     command(index, text), reply(ReplyLine)
// and may have, instead of those below: other_command(word, line), takes(line), after_gap(), may_turn_to_tls().
template <typename Protocol, typename Side>
class CommandDialogue {
  public:
    CommandDialogue(const StreamView& head, Side* side) : head_(head), s_(*side) {}

    // Reads on. Returns whether more bytes are wanted; a side that does not speak the protocol is zero.
    bool run()
    {
        TextLine line;
        while (!s_.is_done && !tls_begins() && take_line(head_, &s_.place, &line))
            take(line);
        if (head_.complete) {
            if (!s_.is_done && (head_.size() >= Protocol::kHeadBytes || s_.place.offset > head_.size()))
                raise(kDialogueHeadEnded);
            s_.is_done = 1;
        }
        const bool more = !s_.is_done;
        if (s_.role != DialogueRole::kUnknown)
            raise(kDialogueIs | (head_.from_start ? 0U : unsigned{kDialogueGap}));
        else if (s_.is_done)
            s_ = {};
        return more;
    }

    // A client's line that begins with no command.
    void other_command(std::string_view) { raise(Protocol::kNotThis); }
    // Is this line neither a command nor a reply, and dealt with?
    bool takes(std::string_view) { return false; }
    // Lines were not captured.
    void after_gap() {}
    // May what follows be TLS?
    [[nodiscard]] bool may_turn_to_tls() const { return false; }

  protected:
    static constexpr std::size_t kMostText = 127;

    void raise(unsigned bits) { s_.stat = static_cast<std::uint8_t>(s_.stat | bits); }

    void encrypted()
    {
        raise(kDialogueEncrypted);
        s_.is_done = 1;
    }

    void keep(std::uint8_t kind, std::string_view text, std::uint8_t* count = nullptr)
    {
        const std::uint16_t used = s_.texts.used;
        if (s_.texts.add(kind, text, kMostText) != Added::kWhole)
            raise(kDialogueOverflow);
        if (count)
            *count = static_cast<std::uint8_t>(*count + (s_.texts.used != used));
    }

    // A client's line.
    void client_line(std::string_view line)
    {
        std::string_view rest = line;
        const int index = index_of(take_word(&rest));
        if (index < 0) {
            self().other_command(line);
            return;
        }
        if (!s_.order.add(static_cast<std::uint8_t>(index)))
            raise(kDialogueOverflow);
        self().command(static_cast<unsigned>(index), rest);
    }

    static int index_of(std::string_view word)
    {
        for (unsigned i = 0; i < std::size(Protocol::kCommands); i++)
            if (same_word(word, Protocol::kCommands[i]))
                return static_cast<int>(i);
        return -1;
    }

    const StreamView& head_;
    Side& s_;

  private:
    Protocol& self() { return static_cast<Protocol&>(*this); }

    // What begins with a control character is no line.
    bool tls_begins()
    {
        const std::string_view byte = head_.text(s_.place.offset, 1);
        if (byte.empty() || static_cast<std::uint8_t>(byte[0]) >= 0x20 || byte[0] == '\r' || byte[0] == '\n' ||
            byte[0] == '\t' || head_.has_gap(s_.place.offset, s_.place.offset + 1) || !self().may_turn_to_tls())
            return false;
        encrypted();
        return true;
    }

    void take(const TextLine& line)
    {
        if (line.has_gap) {
            raise(kDialogueGap);
            self().after_gap();
            return;
        }
        if (self().takes(line.text) || line.text.empty())
            return;
        if (s_.role == DialogueRole::kUnknown)
            s_.role = role_of(line.text);
        if (s_.role == DialogueRole::kServer)
            server_line(line.text);
        else if (s_.role == DialogueRole::kClient)
            client_line(line.text);
        else
            raise(Protocol::kNotThis);
    }

    static DialogueRole role_of(std::string_view text)
    {
        if (reply_code(text))
            return DialogueRole::kServer;
        return index_of(take_word(&text)) >= 0 ? DialogueRole::kClient : DialogueRole::kUnknown;
    }

    void server_line(std::string_view text)
    {
        const auto reply = reply_line(text, &s_.open_code);
        if (!reply) {
            raise(Protocol::kNotThis);
            return;
        }
        if (!reply->code)
            return;
        if (!s_.codes.add(reply->code))
            raise(kDialogueOverflow);
        self().reply(*reply);
    }
};

} // namespace flowxdp
