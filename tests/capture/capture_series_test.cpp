// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "read_frames.h"

namespace flowxdp::test {
namespace {

Bytes pcap_of(std::uint8_t seed, std::uint32_t packets = 1)
{
    PcapFile file;
    for (std::uint32_t i = 0; i < packets; ++i)
        file.packet(seed, i, sample_frame(20, seed));
    return file.bytes();
}

// Steps of a writer: each is done when the reader waits for the n-th time; after the last the reader is stopped.
class WaitScript {
  public:
    explicit WaitScript(std::vector<std::function<void()>> steps) : steps_(std::move(steps)) {}

    CaptureOptions options()
    {
        CaptureOptions result;
        result.poll_ms = 1;
        result.stop = [this] {
            if (at_ == steps_.size())
                return true;
            steps_[at_++]();
            return false;
        };
        return result;
    }
    [[nodiscard]] bool done() const { return at_ == steps_.size(); }

  private:
    std::vector<std::function<void()>> steps_;
    std::size_t at_ = 0;
};

// The first seeds of the frames of a series; -1 = it does not open, with the error in *error.
std::vector<int> seeds_of(const std::string& expression, const CaptureOptions& options, std::string* error,
                          std::vector<CaptureDamage>* damages = nullptr)
{
    Result<std::unique_ptr<Capture>> capture = open_capture_series(expression, options);
    if (!capture) {
        *error = capture.error().message;
        return {-1};
    }
    std::vector<int> seeds;
    for (const OwnedFrame& frame : read_all(**capture))
        seeds.push_back(frame.data.at(0));
    EXPECT_EQ((*capture)->bytes_total(), 0U);
    if (damages != nullptr)
        *damages = (*capture)->damages();
    return seeds;
}

TEST(CaptureSeries, TheNumberIsFoundWhereItStands)
{
    TempFolder dir;
    for (const int number : {7, 8, 9, 10, 11}) {
        const auto seed = static_cast<std::uint8_t>(number);
        const std::string n = std::to_string(number);
        const std::string padded = std::string(3 - n.size(), '0') + n;
        for (const std::string& name : {"out.pcap" + n, "q" + n + ".pcap", "dump." + n, "v1.x" + n + ".pcap.gz",
                                        "b7_" + n + ".pcap", "w" + padded + ".pcap", "z.pcap" + padded})
            (void)dir.write(name, pcap_of(seed));
    }
    (void)dir.write("c.pcap", pcap_of(0));
    (void)dir.write("c.pcap1", pcap_of(1));
    (void)dir.write("c.pcap2", pcap_of(2));
    (void)dir.write("t7.pcap", pcap_of(40));
    (void)dir.write("t7.pcap1", pcap_of(41));
    std::string error;
    CaptureOptions options;
    options.poll_ms = 1;
    const std::vector<int> expected = {8, 9, 10, 11};
    for (const char* expression : {"out.pcap8,11", "q8.pcap,11", "dump.8,11", "v1.x8.pcap.gz,11", "b7_8.pcap:_,11",
                                   "w008.pcap,11", "z.pcap008,11", "z.pcap008:p,11"}) {
        error.clear();
        EXPECT_EQ(seeds_of(dir / expression, options, &error), expected) << expression << error;
    }
    EXPECT_EQ(seeds_of(dir / "c.pcap,2", options, &error), (std::vector<int>{0, 1, 2}));
    // With the separator named, the number behind it is meant, though there is one before the extension.
    EXPECT_EQ(seeds_of(dir / "t7.pcap:p,1", options, &error), (std::vector<int>{40, 41}));
}

TEST(CaptureSeries, MistakesSayWhatToWrite)
{
    TempFolder dir;
    const auto error_of = [&](const std::string& expression) {
        std::string error;
        (void)seeds_of(dir / expression, {}, &error);
        return error;
    };
    EXPECT_NE(error_of("trace.log").find("there is no number to count up; write FIRST_FILE"), std::string::npos);
    EXPECT_NE(error_of("x5.pcap,4").find("it stops at 4, before its first number 5"), std::string::npos);
    EXPECT_NE(error_of("x5.pcap:_").find("there is no '_' in the file name"), std::string::npos);
    EXPECT_NE(error_of("").find("it names no file"), std::string::npos);
    EXPECT_EQ(error_of("x5.pcap"), "cannot read capture '" + dir / "x5.pcap" + "': No such file or directory");
    (void)dir.write("t1.pcap", {'t', 'e', 'x', 't'});
    EXPECT_NE(error_of("t1.pcap").find("not a pcap or pcapng file"), std::string::npos);
}

TEST(CaptureSeries, WaitsForMoreOfAFileAndForTheNextOne)
{
    TempFolder dir;
    const Bytes first = pcap_of(1, 2);
    const auto piece = [&](std::size_t from, std::size_t to) {
        return Bytes(first.begin() + static_cast<std::ptrdiff_t>(from),
                     first.begin() + static_cast<std::ptrdiff_t>(to));
    };
    (void)dir.write("x0", {});
    WaitScript script({[&] { (void)dir.write("x0", piece(0, 10), true); }, // half a file header
                       [&] { (void)dir.write("x0", piece(10, 50), true); }, [] {},
                       [&] { (void)dir.write("x0", piece(50, 70), true); }, // a packet and part of a header
                       [&] { (void)dir.write("x0", piece(70, first.size()), true); },
                       [&] { (void)dir.write("x1", {}); }, [] {}, [&] { (void)dir.write("x1", pcap_of(2), true); },
                       [&] { (void)dir.write("x2", pcap_of(3)); }});
    std::string error;
    std::vector<CaptureDamage> damages;
    EXPECT_EQ(seeds_of(dir / "x0", script.options(), &error, &damages), (std::vector<int>{1, 1, 2, 3})) << error;
    EXPECT_TRUE(script.done());
    EXPECT_TRUE(damages.empty());
}

TEST(CaptureSeries, APartialRecordIsADamageOnlyWhenTheSuccessorExists)
{
    TempFolder dir;
    Bytes cut = pcap_of(1, 2);
    cut.pop_back();
    (void)dir.write("x0", cut);
    std::vector<CaptureDamage> damages;
    std::string error;
    WaitScript stopped({[] {}, [] {}});
    EXPECT_EQ(seeds_of(dir / "x0", stopped.options(), &error, &damages), (std::vector<int>{1}));
    EXPECT_TRUE(damages.empty());

    WaitScript succeeded({[] {}, [&] { (void)dir.write("x1", pcap_of(2)); }});
    EXPECT_EQ(seeds_of(dir / "x0", succeeded.options(), &error, &damages), (std::vector<int>{1, 2}));
    ASSERT_EQ(damages.size(), 1U);
    EXPECT_EQ(damages[0].file, dir / "x0");
    EXPECT_EQ(damages[0].offset, 60U);
}

TEST(CaptureSeries, AFileThatIsNoCaptureIsADamageAndTheNextIsRead)
{
    TempFolder dir;
    (void)dir.write("x0", pcap_of(1));
    (void)dir.write("x1", {'t', 'e', 'x', 't'});
    (void)dir.write("x2", {});
    (void)dir.write("x3", pcap_of(4));
    std::vector<CaptureDamage> damages;
    std::string error;
    CaptureOptions options;
    options.poll_ms = 1;
    EXPECT_EQ(seeds_of(dir / "x0,3", options, &error, &damages), (std::vector<int>{1, 4}));
    ASSERT_EQ(damages.size(), 2U);
    EXPECT_EQ(damages[0].reason, "not a pcap or pcapng file (first bytes 0x74657874)");
    EXPECT_EQ(damages[1].reason, "it is empty");
}

TEST(CaptureSeries, FollowsAWriterThatRotates)
{
    TempFolder dir;
    (void)dir.write("r.pcap", {});
    constexpr int kFiles = 5;
    constexpr int kPackets = 40;
    std::thread writer([&] {
        for (int n = 0; n < kFiles; ++n) {
            const std::string name = n == 0 ? "r.pcap" : "r.pcap" + std::to_string(n);
            const Bytes data = pcap_of(static_cast<std::uint8_t>(n), kPackets);
            // Odd pieces, so that readers meet records in all states.
            for (std::size_t at = 0; at < data.size(); at += 77) {
                const std::size_t end = std::min(at + 77, data.size());
                (void)dir.write(name,
                                Bytes(data.begin() + static_cast<std::ptrdiff_t>(at),
                                      data.begin() + static_cast<std::ptrdiff_t>(end)),
                                true);
                std::this_thread::sleep_for(std::chrono::microseconds(300));
            }
        }
        (void)dir.write("r.pcap5", PcapFile().bytes());
    });
    std::string error;
    std::vector<CaptureDamage> damages;
    CaptureOptions options;
    options.poll_ms = 2;
    const std::vector<int> seeds = seeds_of(dir / "r.pcap,5", options, &error, &damages);
    writer.join();
    ASSERT_EQ(seeds.size(), std::size_t{kFiles * kPackets});
    for (std::size_t i = 0; i < seeds.size(); ++i)
        EXPECT_EQ(seeds[i], static_cast<int>(i / kPackets));
    EXPECT_TRUE(damages.empty());
}

} // namespace
} // namespace flowxdp::test
