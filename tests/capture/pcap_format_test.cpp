// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include "read_frames.h"

namespace flowxdp::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(PcapFormat, EveryMagicAndByteOrderGivesTheSameFrames)
{
    for (const bool big_endian : {false, true}) {
        for (const std::uint32_t magic : {0xa1b2c3d4U, 0xa1b23c4dU, 0xa1b2cd34U}) {
            SCOPED_TRACE(testing::Message() << "magic " << std::hex << magic << " big endian " << big_endian);
            PcapFile file({.big_endian = big_endian, .magic = magic, .link_type = 113});
            file.packet(1000, 5, sample_frame(60), 1500).packet(1001, 6, sample_frame(61, 9));
            const ReadResult read = read_bytes(file.bytes());
            const bool nano = magic == 0xa1b23c4d;
            const std::int64_t unit = nano ? 1 : 1000;
            ASSERT_EQ(read.frames.size(), 2U);
            EXPECT_EQ(read.frames[0], (OwnedFrame{sample_frame(60), 1500, 1000 * kSecond + 5 * unit, 0, 113}));
            EXPECT_EQ(read.frames[1], (OwnedFrame{sample_frame(61, 9), 61, 1001 * kSecond + 6 * unit, 0, 113}));
            EXPECT_TRUE(read.damages.empty());
            EXPECT_EQ(read.info.nanoseconds, nano);
            EXPECT_FALSE(read.info.pcapng);
            EXPECT_EQ(read.info.link_type, 113U);
            EXPECT_EQ(read.info.snap_len, 262144U);
            EXPECT_EQ(read.info.packets, 2U);
        }
    }
}

TEST(PcapFormat, UpperBitsOfTheLinkTypeAreNotPartOfIt)
{
    PcapFile file({.link_type = 0x30000084});
    file.packet(1, 0, sample_frame(20));
    EXPECT_EQ(read_bytes(file.bytes()).frames.at(0).link_type, 132U);
}

TEST(PcapFormat, SecondsAreUnsignedAndFractionsAreAddedAsTheyAre)
{
    PcapFile file;
    file.packet(0xffffffff, 2'500'000, sample_frame(14));
    EXPECT_EQ(read_bytes(file.bytes()).frames.at(0).ts_ns, 0xffffffffLL * kSecond + 2'500'000'000LL);
}

TEST(PcapFormat, OldVersionsHaveTheOriginalLengthFirst)
{
    const Bytes frame = sample_frame(20);
    for (const std::uint16_t minor : {std::uint16_t{2}, std::uint16_t{3}}) {
        PcapFile file({.minor = minor});
        file.record(1, 0, 100, 20).raw(frame);
        const ReadResult read = read_bytes(file.bytes());
        ASSERT_EQ(read.frames.size(), 1U) << minor;
        EXPECT_EQ(read.frames[0].data, frame);
        EXPECT_EQ(read.frames[0].wire_len, 100U);
    }
    PcapFile usual({.minor = 3});
    usual.record(1, 0, 20, 100).raw(frame);
    EXPECT_EQ(read_bytes(usual.bytes()).frames.at(0).data, frame);
}

TEST(PcapFormat, AnotherMajorVersionIsRefusedAndAnotherMinorOneIsRead)
{
    for (const bool big_endian : {false, true}) {
        PcapFile later({.big_endian = big_endian, .minor = 9});
        later.packet(1, 0, sample_frame(20));
        EXPECT_EQ(read_bytes(later.bytes()).frames.size(), 1U);
        for (const std::uint16_t major : {0, 1, 3, 542, 65535}) {
            PcapFile file({.big_endian = big_endian, .major = major, .minor = 4});
            file.packet(1, 0, sample_frame(20));
            EXPECT_EQ(read_bytes(file.bytes()).error,
                      "it is pcap of version " + std::to_string(major) +
                          ".4; 2.0 to 2.4 are read, what later versions hold is not known");
        }
    }
}

TEST(PcapFormat, CapturedLengthAboveTheSnapLengthIsBelieved)
{
    PcapFile file({.snap_len = 10});
    file.packet(1, 0, sample_frame(300'000));
    EXPECT_EQ(read_bytes(file.bytes()).frames.at(0).data.size(), 300'000U);
}

TEST(PcapFormat, SixteenMebibytesAreBelievedAndOneMoreIsADamage)
{
    constexpr std::size_t kLimit = 16U << 20;
    PcapFile file;
    file.packet(1, 0, sample_frame(60)).packet(2, 0, sample_frame(kLimit)).packet(3, 0, sample_frame(61));
    const std::size_t offset = file.bytes().size();
    file.record(4, 0, kLimit + 1, kLimit + 1);
    const ReadResult read = read_bytes(file.bytes());
    ASSERT_EQ(read.frames.size(), 3U);
    EXPECT_EQ(read.frames[1].data, sample_frame(kLimit));
    ASSERT_EQ(read.damages.size(), 1U);
    EXPECT_EQ(read.damages[0].offset, offset);
    EXPECT_EQ(read.damages[0].reason, "a record header claims 16777217 captured bytes, at most 16777216 are believed");
}

TEST(PcapFormat, EveryCutDeliversWhatIsWholeAndNamesTheOffset)
{
    PcapFile file;
    file.packet(1, 0, sample_frame(30));
    const std::size_t second = file.bytes().size();
    file.packet(2, 0, sample_frame(40));
    for (std::size_t size = second; size <= file.bytes().size(); ++size) {
        const Bytes cut(file.bytes().begin(), file.bytes().begin() + static_cast<std::ptrdiff_t>(size));
        const ReadResult read = read_bytes(cut);
        const bool whole = size == second || size == file.bytes().size();
        EXPECT_EQ(read.frames.size(), size == file.bytes().size() ? 2U : 1U);
        ASSERT_EQ(read.damages.size(), whole ? 0U : 1U) << size;
        if (whole)
            continue;
        EXPECT_EQ(read.damages[0].offset, second);
        const std::string expected = size < second + 16
                                         ? "the file ends inside a record header"
                                         : "the file ends inside a packet, " + std::to_string(size - second - 16) +
                                               " of 40 captured bytes are there";
        EXPECT_NE(read.damages[0].reason.find(expected), std::string::npos) << read.damages[0].reason;
    }
}

TEST(PcapFormat, EveryCutOfTheFileHeaderIsAnEnd)
{
    const Bytes header = PcapFile().bytes();
    for (std::size_t size = 0; size < header.size(); ++size) {
        const Bytes cut(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
        const ReadResult read = read_bytes(cut);
        ASSERT_EQ(read.damages.size(), 1U) << size;
        EXPECT_EQ(read.damages[0].reason,
                  size == 0 ? "it is empty"
                            : "it ends inside the file header, " + std::to_string(size) + " bytes are there");
    }
    EXPECT_TRUE(read_bytes(header).damages.empty());
}

TEST(PcapFormat, PiecesAndBatchesChangeNothing)
{
    PcapFile file;
    for (std::uint32_t i = 0; i < 500; ++i)
        file.packet(i, i, sample_frame(i * 13 % 1600, static_cast<std::uint8_t>(i)));
    const ReadResult whole = read_bytes(file.bytes());
    ASSERT_EQ(whole.frames.size(), 500U);
    for (const std::size_t piece : {1U, 15U, 17U, 4096U}) {
        for (const std::size_t batch : {1U, 3U, 1000U}) {
            const ReadResult read = read_bytes(file.bytes(), piece, batch);
            EXPECT_EQ(read.frames, whole.frames) << piece << " " << batch;
            EXPECT_TRUE(read.damages.empty());
        }
    }
}

TEST(PcapFormat, FramesThatStraddleTheBufferAreWhole)
{
    // Three times the buffer, records of an odd size so that no buffer ends on a record.
    PcapFile file;
    for (std::uint32_t i = 0; i < 2500; ++i)
        file.packet(i, 0, sample_frame(1301, static_cast<std::uint8_t>(i)));
    const ReadResult read = read_bytes(file.bytes());
    ASSERT_EQ(read.frames.size(), 2500U);
    for (std::uint32_t i = 0; i < 2500; ++i)
        ASSERT_EQ(read.frames[i].data, sample_frame(1301, static_cast<std::uint8_t>(i))) << i;
}

} // namespace
} // namespace flowxdp::test
