// SPDX-License-Identifier: BSD-2-Clause
#include "message.h"

#include <gtest/gtest.h>

#include "flow_layout.h"
#include "octet_writer.h"
#include "template.h"

namespace flowxdp::ipfix {
namespace {

using Octets = std::vector<std::uint8_t>;

TEST(OctetWriter, WritesMostSignificantOctetFirst)
{
    Octets out;
    OctetWriter writer(&out);
    writer.u16(0x0102);
    writer.number(0x030405, 3);
    writer.u64(0x060708090a0b0c0d);
    writer.zeros(1);
    EXPECT_EQ(out, (Octets{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0}));
}

TEST(Template, IpfixFieldsCarryTheEnterpriseBitAndNumber)
{
    Octets out;
    append_template({256, 0, {{8, 4}, {2, 4, 32473}, {1, 8, kReversePen}}}, Protocol::kIpfix, &out);
    EXPECT_EQ(out, (Octets{0x01, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x04, 0x80, 0x02, 0x00, 0x04,
                           0x00, 0x00, 0x7e, 0xd9, 0x80, 0x01, 0x00, 0x08, 0x00, 0x00, 0x72, 0x79}));
}

TEST(Template, OptionsTemplatesCountScopesInIpfixAndOctetsInV9)
{
    const Template shape{262, 1, {{1, 4}, {41, 8}, {42, 8}}};
    Octets v9, ipfix;
    append_template(shape, Protocol::kNetflow9, &v9);
    append_template(shape, Protocol::kIpfix, &ipfix);
    EXPECT_EQ(Octets(v9.begin(), v9.begin() + 6), (Octets{0x01, 0x06, 0x00, 0x04, 0x00, 0x08}));
    EXPECT_EQ(Octets(ipfix.begin(), ipfix.begin() + 6), (Octets{0x01, 0x06, 0x00, 0x03, 0x00, 0x01}));
    EXPECT_EQ(Octets(v9.begin() + 6, v9.end()), Octets(ipfix.begin() + 6, ipfix.end()));
    EXPECT_EQ(shape.record_length(), 20u);
}

TEST(MessageBuilder, V9PadsSetsAndCountsRecords)
{
    MessageBuilder builder(Protocol::kNetflow9, 7, 100);
    builder.add(256, RecordKind::kFlow, Octets{1, 2, 3, 4, 5}, 1);
    builder.add(257, RecordKind::kFlow, Octets{6}, 1);
    Message message = builder.take(1'700'000'000'999'999'999, 42);
    SequenceNumbers sequences;
    sequences.stamp(&message);
    EXPECT_EQ(message.octets, (Octets{0, 9, 0, 2,  0, 0, 0, 42, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0, 7, //
                                      1, 0, 0, 12, 1, 2, 3, 4,  5,    0,    0,    0,                         //
                                      1, 1, 0, 8,  6, 0, 0, 0}));
    EXPECT_EQ(message.rows, 2u);
    EXPECT_TRUE(builder.empty());
}

TEST(MessageBuilder, FitsToTheLastOctetAndNotBeyond)
{
    MessageBuilder ipfix(Protocol::kIpfix, 1, 30); // 16 + 4 + 10
    EXPECT_TRUE(ipfix.fits(256, 10));
    EXPECT_FALSE(ipfix.fits(256, 11));
    EXPECT_EQ(MessageBuilder::largest_record(Protocol::kIpfix, 30), 10u);
    ipfix.add(256, RecordKind::kFlow, Octets(5), 1);
    EXPECT_TRUE(ipfix.fits(256, 5));
    EXPECT_FALSE(ipfix.fits(257, 2)); // a set header more
    EXPECT_TRUE(ipfix.fits(257, 1));

    MessageBuilder v9(Protocol::kNetflow9, 1, 34); // 20 + 4 + 10: padding to 12 does not fit
    EXPECT_TRUE(v9.fits(256, 8));
    EXPECT_FALSE(v9.fits(256, 9));
    EXPECT_EQ(MessageBuilder::largest_record(Protocol::kNetflow9, 34), 8u);
}

TEST(SequenceNumbers, CountMessagesInV9AndDataRecordsInIpfix)
{
    SequenceNumbers sequences;
    const auto next = [&](Protocol protocol, std::uint32_t domain, RecordKind kind) {
        MessageBuilder builder(protocol, domain, 100);
        builder.add(256, kind, Octets{1, 2, 3, 4}, 0);
        builder.add(256, kind, Octets{1, 2, 3, 4}, 0);
        Message message = builder.take(0, 0);
        sequences.stamp(&message);
        return message.octets[protocol == Protocol::kIpfix ? 11 : 15];
    };
    EXPECT_EQ(next(Protocol::kIpfix, 1, RecordKind::kTemplate), 0);
    EXPECT_EQ(next(Protocol::kIpfix, 1, RecordKind::kFlow), 0);
    EXPECT_EQ(next(Protocol::kIpfix, 1, RecordKind::kOptions), 2);
    EXPECT_EQ(next(Protocol::kIpfix, 2, RecordKind::kFlow), 0) << "each domain counts for itself";
    EXPECT_EQ(next(Protocol::kIpfix, 1, RecordKind::kFlow), 4);
    EXPECT_EQ(next(Protocol::kNetflow9, 9, RecordKind::kTemplate), 0);
    EXPECT_EQ(next(Protocol::kNetflow9, 9, RecordKind::kFlow), 1);
    sequences.reset();
    EXPECT_EQ(next(Protocol::kIpfix, 1, RecordKind::kFlow), 0);
}

TEST(NtpTime, RoundsSoThatEveryReaderGetsTheNanosecondBack)
{
    EXPECT_EQ(ntp_nanoseconds(0), 2'208'988'800ull << 32);
    for (const std::int64_t rest : {0ll, 1ll, 999'999'999ll, 500'000'000ll, 123'456'789ll}) {
        const std::uint64_t stamp = ntp_nanoseconds(1'700'000'000'000'000'000 + rest);
        EXPECT_EQ(((stamp & 0xffffffff) * 1'000'000'000) >> 32, static_cast<std::uint64_t>(rest));
        const std::uint64_t micro = ntp_microseconds(1'700'000'000'000'000'000 + rest);
        EXPECT_EQ(micro & 0x7ff, 0u);
        EXPECT_EQ((((micro & 0xffffffff) * 1'000'000) >> 32), static_cast<std::uint64_t>(rest / 1000));
    }
    EXPECT_EQ(ntp_nanoseconds(-5), ntp_nanoseconds(0)) << "no time before 1970 can be told from the era before";
}

} // namespace
} // namespace flowxdp::ipfix
