// SPDX-License-Identifier: BSD-2-Clause
// dns_message.h - one DNS message (RFC 1035): header, names with compression, questions, resource records.
//
// Nothing here allocates, and nothing is believed: an offset is checked before it is used, a pointer must lead
// backwards, and a message that breaks a rule gives what stood before the break, with the fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace flowxdp::dns {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kMostNameBytes = 255; // of a name in a message, lengths and root included (RFC 1035 2.3.4)

// Record types that are decoded (IANA's registry of DNS parameters).
enum Type : std::uint16_t {
    kTypeA = 1,
    kTypeNs = 2,
    kTypeCname = 5,
    kTypeSoa = 6,
    kTypePtr = 12,
    kTypeMx = 15,
    kTypeTxt = 16,
    kTypeAaaa = 28,
    kTypeSrv = 33,
    kTypeDname = 39,
    kTypeOpt = 41,
    kTypeSvcb = 64,
    kTypeHttps = 65,
    kTypeSpf = 99,
    kTypeIxfr = 251,
    kTypeAxfr = 252,
    kTypeAny = 255,
};

// What a message did wrong.
enum class Fault : std::uint8_t {
    kNone,
    kEnd,     // a name or record goes on behind the end of the message, or of its own length
    kPointer, // a compression pointer does not lead backwards
    kLabel,   // a label of a type that nobody uses (RFC 6891 5), or a name of more than 255 bytes
};

struct Header {
    static constexpr std::uint16_t kResponse = 0x8000;
    std::uint16_t id;
    std::uint16_t flags; // the whole field: QR, opcode, AA, TC, RD, RA, Z, AD, CD, code
    std::uint16_t questions, answers, authorities, additionals;

    [[nodiscard]] bool is_response() const { return (flags & kResponse) != 0; }
    [[nodiscard]] unsigned opcode() const { return (flags >> 11) & 15u; }
    [[nodiscard]] unsigned code() const { return flags & 15u; }
};

// Text of at most kMost bytes; what does not fit is left out, and cut() says so.
class Text {
  public:
    static constexpr std::size_t kMost = 255;

    void clear()
    {
        length_ = 0;
        cut_ = false;
    }
    // All of it or nothing.
    void append(std::string_view bytes);
    // As much of it as fits.
    void append_start(std::string_view bytes);
    [[nodiscard]] std::string_view view() const { return {bytes_, length_}; }
    [[nodiscard]] bool cut() const { return cut_; }

  private:
    char bytes_[kMost];
    std::uint8_t length_ = 0;
    bool cut_ = false;
};

/*
 * Reads the name at *offset and moves *offset behind it. The text has dots between labels and none at its end; the root
 * is
 * ".". A dot or backslash inside a label has a backslash before it, and bytes that are neither printable nor UTF-8 are
 * \DDD (RFC 1035 5.1, RFC 4343 2.1; mDNS names are UTF-8, RFC 6762 16). With a fault, *offset is undefined and the text
 * has the labels before it.
 */
Fault read_name(Bytes message, std::size_t* offset, Text* text);

struct Question {
    Text name;
    std::uint16_t type, class_code;
};

struct Record {
    Text name;
    std::uint16_t type, class_code;
    std::uint32_t ttl;     // seconds; of OPT the extended code, version and flags (RFC 6891 6.1.3)
    std::uint8_t data[16]; // A: 4 bytes, AAAA: 16 bytes
    bool has_address;
    std::uint16_t preference;   // MX; SRV, SVCB and HTTPS: priority
    std::uint16_t weight, port; // SRV
    Text text;  // NS, CNAME, PTR, DNAME, MX, SRV, SVCB, HTTPS: a name; SOA: the primary server; TXT, SPF: the strings
    bool shown; // the type is one of Type
};

// Goes through a message once: header, then questions, then the records of all three sections in order.
class MessageReader {
  public:
    // Nothing when there is no whole header.
    static std::optional<MessageReader> open(Bytes message);

    [[nodiscard]] const Header& header() const { return header_; }
    // False: there are no more of them, or fault() is set; what was read of the last one is in *question.
    bool next_question(Question* question);
    bool next_record(Record* record);
    [[nodiscard]] Fault fault() const { return fault_; }
    // Bytes up to here.
    [[nodiscard]] std::size_t offset() const { return offset_; }

  private:
    MessageReader(Bytes message, const Header& header)
        : message_(message), header_(header), questions_(header.questions),
          records_(std::uint32_t{header.answers} + header.authorities + header.additionals)
    {
    }
    bool failed(Fault fault);
    Fault read_data(std::size_t at, std::size_t end, Record* record) const;

    Bytes message_;
    Header header_;
    std::size_t offset_ = kHeaderBytes;
    std::uint32_t questions_, records_;
    Fault fault_ = Fault::kNone;
};

} // namespace flowxdp::dns
