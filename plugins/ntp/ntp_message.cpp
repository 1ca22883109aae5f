// SPDX-License-Identifier: BSD-2-Clause
#include "ntp_message.h"

#include <algorithm>
#include <cmath>

namespace flowxdp::ntp {
namespace {

constexpr std::uint64_t kSecondsTo1970 = 2'208'988'800; // from 1900 (RFC 5905 6)
constexpr std::uint64_t kEra = std::uint64_t{1} << 32;
constexpr std::uint8_t kModeServer = 4, kModeBroadcast = 5;

std::uint32_t number32(std::span<const std::uint8_t> bytes, std::size_t at)
{
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
}

std::uint64_t number64(std::span<const std::uint8_t> bytes, std::size_t at)
{
    return std::uint64_t{number32(bytes, at)} << 32 | number32(bytes, at + 4);
}

bool is_version(unsigned version)
{
    return version >= 1 && version <= 4;
}

} // namespace

std::optional<Message> read_message(std::span<const std::uint8_t> bytes)
{
    if (bytes.empty())
        return std::nullopt;
    Message message{};
    message.version = bytes[0] >> 3 & 7;
    message.mode = bytes[0] & 7;
    // Private messages have flags of their own in its place.
    message.leap = message.mode == kModePrivate ? 0 : bytes[0] >> 6;
    if (!is_version(message.version))
        return std::nullopt;
    if (message.mode == kModeControl || message.mode == kModePrivate)
        return message;
    if (bytes.size() < kHeaderBytes)
        return std::nullopt;
    message.has_header = true;
    message.stratum = bytes[1];
    message.poll = static_cast<std::int8_t>(bytes[2]);
    message.precision = static_cast<std::int8_t>(bytes[3]);
    message.root_delay = number32(bytes, 4);
    message.root_dispersion = number32(bytes, 8);
    std::copy_n(bytes.begin() + 12, 4, message.reference_id);
    message.reference = number64(bytes, 16);
    message.originate = number64(bytes, 24);
    message.receive = number64(bytes, 32);
    message.transmit = number64(bytes, 40);
    message.has_more = bytes.size() > kHeaderBytes;
    return message;
}

std::int64_t unix_ns(std::uint64_t time_stamp)
{
    if (!time_stamp)
        return 0;
    const std::uint64_t seconds = (time_stamp >> 32) + (time_stamp >> 63 ? 0 : kEra) - kSecondsTo1970;
    const std::uint64_t fraction = (time_stamp & 0xffffffff) * 1'000'000'000 >> 32;
    return static_cast<std::int64_t>(seconds * 1'000'000'000 + fraction);
}

double seconds(std::uint32_t short_format)
{
    return short_format / 65536.0;
}

double power_of_two(std::int8_t exponent)
{
    return std::ldexp(1.0, exponent);
}

std::uint32_t whole_seconds(std::int8_t exponent)
{
    if (exponent < 0)
        return 0;
    return exponent < 32 ? std::uint32_t{1} << exponent : 0xffffffff;
}

void Direction::add(std::span<const std::uint8_t> bytes, bool whole)
{
    const auto message = read_message(bytes);
    if (!message) {
        // A capture that cut the packet may have cut the header; it did not make the version.
        const bool sane = bytes.empty() || is_version(bytes[0] >> 3 & 7);
        status |= !whole && sane ? kStatCut : kStatMalformed;
        return;
    }
    const auto first_byte = static_cast<std::uint8_t>(message->leap << 6 | message->version << 3 | message->mode);
    if (!messages)
        leap_version_mode = first_byte;
    else if (first_byte != leap_version_mode)
        status |= kStatChanged;
    messages++;
    status |= kStatNtp;
    modes |= static_cast<std::uint8_t>(1u << message->mode);
    if (!message->has_header) {
        status |= kStatControl;
        return;
    }
    if (message->has_more)
        status |= kStatMore;
    if (!message->stratum && (message->mode == kModeServer || message->mode == kModeBroadcast))
        status |= kStatKiss;
    if (!headers_seen) {
        headers_seen = 1;
        stratum = message->stratum;
        poll = message->poll;
        precision = message->precision;
        std::copy_n(message->reference_id, 4, reference_id);
        delay_min = delay_max = message->root_delay;
        dispersion_min = dispersion_max = message->root_dispersion;
    }
    delay_min = std::min(delay_min, message->root_delay);
    delay_max = std::max(delay_max, message->root_delay);
    dispersion_min = std::min(dispersion_min, message->root_dispersion);
    dispersion_max = std::max(dispersion_max, message->root_dispersion);
    reference = message->reference;
    originate = message->originate;
    receive = message->receive;
    transmit = message->transmit;
}

} // namespace flowxdp::ntp
