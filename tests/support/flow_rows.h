// SPDX-License-Identifier: BSD-2-Clause
// flow_rows.h - rows of flows from one struct of plain values, with columns that exporters know.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "flowxdp/record_stream.h"
#include "row/row_batch.h"
#include "support/row_builder.h"

namespace flowxdp::test {

using Mac = std::array<std::uint8_t, 6>;

// One direction of a flow in plain values.
struct FlowRow {
    char direction = 'A';
    std::uint64_t flow_id = 1;
    std::int64_t first_ns = 1'258'594'163'408'123'456;
    std::int64_t last_ns = 1'258'594'164'409'987'654;
    std::int64_t end_ns = 0;                                            // 0: last_ns
    std::string source = "192.168.1.104", destination = "77.67.44.206"; // "" = an L2 flow
    std::uint16_t source_port = 1541, destination_port = 80;
    std::uint8_t protocol = 6;
    std::uint64_t packets = 5, octets = 1234;
    std::uint32_t min_length = 40, max_length = 576;
    std::uint8_t tos = 0x10, min_ttl = 63, max_ttl = 64;
    std::uint16_t tcp_flags = 0x011b;   // AE and low bits: RFC 9565 has them all, NetFlow v9 the low octet
    int icmp_type = -1, icmp_code = -1; // -1: the cell is absent
    std::uint16_t ethertype = 0x0800;
    std::vector<std::uint16_t> vlans;
    // One address each; of an initializer list g++ 12 believes that it "may be used uninitialized".
    std::vector<Mac> source_macs = std::vector<Mac>(1, Mac{0x00, 0x0b, 0xdb, 0x4f, 0x6b, 0x10});
    std::vector<Mac> destination_macs = std::vector<Mac>(1, Mac{0x00, 0x19, 0xe3, 0xe7, 0x5d, 0x23});
    std::uint8_t win_stat = 1;
    std::uint32_t win_count = 3;
    std::uint8_t reason = FLOW_END_IDLE;
    std::uint32_t if_id = 2;
    bool pair_follows = false, pair_second = false;
};

inline const std::vector<fx_column>& flow_columns()
{
    static const std::vector<fx_column> columns = {
        column("dir", FX_CHAR, 0),
        column("flowInd", FX_U64, 0),
        column("timeFirst", FX_TIME, 0),
        column("timeLast", FX_TIME, 0),
        column("hdrDesc", FX_WORD, FX_LIST),
        column("srcMac", FX_MAC, FX_LIST),
        column("dstMac", FX_MAC, FX_LIST),
        column("ethType", FX_H16, 0),
        column("vlanID", FX_U16, FX_LIST),
        column("srcIP", FX_IP, 0),
        column("srcPort", FX_U16, 0),
        column("dstIP", FX_IP, 0),
        column("dstPort", FX_U16, 0),
        column("l4Proto", FX_U8, 0),
        column("pktsSnt", FX_U64, 0),
        column("ipOctets", FX_U64, 0),
        column("minIpLen", FX_U32, 0),
        column("maxIpLen", FX_U32, 0),
        column("ipClass", FX_H8, 0),
        column("ttlMin", FX_U8, 0),
        column("ttlMax", FX_U8, 0),
        column("tcpControlBits", FX_H16, 0),
        column("tcpWinStat", FX_H8, 0, {FX_ELEMENT_OWN, 1, 1, 1}),
        column("tcpWinThCnt", FX_U32, 0, {FX_ELEMENT_OWN, 2, 4, 1}),
        column("icmpType", FX_U8, FX_OPTIONAL),
        column("icmpCode", FX_U8, FX_OPTIONAL),
    };
    return columns;
}

inline std::shared_ptr<const Schema> flow_schema(const std::set<std::string>& without = {})
{
    std::vector<fx_column> columns;
    for (const fx_column& column : flow_columns())
        if (without.count(column.name) == 0)
            columns.push_back(column);
    auto schema = std::make_shared<Schema>();
    schema->add(columns);
    return schema;
}

// One row of plain values, for the columns that the schema has.
inline void add_flow(RowBuilder* rows, const FlowRow& flow)
{
    RowHeader header{};
    header.end_clock_ns = flow.end_ns != 0 ? flow.end_ns : flow.last_ns;
    header.flow_id = flow.flow_id;
    header.reason = flow.reason;
    header.direction = flow.direction == 'B' ? DIRECTION_B : DIRECTION_A;
    header.pair_follows = flow.pair_follows;
    header.pair_second = flow.pair_second;
    header.if_id = flow.if_id;
    rows->row(header);
    const auto put = [rows](const char* name, const auto& value) {
        if (rows->has(name))
            rows->put(name, value);
    };
    const auto list = [rows](const char* name, const auto& values) {
        if (rows->has(name))
            rows->list(name, values);
    };
    const auto optional = [rows](const char* name, int value) {
        if (!rows->has(name))
            return;
        if (value < 0)
            rows->empty(name);
        else
            rows->put(name, static_cast<std::uint8_t>(value));
    };
    put("dir", flow.direction);
    put("flowInd", flow.flow_id);
    put("timeFirst", flow.first_ns);
    put("timeLast", flow.last_ns);
    list("srcMac", flow.source_macs);
    list("dstMac", flow.destination_macs);
    put("ethType", flow.ethertype);
    list("vlanID", flow.vlans);
    put("srcIP", ip_cell(flow.source));
    put("dstIP", ip_cell(flow.destination));
    put("srcPort", flow.source_port);
    put("dstPort", flow.destination_port);
    put("l4Proto", flow.protocol);
    put("pktsSnt", flow.packets);
    put("ipOctets", flow.octets);
    put("minIpLen", flow.min_length);
    put("maxIpLen", flow.max_length);
    put("ipClass", flow.tos);
    put("ttlMin", flow.min_ttl);
    put("ttlMax", flow.max_ttl);
    put("tcpControlBits", flow.tcp_flags);
    put("tcpWinStat", flow.win_stat);
    put("tcpWinThCnt", flow.win_count);
    optional("icmpType", flow.icmp_type);
    optional("icmpCode", flow.icmp_code);
}

inline RowBatch make_rows(const std::vector<FlowRow>& flows, std::shared_ptr<const Schema> schema = flow_schema())
{
    RowBuilder rows(std::move(schema));
    for (const FlowRow& flow : flows)
        add_flow(&rows, flow);
    return rows.take();
}

inline FlowRow ipv6_row()
{
    FlowRow flow;
    flow.source = "2001:db8::1";
    flow.destination = "2001:db8::53";
    flow.source_port = 53124;
    flow.destination_port = 53;
    flow.protocol = 17;
    flow.ethertype = 0x86dd;
    flow.tcp_flags = 0;
    flow.vlans = {100, 200};
    return flow;
}

inline FlowRow layer2_row()
{
    FlowRow flow;
    flow.source = flow.destination = "";
    flow.source_port = flow.destination_port = 0;
    flow.protocol = 0;
    flow.ethertype = 0x0806;
    flow.tcp_flags = 0;
    flow.octets = 300;
    return flow;
}

} // namespace flowxdp::test
