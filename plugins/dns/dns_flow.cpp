// SPDX-License-Identifier: BSD-2-Clause
#include "dns_flow.h"

#include <algorithm>
#include <cstring>

namespace flowxdp::dns {
namespace {

constexpr std::size_t kPlainUdpBytes = 512;

std::uint32_t status_of(Fault fault, bool whole)
{
    switch (fault) {
    case Fault::kNone:
        return 0;
    case Fault::kEnd:
        return whole ? std::uint32_t{kStatLength} : 0;
    case Fault::kPointer:
    case Fault::kLabel:
        return kStatName;
    }
    return 0;
}

std::uint32_t status_of(std::uint16_t type)
{
    switch (type) {
    case kTypeAny:
        return kStatAny;
    case kTypeIxfr:
        return kStatIxfr;
    case kTypeAxfr:
        return kStatAxfr;
    default:
        return 0;
    }
}

} // namespace

std::string_view FlowMessages::text(std::uint16_t reference) const
{
    if (!reference)
        return {};
    const auto length = static_cast<std::uint8_t>(texts_[reference - 1]);
    return {texts_ + reference, length};
}

// Equal texts are kept once: an answer mostly has the name of its question.
std::uint16_t FlowMessages::keep_text(std::string_view text, Sums* sums)
{
    if (text.empty())
        return 0;
    for (std::size_t at = 0; at < text_used_;) {
        const auto reference = static_cast<std::uint16_t>(at + 1);
        const std::string_view kept = this->text(reference);
        if (kept == text)
            return reference;
        at += 1 + kept.size();
    }
    if (text.size() + 1 > kTextBytes - text_used_) {
        sums->status |= kStatTextFull;
        return 0;
    }
    const auto reference = static_cast<std::uint16_t>(text_used_ + 1);
    texts_[text_used_] = static_cast<char>(text.size());
    std::memcpy(texts_ + reference, text.data(), text.size());
    text_used_ = static_cast<std::uint16_t>(reference + text.size());
    return reference;
}

std::uint16_t FlowMessages::keep_name(const Text& name, Sums* sums)
{
    if (name.cut())
        sums->status |= kStatTextCut;
    return keep_text(name.view(), sums);
}

void FlowMessages::add_questions(MessageReader* reader, unsigned direction, Sums* sums)
{
    Question question;
    while (reader->next_question(&question)) {
        sums->status |= status_of(question.type);
        if (query_count_ == kMostQueries) {
            sums->status |= kStatQueriesFull;
            continue;
        }
        Query& query = queries_[query_count_++];
        query.name = keep_name(question.name, sums);
        query.type = question.type;
        query.class_code = question.class_code;
        query.direction = static_cast<std::uint8_t>(direction);
    }
}

void FlowMessages::add_records(MessageReader* reader, unsigned direction, Sums* sums)
{
    Record record;
    while (reader->next_record(&record)) {
        sums->status |= status_of(record.type);
        if (!record.shown)
            sums->status |= kStatNotShown;
        if (answer_count_ == kMostRecords) {
            sums->status |= kStatAnswersFull;
            continue;
        }
        answer_directions_ |= direction << answer_count_;
        answer_addresses_ |= (record.has_address ? 1u : 0u) << answer_count_;
        Answer& answer = answers_[answer_count_++];
        answer.name = keep_name(record.name, sums);
        answer.type = record.type;
        answer.class_code = record.class_code;
        answer.ttl = record.ttl;
        std::string_view text = record.text.view();
        if (record.type == kTypeTxt || record.type == kTypeSpf) {
            if (text.size() > kMostText || record.text.cut())
                sums->status |= kStatTextCut;
            answer.text = keep_text(text.substr(0, kMostText), sums);
        } else {
            answer.text = keep_name(record.text, sums);
        }
        if (record.type == kTypeOpt) {
            // Class and TTL of an OPT record are neither; its class is the size that the sender takes.
            answer.data.options = record.ttl;
            answer.class_code = 0;
            answer.ttl = 0;
        } else if (record.has_address) {
            std::memcpy(answer.data.address, record.data, sizeof answer.data.address);
        } else {
            answer.data.service = {record.preference, record.weight, record.port};
        }
    }
}

// A query opens its id, unless the id is open: that is a repetition. The first response of the other side closes it.
void FlowMessages::match(const Header& header, const Arrival& arrival, Sums* sums)
{
    const unsigned asker = header.is_response() ? arrival.direction ^ 1u : arrival.direction;
    Open* const end = open_ + kMostOpen;
    Open* const found =
        std::find_if(open_, end, [&](const Open& o) { return o.used && o.id == header.id && o.direction == asker; });
    if (header.is_response()) {
        if (found == end)
            return;
        const std::int64_t time = arrival.ts_ns - found->ts_ns;
        sums->fastest_ns = sums->answered ? std::min(sums->fastest_ns, time) : time;
        sums->slowest_ns = sums->answered ? std::max(sums->slowest_ns, time) : time;
        sums->total_ns += time;
        sums->answered++;
        *found = {};
        return;
    }
    if (found != end)
        return;
    Open* place = std::find_if(open_, end, [](const Open& o) { return !o.used; });
    if (place == end) {
        sums->status |= kStatOpenFull;
        place = open_ + next_open_;
        next_open_ = static_cast<std::uint8_t>((next_open_ + 1) % kMostOpen);
    }
    *place = {arrival.ts_ns, header.id, 1, arrival.direction};
}

bool FlowMessages::add(Bytes message, const Arrival& arrival)
{
    Sums& sums = sums_[arrival.direction];
    sums.status |= kStatDns;
    if (!arrival.whole)
        sums.status |= kStatUnfinished;
    auto reader = MessageReader::open(message);
    if (!reader) {
        if (arrival.whole)
            sums.status |= kStatShort;
        return false;
    }
    if (arrival.datagram && message.size() > kPlainUdpBytes)
        sums.status |= kStatLong;
    const Header& header = reader->header();
    (header.is_response() ? sums.responses : sums.queries)++;
    const std::uint32_t counts[4] = {header.questions, header.answers, header.authorities, header.additionals};
    for (std::size_t i = 0; i < 4; i++)
        sums.entries[i] += counts[i];
    sums.last_flags = header.flags;
    sums.flags |= static_cast<std::uint8_t>((header.flags >> 4 & 0x7f) | (header.flags >> 8 & 0x80));
    sums.opcodes |= static_cast<std::uint16_t>(1u << header.opcode());
    sums.codes |= static_cast<std::uint16_t>(1u << header.code());
    match(header, arrival, &sums);
    add_questions(&*reader, arrival.direction, &sums);
    if (header.is_response()) {
        sums.response_bytes += static_cast<std::uint32_t>(message.size());
        sums.response_question_bytes += static_cast<std::uint32_t>(reader->offset());
    }
    add_records(&*reader, arrival.direction, &sums);
    sums.status |= status_of(reader->fault(), arrival.whole);
    return reader->fault() == Fault::kNone || !arrival.whole;
}

} // namespace flowxdp::dns
