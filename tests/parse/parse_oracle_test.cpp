// SPDX-License-Identifier: BSD-2-Clause
// parse_oracle_test.cpp - the built frames through an independent parser: tshark, read by the oracle script.
//
// FLOWXDP_ORACLE names the script (default: shared/oracle/oracle_flows.py beside or above the source tree). Every frame
// gets an inner source port of its own, so that one run over one file compares them all.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "support/encapsulations.h"
#include "support/pcap_file.h"
#include "support/temp_folder.h"

namespace flowxdp::test {
namespace {

namespace fs = std::filesystem;

fs::path oracle_script()
{
    if (const char* named = std::getenv("FLOWXDP_ORACLE"))
        return named;
    if (const char* source = std::getenv("FLOWXDP_SOURCE_DIR"))
        for (const char* at : {"shared/oracle/oracle_flows.py", "../shared/oracle/oracle_flows.py",
                               "../../shared/oracle/oracle_flows.py"})
            if (fs::exists(fs::path(source) / at))
                return fs::path(source) / at;
    return {};
}

// One flow a second, Ethernet, each cut at its own length.
void write_pcap(const fs::path& path, const std::vector<std::pair<Bytes, std::uint32_t>>& frames)
{
    PcapFile capture;
    std::uint32_t seconds = 1700000000;
    for (const auto& [bytes, wire_len] : frames)
        capture.packet(seconds++, 0, bytes, wire_len);
    write_file(path, capture.bytes());
}

// What the oracle and the sensor must agree on, by source port: protocol, other port, packets, octets, low windows.
using FlowLine = std::string;

std::map<FlowLine, int> oracle_flows(const fs::path& script, const fs::path& capture)
{
    std::map<FlowLine, int> out;
    std::string command =
        "python3 '" + script.string() + "' '" + capture.string() + "' --no-vlan --idle 999999 2>/dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    char line[4096];

    if (pipe == nullptr)
        return out;
    while (std::fgets(line, sizeof(line), pipe) != nullptr) {
        std::istringstream fields(line);
        std::vector<std::string> f;

        for (std::string field; std::getline(fields, field, '\t');)
            f.push_back(field);
        if (f.size() > 14 && f[0] == "F") // key, octets, packets with a window below 1 and below 100
            out[f[2] + " " + f[3] + " " + f[4] + " " + f[5] + " " + f[6] + " octets " + f[11] + " low " + f[15]]++;
    }
    pclose(pipe);
    return out;
}

std::string address_text(const __be32* address, int version)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(version == 4 ? AF_INET : AF_INET6, version == 4 ? address + 3 : address, text, sizeof(text));
    return text;
}

FlowLine flow_line(const packet& p)
{
    std::ostringstream out;

    out << static_cast<unsigned>(p.ip_proto) << " " << address_text(p.src, p.ip_version) << " " << p.src_port << " "
        << address_text(p.dst, p.ip_version) << " " << p.dst_port << " octets " << p.l3_end - p.l3_offset << " low "
        << ((p.flags & PACKET_HAS_TCP) && p.tcp_window < 100 ? 1 : 0);
    return out.str();
}

TEST(ParseOracle, TsharkReachesTheSameSegments)
{
    const fs::path script = oracle_script();

    if (script.empty() || !fs::exists(script))
        GTEST_SKIP() << "no oracle script: set FLOWXDP_ORACLE";
    if (std::system("tshark --version >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "tshark is not installed";

    std::vector<std::pair<Bytes, std::uint32_t>> frames;
    std::map<FlowLine, std::string> expected;
    std::uint32_t port = 20000;

    for (const Encapsulation& e : ethernet_encapsulations()) {
        if (!e.oracle)
            continue;
        Bytes frame = e.packet.bytes();
        packet p = parse(frame);

        // a flow of its own: the inner source port, and for every other one a window below 100
        put16(frame, p.l4_offset, ++port);
        put16(frame, p.l4_offset + 14, port % 2 ? 99 : 100);
        p = parse(frame);
        ASSERT_EQ(p.src_port, port) << e.name;
        ASSERT_TRUE(expected.emplace(flow_line(p), e.name).second) << e.name;
        frames.emplace_back(frame, static_cast<std::uint32_t>(frame.size()));
    }
    const fs::path capture = fs::temp_directory_path() / ("flowxdp_parse_oracle_" + std::to_string(getpid()) + ".pcap");

    write_pcap(capture, frames);
    std::map<FlowLine, int> seen = oracle_flows(script, capture);
    fs::remove(capture);
    ASSERT_FALSE(seen.empty()) << "the oracle printed no flow";
    for (const auto& [line, name] : expected)
        EXPECT_EQ(seen.count(line), 1u) << name << ": the oracle does not have " << line;
    EXPECT_EQ(seen.size(), expected.size());
    if (testing::Test::HasFailure()) {
        for (const auto& [line, count] : seen) {
            if (expected.count(line) == 0)
                std::printf("only the oracle has: %s (%d)\n", line.c_str(), count);
        }
    }
}

} // namespace
} // namespace flowxdp::test
