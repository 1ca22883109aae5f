// SPDX-License-Identifier: BSD-2-Clause
// NTP messages made by hand from RFC 5905's header, every truncation of one, and what a direction keeps of several.
#include <gtest/gtest.h>

#include <vector>

#include "ntp_message.h"

namespace flowxdp::ntp {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A server's answer: no leap, version 4, mode 4, stratum 2, poll 2^6, precision 2^-20.
Bytes server_answer()
{
    Bytes bytes = {0x24, 2, 6, 0xec};
    const auto add = [&](std::initializer_list<std::uint8_t> more) { bytes.insert(bytes.end(), more); };
    add({0, 0, 0x80, 0});             // root delay 0.5 s
    add({0, 1, 0x40, 0});             // root dispersion 1.25 s
    add({192, 0, 2, 1});              // reference
    add({0xe8, 0, 0, 0, 0, 0, 0, 0}); // reference time
    add({0xe8, 0, 0, 1, 0x80, 0, 0, 0});
    add({0xe8, 0, 0, 2, 0x40, 0, 0, 0});
    add({0xe8, 0, 0, 3, 0xff, 0xff, 0xff, 0xff});
    return bytes;
}

TEST(NtpMessage, HasTheFieldsOfItsHeader)
{
    const auto message = read_message(server_answer());
    ASSERT_TRUE(message);
    EXPECT_EQ(message->leap, 0);
    EXPECT_EQ(message->version, 4);
    EXPECT_EQ(message->mode, 4);
    EXPECT_EQ(message->stratum, 2);
    EXPECT_EQ(whole_seconds(message->poll), 64U);
    EXPECT_EQ(power_of_two(message->precision), 1.0 / (1 << 20));
    EXPECT_EQ(seconds(message->root_delay), 0.5);
    EXPECT_EQ(seconds(message->root_dispersion), 1.25);
    EXPECT_EQ(message->reference_id[3], 1);
    EXPECT_EQ(message->reference, 0xe800000000000000U);
    EXPECT_EQ(message->transmit, 0xe8000003ffffffffU);
    EXPECT_FALSE(message->has_more);
    Bytes with_key = server_answer();
    with_key.resize(48 + 20);
    EXPECT_TRUE(read_message(with_key)->has_more);
}

TEST(NtpMessage, IsNoneWhenItIsShorterThanItsHeader)
{
    const Bytes whole = server_answer();
    for (std::size_t size = 0; size < whole.size(); size++)
        EXPECT_FALSE(read_message(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
    for (const unsigned version : {0U, 5U, 6U, 7U}) {
        Bytes other = whole;
        other[0] = static_cast<std::uint8_t>(version << 3 | 4);
        EXPECT_FALSE(read_message(other)) << version;
    }
    // A control message has a header of its own.
    const auto control = read_message(Bytes{0x16});
    ASSERT_TRUE(control);
    EXPECT_EQ(control->mode, 6);
    EXPECT_FALSE(control->has_header);
    EXPECT_EQ(read_message(Bytes{0x97, 0, 3, 42})->leap, 0)
        << "a response to monlist: its first bit is no leap indicator";
}

TEST(NtpTime, KnowsBothEras)
{
    EXPECT_EQ(unix_ns(0), 0);
    // RFC 5905 6, figure 4: 1970-01-01 is second 2,208,988,800 of era 0.
    EXPECT_EQ(unix_ns(std::uint64_t{2'208'988'800} << 32), 0);
    EXPECT_EQ(unix_ns((std::uint64_t{2'208'988'800} << 32) + (1U << 31)), 500'000'000);
    EXPECT_EQ(unix_ns(0x8000000000000000U), (0x80000000LL - 2'208'988'800LL) * 1'000'000'000);
    // Era 1 begins on 2036-02-07 06:28:16 UTC, `date -u -d ... +%s` 2085978496.
    EXPECT_EQ(unix_ns(1U << 31), 2'085'978'496'500'000'000LL);
    EXPECT_EQ(unix_ns(0x7fffffffffffffffU), (2'085'978'496LL + 0x7fffffff) * 1'000'000'000 + 999'999'999);
}

TEST(NtpTime, HasPollIntervalsOfAnyExponent)
{
    EXPECT_EQ(whole_seconds(0), 1U);
    EXPECT_EQ(whole_seconds(17), 131'072U);
    EXPECT_EQ(whole_seconds(31), 0x80000000U);
    EXPECT_EQ(whole_seconds(32), 0xffffffffU);
    EXPECT_EQ(whole_seconds(127), 0xffffffffU);
    EXPECT_EQ(whole_seconds(-1), 0U);
    EXPECT_EQ(whole_seconds(-128), 0U);
}

TEST(NtpDirection, KeepsTheFirstHeaderTheLastTimesAndTheExtremes)
{
    Direction direction{};
    direction.add(server_answer(), true);
    Bytes second = server_answer();
    second[1] = 3;
    second[6] = 0x40; // root delay 0.25 s
    second[9] = 2;    // root dispersion 2.25 s
    second[47] = 0;
    direction.add(second, true);
    EXPECT_EQ(direction.status, kStatNtp);
    EXPECT_EQ(direction.messages, 2U);
    EXPECT_EQ(direction.stratum, 2);
    EXPECT_EQ(direction.leap_version_mode, 0x24);
    EXPECT_EQ(direction.modes, 0x10);
    EXPECT_EQ(seconds(direction.delay_min), 0.25);
    EXPECT_EQ(seconds(direction.delay_max), 0.5);
    EXPECT_EQ(seconds(direction.dispersion_min), 1.25);
    EXPECT_EQ(seconds(direction.dispersion_max), 2.25);
    EXPECT_EQ(direction.transmit, 0xe8000003ffffff00U);
}

TEST(NtpDirection, SaysWhatIsUnusual)
{
    Direction direction{};
    direction.add(Bytes{0x16, 1, 0, 0}, true); // control, version 2
    EXPECT_EQ(direction.status, kStatNtp | kStatControl);
    EXPECT_EQ(direction.headers_seen, 0);
    direction.add(server_answer(), true);
    EXPECT_EQ(direction.status, kStatNtp | kStatControl | kStatChanged);
    EXPECT_EQ(direction.stratum, 2) << "of the first header, not the first message";

    direction = {};
    Bytes kiss = server_answer();
    kiss[1] = 0;
    direction.add(kiss, true);
    EXPECT_EQ(direction.status, kStatNtp | kStatKiss);
    direction = {};
    kiss[0] = 0x23; // a client has no stratum
    direction.add(kiss, true);
    EXPECT_EQ(direction.status, kStatNtp);

    direction = {};
    direction.add(Bytes(40, 0x23), false);
    EXPECT_EQ(direction.status, kStatCut);
    direction = {};
    direction.add(Bytes(40, 0x23), true);
    EXPECT_EQ(direction.status, kStatMalformed);
    direction = {};
    direction.add(Bytes(40, 0xff), false);
    EXPECT_EQ(direction.status, kStatMalformed) << "version 7, however long it was";
    EXPECT_EQ(direction.messages, 0U);
}

} // namespace
} // namespace flowxdp::ntp
