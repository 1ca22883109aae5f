// SPDX-License-Identifier: BSD-2-Clause
#include "exporter.h"

#include <gtest/gtest.h>

#include <random>

#include "export/encoder_property.h"
#include "export/flow_decoder.h"
#include "export/memory_transport.h"
#include "export/row_fixture.h"

namespace flowxdp::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Export {
    explicit Export(ipfix::ExporterSettings settings, std::size_t limit = 1372, bool datagrams = true,
                    std::shared_ptr<const Schema> with = make_schema())
        : schema(std::move(with)), transport(limit, datagrams, &counts), exporter(settings, schema, &transport, &counts)
    {
    }
    void add(const std::vector<FlowRow>& flows) { ASSERT_TRUE(exporter.add(make_rows(flows, schema)).ok()); }
    std::vector<DecodedMessage> decode()
    {
        FlowDecoder decoder;
        std::vector<DecodedMessage> messages;
        for (const auto& octets : transport.messages)
            messages.push_back(decoder.decode(octets));
        return messages;
    }
    std::size_t template_messages()
    {
        std::size_t n = 0;
        for (const DecodedMessage& m : decode())
            n += m.templates != 0;
        return n;
    }
    SinkCounts counts;
    std::shared_ptr<const Schema> schema;
    MemoryTransport transport;
    ipfix::Exporter exporter;
};

FlowRow at(std::int64_t second, std::uint64_t flow_id)
{
    FlowRow flow;
    flow.flow_id = flow_id;
    flow.end_ns = 1'700'000'000 * kSecond + second * kSecond;
    return flow;
}

ipfix::ExporterSettings netflow9()
{
    ipfix::ExporterSettings s;
    s.protocol = ipfix::Protocol::kNetflow9;
    return s;
}

TEST(Exporter, AnyRowsColumnsAndSettingsAreReadBack)
{
    for (unsigned seed = 0; seed < 400; seed++) {
        std::mt19937 random(seed);
        std::vector<std::uint8_t> choices(40 + random() % 12000);
        for (std::uint8_t& octet : choices)
            octet = static_cast<std::uint8_t>(random());
        ASSERT_EQ(check_encoder(choices), "") << "seed " << seed;
    }
}

TEST(Exporter, TemplatesPrecedeTheFirstRecord)
{
    Export run({});
    run.add({at(0, 1)});
    ASSERT_TRUE(run.exporter.flush().ok());
    const auto messages = run.decode(); // throws when data precede their template
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_EQ(messages[0].templates, 3u);
    EXPECT_EQ(messages[0].domain, 666u);
    EXPECT_EQ(messages[1].options_templates, 3u);
    EXPECT_EQ(messages[2].records.size(), 1u);
    EXPECT_EQ(messages[2].sequence, 0u);
}

TEST(Exporter, RowsWaitASecondOfPacketClockAndNoLonger)
{
    Export run({});
    run.add({at(0, 1)});
    ASSERT_TRUE(run.exporter.advance(1'700'000'000 * kSecond + kSecond - 1).ok());
    EXPECT_TRUE(run.transport.messages.empty());
    ASSERT_TRUE(run.exporter.advance(1'700'000'001 * kSecond).ok());
    EXPECT_EQ(run.transport.messages.size(), 3u);
    EXPECT_EQ(run.counts.sent, 1u);
    EXPECT_TRUE(run.exporter.empty());
}

TEST(Exporter, HeadersCarryThePacketClock)
{
    Export v9(netflow9());
    v9.add({at(0, 1), at(7, 2)});
    ASSERT_TRUE(v9.exporter.flush().ok());
    const auto messages = v9.decode();
    EXPECT_EQ(messages.back().seconds, 1'700'000'007u);
    EXPECT_EQ(messages.back().uptime_ms, 7000u);
    EXPECT_EQ(messages.front().uptime_ms, 7000u) << "the first message left at the second row's clock";
}

TEST(Exporter, TheExportClockNeverGoesBack)
{
    Export run({});
    run.add({at(100, 1), at(3, 2)});
    ASSERT_TRUE(run.exporter.flush().ok());
    for (const DecodedMessage& m : run.decode())
        EXPECT_EQ(m.seconds, 1'700'000'100u);
}

TEST(Exporter, TemplatesAreRepeatedByPacketClock)
{
    ipfix::ExporterSettings settings;
    settings.template_ns = 30 * kSecond;
    Export run(settings);
    run.add({at(0, 1)});
    for (int second = 0; second <= 100; second++)
        ASSERT_TRUE(run.exporter.advance((1'700'000'000 + second) * kSecond).ok());
    EXPECT_EQ(run.template_messages(), 4u); // at 1, 31, 61 and 91 s
}

TEST(Exporter, TemplatesAreRepeatedByMessageCount)
{
    ipfix::ExporterSettings settings;
    settings.template_messages = 5;
    settings.records4 = 1;
    Export run(settings);
    std::vector<FlowRow> flows;
    for (std::uint64_t i = 1; i <= 16; i++)
        flows.push_back(at(0, i));
    run.add(flows);
    ASSERT_TRUE(run.exporter.flush().ok());
    EXPECT_EQ(run.template_messages(), 4u); // before messages 1, 6, 11 and 16
}

TEST(Exporter, AStreamHasItsTemplatesOnce)
{
    ipfix::ExporterSettings settings;
    settings.records4 = 1;
    Export run(settings, 65535, false);
    for (std::uint64_t i = 1; i <= 100; i++)
        run.add({at(static_cast<std::int64_t>(i), i)});
    ASSERT_TRUE(run.exporter.finish().ok());
    EXPECT_EQ(run.template_messages(), 1u);
}

TEST(Exporter, RecordLimitsBindPerFamily)
{
    ipfix::ExporterSettings settings;
    settings.records4 = 20;
    settings.records6 = 10;
    Export run(settings, 65535, false);
    std::vector<FlowRow> flows;
    for (std::uint64_t i = 1; i <= 100; i++)
        flows.push_back(at(0, i));
    for (std::uint64_t i = 101; i <= 200; i++) {
        flows.push_back(ipv6_row());
        flows.back().flow_id = i;
        flows.back().end_ns = at(0, 1).end_ns;
    }
    run.add(flows);
    ASSERT_TRUE(run.exporter.flush().ok());
    std::size_t with4 = 0, with6 = 0;
    for (const DecodedMessage& m : run.decode()) {
        std::size_t n4 = 0, n6 = 0;
        for (const DecodedRecord& r : m.records) {
            n4 += r.template_id == 256;
            n6 += r.template_id == 257;
        }
        EXPECT_LE(n4, 20u);
        EXPECT_LE(n6, 10u);
        with4 += n4 != 0;
        with6 += n6 != 0;
    }
    EXPECT_EQ(with4, 5u);
    EXPECT_EQ(with6, 10u);
}

TEST(Exporter, AMissingColumnLeavesItsElementOut)
{
    Export run({}, 1372, true, make_schema({"ipOctets", "tcpWinThCnt"}));
    run.add({FlowRow()});
    ASSERT_TRUE(run.exporter.flush().ok());
    const DecodedRecord record = run.decode().back().records.back();
    EXPECT_FALSE(record.has(1));
    EXPECT_FALSE(record.has(2, 32473));
    EXPECT_TRUE(record.has(2));
    EXPECT_TRUE(record.has(1, 32473));
}

TEST(Exporter, WithoutAddressColumnsThereIsNoExport)
{
    Export run({}, 1372, true, make_schema({"srcIP"}));
    const auto checked = run.exporter.check();
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message.find("srcIP"), std::string::npos);
}

TEST(Exporter, MessagesTooSmallForARecordAreRefused)
{
    Export run({}, 100);
    const auto checked = run.exporter.check();
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message.find("raise mtu"), std::string::npos);
}

TEST(Exporter, Layer2FlowsAreSkippedAndCountedWhenNotWanted)
{
    ipfix::ExporterSettings settings;
    settings.layer2 = false;
    Export run(settings);
    run.add({layer2_row(), FlowRow()});
    ASSERT_TRUE(run.exporter.finish().ok());
    EXPECT_EQ(run.counts.skipped, 1u);
    EXPECT_EQ(run.counts.sent, 1u);
    EXPECT_EQ(run.decode().front().templates, 2u);
}

TEST(Exporter, OptionsTellTotalsSamplingAndInterfaceNames)
{
    ipfix::ExporterSettings settings;
    settings.interface_names = {{2, "uplink"}};
    Export run(settings);
    FlowRow other = at(2, 2);
    other.if_id = 7;
    run.add({at(0, 1), other});
    ASSERT_TRUE(run.exporter.finish().ok());
    const auto messages = run.decode();
    std::map<std::uint64_t, std::string> names;
    std::optional<DecodedRecord> statistics, sampling;
    for (const DecodedMessage& m : messages)
        for (const DecodedRecord& r : m.records) {
            if (r.options) {
                EXPECT_EQ(m.domain, 0u);
                EXPECT_EQ(r.number(149), 666u);
            }
            if (r.has(82))
                names[r.number(10)] = std::string(r.octets(82).begin(), r.octets(82).end());
            if (r.has(41))
                statistics = r;
            if (r.has(305))
                sampling = r;
        }
    EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{2, "uplink"}, {7, "if7"}}));
    ASSERT_TRUE(statistics && sampling);
    std::size_t octets = 0;
    for (std::size_t i = 0; i + 1 < run.transport.messages.size(); i++)
        octets += run.transport.messages[i].size();
    EXPECT_EQ(statistics->number(41), messages.size() - 1);
    EXPECT_EQ(statistics->number(42), 2u);
    EXPECT_EQ(statistics->number(40), octets);
    EXPECT_EQ(statistics->number(166), 0u);
    EXPECT_EQ(sampling->number(305), 1u);
    EXPECT_EQ(sampling->number(306), 0u);
}

TEST(Exporter, Netflow9OptionsAreScopedToSystemAndInterface)
{
    Export run(netflow9());
    run.add({at(0, 1)});
    ASSERT_TRUE(run.exporter.finish().ok());
    bool named = false, counted = false;
    for (const DecodedMessage& m : run.decode())
        for (const DecodedRecord& r : m.records) {
            EXPECT_EQ(m.domain, 666u);
            if (r.has(82)) {
                named = true;
                EXPECT_EQ(r.number(2, kScopePen), 2u);
                EXPECT_EQ(std::string(reinterpret_cast<const char*>(r.octets(82).data())), "if2");
            }
            if (r.has(42) && r.number(42) == 1)
                counted = r.number(1, kScopePen) == 666;
        }
    EXPECT_TRUE(named);
    EXPECT_TRUE(counted);
}

TEST(Exporter, ABWithoutItsAIsAOneWayRecord)
{
    ipfix::ExporterSettings settings;
    settings.biflow = true;
    Export run(settings);
    FlowRow a = at(0, 1), b = at(0, 2);
    a.pair_follows = true; // its B is not in the batch
    b.direction = 'B';
    run.add({a, b});
    ASSERT_TRUE(run.exporter.flush().ok());
    const auto records = run.decode().back().records;
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].number(61), 0u);
    EXPECT_EQ(records[1].number(61), 1u);
    EXPECT_EQ(records[0].template_id, 256);
}

TEST(InterfaceNames, ParsesIdNamePairsAndRefusesTheRest)
{
    const auto names = ipfix::InterfaceNames::parse("0:eth0;12:lan:1");
    ASSERT_TRUE(names.ok());
    EXPECT_EQ(names.value(), (std::map<std::uint32_t, std::string>{{0, "eth0"}, {12, "lan:1"}}));
    for (const char* bad : {"eth0", "0:", ":eth0", "0=eth0", "x:y", "0:a;;"})
        EXPECT_FALSE(ipfix::InterfaceNames::parse(bad).ok()) << bad;
}

} // namespace
} // namespace flowxdp::test
