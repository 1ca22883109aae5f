// SPDX-License-Identifier: BSD-2-Clause
#include "sip_message.h"

#include <arpa/inet.h>

#include <string>

#include "text_protocol/header_field.h"

namespace flowxdp::sip {

namespace {

constexpr std::string_view kVersion = "SIP/2.0";
constexpr std::size_t kMostMethod = 20;      // bytes of a method's name
constexpr std::size_t kMostStartLine = 4096; // bytes until the first line must have ended
constexpr std::size_t kMostField = 1024;     // bytes of a field and of the lines that are added to it

struct StartLine {
    std::string_view method;
    std::uint16_t status = 0;
};

// RFC 3261 7.1, 7.2. Nothing when the line begins no message.
std::optional<StartLine> start_line(std::string_view line)
{
    if (line.size() > kVersion.size() && line.substr(0, kVersion.size()) == kVersion && line[kVersion.size()] == ' ') {
        const std::string_view rest = trimmed(line.substr(kVersion.size()));
        const auto status = leading_number(rest, 10, 699);
        if (!status || *status < 100 || (rest.size() > 3 && rest[3] != ' '))
            return std::nullopt;
        return StartLine{{}, static_cast<std::uint16_t>(*status)};
    }
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || line.substr(last + 1) != kVersion)
        return std::nullopt;
    const std::string_view method = line.substr(0, first);
    if (!is_token(method) || method.size() > kMostMethod)
        return std::nullopt;
    return StartLine{method, 0};
}

// "Alice" <sip:alice@example.com;x=y>;tag=1 and sip:alice@example.com;tag=1: the URI (RFC 3261 20.10).
std::string_view uri_of(std::string_view value)
{
    std::size_t from = 0;
    if (!value.empty() && value.front() == '"') { // a name may have brackets
        for (from = 1; from < value.size() && value[from] != '"'; from++)
            if (value[from] == '\\')
                from++;
        if (from >= value.size()) // no second quote
            from = 0;
    }
    const std::size_t bracket = value.find('<', from);
    if (bracket == std::string_view::npos)
        return trimmed(value.substr(0, value.find(';')));
    value.remove_prefix(bracket + 1);
    return value.substr(0, value.find('>'));
}

class Reader {
  public:
    Reader(const StreamView& head, bool is_datagram, Side* side) : head_(head), is_datagram_(is_datagram), s_(*side) {}

    bool run()
    {
        if ((!(s_.stat & kSip) || is_datagram_) && !prove())
            return s_.phase != Phase::kDone;
        while (s_.phase != Phase::kDone && step()) {
        }
        if (head_.complete && !is_datagram_ && s_.phase != Phase::kDone) {
            if (s_.phase != Phase::kStartLine || s_.place.offset != head_.size() || head_.size() >= kHeadBytes)
                s_.stat |= kHeadEnded;
            s_.phase = Phase::kDone;
        }
        return s_.phase != Phase::kDone;
    }

  private:
    // The first line must be a start line. Returns false when it is not, or is not there yet.
    bool prove()
    {
        const std::string_view bytes = head_.text(0, kMostStartLine);
        for (std::size_t i = 0; i < std::min(bytes.size(), kMostMethod + 1); i++) {
            if (bytes[i] == ' ')
                break;
            if (!is_token_char(bytes[i]) && bytes[i] != '/') {
                s_.phase = Phase::kDone;
                return false;
            }
        }
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) {
            if (head_.complete || bytes.size() == kMostStartLine)
                s_.phase = Phase::kDone;
            return false;
        }
        std::string_view line = bytes.substr(0, end);
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        if (head_.has_gap(0, end + 1) || !start_line(line)) {
            s_.phase = Phase::kDone;
            return false;
        }
        s_.stat |= kSip | (head_.from_start ? 0u : static_cast<std::uint32_t>(kNoStart));
        return true;
    }

    // Goes one line on. Returns false when more bytes are needed.
    bool step()
    {
        if (s_.phase == Phase::kSdp)
            return sdp_step();
        TextLine line;
        if (s_.phase == Phase::kFields ? !take_field(&line) : !take_line(head_, &s_.place, &line))
            return false;
        if (line.has_gap)
            s_.stat |= kGap;
        else if (s_.phase == Phase::kFields)
            field_line(line);
        else if (const auto start = start_line(line.text))
            message(*start);
        else if (!line.text.empty()) // an empty one keeps the connection alive (RFC 5626 4.4.1)
            s_.stat |= kMalformed;
        return true;
    }

    // Takes a field with the lines that go on with it: those that begin with a blank (RFC 3261 7.3.1). Returns false
    // when more bytes are needed.
    bool take_field(TextLine* line)
    {
        const LinePlace before = s_.place;
        if (!take_line(head_, &s_.place, line))
            return false;
        if (line->text.empty())
            return true;
        for (;;) {
            const LinePlace end = s_.place;
            const bool may_wait = !head_.complete && head_.size() - before.offset <= kMostField;
            const std::string_view next = head_.text(end.offset, 1);
            TextLine more;
            if ((next.empty() && may_wait) ||
                ((next == " " || next == "\t") && !take_line(head_, &s_.place, &more) && may_wait)) {
                s_.place = before;
                return false;
            }
            if (s_.place.offset == end.offset || s_.place.offset - before.offset > kMostField) {
                s_.place = end;
                return true;
            }
            if (line->text.data() != folded_.data())
                folded_ = line->text;
            folded_.append(1, ' ').append(trimmed(more.text));
            *line = {folded_, line->has_gap || more.has_gap, more.is_whole};
        }
    }

    void message(const StartLine& start)
    {
        s_.phase = Phase::kFields;
        s_.body_bytes = 0;
        s_.is_sdp = 0;
        if (start.status) {
            count(&s_.responses);
            if (!s_.codes.add(start.status))
                s_.stat |= kListCut;
            return;
        }
        count(&s_.requests);
        const auto* method = std::find(std::begin(kMethods), std::end(kMethods), start.method);
        const auto bit = static_cast<std::uint8_t>(method == std::end(kMethods) ? 0 : method - kMethods + 1);
        s_.methods |= static_cast<std::uint16_t>(1u << bit);
        s_.request_order.add(bit); // has room for every bit
    }

    void field_line(const TextLine& line)
    {
        if (!line.is_whole)
            s_.stat |= kTextCut;
        if (line.text.empty()) {
            end_of_fields();
            return;
        }
        if (line.text[0] == ' ' || line.text[0] == '\t') { // goes on with a field that is full
            s_.stat |= kTextCut;
            return;
        }
        const auto field = header_field(line.text);
        if (!field) {
            if (line.is_whole)
                s_.stat |= kMalformed;
            return;
        }
        const auto is = [&](std::string_view name, std::string_view compact) {
            return same_word(field->name, name) || (!compact.empty() && same_word(field->name, compact));
        };
        if (is("from", "f"))
            keep(kFrom, uri_of(field->value));
        else if (is("to", "t"))
            keep(kTo, uri_of(field->value));
        else if (is("call-id", "i"))
            keep(kCallId, field->value);
        else if (is("contact", "m"))
            keep(kContact, uri_of(field->value));
        else if (is("user-agent", ""))
            keep(kUserAgent, field->value);
        else if (is("x-real-ip", ""))
            keep(kRealIp, field->value);
        else if (is("content-type", "c"))
            s_.is_sdp = begins_with_word(field->value, "application/sdp");
        else if (is("content-length", "l"))
            s_.body_bytes = static_cast<std::uint32_t>(leading_number(field->value, 10, 0x7fffffff).value_or(0));
    }

    // A datagram's body reaches to its end, whatever its length says.
    void end_of_fields()
    {
        const std::uint64_t end = std::uint64_t{s_.place.offset} + s_.body_bytes;
        if (is_datagram_) {
            s_.body_end = static_cast<std::uint32_t>(head_.size());
        } else if (end > kHeadBytes) {
            s_.stat |= kHeadEnded;
            s_.body_end = kHeadBytes;
        } else {
            s_.body_end = static_cast<std::uint32_t>(end);
        }
        if (s_.is_sdp && s_.body_end > s_.place.offset) {
            s_.stat |= kSdp;
            s_.phase = Phase::kSdp;
        } else {
            end_of_message();
        }
    }

    void end_of_message()
    {
        s_.place.offset = s_.body_end;
        s_.phase = s_.body_end >= kHeadBytes ? Phase::kDone : Phase::kStartLine;
    }

    bool sdp_step()
    {
        if (s_.place.offset >= s_.body_end) {
            end_of_message();
            return true;
        }
        StreamView body = head_;
        body.bytes = head_.bytes.first(std::min<std::size_t>(head_.size(), s_.body_end));
        body.complete = head_.complete || head_.size() >= s_.body_end;
        TextLine line;
        if (!take_line(body, &s_.place, &line))
            return false;
        if (line.has_gap)
            s_.stat |= kGap;
        else
            sdp_line(line.text);
        return true;
    }

    void sdp_line(std::string_view line)
    {
        if (line.size() < 2 || line[1] != '=')
            return;
        const char kind = line[0];
        line.remove_prefix(2);
        if (kind == 'o') { // RFC 8866 5.2
            take_word(&line);
            keep(kSession, take_word(&line));
        } else if (kind == 'c') { // 5.7
            take_word(&line);
            take_word(&line);
            address(line.substr(0, line.find('/')));
        } else if (kind == 'm') { // 5.14
            const std::string_view media = take_word(&line);
            const auto port = leading_number(line, 10, 65535);
            if (port && media == "audio")
                media_port(*port, &s_.audio_ports, kAudio);
            else if (port && media == "video")
                media_port(*port, &s_.video_ports, kVideo);
        } else if (kind == 'a' && begins_with_word(line, "rtpmap:")) { // 6.6
            take_word(&line);
            keep(kCodec, take_word(&line));
        }
    }

    void media_port(std::uint64_t port, NumberList<std::uint16_t, 6>* ports, Stat bit)
    {
        if (port == 0) // refused
            return;
        s_.stat |= bit;
        if (!ports->add(static_cast<std::uint16_t>(port)))
            s_.stat |= kMediaCut;
    }

    void address(std::string_view text)
    {
        char name[INET6_ADDRSTRLEN] = "";
        if (text.empty() || text.size() >= sizeof name)
            return;
        std::memcpy(name, text.data(), text.size());
        Address found{};
        found.ip_version = 6;
        if (inet_pton(AF_INET6, name, found.bytes) != 1) {
            found = {};
            found.bytes[10] = found.bytes[11] = 0xff;
            found.ip_version = 4;
            if (inet_pton(AF_INET, name, found.bytes + 12) != 1)
                return;
        }
        for (unsigned i = 0; i < s_.address_count; i++)
            if (std::memcmp(&s_.addresses[i], &found, sizeof found) == 0)
                return;
        if (s_.address_count == kMostAddresses)
            s_.stat |= kMediaCut;
        else
            s_.addresses[s_.address_count++] = found;
    }

    void keep(Text kind, std::string_view text)
    {
        constexpr std::size_t kMost = 127;
        if (text.empty())
            return;
        const Added added = s_.texts.add(kind, text, kMost);
        if (added == Added::kFull)
            s_.stat |= kListCut;
        if (added == Added::kCut)
            s_.stat |= kTextCut;
    }
    static void count(std::uint8_t* counter)
    {
        if (*counter != 0xff)
            ++*counter;
    }

    const StreamView& head_;
    const bool is_datagram_;
    Side& s_;
    std::string folded_; // a field of several lines, in one
};

} // namespace

bool read(const StreamView& head, Side* side)
{
    const bool more = Reader(head, false, side).run();
    if (!(side->stat & kSip))
        *side = {};
    return more;
}

void read_datagram(std::span<const std::uint8_t> bytes, bool is_whole, Side* side)
{
    StreamView head{bytes};
    head.complete = true;
    side->place = {};
    side->phase = Phase::kStartLine;
    Reader(head, true, side).run();
    if (side->phase != Phase::kDone && !is_whole)
        side->stat |= kTextCut;
    // Nothing of this one is left for the next.
    side->place = {};
    side->phase = Phase::kStartLine;
    side->body_bytes = side->body_end = 0;
    side->is_sdp = 0;
}

} // namespace flowxdp::sip
