// SPDX-License-Identifier: BSD-2-Clause
// ntp_message.h - the header of one NTP message (RFC 5905 7.3), and what is kept of those of one direction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace flowxdp::ntp {

inline constexpr std::size_t kHeaderBytes = 48;

enum Mode : std::uint8_t { kModeControl = 6, kModePrivate = 7 };

struct Message {
    std::uint8_t leap, version, mode;
    // The rest is not there in control and private messages.
    bool has_header;
    std::uint8_t stratum;
    std::int8_t poll, precision;               // powers of 2, in seconds
    std::uint32_t root_delay, root_dispersion; // s, 16 bits before the point and 16 behind it
    std::uint8_t reference_id[4];
    std::uint64_t reference, originate, receive, transmit; // NTP time stamps, 0 = none
    bool has_more;                                         // bytes behind the header: extension fields, a MAC
};

// Nothing: versions 1 to 4 have no such message. A control or private message has a byte at least, others a header.
std::optional<Message> read_message(std::span<const std::uint8_t> bytes);

// ns since 1970. A time stamp with its highest bit 0 is of the era that begins in 2036 (RFC 4330 3). 0 stays 0.
std::int64_t unix_ns(std::uint64_t time_stamp);

// Seconds of the short format, of a power of 2.
double seconds(std::uint32_t short_format);
double power_of_two(std::int8_t exponent);
// Whole seconds of a power of 2: 0 below one second, the largest number where it does not fit.
std::uint32_t whole_seconds(std::int8_t exponent);

// ntpStat. The first bit is T2's.
enum Status : std::uint8_t {
    kStatNtp = 0x01,       // a message of versions 1 to 4
    kStatControl = 0x02,   // control or private message (modes 6 and 7)
    kStatMore = 0x04,      // extension fields or a message authentication code
    kStatKiss = 0x08,      // stratum 0 from a server: kiss of death, its code is ntpRefStrId
    kStatChanged = 0x10,   // leap indicator, version or mode differ between messages
    kStatCut = 0x40,       // a header is not whole in what was captured
    kStatMalformed = 0x80, // no NTP message
};

// The messages of one direction: plain bytes, zero at first.
struct Direction {
    std::uint8_t status;
    std::uint8_t leap_version_mode; // of the first message, as in its first byte
    std::uint8_t modes;             // a bit for each mode
    std::uint8_t stratum;           // of the first header; so are poll, precision and reference_id
    std::int8_t poll, precision;
    std::uint8_t reference_id[4];
    std::uint8_t headers_seen, pad;
    std::uint32_t messages;
    std::uint32_t delay_min, delay_max, dispersion_min, dispersion_max;
    std::uint64_t reference, originate, receive, transmit; // of the last header

    // Takes in a message; whole: its end was captured.
    void add(std::span<const std::uint8_t> bytes, bool whole);
};
static_assert(std::is_trivially_copyable_v<Direction> && sizeof(Direction) == 64, "bytes a direction");

} // namespace flowxdp::ntp
