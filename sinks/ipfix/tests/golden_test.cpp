// SPDX-License-Identifier: BSD-2-Clause
// golden_test.cpp - the octets of each template and record kind, as reviewed files.
//
// golden/NAME.txt holds every message of a run in hexadecimal, below it what the tests' own decoder reads in it. After
// a wanted change: FLOWXDP_REGENERATE_GOLDEN=1 ctest -R ExportGolden, then review the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "exporter.h"
#include "flow_decoder.h"
#include "memory_transport.h"
#include "support/flow_rows.h"

namespace flowxdp::test {
namespace {

std::string hex(const std::vector<std::uint8_t>& octets, std::size_t from, std::size_t count)
{
    std::string text;
    for (std::size_t i = from; i < octets.size() && i < from + count; i++) {
        text += "0123456789abcdef"[octets[i] >> 4];
        text += "0123456789abcdef"[octets[i] & 15];
    }
    return text;
}

std::string describe(const std::vector<std::vector<std::uint8_t>>& messages)
{
    FlowDecoder decoder;
    std::string text;
    for (std::size_t m = 0; m < messages.size(); m++) {
        const auto& octets = messages[m];
        text += "message " + std::to_string(m) + ", " + std::to_string(octets.size()) + " octets\n";
        for (std::size_t at = 0; at < octets.size(); at += 32)
            text += "    " + hex(octets, at, 32) + "\n";
        const DecodedMessage decoded = decoder.decode(octets);
        text += "  version " + std::to_string(decoded.version) + " uptime_ms " + std::to_string(decoded.uptime_ms) +
                " seconds " + std::to_string(decoded.seconds) + " sequence " + std::to_string(decoded.sequence) +
                " domain " + std::to_string(decoded.domain) + " templates " + std::to_string(decoded.templates) + "+" +
                std::to_string(decoded.options_templates) + "\n";
        for (const DecodedRecord& record : decoded.records) {
            text += "  record of " + std::to_string(record.template_id) + ":";
            for (const FieldKey& key : record.order) {
                const std::string pen = key.first == 0           ? ""
                                        : key.first == kScopePen ? "scope/"
                                                                 : std::to_string(key.first) + "/";
                text += " " + pen + std::to_string(key.second) + "=" + hex(record.fields.at(key), 0, 64);
            }
            text += "\n";
        }
    }
    return text;
}

void expect_golden(const std::string& name, const ipfix::ExporterSettings& settings)
{
    SinkCounts counts;
    MemoryTransport transport(1372, true, &counts);
    auto schema = flow_schema();
    ipfix::Exporter exporter(settings, schema, &transport, &counts);
    FlowRow a, b;
    b.direction = 'B';
    std::swap(b.source, b.destination);
    std::swap(b.source_port, b.destination_port);
    std::swap(b.source_macs, b.destination_macs);
    b.packets = 4;
    b.octets = 0x1'0000'0001; // more than 32 bits
    b.first_ns += 50'000'000;
    b.tcp_flags = 0x13;
    b.min_ttl = b.max_ttl = 52;
    b.win_count = 0;
    b.win_stat = 0;
    a.pair_follows = b.pair_second = true;
    FlowRow v6 = ipv6_row(), layer2 = layer2_row();
    v6.flow_id = 2;
    v6.reason = FLOW_END_FORCED;
    layer2.flow_id = 0x0102030405060708;
    layer2.reason = FLOW_END_ACTIVE;
    ASSERT_TRUE(exporter.add(make_rows({a, b, v6, layer2}, schema)).ok());
    ASSERT_TRUE(exporter.finish().ok());
    const std::string actual = describe(transport.messages);

    const char* source = std::getenv("FLOWXDP_SOURCE_DIR");
    ASSERT_NE(source, nullptr) << "run by ctest, or set FLOWXDP_SOURCE_DIR";
    const std::string path = std::string(source) + "/sinks/ipfix/tests/golden/" + name + ".txt";
    if (std::getenv("FLOWXDP_REGENERATE_GOLDEN") != nullptr)
        std::ofstream(path) << actual;
    std::ifstream in(path);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), actual);
}

TEST(ExportGolden, Netflow9)
{
    ipfix::ExporterSettings settings;
    settings.protocol = ipfix::Protocol::kNetflow9;
    expect_golden("netflow9", settings);
}

TEST(ExportGolden, Ipfix)
{
    expect_golden("ipfix", {});
}

TEST(ExportGolden, IpfixBiflowInNanoseconds)
{
    ipfix::ExporterSettings settings;
    settings.biflow = true;
    settings.time_unit = ipfix::TimeUnit::kNanoseconds;
    expect_golden("ipfix_biflow_ns", settings);
}

} // namespace
} // namespace flowxdp::test
