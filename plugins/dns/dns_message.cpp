// SPDX-License-Identifier: BSD-2-Clause
#include "dns_message.h"

#include <cstring>

namespace flowxdp::dns {
namespace {

std::uint16_t number16(Bytes bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t number32(Bytes bytes, std::size_t at)
{
    return std::uint32_t{number16(bytes, at)} << 16 | number16(bytes, at + 2);
}

// Bytes of the UTF-8 sequence of more than one byte at the start; 0 when there is none (RFC 3629 4).
std::size_t utf8_sequence(Bytes bytes)
{
    const std::uint8_t first = bytes[0];
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || bytes.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (first == 0xe0 && bytes[1] < 0xa0) || (first == 0xf0 && bytes[1] < 0x90);
    const bool surrogate = first == 0xed && bytes[1] > 0x9f;
    const bool too_high = first == 0xf4 && bytes[1] > 0x8f;
    return overlong || surrogate || too_high ? 0 : length;
}

void append_label(Bytes label, Text* text)
{
    for (std::size_t i = 0; i < label.size();) {
        const std::uint8_t byte = label[i];
        const char* at = reinterpret_cast<const char*>(label.data()) + i;
        if (byte == '.' || byte == '\\') {
            const char escaped[2] = {'\\', *at};
            text->append({escaped, 2});
        } else if (byte >= 0x20 && byte < 0x7f) {
            text->append({at, 1});
        } else if (const std::size_t length = utf8_sequence(label.subspan(i)); length) {
            text->append({at, length});
            i += length;
            continue;
        } else {
            const char escaped[4] = {'\\', static_cast<char>('0' + byte / 100), static_cast<char>('0' + byte / 10 % 10),
                                     static_cast<char>('0' + byte % 10)};
            text->append({escaped, 4});
        }
        i++;
    }
}

} // namespace

void Text::append(std::string_view bytes)
{
    if (cut_ || bytes.size() > kMost - length_) {
        cut_ = true;
        return;
    }
    std::memcpy(bytes_ + length_, bytes.data(), bytes.size());
    length_ = static_cast<std::uint8_t>(length_ + bytes.size());
}

void Text::append_start(std::string_view bytes)
{
    const bool fits = bytes.size() <= kMost - length_;
    append(fits ? bytes : bytes.substr(0, kMost - length_));
    cut_ = cut_ || !fits;
}

Fault read_name(Bytes message, std::size_t* offset, Text* text)
{
    text->clear();
    std::size_t at = *offset, run = at, bytes = 0;
    bool jumped = false;
    for (;;) {
        if (at >= message.size())
            return Fault::kEnd;
        const std::uint8_t length = message[at];
        if ((length & 0xc0) == 0xc0) {
            if (message.size() - at < 2)
                return Fault::kEnd;
            // Each one leads to before the run of labels that it ends. So it is a prior occurrence, and there is an
            // end.
            const std::size_t target = number16(message, at) & 0x3fffu;
            if (target >= run)
                return Fault::kPointer;
            if (!jumped)
                *offset = at + 2;
            jumped = true;
            at = run = target;
            continue;
        }
        if (length & 0xc0)
            return Fault::kLabel;
        bytes += std::size_t{1} + length;
        if (bytes > kMostNameBytes)
            return Fault::kLabel;
        if (!length)
            break;
        if (message.size() - at - 1 < length)
            return Fault::kEnd;
        if (!text->view().empty())
            text->append(".");
        append_label(message.subspan(at + 1, length), text);
        at += std::size_t{1} + length;
    }
    if (!jumped)
        *offset = at + 1;
    if (bytes == 1)
        text->append(".");
    return Fault::kNone;
}

std::optional<MessageReader> MessageReader::open(Bytes message)
{
    if (message.size() < kHeaderBytes)
        return std::nullopt;
    return MessageReader(message, {number16(message, 0), number16(message, 2), number16(message, 4),
                                   number16(message, 6), number16(message, 8), number16(message, 10)});
}

bool MessageReader::failed(Fault fault)
{
    fault_ = fault;
    return fault != Fault::kNone;
}

bool MessageReader::next_question(Question* question)
{
    if (fault_ != Fault::kNone || !questions_)
        return false;
    questions_--;
    if (failed(read_name(message_, &offset_, &question->name)) ||
        failed(message_.size() - offset_ < 4 ? Fault::kEnd : Fault::kNone))
        return false;
    question->type = number16(message_, offset_);
    question->class_code = number16(message_, offset_ + 2);
    offset_ += 4;
    return true;
}

bool MessageReader::next_record(Record* record)
{
    constexpr std::size_t kFixed = 10; // type, class, TTL, length
    // Records begin behind the questions.
    for (Question question; questions_ && fault_ == Fault::kNone;)
        next_question(&question);
    if (fault_ != Fault::kNone || !records_)
        return false;
    records_--;
    if (failed(read_name(message_, &offset_, &record->name)) ||
        failed(message_.size() - offset_ < kFixed ? Fault::kEnd : Fault::kNone))
        return false;
    record->type = number16(message_, offset_);
    record->class_code = number16(message_, offset_ + 2);
    record->ttl = number32(message_, offset_ + 4);
    const std::size_t length = number16(message_, offset_ + 8), at = offset_ + kFixed;
    if (failed(message_.size() - at < length ? Fault::kEnd : Fault::kNone))
        return false;
    offset_ = at + length;
    return !failed(read_data(at, at + length, record));
}

Fault MessageReader::read_data(std::size_t at, std::size_t end, Record* record) const
{
    record->text.clear();
    record->preference = record->weight = record->port = 0;
    record->has_address = false;
    record->shown = true;
    const std::size_t length = end - at;
    const Bytes data = message_.subspan(at, length);
    // A name may point to any place before it, and ends inside the record's data.
    const auto name_at = [&](std::size_t from) {
        std::size_t offset = at + from;
        if (from >= length)
            return Fault::kEnd;
        const Fault fault = read_name(message_.first(end), &offset, &record->text);
        return fault;
    };
    switch (record->type) {
    case kTypeA:
    case kTypeAaaa: {
        const std::size_t wanted = record->type == kTypeA ? 4 : 16;
        // An update names what shall go without its data (RFC 2136 2.4, 2.5).
        if (length && length != wanted)
            return Fault::kEnd;
        std::memset(record->data, 0, sizeof record->data);
        std::copy(data.begin(), data.end(), record->data);
        record->has_address = length != 0;
        return Fault::kNone;
    }
    case kTypeNs:
    case kTypeCname:
    case kTypePtr:
    case kTypeDname:
    case kTypeSoa:
        return length ? name_at(0) : Fault::kNone;
    case kTypeMx:
    case kTypeSvcb:
    case kTypeHttps:
        if (length < 2)
            return length ? Fault::kEnd : Fault::kNone;
        record->preference = number16(data, 0);
        return name_at(2);
    case kTypeSrv:
        if (length < 6)
            return length ? Fault::kEnd : Fault::kNone;
        record->preference = number16(data, 0);
        record->weight = number16(data, 2);
        record->port = number16(data, 4);
        return name_at(6);
    case kTypeTxt:
    case kTypeSpf:
        for (std::size_t i = 0; i < length;) {
            const std::size_t size = data[i++];
            if (size > length - i)
                return Fault::kEnd;
            record->text.append_start({reinterpret_cast<const char*>(data.data()) + i, size});
            i += size;
        }
        return Fault::kNone;
    case kTypeOpt:
        return Fault::kNone;
    default:
        record->shown = false;
        return Fault::kNone;
    }
}

} // namespace flowxdp::dns
