// SPDX-License-Identifier: BSD-2-Clause
// message.h - one NetFlow v9 export packet or IPFIX message: header, sets, padding, sequence number.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "information_element.h"

namespace flowxdp::ipfix {

inline constexpr std::size_t kLargestMessage = 65535; // the header's 16-bit length
inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// A finished message. Its sequence number is stamped when it is sent, because a message that waits for a new TCP
// connection belongs to the new session and is counted there.
struct Message {
    std::vector<std::uint8_t> octets;
    Protocol protocol = Protocol::kIpfix;
    std::uint32_t domain = 0;        // Observation Domain Id, v9 Source Id
    std::uint32_t sequence_step = 0; // v9: 1; IPFIX: data records, options records included (RFC 7011 3.1)
    std::uint32_t flow_records = 0;  // without options records
    std::uint32_t rows = 0;          // of the sink: a biflow record takes two
    std::int64_t clock_ns = 0;       // export time, ns since the epoch
};

// Sequence numbers of one transport session, one for each Observation Domain.
class SequenceNumbers {
  public:
    // Writes the domain's number into the message and adds the message's step. Modulo 2^32.
    void stamp(Message* message);
    void reset() { next_.clear(); }
    [[nodiscard]] std::uint32_t next(std::uint32_t domain) const
    {
        const auto found = next_.find(domain);
        return found == next_.end() ? 0 : found->second;
    }
    void go_on_at(std::uint32_t domain, std::uint32_t next) { next_[domain] = next; }

  private:
    std::map<std::uint32_t, std::uint32_t> next_;
};

// What a record adds to the header's count and to the sequence number.
enum class RecordKind : std::uint8_t { kTemplate, kOptions, kFlow };

// Gathers records by set until the next one would not fit.
class MessageBuilder {
  public:
    // limit: octets of the largest message, header included.
    MessageBuilder(Protocol protocol, std::uint32_t domain, std::size_t limit);

    // True when the record fits with its set's header and padding.
    [[nodiscard]] bool fits(std::uint16_t set_id, std::size_t octets) const;
    // Precondition: fits(), or the builder is empty. Records of one set id share a set, options templates excepted:
    // some collectors read only the first of a set.
    void add(std::uint16_t set_id, RecordKind kind, std::span<const std::uint8_t> record, std::uint32_t rows);

    [[nodiscard]] bool empty() const { return sets_.empty(); }
    // Flow records in the set so far.
    [[nodiscard]] std::uint32_t records_of(std::uint16_t set_id) const;
    // The message with a zero sequence number; the builder is empty afterwards.
    // clock_ns: export time, ns since the epoch. uptime_ms: v9 sysUptime, ignored by IPFIX.
    Message take(std::int64_t clock_ns, std::uint32_t uptime_ms);

    // Octets a record may have at most in a message of `limit` octets.
    static std::size_t largest_record(Protocol protocol, std::size_t limit);

  private:
    struct Set {
        std::uint16_t id;
        std::uint32_t records;
        std::vector<std::uint8_t> octets;
    };
    [[nodiscard]] std::size_t set_octets(std::size_t content) const;
    [[nodiscard]] bool shares_set(std::uint16_t set_id) const;

    Protocol protocol_;
    std::uint32_t domain_;
    std::size_t limit_;
    std::size_t used_;
    std::vector<Set> sets_;
    std::uint32_t records_ = 0, data_records_ = 0, flow_records_ = 0, rows_ = 0;
};

} // namespace flowxdp::ipfix
