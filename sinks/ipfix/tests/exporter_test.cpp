// SPDX-License-Identifier: BSD-2-Clause
#include "exporter.h"

#include <gtest/gtest.h>

#include <random>

#include "encoder_property.h"
#include "flow_decoder.h"
#include "memory_transport.h"
#include "support/flow_rows.h"

namespace flowxdp::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Export {
    explicit Export(ipfix::ExporterSettings settings, std::size_t limit = 1372, bool datagrams = true,
                    std::shared_ptr<const Schema> with = flow_schema())
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
    EXPECT_EQ(messages[2].sequence, 1u) << "the sampling record is a data record of the domain (RFC 7011 3.1)";
}

// akvorado and goflow2 look the rate up by the domain of the flow's message: elements 305 and 306, without a reset of
// the sequence, which nfcapd counts without options records once it has seen flows.
TEST(Exporter, TheSamplingRecordPrecedesAllFlowsInTheirOwnDomainAndIsNotRepeatedThere)
{
    ipfix::ExporterSettings settings;
    settings.records4 = 1;
    settings.template_messages = 2;
    Export run(settings);
    for (std::uint64_t i = 1; i <= 12; i++)
        run.add({at(0, i)});
    ASSERT_TRUE(run.exporter.finish().ok());
    ASSERT_GT(run.template_messages(), 3u);
    std::size_t samplings = 0, flows = 0;
    for (const DecodedMessage& m : run.decode()) {
        if (m.domain != 666)
            continue;
        EXPECT_EQ(m.sequence, samplings + flows);
        for (const DecodedRecord& r : m.records) {
            flows += !r.options;
            if (!r.options)
                continue;
            samplings++;
            EXPECT_EQ(flows, 0u);
            EXPECT_EQ(r.number(149), 666u);
            EXPECT_EQ(r.number(304), 1u);
            EXPECT_EQ(r.number(305), 1u);
            EXPECT_EQ(r.number(306), 0u);
        }
    }
    EXPECT_EQ(samplings, 1u);
    EXPECT_EQ(flows, 12u);
}

TEST(Exporter, IcmpTypeAndCodeAreOneNumberByFamily)
{
    FlowRow echo = at(0, 1), echo6 = ipv6_row(), later = at(0, 3);
    echo.protocol = later.protocol = 1;
    echo6.protocol = 58;
    echo6.end_ns = echo.end_ns;
    echo.icmp_type = 3, echo.icmp_code = 13;
    echo6.icmp_type = 129, echo6.icmp_code = 0;
    Export ipfix({}), v9(netflow9());
    for (Export* run : {&ipfix, &v9}) {
        run->add({echo, echo6, later});
        ASSERT_TRUE(run->exporter.flush().ok());
    }
    const auto records = ipfix.decode().back().records, records9 = v9.decode().back().records;
    ASSERT_EQ(records.size(), 3u);
    ASSERT_EQ(records9.size(), 3u);
    EXPECT_EQ(records[0].number(32), 0x030du);
    EXPECT_EQ(records9[0].number(32), 0x030du);
    EXPECT_EQ(records[1].number(32), 0u) << "a row without type and code";
    EXPECT_EQ(records[2].number(139), 0x8100u);
    EXPECT_FALSE(records[2].has(32));
    EXPECT_EQ(records9[2].number(32), 0x8100u);
}

TEST(Exporter, TcpControlBitsHaveTwoOctetsAndOneWhereThatIsAsked)
{
    ipfix::ExporterSettings one;
    one.one_octet_flags = true;
    for (const auto& [settings, octets, value] :
         {std::tuple(ipfix::ExporterSettings(), 2u, 0x011bu), {one, 1u, 0x1bu}, {netflow9(), 1u, 0x1bu}}) {
        Export run(settings);
        run.add({at(0, 1)});
        ASSERT_TRUE(run.exporter.flush().ok());
        const DecodedRecord record = run.decode().back().records.back();
        EXPECT_EQ(record.octets(6).size(), octets);
        EXPECT_EQ(record.number(6), value);
    }
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
    Export run({}, 1372, true, flow_schema({"ipOctets", "tcpWinThCnt"}));
    run.add({FlowRow()});
    ASSERT_TRUE(run.exporter.flush().ok());
    const DecodedRecord record = run.decode().back().records.back();
    EXPECT_FALSE(record.has(1));
    EXPECT_FALSE(record.has(2, 32473));
    EXPECT_TRUE(record.has(2));
    EXPECT_TRUE(record.has(1, 32473));
}

// Columns of a stranger's plugin: those with an element go out, an element that is there already does not.
TEST(Exporter, ColumnsBringTheirElementsAlong)
{
    constexpr std::uint32_t kVendor = 9;
    for (const bool biflow : {false, true}) {
        std::vector<fx_column> columns = flow_columns();
        columns.push_back(column("own", FX_U16, 0, {FX_ELEMENT_OWN, 700, 0, 1}));
        columns.push_back(column("registered", FX_U64, 0, {0, 231, 4, 1})); // initiatorOctets, in reduced size
        columns.push_back(column("vendors", FX_U8, 0, {kVendor, 12235, 0, 1}));
        columns.push_back(column("list", FX_U16, FX_LIST, {FX_ELEMENT_OWN, 701, 0, 1}));
        columns.push_back(column("again", FX_U64, 0, {0, 2, 8, 1}));
        auto schema = std::make_shared<Schema>();
        schema->add(columns);
        ipfix::ExporterSettings settings;
        settings.biflow = biflow;
        Export run(settings, 1372, true, schema);
        FlowRow a;
        a.pair_follows = true;
        FlowRow b = a;
        b.direction = 'B';
        b.pair_follows = false;
        b.pair_second = true;
        run.add({a, b});
        ASSERT_TRUE(run.exporter.flush().ok());
        const DecodedRecord record = run.decode().back().records.back();
        EXPECT_EQ(record.has(700, 32473), true);
        EXPECT_EQ(record.has(231), true);
        EXPECT_EQ(record.has(12235, kVendor), true);
        EXPECT_FALSE(record.has(701, 32473));
        EXPECT_EQ(record.has(700 | 0x4000, 32473), biflow);
        EXPECT_EQ(record.has(231, 29305), biflow);
        EXPECT_FALSE(record.has(12235 | 0x4000, kVendor));
    }
    ipfix::ExporterSettings v9 = netflow9();
    std::vector<fx_column> columns = flow_columns();
    columns.push_back(column("registered", FX_U64, 0, {0, 231, 4, 1}));
    auto schema = std::make_shared<Schema>();
    schema->add(columns);
    Export run(v9, 1372, true, schema);
    run.add({FlowRow()});
    ASSERT_TRUE(run.exporter.flush().ok());
    EXPECT_FALSE(run.decode().back().records.back().has(231));
}

// Octets by RFC 7011: strings of variable length (7), float64 and float32 (6.1.3, 6.1.4), signed (6.1.2).
TEST(Exporter, ColumnsOfEveryKindHaveElements)
{
    auto schema = std::make_shared<Schema>();
    std::vector<fx_column> columns = flow_columns();
    columns.push_back(column("name", FX_STRING, 0, {FX_ELEMENT_OWN, 701, 0, 0}));
    columns.push_back(column("share", FX_FLOAT, 0, {FX_ELEMENT_OWN, 702, 0, 0}));
    columns.push_back(column("half", FX_FLOAT, 0, {FX_ELEMENT_OWN, 703, 4, 0}));
    columns.push_back(column("level", FX_I64, 0, {FX_ELEMENT_OWN, 704, 2, 0}));
    columns.push_back(column("content", FX_PAYLOAD, 0, {FX_ELEMENT_OWN, 705, 0, 0}));
    columns.push_back(column("device", FX_MAC, 0, {FX_ELEMENT_OWN, 706, 0, 0}));
    columns.push_back(column("last", FX_U8, 0, {FX_ELEMENT_OWN, 707, 0, 0}));
    schema->add(columns);
    RowBatch rows = make_rows({FlowRow(), ipv6_row(), FlowRow()}, schema);
    const auto put = [&](std::size_t row, const char* name, const auto& value) {
        std::memcpy(rows.mutable_row(row) + schema->columns()[*schema->find(name)].offset, &value, sizeof value);
    };
    const auto text = [&](const std::string& bytes) {
        return fx_span{rows.append(bytes.data(), static_cast<std::uint32_t>(bytes.size())),
                       static_cast<std::uint32_t>(bytes.size())};
    };
    const std::string octets{"\0\xff\x80", 3}, medium(300, 'm'), large = "x" + [] {
        std::string all;
        for (int i = 0; i < 1000; i++)
            all += "\u00e9";
        return all;
    }();
    const std::uint8_t device[6] = {0, 1, 2, 3, 4, 5};
    put(0, "name", text("caf\u00e9 \xff\x1b"));
    put(0, "share", 0.1);
    put(0, "half", -2.5);
    put(0, "level", std::int64_t{-40000});
    put(0, "content", text(octets));
    put(0, "device", device);
    put(0, "last", std::uint8_t{7});
    put(1, "name", text(medium));
    put(1, "level", std::int64_t{-2});
    put(2, "name", text(large));
    put(2, "last", std::uint8_t{9});
    Export run({}, 1372, true, schema);
    ASSERT_TRUE(run.exporter.check().ok());
    ASSERT_TRUE(run.exporter.add(rows).ok());
    ASSERT_TRUE(run.exporter.flush().ok());
    std::vector<DecodedRecord> records;
    for (const DecodedMessage& message : run.decode())
        for (const DecodedRecord& record : message.records)
            if (!record.options)
                records.push_back(record);
    ASSERT_EQ(records.size(), 3u);
    constexpr std::uint32_t kPen = 32473;
    const auto is = [](const std::vector<std::uint8_t>& found, const std::string& wanted) {
        return std::string(found.begin(), found.end()) == wanted;
    };
    EXPECT_TRUE(is(records[0].octets(701, kPen), "caf\u00e9 .\x1b"));
    EXPECT_EQ(records[0].number(702, kPen), 0x3fb999999999999au);
    EXPECT_EQ(records[0].number(703, kPen), 0xc0200000u);
    EXPECT_EQ(records[0].number(704, kPen), 0x8000u) << "the smallest of two octets";
    EXPECT_TRUE(is(records[0].octets(705, kPen), octets));
    EXPECT_EQ(records[0].number(706, kPen), 0x0102030405u);
    EXPECT_EQ(records[0].number(707, kPen), 7u);
    // Records of one template stand together in their message: the two of IPv4, then that of IPv6.
    EXPECT_TRUE(is(records[2].octets(701, kPen), medium));
    EXPECT_EQ(records[2].number(704, kPen), 0xfffeu);
    EXPECT_TRUE(records[2].octets(705, kPen).empty());
    const std::vector<std::uint8_t>& cut = records[1].octets(701, kPen);
    EXPECT_TRUE(cut.size() > 300 && cut.size() < 1372 && cut.size() % 2 == 1) << "whole characters: " << cut.size();
    EXPECT_EQ(std::string(cut.begin(), cut.end()), large.substr(0, cut.size()));
    EXPECT_EQ(records[1].number(707, kPen), 9u);
    const std::vector<std::string> said = run.exporter.inexact();
    EXPECT_NE(std::find(said.begin(), said.end(), "1 texts too long for their message, cut"), said.end());
    EXPECT_NE(std::find(said.begin(), said.end(), "1 values too large for their field, sent as its largest"),
              said.end());
}

TEST(Exporter, WithoutAddressColumnsThereIsNoExport)
{
    Export run({}, 1372, true, flow_schema({"srcIP"}));
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
                EXPECT_EQ(m.domain, r.has(305) && !sampling ? 666u : 0u);
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

std::string inexact(const Export& run)
{
    std::string all;
    for (const std::string& line : run.exporter.inexact())
        all += line + "\n";
    return all;
}

TEST(Exporter, WhatAFieldCannotHoldIsCountedByKind)
{
    Export exact({});
    exact.add({at(0, 1)});
    ASSERT_TRUE(exact.exporter.finish().ok());
    EXPECT_EQ(inexact(exact), "");

    FlowRow early = at(0, 1), large = at(0, 2);
    early.first_ns = -5 * kSecond;
    early.last_ns = -1;
    large.min_length = 65536;
    large.max_length = 142928;
    ipfix::ExporterSettings named;
    named.interface_names = {{2, std::string(255, 'n')}};
    Export run(named);
    run.add({early, large});
    ASSERT_TRUE(run.exporter.finish().ok());
    EXPECT_EQ(inexact(run), "2 times before 1970 sent as 1970\n"
                            "2 values too large for their field, sent as its largest\n"
                            "1 interface names cut\n");
    EXPECT_EQ(run.decode()[2].records[0].number(152), 0u);
    EXPECT_EQ(run.decode()[2].records[1].number(26), 65535u);

    // The NTP format begins anew on 2036-02-07 06:28:16 (RFC 5905 6), sysUptime after 2^32 ms; AE has no place in v9.
    ipfix::ExporterSettings micros = netflow9();
    micros.time_unit = ipfix::TimeUnit::kMicroseconds;
    Export v9(micros);
    FlowRow before = at(0, 1), after = at(50 * 86400, 2);
    before.last_ns = 2085978495 * kSecond;
    after.last_ns = 2085978496 * kSecond;
    v9.add({before, after});
    ASSERT_TRUE(v9.exporter.finish().ok());
    EXPECT_EQ(inexact(v9), "1 times after 2036-02-07 that the NTP format cannot tell from earlier ones\n"
                           "2 records without the TCP flags above the low eight\n"
                           "1 wraps of sysUptime\n");
}

TEST(Exporter, MessageTimesThatTheHeaderCannotSayAreCounted)
{
    Export run({});
    FlowRow early = at(0, 1);
    early.end_ns = -kSecond;
    run.add({early});
    ASSERT_TRUE(run.exporter.flush().ok());
    EXPECT_NE(inexact(run).find("3 messages whose header"), std::string::npos) << inexact(run);
    EXPECT_EQ(run.decode().back().seconds, 0u);
}

// With the sensor's record a flow id is unique: an adopting daemon sends the same, a new sensor another.
TEST(Exporter, ALiveSensorIsTold)
{
    for (const auto protocol : {ipfix::Protocol::kIpfix, ipfix::Protocol::kNetflow9}) {
        ipfix::ExporterSettings settings;
        settings.protocol = protocol;
        settings.origin = {0x0123456789abcdef, 1'700'000'000'123'456'789};
        Export run(settings);
        run.add({at(0, 1)});
        ASSERT_TRUE(run.exporter.finish().ok());
        std::size_t told = 0;
        for (const DecodedMessage& m : run.decode())
            for (const DecodedRecord& r : m.records) {
                if (!r.has(160))
                    continue;
                told++;
                EXPECT_EQ(r.number(160), 1'700'000'000'123u);
                if (protocol == ipfix::Protocol::kIpfix) {
                    EXPECT_EQ(r.number(3, 32473), 0x0123456789abcdefu);
                    EXPECT_EQ(r.number(149), 666u);
                }
            }
        EXPECT_EQ(told, 1u);
    }
}

TEST(Exporter, Netflow9CarriesTheFlowIdWhereAsked)
{
    ipfix::ExporterSettings settings = netflow9();
    settings.v9_flow_id = true;
    Export with(settings), without(netflow9());
    for (Export* run : {&with, &without}) {
        run->add({at(0, 77)});
        ASSERT_TRUE(run->exporter.flush().ok());
    }
    EXPECT_EQ(with.decode().back().records.back().number(148), 77u);
    EXPECT_FALSE(without.decode().back().records.back().has(148));
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
    for (const char* bad : {"eth0", "0:", ":eth0", "0=eth0", "x:y", "0:a;;", "0:a;0:b", "4294967296:a", "-1:a"})
        EXPECT_FALSE(ipfix::InterfaceNames::parse(bad).ok()) << bad;
}

} // namespace
} // namespace flowxdp::test
