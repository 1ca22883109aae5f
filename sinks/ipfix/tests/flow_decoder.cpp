// SPDX-License-Identifier: BSD-2-Clause
#include "flow_decoder.h"

#include <stdexcept>

namespace flowxdp::test {

namespace {

[[noreturn]] void wrong(const std::string& what)
{
    throw std::runtime_error(what);
}

} // namespace

class FlowDecoder::Reader {
  public:
    explicit Reader(std::span<const std::uint8_t> octets) : octets_(octets) {}
    [[nodiscard]] std::size_t left() const { return octets_.size() - at_; }
    std::span<const std::uint8_t> take(std::size_t count)
    {
        if (count > left())
            wrong("needs " + std::to_string(count) + " octets, has " + std::to_string(left()));
        at_ += count;
        return octets_.subspan(at_ - count, count);
    }
    std::uint32_t number(std::size_t count)
    {
        std::uint32_t value = 0;
        for (const std::uint8_t octet : take(count))
            value = value << 8 | octet;
        return value;
    }

  private:
    std::span<const std::uint8_t> octets_;
    std::size_t at_ = 0;
};

std::uint64_t DecodedRecord::number(std::uint16_t element, std::uint32_t pen) const
{
    std::uint64_t value = 0;
    for (const std::uint8_t octet : octets(element, pen))
        value = value << 8 | octet;
    return value;
}

void FlowDecoder::read_template(Reader* set, std::uint32_t domain, bool options, unsigned version, DecodedMessage* out)
{
    const auto id = static_cast<std::uint16_t>(set->number(2));
    if (id < 256)
        wrong("template id " + std::to_string(id) + " below 256");
    std::size_t fields = 0, scopes = 0;
    if (version == 9 && options) {
        const std::uint32_t scope_octets = set->number(2);
        const std::uint32_t option_octets = set->number(2);
        if (scope_octets % 4 != 0 || option_octets % 4 != 0)
            wrong("v9 options template lengths are not multiples of 4");
        scopes = scope_octets / 4;
        fields = scopes + option_octets / 4;
    } else {
        fields = set->number(2);
        if (options)
            scopes = set->number(2);
    }
    if (options ? scopes == 0 || scopes >= fields : fields == 0)
        wrong("template " + std::to_string(id) + " has " + std::to_string(fields) + " fields, " +
              std::to_string(scopes) + " of scope");
    Shape shape{options, {}};
    for (std::size_t i = 0; i < fields; i++) {
        auto element = static_cast<std::uint16_t>(set->number(2));
        const auto length = static_cast<std::uint16_t>(set->number(2));
        std::uint32_t pen = 0;
        if (version == 10 && (element & 0x8000) != 0) {
            element &= 0x7fff;
            pen = set->number(4);
            if (pen == 0)
                wrong("enterprise number 0");
        }
        if (version == 9 && length == 65535)
            wrong("variable length in v9");
        if (version == 9 && i < scopes)
            pen = kScopePen;
        shape.fields.push_back({pen, element, length});
    }
    out->templates += !options;
    out->options_templates += options;
    shapes_[{domain, id}] = shape;
}

DecodedRecord FlowDecoder::read_record(Reader* set, std::uint32_t domain, std::uint16_t id, const Shape& shape)
{
    DecodedRecord record;
    record.domain = domain;
    record.template_id = id;
    record.options = shape.options;
    for (const Field& field : shape.fields) {
        std::size_t length = field.length;
        if (length == 65535) {
            length = set->number(1);
            if (length == 255)
                length = set->number(2);
        }
        const auto octets = set->take(length);
        if (!record.fields.emplace(FieldKey{field.pen, field.element}, std::vector(octets.begin(), octets.end()))
                 .second)
            wrong("element " + std::to_string(field.element) + " twice");
        record.order.emplace_back(field.pen, field.element);
    }
    return record;
}

void FlowDecoder::check_sequence(const DecodedMessage& message)
{
    const auto known = next_sequence_.find(message.domain);
    if (known != next_sequence_.end() && gaps_allowed && message.sequence >= known->second)
        missing += message.sequence - known->second;
    else if (known != next_sequence_.end() && known->second != message.sequence)
        wrong("sequence " + std::to_string(message.sequence) + ", expected " + std::to_string(known->second));
    next_sequence_[message.domain] =
        message.sequence + (message.version == 9 ? 1 : static_cast<std::uint32_t>(message.records.size()));
}

DecodedMessage FlowDecoder::decode(std::span<const std::uint8_t> octets)
{
    Reader in(octets);
    DecodedMessage message;
    message.version = in.number(2);
    const std::uint32_t count_or_length = in.number(2);
    if (message.version == 9)
        message.uptime_ms = in.number(4);
    else if (message.version != 10)
        wrong("version " + std::to_string(message.version));
    else if (count_or_length != octets.size())
        wrong("length " + std::to_string(count_or_length) + " of " + std::to_string(octets.size()) + " octets");
    message.seconds = in.number(4);
    message.sequence = in.number(4);
    message.domain = in.number(4);
    const bool v9 = message.version == 9;
    while (in.left() != 0) {
        const auto id = static_cast<std::uint16_t>(in.number(2));
        const std::uint32_t length = in.number(2);
        if (length < 5)
            wrong("set of " + std::to_string(length) + " octets");
        if (v9 && length % 4 != 0)
            wrong("v9 set not padded to 32 bits");
        Reader set(in.take(length - 4));
        if (id == (v9 ? 0 : 2) || id == (v9 ? 1 : 3)) {
            while (set.left() >= 6)
                read_template(&set, message.domain, id == (v9 ? 1 : 3), message.version, &message);
        } else {
            const auto shape = shapes_.find({message.domain, id});
            if (shape == shapes_.end())
                wrong("data set " + std::to_string(id) + " before its template");
            std::size_t shortest = 0;
            for (const Field& field : shape->second.fields)
                shortest += field.length == 65535 ? 1 : field.length;
            while (set.left() >= shortest)
                message.records.push_back(read_record(&set, message.domain, id, shape->second));
        }
        if (set.left() >= (v9 ? 4u : 1u))
            wrong(std::to_string(set.left()) + " octets behind the last record of set " + std::to_string(id));
        while (set.left() != 0)
            if (set.number(1) != 0)
                wrong("padding is not zero");
    }
    if (v9 && count_or_length != message.records.size() + message.templates + message.options_templates)
        wrong("v9 count " + std::to_string(count_or_length));
    check_sequence(message);
    return message;
}

std::vector<DecodedMessage> FlowDecoder::decode_stream(std::span<const std::uint8_t> stream)
{
    std::vector<DecodedMessage> messages;
    while (!stream.empty()) {
        if (stream.size() < 16)
            wrong("rest of " + std::to_string(stream.size()) + " octets is no message");
        const std::size_t length = static_cast<std::size_t>(stream[2]) << 8 | stream[3];
        if (length > stream.size())
            wrong("message of " + std::to_string(length) + " octets is cut");
        messages.push_back(decode(stream.first(length)));
        stream = stream.subspan(length);
    }
    return messages;
}

} // namespace flowxdp::test
