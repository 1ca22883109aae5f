// SPDX-License-Identifier: BSD-2-Clause
// collector_test.cpp - what collectors in use read from the exporters, on loopback: nfcapd and nfdump, nfacctd,
// tshark's dissector, ipfixDump. Key, packets, octets, TCP flags and milliseconds are compared with the rows that were
// sent.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "export/child_process.h"
#include "export_sink.h"
#include "export_sink_fixture.h"
#include "support/flow_rows.h"
#include "support/local_socket.h"
#include "support/packet_builder.h"
#include "support/pcap_file.h"
#include "support/temp_folder.h"

namespace flowxdp::test {
namespace {

using ipfix::Protocol;
using nlohmann::json;

// What collectors can tell of a record.
struct Seen {
    std::string source, destination;
    unsigned source_port, destination_port, protocol;
    std::uint64_t packets, octets;
    unsigned tcp_flags;
    std::int64_t first_ms, last_ms;
    auto operator<=>(const Seen&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Seen& s)
{
    return out << s.source << ':' << s.source_port << '>' << s.destination << ':' << s.destination_port << '/'
               << s.protocol << " packets " << s.packets << " octets " << s.octets << " flags " << s.tcp_flags << " ms "
               << s.first_ms << ".." << s.last_ms;
}

constexpr std::size_t kBiflows = 120;

// Biflows of IPv4 and IPv6, each with its own ports; every fifth is L2.
std::vector<FlowRow> sample_rows()
{
    std::vector<FlowRow> flows;
    for (std::uint64_t i = 1; i <= kBiflows; i++) {
        FlowRow a = i % 5 == 0 ? layer2_row() : i % 3 == 0 ? ipv6_row() : FlowRow();
        a.flow_id = i;
        a.end_ns =
            a.last_ns + static_cast<std::int64_t>(i) * 5'000'000'000; // the packet clock makes templates come again
        a.first_ns += static_cast<std::int64_t>(i) * 1'234'567;
        a.last_ns += static_cast<std::int64_t>(i) * 7'654'321;
        a.packets = i;
        a.octets = i * 1'000'000'007; // beyond 32 bits
        if (!a.source.empty())
            a.source_port = static_cast<std::uint16_t>(20'000 + i);
        if (a.protocol == 6)
            a.tcp_flags = static_cast<std::uint16_t>(i % 256);
        FlowRow b = a;
        b.direction = 'B';
        std::swap(b.source, b.destination);
        std::swap(b.source_port, b.destination_port);
        std::swap(b.source_macs, b.destination_macs);
        b.packets += 1000;
        b.octets += 5;
        a.pair_follows = b.pair_second = true;
        flows.push_back(a);
        flows.push_back(b);
    }
    return flows;
}

// biflow: what a collector shows of A when it keeps B's counts elsewhere.
std::vector<Seen> expected_ip(const std::vector<FlowRow>& flows, bool only_a = false)
{
    std::vector<Seen> all;
    for (const FlowRow& f : flows)
        if (!f.source.empty() && (!only_a || f.direction == 'A'))
            all.push_back({f.source, f.destination, f.source_port, f.destination_port, f.protocol, f.packets, f.octets,
                           f.tcp_flags & 0xffu, f.first_ns / 1'000'000, f.last_ns / 1'000'000});
    std::sort(all.begin(), all.end());
    return all;
}

// Each datagram as a frame to `port`, for a dissector.
void write_udp_pcap(const std::string& path, std::uint16_t port, const std::vector<Bytes>& datagrams)
{
    PcapFile capture;
    std::uint32_t seconds = 1'700'000'000;
    for (const Bytes& datagram : datagrams)
        capture.packet(
            seconds++, 0,
            Packet().eth().ipv4("127.0.0.1", "127.0.0.1").udp(40000, port).raw("datagram", datagram).bytes());
    write_file(path, capture.bytes());
}

class CollectorTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(::setenv("TZ", "UTC", 1), 0); }
    void TearDown() override
    {
        if (HasFailure())
            folder_.keep();
    }
    [[nodiscard]] std::string file(const std::string& name) const { return folder_ / name; }

    // A port free for UDP right now.
    static std::uint16_t free_port(int family = AF_INET)
    {
        LocalSocket socket(SOCK_DGRAM, family);
        return socket.port();
    }

    // Sends the rows in small steps, each when the collector has read the last one, so that no buffer overflows.
    static void send(Protocol protocol, const std::string& target, std::map<std::string, std::string> options,
                     const std::vector<FlowRow>& flows, const std::function<void()>& after_each)
    {
        auto sink = make_export_sink(protocol, target, options);
        ASSERT_TRUE(sink.ok()) << sink.error().message;
        SinkContext context;
        context.flow_schema = flow_schema();
        ASSERT_TRUE(sink.value()->open(context).ok());
        for (std::size_t i = 0; i < flows.size(); i += 20) {
            const std::size_t end = std::min(i + 20, flows.size());
            ASSERT_TRUE(sink.value()
                            ->write(make_rows({flows.begin() + static_cast<std::ptrdiff_t>(i),
                                               flows.begin() + static_cast<std::ptrdiff_t>(end)}))
                            .ok());
            after_each();
        }
        ASSERT_TRUE(sink.value()->flush(true).ok());
        EXPECT_EQ(sink.value()->counts().sent, flows.size());
        after_each();
    }
    static std::function<void()> until_read(std::uint16_t port)
    {
        return [port] { EXPECT_TRUE(wait_until([port] { return udp_port_state(port).waiting_octets == 0; })); };
    }

    // Receives what a sink sends instead of a collector.
    static std::vector<std::vector<std::uint8_t>> capture(Protocol protocol, std::map<std::string, std::string> options,
                                                          const std::vector<FlowRow>& flows, LocalSocket* socket)
    {
        std::vector<std::vector<std::uint8_t>> all;
        send(protocol, socket->target("udp://"), std::move(options), flows, [&] {
            for (auto& datagram : socket->datagrams())
                all.push_back(std::move(datagram));
        });
        return all;
    }

    void check_nfcapd(Protocol protocol, bool biflow, int family);
    void check_nfacctd(Protocol protocol);
    void check_tshark(Protocol protocol);

    TempFolder folder_;
};

// "2009-11-19T01:29:23.408" in UTC.
std::int64_t iso_ms(const std::string& text)
{
    std::tm parts{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr || *rest != '.')
        return -1;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1000 + std::stol(rest + 1);
}

// nfdump's "CEUAPRSF".
unsigned flag_bits(const std::string& letters)
{
    unsigned bits = 0;
    for (const char letter : letters)
        bits = bits << 1 | (letter != '.');
    return bits;
}

void CollectorTest::check_nfcapd(Protocol protocol, bool biflow, int family)
{
    const auto nfcapd = find_program("nfcapd"), nfdump = find_program("nfdump");
    if (!nfcapd || !nfdump)
        GTEST_SKIP() << "nfcapd and nfdump (package nfdump) are not installed";
    if (!LocalSocket(SOCK_DGRAM, family).bound())
        GTEST_SKIP() << "no IPv6 loopback address";
    const std::uint16_t port = free_port(family);
    const std::string host = family == AF_INET ? "127.0.0.1" : "::1";
    std::filesystem::create_directory(file("nf"));
    ChildProcess collector(
        {*nfcapd, "-T", "all", "-B", "1000000", "-w", file("nf"), "-b", host, "-p", std::to_string(port), "-t", "3600"},
        file("nfcapd.log"));
    ASSERT_TRUE(wait_until([&] { return udp_port_state(port).bound || !collector.running(); }));
    ASSERT_TRUE(collector.running()) << read_text(file("nfcapd.log"));

    const auto flows = sample_rows();
    send(protocol, "udp://" + std::string(family == AF_INET ? "127.0.0.1:" : "[::1]:") + std::to_string(port),
         biflow ? std::map<std::string, std::string>{{"biflow", "1"}} : std::map<std::string, std::string>(), flows,
         until_read(port));
    EXPECT_EQ(udp_port_state(port).drops, 0u);
    collector.stop(SIGTERM);
    const std::string log = read_text(file("nfcapd.log"));
    EXPECT_NE(log.find("Sequence Errors: 0, Bad Packets: 0"), std::string::npos) << log;
    EXPECT_EQ(log.find("rror: "), std::string::npos) << log;

    std::uint64_t packets = 0;
    for (const FlowRow& f : flows)
        packets += f.packets;
    EXPECT_NE(log.find("Flows: " + std::to_string(biflow ? kBiflows : 2 * kBiflows) +
                       ", Packets: " + std::to_string(packets) + ","),
              std::string::npos)
        << log;

    std::string text = run_program({*nfdump, "-R", file("nf"), "-o", "json"}, file("nfdump.json"));
    text.erase(0, text.find('['));
    std::vector<Seen> seen;
    for (const json& record : json::parse(text)) {
        const bool v4 = record.contains("src4_addr");
        if (!v4 && !record.contains("src6_addr"))
            continue; // L2
        seen.push_back({record.at(v4 ? "src4_addr" : "src6_addr"), record.at(v4 ? "dst4_addr" : "dst6_addr"),
                        record.at("src_port"), record.at("dst_port"), record.at("proto"), record.at("in_packets"),
                        record.at("in_bytes"), flag_bits(record.at("tcp_flags")), iso_ms(record.at("first")),
                        iso_ms(record.at("last"))});
        EXPECT_EQ(record.at("type"), "FLOW");
        EXPECT_EQ(record.at("src_tos"), 16);
        EXPECT_EQ(record.at("input_snmp"), 2);
        EXPECT_EQ(record.at("src_vlan"), v4 ? 0 : 200);
        EXPECT_EQ(record.at("in_src_mac"), record.at("direction") == 0 ? "00:0b:db:4f:6b:10" : "00:19:e3:e7:5d:23");
        if (biflow) {
            EXPECT_EQ(record.at("out_packets"), record.at("in_packets").get<std::uint64_t>() + 1000);
            EXPECT_EQ(record.at("out_bytes"), record.at("in_bytes").get<std::uint64_t>() + 5);
        }
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, expected_ip(flows, biflow));
}

TEST_F(CollectorTest, NfcapdReadsNetflow9)
{
    check_nfcapd(Protocol::kNetflow9, false, AF_INET);
}
TEST_F(CollectorTest, NfcapdReadsIpfix)
{
    check_nfcapd(Protocol::kIpfix, false, AF_INET);
}
TEST_F(CollectorTest, NfcapdReadsIpfixOverIpv6)
{
    check_nfcapd(Protocol::kIpfix, false, AF_INET6);
}
TEST_F(CollectorTest, NfcapdReadsBiflows)
{
    check_nfcapd(Protocol::kIpfix, true, AF_INET);
}

void CollectorTest::check_nfacctd(Protocol protocol)
{
    const auto nfacctd = find_program("nfacctd");
    if (!nfacctd)
        GTEST_SKIP() << "nfacctd (package pmacct) is not installed";
    const std::uint16_t port = free_port();
    std::ofstream(file("nfacctd.conf"))
        << "nfacctd_ip: 127.0.0.1\nnfacctd_port: " << port
        << "\nplugins: print[p]\ndaemonize: false\nprint_output: json\nprint_output_file: " << file("out.json")
        << "\nprint_output_file_append: true\nprint_refresh_time: 1\n"
           "timestamps_since_epoch: true\n"
           "aggregate: src_host, dst_host, src_port, dst_port, proto, tcpflags, "
           "timestamp_start, timestamp_end\n";
    ChildProcess collector({*nfacctd, "-f", file("nfacctd.conf")}, file("nfacctd.log"));
    // Its printer is a process of its own, which loses what comes before its first round.
    ASSERT_TRUE(wait_until([&] {
        return read_text(file("nfacctd.log")).find("Purging cache - START") != std::string::npos ||
               !collector.running();
    }));
    ASSERT_TRUE(collector.running()) << read_text(file("nfacctd.log"));

    const auto flows = sample_rows();
    std::vector<FlowRow> ip_flows;
    for (const FlowRow& f : flows)
        if (!f.source.empty())
            ip_flows.push_back(f);
    // nfacctd before 1.7.8 takes no flags out of two octets.
    std::map<std::string, std::string> options;
    if (protocol == Protocol::kIpfix)
        options["tcp_flags"] = "1";
    send(protocol, "udp://127.0.0.1:" + std::to_string(port), options, ip_flows, until_read(port));
    const auto wanted = expected_ip(flows);
    std::vector<Seen> seen;
    const auto read = [&] {
        seen.clear();
        std::stringstream lines(read_text(file("out.json")));
        for (std::string line; std::getline(lines, line);) {
            const json record = json::parse(line, nullptr, false);
            if (record.is_discarded() || !record.contains("ip_src"))
                continue;                          // the last line may still be written
            const auto ms = [&](const char* key) { // "1258594163.408000"
                const std::string text = record.at(key);
                return std::stoll(text.substr(0, text.find('.'))) * 1000 +
                       std::stoll(text.substr(text.find('.') + 1, 3));
            };
            const std::string proto = record.at("ip_proto");
            seen.push_back({record.at("ip_src"), record.at("ip_dst"), record.at("port_src"), record.at("port_dst"),
                            proto == "tcp"   ? 6u
                            : proto == "udp" ? 17u
                                             : 0u,
                            record.at("packets"), record.at("bytes"),
                            static_cast<unsigned>(std::stoul(record.at("tcp_flags").get<std::string>())),
                            ms("timestamp_start"), ms("timestamp_end")});
        }
        return seen.size() >= wanted.size();
    };
    EXPECT_TRUE(wait_until(read)) << seen.size() << " of " << wanted.size() << "\n" << read_text(file("nfacctd.log"));
    collector.stop(SIGINT);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, wanted);
    const std::string log = read_text(file("nfacctd.log"));
    for (const char* complaint : {"sequence", "malformed", "unknown template", "WARN"})
        EXPECT_EQ(log.find(complaint), std::string::npos) << log;
}

TEST_F(CollectorTest, NfacctdReadsNetflow9)
{
    check_nfacctd(Protocol::kNetflow9);
}
TEST_F(CollectorTest, NfacctdReadsIpfix)
{
    check_nfacctd(Protocol::kIpfix);
}

// tshark prints times as "Nov 19, 2009 01:29:23.409358023 UTC".
std::int64_t tshark_ms(const std::string& text)
{
    std::tm parts{};
    const char* rest = ::strptime(text.c_str(), "%b %d, %Y %H:%M:%S", &parts);
    if (rest == nullptr || *rest != '.')
        return -1;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1000 + std::stol(std::string(rest + 1, 3));
}

void CollectorTest::check_tshark(Protocol protocol)
{
    const auto tshark = find_program("tshark");
    if (!tshark)
        GTEST_SKIP() << "tshark is not installed";
    LocalSocket socket(SOCK_DGRAM);
    const auto flows = sample_rows();
    const std::string decode_as = "udp.port==" + std::to_string(socket.port()) + ",cflow";

    // Full messages: nothing malformed, nothing worth a remark, no sequence gap.
    std::vector<std::map<std::string, std::string>> runs = {{}, {{"time", "us"}}, {{"time", "ns"}}};
    if (protocol == Protocol::kIpfix)
        runs.push_back({{"biflow", "1"}});
    for (const auto& options : runs) {
        write_udp_pcap(file("full.pcap"), socket.port(), capture(protocol, options, flows, &socket));
        const std::string bad = run_program({*tshark, "-r", file("full.pcap"), "-d", decode_as, "-Y",
                                             "_ws.malformed || _ws.expert || cflow.sequence_analysis.expected_sn || "
                                             "cflow.template_frame == 0",
                                             "-T", "fields", "-E", "separator=|", "-e", "frame.number", "-e",
                                             "_ws.expert.message", "-e", "cflow.sequence_analysis.expected_sn"},
                                            file("bad.txt"));
        EXPECT_EQ(bad.find('|'), std::string::npos) << bad;
    }

    // One record a message: each frame is a row.
    write_udp_pcap(
        file("single.pcap"), socket.port(),
        capture(protocol, {{"records4", "1"}, {"records6", "1"}, {"template_messages", "100000"}}, flows, &socket));
    std::vector<std::string> command = {
        *tshark,  "-r", file("single.pcap"), "-d", decode_as,     "-Y", "cflow.packets", "-T",
        "fields", "-E", "separator=|",       "-E", "aggregator=;"};
    for (const char* field :
         {"cflow.srcaddr", "cflow.srcaddrv6", "cflow.dstaddr", "cflow.dstaddrv6", "cflow.srcport", "cflow.dstport",
          "cflow.protocol", "cflow.packets", "cflow.octets", "cflow.tcpflags", "cflow.abstimestart", "cflow.abstimeend",
          "cflow.layer2_octet_delta_count", "cflow.ethernet_type"}) {
        command.emplace_back("-e");
        command.emplace_back(field);
    }
    std::stringstream lines(run_program(command, file("fields.txt")));
    std::vector<Seen> seen;
    std::uint64_t layer2_octets = 0, layer2_records = 0;
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> cells(1);
        for (const char c : line) {
            if (c == '|')
                cells.emplace_back();
            else
                cells.back() += c;
        }
        if (cells.size() != 14)
            continue; // a remark of tshark's
        // A message can hold one record of each template: the exporter's limits are per family.
        std::vector<std::vector<std::string>> values;
        for (const std::string& cell : cells) {
            values.emplace_back();
            std::stringstream parts(cell);
            for (std::string part; std::getline(parts, part, ';');)
                values.back().push_back(part);
        }
        const std::size_t v4 = values[0].size(), v6 = values[1].size(), layer2 = values[12].size();
        ASSERT_EQ(values[7].size(), v4 + v6 + layer2) << line;
        for (std::size_t i = 0; i < layer2; i++) {
            layer2_octets += std::stoull(values[12][i]);
            layer2_records++;
            EXPECT_EQ(std::stoul(values[13][i], nullptr, 0), 0x0806u);
        }
        if (v4 + v6 != 1 || layer2 != 0)
            continue; // mixed: counted below by their number alone
        seen.push_back({values[v4 ? 0 : 1][0], values[v4 ? 2 : 3][0], static_cast<unsigned>(std::stoul(values[4][0])),
                        static_cast<unsigned>(std::stoul(values[5][0])),
                        static_cast<unsigned>(std::stoul(values[6][0])), std::stoull(values[7][0]),
                        std::stoull(values[8][0]), static_cast<unsigned>(std::stoul(values[9][0], nullptr, 0)),
                        tshark_ms(values[10][0]), tshark_ms(values[11][0])});
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, expected_ip(flows));
    std::uint64_t wanted_octets = 0;
    for (const FlowRow& f : flows)
        if (f.source.empty())
            wanted_octets += f.octets;
    EXPECT_EQ(layer2_octets, wanted_octets);
    EXPECT_EQ(layer2_records, 2 * kBiflows / 5);
}

TEST_F(CollectorTest, TsharkDissectsNetflow9)
{
    check_tshark(Protocol::kNetflow9);
}
TEST_F(CollectorTest, TsharkDissectsIpfix)
{
    check_tshark(Protocol::kIpfix);
}

// RFC 5952 form of an address in any form.
std::string canonical(const std::string& address)
{
    std::uint8_t octets[16];
    char text[INET6_ADDRSTRLEN] = {};
    const int family = address.find(':') != std::string::npos ? AF_INET6 : AF_INET;
    if (::inet_pton(family, address.c_str(), octets) == 1)
        ::inet_ntop(family, octets, text, sizeof text);
    return text;
}

// Data records of ipfixDump: "(2)  packetDeltaCount : 5", one block each.
std::vector<Seen> ipfix_dump_records(const std::string& text)
{
    std::vector<Seen> seen;
    std::map<std::string, std::string> values;
    const auto finish = [&] {
        if (values.count("packetDeltaCount") != 0 && values.count("octetDeltaCount") != 0) {
            const bool v4 = values.count("sourceIPv4Address") != 0;
            const auto ms = [&](const char* key) {
                std::string time = values[key];
                std::replace(time.begin(), time.end(), ' ', 'T');
                return iso_ms(time);
            };
            seen.push_back({canonical(values[v4 ? "sourceIPv4Address" : "sourceIPv6Address"]),
                            canonical(values[v4 ? "destinationIPv4Address" : "destinationIPv6Address"]),
                            static_cast<unsigned>(std::stoul(values["sourceTransportPort"])),
                            static_cast<unsigned>(std::stoul(values["destinationTransportPort"])),
                            static_cast<unsigned>(std::stoul(values["protocolIdentifier"])),
                            std::stoull(values["packetDeltaCount"]), std::stoull(values["octetDeltaCount"]),
                            static_cast<unsigned>(std::stoul(values["tcpControlBits"], nullptr, 0)),
                            ms("flowStartMilliseconds"), ms("flowEndMilliseconds")});
        }
        values.clear();
    };
    std::stringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t colon = line.find(" : ");
        if (line.rfind("---", 0) == 0)
            finish();
        if (colon == std::string::npos || line.find('(') == std::string::npos)
            continue;
        const std::size_t name = line.rfind(' ', colon - 1) + 1;
        values.emplace(line.substr(name, colon - name), line.substr(colon + 3));
    }
    finish();
    std::sort(seen.begin(), seen.end());
    return seen;
}

TEST_F(CollectorTest, IpfixDumpReadsTheFile)
{
    const auto ipfix_dump = find_program("ipfixDump");
    if (!ipfix_dump)
        GTEST_SKIP() << "ipfixDump (package libfixbuf-tools) is not installed";
    const auto flows = sample_rows();
    send(Protocol::kIpfix, "file:" + file("out.ipfix"), {}, flows, [] {});
    const std::string text = run_program({*ipfix_dump, "--in", file("out.ipfix")}, file("dump.txt"));
    EXPECT_EQ(ipfix_dump_records(text), expected_ip(flows));
    EXPECT_NE(text.find("layer2OctetDeltaCount"), std::string::npos);
    EXPECT_NE(text.find("7 Template Records"), std::string::npos)
        << "each template once in a file, that of the sampling options in both domains";
}

TEST_F(CollectorTest, IpfixDumpReadsWhatATcpCollectorReceives)
{
    const auto ipfix_dump = find_program("ipfixDump");
    if (!ipfix_dump)
        GTEST_SKIP() << "ipfixDump (package libfixbuf-tools) is not installed";
    LocalSocket listener(SOCK_STREAM);
    std::thread receiver([&] {
        UniqueFd peer(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
        std::ofstream out(file("tcp.ipfix"), std::ios::binary);
        char octets[4096];
        for (ssize_t n; (n = ::recv(peer.get(), octets, sizeof octets, 0)) > 0;)
            out.write(octets, n);
    });
    const auto flows = sample_rows();
    send(Protocol::kIpfix, listener.target("tcp://"), {{"linger", "30"}}, flows, [] {});
    receiver.join();
    EXPECT_EQ(ipfix_dump_records(run_program({*ipfix_dump, "--in", file("tcp.ipfix")}, file("dump.txt"))),
              expected_ip(flows));
}

} // namespace
} // namespace flowxdp::test
