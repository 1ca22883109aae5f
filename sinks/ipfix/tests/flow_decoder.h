// SPDX-License-Identifier: BSD-2-Clause
// flow_decoder.h - a collector for the tests, written from RFC 3954 and RFC 7011 alone: it shares nothing with the
// encoder and accepts nothing that is not exactly right.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace flowxdp::test {

// (enterprise number, element) -> the field's octets. v9 scope fields have enterprise number kScopePen.
constexpr std::uint32_t kScopePen = 0xffffffff;
using FieldKey = std::pair<std::uint32_t, std::uint16_t>;

struct DecodedRecord {
    std::uint32_t domain = 0;
    std::uint16_t template_id = 0;
    bool options = false;
    std::map<FieldKey, std::vector<std::uint8_t>> fields;
    std::vector<FieldKey> order;

    [[nodiscard]] bool has(std::uint16_t element, std::uint32_t pen = 0) const
    {
        return fields.count({pen, element}) != 0;
    }
    // Big-endian value of a field; throws std::out_of_range when the record has none.
    [[nodiscard]] std::uint64_t number(std::uint16_t element, std::uint32_t pen = 0) const;
    [[nodiscard]] const std::vector<std::uint8_t>& octets(std::uint16_t element, std::uint32_t pen = 0) const
    {
        return fields.at({pen, element});
    }
};

struct DecodedMessage {
    unsigned version = 0;
    std::uint32_t uptime_ms = 0; // v9
    std::uint32_t seconds = 0, sequence = 0, domain = 0;
    std::size_t templates = 0, options_templates = 0;
    std::vector<DecodedRecord> records;
};

class FlowDecoder {
  public:
    bool gaps_allowed = false; // numbers that are missing are counted then, not an error
    std::uint64_t missing = 0; // IPFIX: data records, v9: packets

    // One message, which must fill the octets to the last. Throws std::runtime_error, saying what is wrong, also when a
    // sequence number is not the one that follows.
    DecodedMessage decode(std::span<const std::uint8_t> message);
    // IPFIX messages one behind the other.
    std::vector<DecodedMessage> decode_stream(std::span<const std::uint8_t> stream);

  private:
    struct Field {
        std::uint32_t pen;
        std::uint16_t element;
        std::uint16_t length;
    };
    struct Shape {
        bool options;
        std::vector<Field> fields;
    };
    class Reader;

    void read_template(Reader* set, std::uint32_t domain, bool options, unsigned version, DecodedMessage* out);
    DecodedRecord read_record(Reader* set, std::uint32_t domain, std::uint16_t id, const Shape& shape);
    void check_sequence(const DecodedMessage& message);

    std::map<std::pair<std::uint32_t, std::uint16_t>, Shape> shapes_;
    std::map<std::uint32_t, std::uint32_t> next_sequence_;
};

} // namespace flowxdp::test
