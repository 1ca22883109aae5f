// SPDX-License-Identifier: BSD-2-Clause
#include "snmp_flow.h"

#include <algorithm>

namespace flowxdp::snmp {
namespace {

// FNV-1a
std::uint32_t hash_of(Bytes bytes)
{
    std::uint32_t hash = 2166136261;
    for (const std::uint8_t byte : bytes)
        hash = (hash ^ byte) * 16777619;
    return hash;
}

} // namespace

void Direction::keep(Bytes name, bool in_clear, SecretText* text)
{
    const std::uint32_t hash = hash_of(name);
    const auto length = static_cast<std::uint16_t>(std::min<std::size_t>(name.size(), 0xffff));
    if (text->seen) {
        if (text->length != length || text->hash != hash)
            status |= kStatNames;
        return;
    }
    text->seen = 1;
    text->hash = hash;
    text->length = length;
    if (!in_clear)
        return;
    text->kept = static_cast<std::uint8_t>(std::min(name.size(), SecretText::kMost));
    std::copy_n(name.begin(), text->kept, text->text);
    if (text->kept < name.size())
        status |= kStatText;
}

void Direction::add(Bytes bytes, bool whole, bool in_clear)
{
    const Message message = read_message(bytes);
    if (!whole)
        status |= kStatCut;
    if (message.fault == Fault::kSyntax || (message.fault == Fault::kEnd && whole))
        status |= kStatMalformed;
    if (!message.has_version)
        return;
    if (messages && message.version != version)
        status |= kStatVersions;
    if (!messages)
        version = message.version;
    messages++;
    status |= kStatSnmp;
    security |= message.security;
    if (message.version == kV3) {
        // The first message of a manager asks for the engine, and has neither name nor engine (RFC 3414 4).
        if (!message.user.empty())
            keep(message.user, in_clear, &user);
        if (!engine_id_length && !message.engine_id.empty()) {
            engine_id_length = static_cast<std::uint8_t>(std::min(message.engine_id.size(), kMostEngineId));
            std::copy_n(message.engine_id.begin(), engine_id_length, engine_id);
            if (message.engine_id.size() > kMostEngineId)
                status |= kStatText;
        }
    } else if (message.has_pdu || message.fault == Fault::kNone || !message.community.empty()) {
        keep(message.community, in_clear, &community);
    }
    if (message.encrypted)
        status |= kStatEncrypted;
    if (message.has_pdu) {
        kinds |= static_cast<std::uint16_t>(1u << message.pdu);
        counts[message.pdu]++;
    }
    if (message.has_error)
        errors |= std::uint32_t{1} << std::min<std::uint32_t>(message.error, 31);
}

} // namespace flowxdp::snmp
