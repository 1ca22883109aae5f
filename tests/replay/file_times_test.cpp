// SPDX-License-Identifier: BSD-2-Clause
// Files that do not follow each other in time are named, with the order that they should have.
#include "replay/file_times.h"

#include <gtest/gtest.h>

namespace flowxdp::test {
namespace {

constexpr std::int64_t kSecond = 1000000000;
constexpr std::int64_t kNoon = 1700049600 * kSecond; // Wed 15 Nov 2023 12:00:00 GMT

struct Input {
    std::string name;
    std::vector<std::int64_t> seconds; // after noon
};

std::string advice_for(const std::vector<Input>& inputs)
{
    FileTimes times;
    std::vector<CaptureFileInfo> files;
    for (const Input& input : inputs) {
        CaptureFileInfo info;
        info.name = input.name;
        files.push_back(info);
        std::vector<Frame> frames;
        for (const std::int64_t s : input.seconds)
            frames.push_back({.data = nullptr,
                              .cap_len = 0,
                              .wire_len = 0,
                              .ts_ns = kNoon + s * kSecond,
                              .if_id = 0,
                              .link_type = 1});
        if (!frames.empty())
            times.add(files, frames);
    }
    return times.advice(files);
}

TEST(FileTimes, FilesInOrderNeedNoAdvice)
{
    EXPECT_EQ(advice_for({{"one.pcap", {0, 50, 10}}}), "");
    EXPECT_EQ(advice_for({{"one.pcap", {0, 500}}, {"empty.pcap", {}}, {"two.pcap", {500, 900}}}), "");
    // Interfaces that were recorded side by side: the clock does not step back by less than a minute.
    EXPECT_EQ(advice_for({{"one.pcap", {0, 100}}, {"two.pcap", {40, 90}}}), "");
    // A clock that steps back inside a file is no matter of order.
    EXPECT_EQ(advice_for({{"one.pcap", {500, 0, 100}}, {"two.pcap", {600}}}), "");
}

TEST(FileTimes, TwoFilesInTheWrongOrderAreNamedWithTheirTimes)
{
    EXPECT_EQ(advice_for({{"late.pcap", {3600, 3660}}, {"early.pcap", {0, 60}}}),
              "'early.pcap' begins on Wed 15 Nov 2023 12:00:00 GMT, but 'late.pcap' before it ends on Wed 15 Nov 2023 "
              "13:01:00 GMT: flows that go on from one file to the next are cut. Give the files in the order of their "
              "time: 'early.pcap' 'late.pcap'");
}

TEST(FileTimes, OfManyFilesTheNumberIsSaid)
{
    std::vector<Input> inputs;
    for (int i = 20; i > 0; i--)
        inputs.push_back({"f" + std::to_string(i), {i * 1000}});
    const std::string advice = advice_for(inputs);
    EXPECT_NE(advice.find("'f19' begins on"), std::string::npos) << advice;
    EXPECT_NE(advice.find("19 of 20 files are early like this"), std::string::npos) << advice;
    EXPECT_NE(advice.find("capinfos"), std::string::npos) << advice;
}

} // namespace
} // namespace flowxdp::test
