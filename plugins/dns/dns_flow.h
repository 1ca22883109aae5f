// SPDX-License-Identifier: BSD-2-Clause
// dns_flow.h - what is kept of the DNS messages of one biflow: sums, the first questions and records, response times.
//
// It is the plugin's flow memory: plain bytes, zero at first, of a fixed size. Both directions share the lists, because
// what one of them asks the other one repeats. What does not fit is left out, and a bit of the direction says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "dns_message.h"

namespace flowxdp::dns {

// dnsStat. The lower half is T2's.
enum Status : std::uint32_t {
    kStatDns = 0x0001,         // a message on a DNS port
    kStatSegments = 0x0004,    // TCP: a message came in several segments
    kStatUnfinished = 0x0008,  // a message is not whole in what was captured
    kStatTextCut = 0x0010,     // a name or text was cut
    kStatAny = 0x0020,         // type ANY
    kStatIxfr = 0x0040,        // incremental zone transfer
    kStatAxfr = 0x0080,        // zone transfer
    kStatLong = 0x0100,        // UDP: more than 512 bytes (RFC 1035 2.3.4)
    kStatNotShown = 0x0200,    // a record of a type whose data are not decoded
    kStatQueriesFull = 0x0400, // questions that are not listed
    kStatAnswersFull = 0x0800, // records that are not listed
    kStatLength = 0x1000,      // a name or record longer than its message
    kStatName = 0x2000,        // a compression pointer that leads not backwards, or a label that nobody uses
    kStatShort = 0x4000,       // a message shorter than a header
    kStatCorrupt = 0x8000,     // TCP: bytes are missing, or it is not DNS; what follows is not decoded
    kStatTextFull = 0x10000,   // a name or text is not listed: no room
    kStatOpenFull = 0x20000,   // more queries without an answer than are remembered
    kStatLater = 0x40000,      // UDP: packets behind the first ones of the option; TCP: bytes behind the head
};

// How a message came.
struct Arrival {
    std::int64_t ts_ns;
    std::uint8_t direction;
    bool datagram; // UDP
    bool whole;    // false: its end was not captured
};

class FlowMessages {
  public:
    static constexpr std::size_t kMostQueries = 32, kMostRecords = 24, kMostOpen = 10, kTextBytes = 784;
    static constexpr std::size_t kMostText = 128; // bytes of TXT that are kept of a record

    struct Sums {
        std::uint32_t status;
        std::uint32_t queries, responses;                      // messages
        std::uint32_t entries[4];                              // sums of the four counts of the headers
        std::uint32_t response_bytes, response_question_bytes; // of responses: all, and header with questions
        std::uint32_t stream_offset;                           // TCP: where the next message begins
        std::uint32_t answered;                                // responses that have their query in this flow
        std::uint16_t last_flags, opcodes, codes;              // the newest header's flags; sets of opcodes and codes
        std::uint8_t flags, pad;                               // QR, AA, TC, RD, RA, Z, AD, CD, or-ed
        std::int64_t fastest_ns, slowest_ns, total_ns;         // of the answered ones
    };
    struct Query {
        std::uint16_t name, type, class_code;
        std::uint8_t direction, pad;
    };
    struct Answer {
        std::uint32_t ttl;
        std::uint16_t name, text, type, class_code;
        union Data {
            std::uint8_t address[16]; // A (4 bytes), AAAA
            struct Service {
                std::uint16_t preference, weight, port;
            } service;             // MX: preference; SRV: priority, weight, port
            std::uint32_t options; // OPT
        } data;
    };

    // Takes in a message of a direction; false when it breaks a rule.
    bool add(Bytes message, const Arrival& arrival);

    [[nodiscard]] Sums& sums(unsigned direction) { return sums_[direction]; }
    [[nodiscard]] const Sums& sums(unsigned direction) const { return sums_[direction]; }
    [[nodiscard]] std::size_t query_count() const { return query_count_; }
    [[nodiscard]] const Query& query(std::size_t i) const { return queries_[i]; }
    [[nodiscard]] std::size_t answer_count() const { return answer_count_; }
    [[nodiscard]] const Answer& answer(std::size_t i) const { return answers_[i]; }
    [[nodiscard]] unsigned answer_direction(std::size_t i) const { return answer_directions_ >> i & 1u; }
    // Updates and inverse queries have A records without one (RFC 2136 2.5, RFC 1035 6.4).
    [[nodiscard]] bool has_address(std::size_t i) const { return (answer_addresses_ >> i & 1u) != 0; }
    // The text of a reference of Query or Answer.
    [[nodiscard]] std::string_view text(std::uint16_t reference) const;

  private:
    struct Open {
        std::int64_t ts_ns;
        std::uint16_t id;
        std::uint8_t used, direction;
    };

    std::uint16_t keep_text(std::string_view text, Sums* sums);
    std::uint16_t keep_name(const Text& name, Sums* sums);
    void add_questions(MessageReader* reader, unsigned direction, Sums* sums);
    void add_records(MessageReader* reader, unsigned direction, Sums* sums);
    void match(const Header& header, const Arrival& arrival, Sums* sums);

    Sums sums_[2];
    Open open_[kMostOpen];
    Query queries_[kMostQueries];
    Answer answers_[kMostRecords];
    std::uint32_t answer_directions_, answer_addresses_; // a bit for each answer
    std::uint16_t query_count_, answer_count_, text_used_;
    std::uint8_t next_open_;
    [[maybe_unused]] std::uint8_t pad_;
    char texts_[kTextBytes]; // a length and as many bytes, one after the other; a reference is where it begins, plus 1
};
static_assert(std::is_trivially_copyable_v<FlowMessages>);
static_assert(sizeof(FlowMessages) == 2048, "bytes a flow");

} // namespace flowxdp::dns
