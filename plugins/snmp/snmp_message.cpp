// SPDX-License-Identifier: BSD-2-Clause
#include "snmp_message.h"

namespace flowxdp::snmp {
namespace {

// Tags of BER (X.690 8.1.2).
constexpr std::uint8_t kInteger = 0x02, kOctets = 0x04, kSequence = 0x30, kFirstPdu = 0xa0;
constexpr std::int64_t kUserBased = 3; // security model (RFC 3411 5)

struct Value {
    std::uint8_t tag;
    Bytes content;
};

// Values one after the other. After a fault there are no more.
class BerReader {
  public:
    explicit BerReader(Bytes bytes) : bytes_(bytes) {}

    [[nodiscard]] Fault fault() const { return fault_; }

    // The next value, whatever it is. Lengths are definite: RFC 3417 8 allows no others. What goes on behind the end is
    // given as far as it is there, once, with the fault.
    bool any(Value* value)
    {
        if (fault_ != Fault::kNone)
            return false;
        if (bytes_.size() < 2)
            return failed(Fault::kEnd);
        value->tag = bytes_[0];
        std::size_t length = bytes_[1], head = 2;
        if (length & 0x80) {
            const std::size_t more = length & 0x7f;
            if (more == 0 || more > 4)
                return failed(Fault::kSyntax);
            if (bytes_.size() - head < more)
                return failed(Fault::kEnd);
            length = 0;
            for (std::size_t i = 0; i < more; i++)
                length = length << 8 | bytes_[head + i];
            head += more;
        }
        const bool whole = bytes_.size() - head >= length;
        value->content = whole ? bytes_.subspan(head, length) : bytes_.subspan(head);
        bytes_ = bytes_.subspan(head + value->content.size());
        if (!whole)
            fault_ = Fault::kEnd;
        return true;
    }
    // A value of this tag that is whole.
    bool next(std::uint8_t tag, Bytes* content)
    {
        Value value{};
        if (!enter(tag, &value.content) || fault_ != Fault::kNone)
            return false;
        *content = value.content;
        return true;
    }
    // A value of this tag, as far as it is there: what lies in it is read before its end is missed.
    bool enter(std::uint8_t tag, Bytes* content)
    {
        Value value{};
        if (!any(&value))
            return false;
        if (value.tag != tag)
            return failed(Fault::kSyntax);
        *content = value.content;
        return true;
    }
    // A whole number of at most 4 bytes, and a sign byte.
    bool number(std::int64_t* number)
    {
        Bytes content;
        if (!next(kInteger, &content))
            return false;
        if (content.empty() || content.size() > 5)
            return failed(Fault::kSyntax);
        *number = content[0] & 0x80 ? -1 : 0; // the first bit is the sign
        for (const std::uint8_t byte : content)
            *number = *number * 256 + byte;
        return true;
    }
    bool failed(Fault fault)
    {
        fault_ = fault;
        return false;
    }

  private:
    Bytes bytes_;
    Fault fault_ = Fault::kNone;
};

Fault read_pdu(BerReader* reader, Message* message)
{
    Value value{};
    if (!reader->any(&value))
        return reader->fault();
    const unsigned kind = value.tag - unsigned{kFirstPdu};
    if (kind >= kPduKinds)
        return Fault::kSyntax;
    message->pdu = static_cast<Pdu>(kind);
    message->has_pdu = true;
    if (message->pdu == kResponse) {
        // request-id, error-status, error-index
        BerReader fields(value.content);
        std::int64_t request = 0, error = 0;
        if (!fields.number(&request) || !fields.number(&error))
            return fields.fault();
        message->has_error = true;
        message->error = static_cast<std::uint32_t>(error);
    }
    return reader->fault();
}

// RFC 3412 6, RFC 3414 2.4
Fault read_v3(BerReader* reader, Message* message)
{
    Bytes global, flags, parameters;
    if (!reader->next(kSequence, &global))
        return reader->fault();
    BerReader fields(global);
    std::int64_t id = 0, largest = 0, model = 0;
    if (!fields.number(&id) || !fields.number(&largest) || !fields.next(kOctets, &flags) || !fields.number(&model))
        return fields.fault();
    if (flags.size() != 1)
        return Fault::kSyntax;
    message->security = flags[0];
    if (!reader->next(kOctets, &parameters))
        return reader->fault();
    if (model == kUserBased) {
        Bytes usm;
        BerReader outer(parameters);
        if (!outer.next(kSequence, &usm))
            return outer.fault();
        BerReader inner(usm);
        std::int64_t boots = 0, time = 0;
        if (!inner.next(kOctets, &message->engine_id) || !inner.number(&boots) || !inner.number(&time) ||
            !inner.next(kOctets, &message->user))
            return inner.fault();
    }
    Value data{};
    if (!reader->any(&data))
        return reader->fault();
    if (data.tag == kOctets) {
        message->encrypted = true;
        return reader->fault();
    }
    if (data.tag != kSequence)
        return Fault::kSyntax;
    Bytes context_engine, context_name;
    BerReader scoped(data.content);
    if (!scoped.next(kOctets, &context_engine) || !scoped.next(kOctets, &context_name))
        return scoped.fault();
    return read_pdu(&scoped, message);
}

} // namespace

Message read_message(Bytes bytes)
{
    Message message;
    Bytes content;
    BerReader outer(bytes);
    if (!outer.enter(kSequence, &content)) {
        message.fault = outer.fault();
        return message;
    }
    BerReader reader(content);
    std::int64_t version = 0;
    if (!reader.number(&version)) {
        message.fault = reader.fault();
        return message;
    }
    if (version != kV1 && version != kV2c && version != kV3)
        return message;
    message.version = static_cast<std::uint8_t>(version);
    message.has_version = true;
    if (version == kV3)
        message.fault = read_v3(&reader, &message);
    else if (!reader.next(kOctets, &message.community))
        message.fault = reader.fault();
    else
        message.fault = read_pdu(&reader, &message);
    if (message.fault == Fault::kNone)
        message.fault = outer.fault();
    return message;
}

} // namespace flowxdp::snmp
