// SPDX-License-Identifier: BSD-2-Clause
// mac_recorder: pairs per direction, the overflow bit, and the files that vendor labels come from.
#include "support/plugin_bench.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "mac_recorder/oui_table.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

packet with_macs(std::uint8_t src, std::uint8_t dst)
{
    packet p = udp_packet(1);
    p.link_has_mac = 1;
    const __u8 prefix[3] = {0x00, 0x24, 0xe8};
    for (int i = 0; i < 3; i++)
        p.mac_src[i] = p.mac_dst[i] = prefix[i];
    p.mac_src[5] = src;
    p.mac_dst[5] = dst;
    return p;
}

TEST(MacRecorder, CountsPacketsOfEachPair)
{
    Bench bench({"mac_recorder"});
    bench.packet_in(A, with_macs(1, 2));
    bench.packet_in(A, with_macs(1, 2));
    bench.packet_in(B, with_macs(2, 1));
    bench.packet_in(A, with_macs(1, 3));
    auto a = bench.flow_row(A);
    EXPECT_EQ(a["macStat"], "0x00");
    EXPECT_EQ(a["macPairs"], "2");
    EXPECT_EQ(a["srcMac_dstMac_numP"], "00:24:e8:00:00:01_00:24:e8:00:00:02_2;00:24:e8:00:00:01_00:24:e8:00:00:03_1");
    EXPECT_EQ(a["srcMacLbl_dstMacLbl"], "-_-;-_-");
    auto b = bench.flow_row(B);
    EXPECT_EQ(b["macPairs"], "1");
    EXPECT_EQ(b["srcMac_dstMac_numP"], "00:24:e8:00:00:02_00:24:e8:00:00:01_1");
    EXPECT_EQ(bench.report_lines(),
              std::vector<std::string>{"macRecorder: MAC pairs per flow: min: 1, max: 2, average: 1.50"});
    EXPECT_EQ(bench.packet_row()["srcMacLbl"], "-");
}

TEST(MacRecorder, FifthPairRaisesOverflowOfItsDirection)
{
    Bench bench({"mac_recorder"});
    for (std::uint8_t i = 0; i < 5; i++)
        bench.packet_in(A, with_macs(i, 100));
    bench.packet_in(A, with_macs(3, 100));
    auto a = bench.flow_row(A);
    EXPECT_EQ(a["macStat"], "0x01");
    EXPECT_EQ(a["macPairs"], "4");
    bench.packet_in(B, with_macs(100, 3));
    auto b = bench.flow_row(B);
    EXPECT_EQ(b["macStat"], "0x01") << "the four places are the biflow's";
    EXPECT_EQ(b["macPairs"], "0");
    EXPECT_EQ(b["srcMac_dstMac_numP"], "");
    EXPECT_EQ(b["srcMacLbl_dstMacLbl"], "");
}

TEST(MacRecorder, NoMacNoPair)
{
    Bench bench({"mac_recorder"});
    bench.packet_in(A, udp_packet(1));
    EXPECT_EQ(bench.flow_row(A)["macPairs"], "0");
}

TEST(MacRecorder, LabelsComeFromFile)
{
    const std::string path = std::filesystem::temp_directory_path() / fmt::format("flowxdp_oui_{}.txt", getpid());
    std::ofstream(path) << "00:24:E8\tDell\tDell Inc.\n";
    {
        Bench bench({"mac_recorder:oui=" + path});
        bench.packet_in(A, with_macs(1, 2));
        EXPECT_EQ(bench.flow_row(A)["srcMacLbl_dstMacLbl"], "Dell_Dell");
        EXPECT_EQ(bench.packet_row()["srcMacLbl"], "Dell");
        EXPECT_EQ(bench.packet_row()["dstMacLbl"], "Dell");
    }
    std::filesystem::remove(path);
    try {
        Bench bench({"mac_recorder:oui=" + path});
        FAIL() << "a missing file must stop the start";
    } catch (const StartupError& e) {
        EXPECT_NE(std::string(e.what()).find(path), std::string::npos) << e.what();
    }
}

TEST(OuiTable, ReadsTheUsualFormats)
{
    OuiTable t;
    t.add_line("OUI/MA-L                                                    Organization");
    t.add_line("# comment");
    t.add_line("decade of words");
    t.add_line("00-24-E8   (hex)\t\tDell Inc.\r");
    t.add_line("0024E8     (base 16)\t\tDell Technologies");
    t.add_line("\t\t\t\tOne Dell Way");
    t.add_line("00:50:C2\tIeeeRegi\tIEEE Registration Authority");
    t.add_line("00:50:C2:00:10:00/36\tJmbsDeve\tJMBS Developpements");
    t.add_line("08:00:2B Digital_Equipment; Corp");
    t.add_line("001A2B AnyVendor");
    const std::uint8_t dell[6] = {0x00, 0x24, 0xe8, 1, 2, 3}, regi[6] = {0x00, 0x50, 0xc2, 0xff, 0, 0};
    const std::uint8_t jmbs[6] = {0x00, 0x50, 0xc2, 0x00, 0x1f, 0xff}, dec[6] = {0x08, 0x00, 0x2b, 0, 0, 0};
    const std::uint8_t any[6] = {0x00, 0x1a, 0x2b, 9, 9, 9}, none[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    EXPECT_EQ(t.find(dell), "Dell-Inc.") << "the first label of a prefix stands";
    EXPECT_EQ(t.find(regi), "IeeeRegi");
    EXPECT_EQ(t.find(jmbs), "JmbsDeve") << "the longest prefix wins";
    EXPECT_EQ(t.find(dec), "Digital-Equipment--Corp");
    EXPECT_EQ(t.find(any), "AnyVendor");
    EXPECT_EQ(t.find(none), "-");
}

} // namespace
} // namespace flowxdp::test
