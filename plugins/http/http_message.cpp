// SPDX-License-Identifier: BSD-2-Clause
#include "http_message.h"

#include "text_protocol/header_field.h"

namespace flowxdp::http {

namespace {

constexpr std::size_t kMostMethod = 20;      // bytes of a method's name
constexpr std::size_t kMostStartLine = 8192; // bytes until a line that may begin a message must have ended
constexpr std::string_view kVersion = "HTTP/";
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0";

enum class Begin : std::uint8_t { kNo, kUnclear, kRequest, kResponse };

constexpr bool is_version(std::string_view text)
{
    return text.size() == 8 && text.substr(0, 5) == kVersion && is_digit(text[5]) && text[6] == '.' &&
           is_digit(text[7]);
}

// Whether a message may begin with these bytes. Lower-case methods are none (RFC 9110 9.1), so most other protocols are
// told apart by their first byte.
Begin begin_of(std::string_view bytes)
{
    if (bytes.substr(0, kVersion.size()) == kVersion.substr(0, bytes.size()))
        return bytes.size() < kVersion.size() ? Begin::kUnclear : Begin::kResponse;
    for (std::size_t i = 0; i < bytes.size(); i++) {
        if (bytes[i] == ' ') {
            if (i < 3)
                return Begin::kNo;
            if (i + 1 == bytes.size())
                return Begin::kUnclear;
            return bytes[i + 1] >= ' ' ? Begin::kRequest : Begin::kNo; // several blanks: some servers take them
        }
        if (!((bytes[i] >= 'A' && bytes[i] <= 'Z') || bytes[i] == '-' || bytes[i] == '_') || i == kMostMethod)
            return Begin::kNo;
    }
    return Begin::kUnclear;
}

struct StartLine {
    std::string_view method, target, version;
    std::uint16_t status = 0;
};

// A request line, or a status line. Nothing when it is neither.
std::optional<StartLine> start_line(std::string_view line)
{
    StartLine out;
    if (is_version(line.substr(0, 8)) && (line.size() == 8 || line[8] == ' ')) {
        std::string_view rest = trimmed(line.substr(8));
        const auto status = leading_number(rest, 10, 999);
        if (!status || *status < 100 || (rest.size() > 3 && rest[3] != ' '))
            return std::nullopt;
        out.version = line.substr(0, 8);
        out.status = static_cast<std::uint16_t>(*status);
        return out;
    }
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || !is_version(line.substr(last + 1)))
        return std::nullopt;
    out.method = line.substr(0, first);
    out.target = trimmed(line.substr(first + 1, last - first - 1));
    out.version = line.substr(last + 1);
    if (begin_of(line.substr(0, kMostMethod + 2)) != Begin::kRequest || out.target.empty())
        return std::nullopt;
    return out;
}

// A request line whose end is not there: a method of T2's list and the beginning of a target prove it.
std::optional<StartLine> cut_request_line(std::string_view line)
{
    for (const std::string_view method : kMethods) {
        if (line.size() < method.size() + 2 || line.substr(0, method.size()) != method || line[method.size()] != ' ')
            continue;
        const std::string_view target = line.substr(method.size() + 1);
        if (target[0] == '/' || begins_with_word(target, "http://"))
            return StartLine{method, target.substr(0, std::min(target.find(' '), target.find('\0'))), {}, 0};
    }
    return std::nullopt;
}

bool is_ipv4(std::string_view host)
{
    host = host.substr(0, host.find(':'));
    unsigned parts = 0;
    while (true) {
        const std::size_t dot = std::min(host.find('.'), host.size());
        const std::string_view part = host.substr(0, dot);
        const auto number = leading_number(part, 10, 255);
        if (!number || part.size() > 3 || !std::all_of(part.begin(), part.end(), is_digit))
            return false;
        parts++;
        if (dot == host.size())
            return parts == 4;
        host.remove_prefix(dot + 1);
    }
}

// Bits of httpHeadMimes, from bit 0 (T2).
constexpr std::string_view kMimeTypes[] = {"application/", "audio/",     "image/", "message/",
                                           "model/",       "multipart/", "text/",  "video/"};
std::uint16_t mime_bit(std::string_view type)
{
    std::uint16_t bits = 0;
    for (unsigned i = 0; i < std::size(kMimeTypes); i++)
        if (begins_with_word(type, kMimeTypes[i]))
            bits = static_cast<std::uint16_t>(1u << i);
    const std::string_view subtype = type.substr(std::min(type.find('/'), type.size()));
    if (begins_with_word(subtype, "/vnd."))
        bits |= 0x0100;
    if (begins_with_word(subtype, "/x-pkcs"))
        bits |= 0x0400;
    else if (begins_with_word(subtype, "/x-") || begins_with_word(type, "x-"))
        bits |= 0x0200;
    return bits ? bits : static_cast<std::uint16_t>(0x8000);
}

// Reads on in one direction.
class Reader {
  public:
    Reader(const StreamView& head, const Side& other, Side* side) : head_(head), other_(other), s_(*side) {}

    bool run()
    {
        while (s_.phase != Phase::kDone && step()) {
        }
        if (head_.complete && s_.phase != Phase::kDone) {
            // Between two messages nothing is missing, nor at a body that reaches the end.
            const bool between = s_.phase == Phase::kStartLine && s_.place.offset == head_.size();
            if ((s_.stat & kHttp) && !between && s_.phase != Phase::kSeek && !head_response())
                s_.stat |= kHeadEnded;
            s_.phase = Phase::kDone;
        }
        const bool more = s_.phase != Phase::kDone;
        if (!(s_.stat & kHttp))
            s_ = {};
        return more;
    }

  private:
    // Goes one line or body on. Returns false when more bytes are needed.
    bool step()
    {
        switch (s_.phase) {
        case Phase::kStart:
            return prove();
        case Phase::kStartLine:
            return begin_message();
        case Phase::kBodyStart:
            return begin_body();
        case Phase::kDone:
            return false;
        default:
            break;
        }
        TextLine line;
        if (!take_line(head_, &s_.place, &line))
            return false;
        if (line.has_gap)
            s_.stat |= kGap;
        switch (s_.phase) {
        case Phase::kFields:
        case Phase::kTrailer:
            field_line(line);
            break;
        case Phase::kChunkSize:
            chunk_size(line);
            break;
        case Phase::kChunkEnd:
            s_.phase = line.text.empty() && !line.has_gap ? Phase::kChunkSize : Phase::kSeek;
            break;
        default:
            seek(line);
            break;
        }
        return true;
    }

    bool prove()
    {
        if (head_.size() && head_.has_gap(0, 1)) {
            // Nothing proves it here, but what the other direction sent.
            if (other_.stat & kHttp) {
                s_.stat |= kHttp | kGap;
                s_.phase = Phase::kSeek;
            } else {
                s_.phase = Phase::kDone;
            }
            return s_.phase == Phase::kSeek;
        }
        const std::string_view bytes = head_.text(0, kMostStartLine);
        const Begin begin = bytes.empty() ? Begin::kUnclear : begin_of(bytes.substr(0, kMostMethod + 2));
        const std::size_t end = bytes.find('\n');
        const bool ended = end != std::string_view::npos;
        if (begin == Begin::kNo || (begin == Begin::kUnclear && (ended || head_.complete))) {
            s_.phase = Phase::kDone;
            return false;
        }
        if (!ended && !head_.complete && bytes.size() < kMostStartLine)
            return false;
        std::string_view line = bytes.substr(0, end);
        if (!line.empty() && line.back() == '\r')
            line.remove_suffix(1);
        const bool has_gap = head_.has_gap(0, ended ? end + 1 : bytes.size());
        if (!(ended && !has_gap ? start_line(line) : cut_request_line(line))) {
            s_.phase = Phase::kDone;
            return false;
        }
        s_.stat |= kHttp | (head_.from_start ? 0 : kNoStart);
        s_.phase = Phase::kStartLine;
        return true;
    }

    // The next message, if there is one. After CONNECT and the like another protocol may stand here.
    bool begin_message()
    {
        const std::string_view bytes = head_.text(s_.place.offset, kMostMethod + 2);
        if (bytes.empty())
            return false;
        if (bytes[0] == '\r' || bytes[0] == '\n') { // RFC 9112 2.2
            TextLine line;
            if (!take_line(head_, &s_.place, &line))
                return false;
            if (!line.text.empty())
                s_.phase = Phase::kSeek;
            return true;
        }
        const Begin begin = begin_of(bytes);
        if (begin == Begin::kUnclear) // complete: the head ended within a message
            return false;
        if (begin == Begin::kNo && !head_.has_gap(s_.place.offset, s_.place.offset + 1)) {
            if ((s_.methods & kConnect) || (other_.stat & kUpgraded)) {
                s_.stat |= kUpgraded;
                s_.phase = Phase::kDone;
                return false;
            }
            s_.stat |= kNotHttp;
            s_.phase = Phase::kSeek;
            return true;
        }
        TextLine line;
        const bool is_first = s_.place.offset == 0;
        if (!take_line(head_, &s_.place, &line))
            return false;
        const bool is_sound = line.is_whole && !line.has_gap;
        if (line.has_gap)
            s_.stat |= kGap;
        if (!line.is_whole)
            s_.stat |= kHeadEnded;
        if (const auto start = is_sound ? start_line(line.text) : cut_request_line(line.text)) {
            if (line.text.substr(0, kHttp2Preface.size()) == kHttp2Preface) {
                s_.stat |= kUpgraded;
                s_.phase = Phase::kDone;
                return false;
            }
            message(*start);
            if (!is_sound)
                s_.stat |= kTextCut;
            return true;
        }
        if (is_sound) {
            s_.anomalies |= kParseError;
            s_.phase = Phase::kSeek;
        } else {
            s_.is_response = is_first ? 0 : s_.is_response;
            open_message();
        }
        return true;
    }

    void seek(const TextLine& line)
    {
        if (line.has_gap || !line.is_whole)
            return;
        if (const auto start = start_line(line.text))
            message(*start);
    }

    void open_message()
    {
        s_.phase = Phase::kFields;
        s_.body_bytes = 0;
        s_.is_chunked = s_.has_length = s_.without_body = 0;
        s_.status = 0;
    }

    void message(const StartLine& start)
    {
        open_message();
        if (start.version == "HTTP/1.0")
            s_.anomalies |= kHttp10;
        s_.is_response = start.status != 0;
        if (start.status) {
            s_.status = start.status;
            count(&s_.responses);
            if (!s_.codes.add(start.status))
                s_.stat |= kListCut;
            s_.without_body = start.status < 200 || start.status == 204 || start.status == 304;
            return;
        }
        count(&s_.requests);
        const auto* method = std::find(std::begin(kMethods), std::end(kMethods), start.method);
        if (method == std::end(kMethods))
            s_.stat |= kOtherMethod;
        else
            s_.methods |= static_cast<std::uint8_t>(1u << (method - kMethods));
        if (start.method == "GET")
            count(&s_.gets);
        if (start.method == "POST") {
            count(&s_.posts);
            if (start.target.find('?') != std::string_view::npos)
                s_.anomalies |= kPostQuery;
        }
        keep(kUrl, start.target);
    }

    void field_line(const TextLine& line)
    {
        if (line.has_gap)
            return;
        if (line.text.empty() && line.is_whole) {
            if (s_.phase == Phase::kTrailer)
                s_.phase = Phase::kStartLine;
            else
                end_of_fields();
            return;
        }
        if (line.text.empty() || line.text[0] == ' ' || line.text[0] == '\t') // folded (RFC 9112 5.2)
            return;
        const auto field = header_field(line.text);
        if (!field) {
            if (!line.is_whole)
                return;
            if (!(s_.stat & kGap))
                s_.anomalies |= kParseError;
            else if (const auto start = start_line(line.text)) // the gap took more than a part of a header
                message(*start);
            return;
        }
        if (!line.is_whole)
            s_.stat |= kTextCut;
        if (field->value.empty())
            s_.anomalies |= kEmptyField;
        known_field(*field);
    }

    void known_field(const HeaderField& field)
    {
        struct Known {
            std::string_view name;
            Text text;
        };
        static constexpr Known kTexts[] = {{"host", kHost},
                                           {"content-type", kMime},
                                           {"user-agent", kUserAgent},
                                           {"x-forwarded-for", kForwardedFor},
                                           {"referer", kReferer},
                                           {"via", kVia},
                                           {"location", kLocation},
                                           {"server", kServer},
                                           {"x-powered-by", kPoweredBy}};
        for (const Known& known : kTexts)
            if (same_word(field.name, known.name) && !field.value.empty())
                keep(known.text, field.value);
        if (same_word(field.name, "host") && is_ipv4(field.value))
            s_.anomalies |= kHostIsIpv4;
        else if (same_word(field.name, "content-type") && !field.value.empty())
            s_.mimes |= mime_bit(field.value);
        else if (same_word(field.name, "x-xss-protection"))
            s_.anomalies |= kXssProtection;
        else if (same_word(field.name, "content-security-policy"))
            s_.anomalies |= kContentPolicy;
        else if (same_word(field.name, "dnt") && field.value == "1")
            s_.anomalies |= kDoNotTrack;
        else if (same_word(field.name, "transfer-encoding")) {
            // The last coding of a message says how it ends (RFC 9112 6.1).
            s_.is_chunked = field.value.size() >= 7 && same_word(field.value.substr(field.value.size() - 7), "chunked");
        } else if (same_word(field.name, "content-length")) {
            const auto length = leading_number(field.value);
            if (!length)
                s_.anomalies |= kParseError;
            s_.has_length = length.has_value();
            s_.body_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(length.value_or(0), 0x7fffffff));
        }
    }

    void end_of_fields()
    {
        if (s_.status == 101 || (s_.is_response && (other_.methods & kConnect) && s_.status / 100 == 2)) {
            s_.stat |= kUpgraded;
            s_.phase = Phase::kDone;
            return;
        }
        if (s_.is_chunked)
            s_.stat |= kChunked;
        const bool ends_with_connection = s_.is_response && !s_.has_length && s_.status;
        if (s_.without_body || (!s_.is_chunked && !ends_with_connection && !s_.body_bytes))
            s_.phase = Phase::kStartLine;
        else
            s_.phase = Phase::kBodyStart;
    }

    // A response to HEAD has a length and no body: the next one, or nothing, stands in its place.
    bool begin_body()
    {
        static constexpr std::size_t kProof = 7; // HTTP/1.
        const std::size_t expected = s_.has_length && !s_.is_chunked ? s_.body_bytes : kProof;
        const std::string_view bytes = head_.text(s_.place.offset, std::min(kProof, expected));
        if (bytes.size() < std::min(kProof, expected) && !head_.complete)
            return false;
        const bool may_answer_head = s_.is_response && ((other_.methods & kHead) || !(other_.stat & kHttp));
        if (may_answer_head && bytes.substr(0, kProof) == "HTTP/1.") {
            s_.phase = Phase::kStartLine;
            return true;
        }
        if (bytes.empty()) // complete, and a body of no bytes
            return false;
        if (s_.is_chunked) {
            s_.phase = Phase::kChunkSize;
            return true;
        }
        if (bytes.substr(0, 2) == "MZ")
            s_.anomalies |= kExe;
        if (bytes.substr(0, 4) == "\x7f"
                                  "ELF")
            s_.anomalies |= kElf;
        if (!s_.has_length) { // until the connection ends
            s_.phase = Phase::kDone;
            return false;
        }
        skip(s_.body_bytes, Phase::kStartLine);
        return true;
    }

    void chunk_size(const TextLine& line)
    {
        const auto size = line.has_gap ? std::nullopt : leading_number(trimmed(line.text), 16);
        if (!size) {
            if (!line.has_gap)
                s_.anomalies |= kParseError;
            s_.phase = Phase::kSeek;
        } else if (*size == 0) {
            s_.phase = Phase::kTrailer;
        } else {
            skip(*size, Phase::kChunkEnd);
        }
    }

    // Nothing is to be learned of a direction whose head ends within a body.
    void skip(std::uint64_t bytes, Phase next)
    {
        if (s_.place.offset + bytes > kHeadBytes) {
            s_.stat |= kHeadEnded;
            s_.phase = Phase::kDone;
            return;
        }
        s_.place.offset += static_cast<std::uint32_t>(bytes);
        s_.phase = next;
    }

    [[nodiscard]] bool head_response() const
    {
        return s_.phase == Phase::kBodyStart && s_.place.offset == head_.size() &&
               (!s_.has_length || (other_.methods & kHead));
    }

    void keep(Text kind, std::string_view text)
    {
        const std::size_t most =
            kind == kUrl || kind == kUserAgent || kind == kLocation || kind == kReferer ? 255 : 127;
        const Added added = s_.texts.add(kind, text, most);
        if (added == Added::kFull)
            s_.stat |= kListCut;
        if (added == Added::kCut)
            s_.stat |= kTextCut;
    }
    static void count(std::uint16_t* counter)
    {
        if (*counter != 0xffff)
            ++*counter;
    }

    const StreamView& head_;
    const Side& other_;
    Side& s_;
};

} // namespace

bool read(const StreamView& head, const Side& other, Side* side)
{
    return Reader(head, other, side).run();
}

} // namespace flowxdp::http
