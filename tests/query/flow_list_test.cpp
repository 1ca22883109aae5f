// SPDX-License-Identifier: BSD-2-Clause
// Lists of flows as users have them, and what numbers depend on. Expected numbers are those in the texts.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/number.h"
#include "query/flow_list.h"
#include "support/temp_folder.h"

namespace flowxdp::query {
namespace {

class FlowListTest : public ::testing::Test {
  protected:
    std::string write(const std::string& name, const std::string& text)
    {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        return folder_ / name;
    }
    // The numbers from 1 to 50 that the list has, "1 2 3"; or the error.
    std::string numbers(const std::string& text)
    {
        const auto list = FlowList::read(write("list", text));
        if (!list.ok())
            return list.error().message;
        std::string found;
        for (std::uint64_t flow = 0; flow <= 50; flow++)
            if (list->contains(flow))
                found += (found.empty() ? "" : " ") + std::to_string(flow);
        return found;
    }
    std::string content(const std::string& path)
    {
        std::stringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
    test::TempFolder folder_;
};

TEST_F(FlowListTest, NumbersAndRanges)
{
    EXPECT_EQ(numbers("# flowInd\n35\n\n40-44\n 7 \n7\r\n8 - 9 # why\n% Tranalyzer2\n"), "7 8 9 35 40 41 42 43 44");
    EXPECT_EQ(numbers(""), "");
    EXPECT_EQ(numbers("3"), "3") << "no newline at the end";
    EXPECT_EQ(numbers("49-18446744073709551615\n"), "49 50");
    EXPECT_EQ(numbers("2-4\n3-6\n5\n7\n"), "2 3 4 5 6 7");
}

TEST_F(FlowListTest, RowsInEveryFormat)
{
    EXPECT_EQ(numbers("%dir\tflowInd\tflowStat\nA\t12\t0x00\nB\t12\t0x01\nA\t9\t0x00\n"), "9 12");
    EXPECT_EQ(numbers("%pktNo\tflowInd\ttime\n1\t4\t0.1\n2\t5\t0.2\n"), "4 5") << "packets: the second column";
    EXPECT_EQ(numbers("dir,flowInd,srcIPOrg\r\nA,2,\"a, b\"\r\nB,3,\"c\"\r\n"), "2 3");
    EXPECT_EQ(numbers("srcIPOrg,flowInd\n\"a, 7\",2\n"), "2") << "a comma in a text is no cell's end";
    EXPECT_EQ(numbers("{\"dir\":\"A\",\"flowInd\":30}\n{\"flowInd\":31,\"x\":[1,2]}\n"), "30 31");
    EXPECT_EQ(numbers("flowInd  dir  srcIP\n      3  A    192.0.2.1\n     14  B    192.0.2.2\n"), "3 14")
        << "query's table";
    EXPECT_EQ(numbers("A\t12\t0x00\nB\t13\t0x01\n"), "12 13") << "rows that grep let through, without a header";
    EXPECT_EQ(numbers("%dir\tflowInd\nA\t1\n%flowInd\tdir\n2\tA\n"), "1 2") << "two files, one after the other";
}

TEST_F(FlowListTest, WhatNamesNoFlowIsRefusedWithItsLine)
{
    for (const char* wrong : {"1\nx\n", "1\n5-3\n", "1\n0\n", "1\n-3\n", "1\n18446744073709551616\n", "1\n2\t3\n",
                              "1\n{\"dir\":\"A\"}\n", "1\n{\"flowInd\":\n", "%dir\tflowInd\nA\n"}) {
        const std::string said = numbers(wrong);
        EXPECT_NE(said.find("line 2 names no flow"), std::string::npos) << wrong << ": " << said;
    }
    EXPECT_FALSE(FlowList::read(folder_ / "none").ok());
}

TEST_F(FlowListTest, WritesWhatItReads)
{
    FlowList list;
    for (const std::uint64_t flow : {5u, 3u, 4u, 9u, 3u})
        list.add(flow);
    list.numbering.set("input packets", "119");
    list.numbering.set("option filter", "tcp\nport 1 = 2");
    const std::string path = folder_ / "written";
    ASSERT_TRUE(list.write(path).ok());
    EXPECT_EQ(list.count(), 4u);
    EXPECT_EQ(content(path),
              "# flowInd\n# flowInd: input packets=119\n# flowInd: option filter=tcp\\nport 1 = 2\n3-5\n9\n");
    const auto again = FlowList::read(path);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->count(), 4u);
    EXPECT_EQ(again->numbering, list.numbering);
    EXPECT_EQ(FlowList::read(write("all", "1-18446744073709551615\n1-18446744073709551615\n"))->count(), kNoLimit);
}

TEST_F(FlowListTest, RowsHaveTheirOriginFromTheHeadersFileBeside)
{
    write("run_headers.txt", "# Date: now\n# flowInd: input digest=0x1\n1\tC\tdir\tFlow direction\n# flowInd: x\n");
    const auto list = FlowList::read(write("run_flows.txt", "%dir\tflowInd\nA\t1\n"));
    ASSERT_TRUE(list.ok());
    EXPECT_EQ(list->numbering.text(), "# flowInd: input digest=0x1\n");
    EXPECT_TRUE(FlowList::read(write("alone", "1\n"))->numbering.empty());
}

TEST(FlowNumbering, DifferencesNameWhatEitherLacks)
{
    FlowNumbering a, b;
    a.set("option filter", "udp");
    a.set("plugin dns", "0x1");
    a.set("input packets", "5");
    b.set("option filter", "tcp");
    b.set("plugin tls", "0x1");
    b.set("input packets", "5");
    using Names = std::vector<std::string>;
    EXPECT_EQ(a.differences(b, "option "), Names{"option filter"});
    EXPECT_EQ(a.differences(b, "plugin "), (Names{"plugin dns", "plugin tls"}));
    EXPECT_EQ(a.differences(b, "input "), Names{});
}

} // namespace
} // namespace flowxdp::query
