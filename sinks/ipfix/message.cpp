// SPDX-License-Identifier: BSD-2-Clause
#include "message.h"

#include "octet_writer.h"
#include "template.h"

namespace flowxdp::ipfix {

namespace {

constexpr std::size_t kSetHeader = 4;

// RFC 3954 5.1: version, count, sysUptime, unixSecs, sequence, source id. RFC 7011 3.1: version, length, export time,
// sequence, domain.
std::size_t header_octets(Protocol protocol)
{
    return protocol == Protocol::kNetflow9 ? 20 : 16;
}
std::size_t sequence_offset(Protocol protocol)
{
    return protocol == Protocol::kNetflow9 ? 12 : 8;
}

} // namespace

void SequenceNumbers::stamp(Message* message)
{
    std::uint32_t& next = next_[message->domain];
    put_u32(&message->octets, sequence_offset(message->protocol), next);
    next += message->sequence_step;
}

MessageBuilder::MessageBuilder(Protocol protocol, std::uint32_t domain, std::size_t limit)
    : protocol_(protocol), domain_(domain), limit_(limit), used_(header_octets(protocol))
{
}

// v9 FlowSets are padded to 32 bits (RFC 3954 5.3); IPFIX sets need not be (RFC 7011 3.3.1).
std::size_t MessageBuilder::set_octets(std::size_t content) const
{
    const std::size_t octets = kSetHeader + content;
    return protocol_ == Protocol::kNetflow9 ? (octets + 3) & ~std::size_t{3} : octets;
}

bool MessageBuilder::shares_set(std::uint16_t set_id) const
{
    return set_id != template_set_id(protocol_, true);
}

bool MessageBuilder::fits(std::uint16_t set_id, std::size_t octets) const
{
    if (shares_set(set_id))
        for (const Set& set : sets_)
            if (set.id == set_id)
                return used_ - set_octets(set.octets.size()) + set_octets(set.octets.size() + octets) <= limit_;
    return used_ + set_octets(octets) <= limit_;
}

void MessageBuilder::add(std::uint16_t set_id, RecordKind kind, std::span<const std::uint8_t> record,
                         std::uint32_t rows)
{
    Set* target = nullptr;
    if (shares_set(set_id))
        for (Set& set : sets_)
            if (set.id == set_id)
                target = &set;
    if (target == nullptr) {
        sets_.push_back({set_id, 0, {}});
        target = &sets_.back();
        used_ += set_octets(0);
    }
    used_ -= set_octets(target->octets.size());
    target->octets.insert(target->octets.end(), record.begin(), record.end());
    used_ += set_octets(target->octets.size());
    target->records++;
    records_++;
    data_records_ += kind != RecordKind::kTemplate;
    flow_records_ += kind == RecordKind::kFlow;
    rows_ += rows;
}

std::uint32_t MessageBuilder::records_of(std::uint16_t set_id) const
{
    for (const Set& set : sets_)
        if (set.id == set_id)
            return set.records;
    return 0;
}

Message MessageBuilder::take(std::int64_t clock_ns, std::uint32_t uptime_ms)
{
    Message message;
    message.protocol = protocol_;
    message.domain = domain_;
    message.sequence_step = protocol_ == Protocol::kNetflow9 ? 1 : data_records_;
    message.flow_records = flow_records_;
    message.rows = rows_;
    message.clock_ns = clock_ns;
    message.octets.reserve(used_);
    OctetWriter writer(&message.octets);
    const auto seconds = static_cast<std::uint64_t>(clock_ns > 0 ? clock_ns / kNsPerSecond : 0);
    if (protocol_ == Protocol::kNetflow9) {
        writer.u16(9);
        writer.u16(records_);
        writer.u32(uptime_ms);
        writer.u32(seconds);
    } else {
        writer.u16(10);
        writer.u16(used_);
        writer.u32(seconds);
    }
    writer.u32(0); // the sequence number, stamped when sent
    writer.u32(domain_);
    for (const Set& set : sets_) {
        const std::size_t length = set_octets(set.octets.size());
        writer.u16(set.id);
        writer.u16(length);
        writer.bytes(set.octets);
        writer.zeros(length - kSetHeader - set.octets.size());
    }
    sets_.clear();
    used_ = header_octets(protocol_);
    records_ = data_records_ = flow_records_ = rows_ = 0;
    return message;
}

std::size_t MessageBuilder::largest_record(Protocol protocol, std::size_t limit)
{
    const std::size_t overhead = header_octets(protocol) + kSetHeader;
    if (limit <= overhead)
        return 0;
    const std::size_t room = limit - overhead;
    return protocol == Protocol::kNetflow9 ? room & ~std::size_t{3} : room;
}

} // namespace flowxdp::ipfix
