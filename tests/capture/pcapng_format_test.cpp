// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "capture/capture_format.h"
#include "read_frames.h"

namespace flowxdp::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Time stamp of one packet with these ticks on an interface with these options.
std::int64_t ts_of(std::uint64_t ticks, int resolution, std::int64_t offset_s = 0, bool big_endian = false)
{
    PcapngFile file;
    file.section(big_endian);
    std::vector<PcapngOption> options = {{2, {'e', 't', 'h', '0', 0}}};
    if (resolution >= 0)
        options.push_back(file.resolution(static_cast<std::uint8_t>(resolution)));
    if (offset_s != 0)
        options.push_back(file.offset(offset_s));
    file.interface(1, 0, options).enhanced(0, ticks, sample_frame(20));
    const ReadResult read = read_bytes(file.bytes());
    EXPECT_EQ(read.frames.size(), 1U);
    EXPECT_TRUE(read.damages.empty());
    return read.frames.empty() ? -1 : read.frames[0].ts_ns;
}

// The one damage of data, as "offset: reason"; empty when there is none.
std::string damage_of(const Bytes& data, std::size_t expected_frames)
{
    const ReadResult read = read_bytes(data);
    EXPECT_EQ(read.frames.size(), expected_frames);
    if (read.damages.empty())
        return "";
    return std::to_string(read.damages[0].offset) + ": " + read.damages[0].reason;
}

TEST(PcapngFormat, InterfacesHaveTheirOwnLinkType)
{
    for (const bool big_endian : {false, true}) {
        PcapngFile file;
        file.section(big_endian).interface(1, 96).interface(113).interface(101);
        file.enhanced(2, 3'000'000, sample_frame(21), 400).enhanced(0, 4'000'001, sample_frame(22));
        file.enhanced(1, 5, sample_frame(0));
        const ReadResult read = read_bytes(file.bytes());
        ASSERT_EQ(read.frames.size(), 3U);
        EXPECT_EQ(read.frames[0], (OwnedFrame{sample_frame(21), 400, 3 * kSecond, 2, 101}));
        EXPECT_EQ(read.frames[1], (OwnedFrame{sample_frame(22), 22, 4 * kSecond + 1000, 0, 1}));
        EXPECT_EQ(read.frames[2], (OwnedFrame{{}, 0, 5000, 1, 113}));
        EXPECT_TRUE(read.info.pcapng);
        EXPECT_FALSE(read.info.nanoseconds);
        EXPECT_EQ(read.info.link_type, 1U);
        EXPECT_EQ(read.info.snap_len, 96U);
        EXPECT_TRUE(read.damages.empty());
    }
}

TEST(PcapngFormat, SectionsHaveTheirOwnByteOrderAndInterfaces)
{
    PcapngFile file;
    file.section(false).interface(1).interface(1).enhanced(1, 1'000'000, sample_frame(20));
    file.section(true).interface(276).enhanced(0, 2'000'000, sample_frame(21));
    file.section(false).interface(101).enhanced(0, 3'000'000, sample_frame(22));
    const ReadResult read = read_bytes(file.bytes());
    ASSERT_EQ(read.frames.size(), 3U);
    EXPECT_EQ(read.frames[1], (OwnedFrame{sample_frame(21), 21, 2 * kSecond, 0, 276}));
    EXPECT_EQ(read.frames[2], (OwnedFrame{sample_frame(22), 22, 3 * kSecond, 0, 101}));
    // The interfaces of the first section are gone.
    file.section(false).interface(1).enhanced(1, 0, sample_frame(4));
    EXPECT_NE(damage_of(file.bytes(), 3).find("names interface 1, the section describes 1"), std::string::npos);
}

TEST(PcapngFormat, TimeResolutionsOfTenAndTwo)
{
    EXPECT_EQ(ts_of(1'500'000, -1), 1'500'000'000);
    EXPECT_EQ(ts_of(1'500'000, 6), 1'500'000'000);
    EXPECT_EQ(ts_of(7, 0), 7 * kSecond);
    EXPECT_EQ(ts_of(1500, 3), 1'500'000'000);
    EXPECT_EQ(ts_of(1'700'000'000'123'456'789, 9), 1'700'000'000'123'456'789);
    EXPECT_EQ(ts_of(1'999, 12), 1);
    EXPECT_EQ(ts_of(UINT64_MAX, 127), 0);
    EXPECT_EQ(ts_of((5ULL << 32) | (1ULL << 31), 0x80 | 32), 5'500'000'000);
    EXPECT_EQ(ts_of(3, 0x80), 3 * kSecond);
    EXPECT_EQ(ts_of(UINT64_MAX, 0xff), 0);
    EXPECT_EQ(ts_of(UINT64_MAX, 0x80 | 60), 15'999'999'999);
    EXPECT_EQ(ts_of(1'500'000, 6, 0, true), 1'500'000'000);
}

TEST(PcapngFormat, TimeOffsetsMoveTimeAndNothingOverflows)
{
    EXPECT_EQ(ts_of(1, 9, 1'600'000'000), 1'600'000'000 * kSecond + 1);
    EXPECT_EQ(ts_of(1, 9, -1), 1 - kSecond);
    EXPECT_EQ(ts_of(1, 9, -1, true), 1 - kSecond);
    EXPECT_EQ(ts_of(UINT64_MAX, 0), kTimeLimitNs);
    EXPECT_EQ(ts_of(UINT64_MAX, 9), kTimeLimitNs);
    EXPECT_EQ(ts_of(0, 9, std::numeric_limits<std::int64_t>::min()), -kTimeLimitNs);
    EXPECT_EQ(ts_of(UINT64_MAX, 0, std::numeric_limits<std::int64_t>::max()), kTimeLimitNs);
    EXPECT_EQ(ts_of(static_cast<std::uint64_t>(kTimeLimitNs), 9), kTimeLimitNs);
    PcapngFile file;
    file.section().interface(1).enhanced(0, UINT64_MAX, {}).enhanced(0, 1, {}).enhanced(0, UINT64_MAX, {});
    EXPECT_EQ(read_bytes(file.bytes()).info.clamped_times, 2U);
}

TEST(PcapngFormat, NanosecondsOfTheFirstInterface)
{
    for (const auto& [resolution, nanoseconds] :
         {std::pair{6, false}, {7, true}, {9, true}, {0x93, false}, {0x94, true}}) {
        PcapngFile file;
        file.section().interface(1, 0, {file.resolution(static_cast<std::uint8_t>(resolution))});
        file.interface(1).enhanced(0, 0, {});
        EXPECT_EQ(read_bytes(file.bytes()).info.nanoseconds, nanoseconds) << resolution;
    }
}

TEST(PcapngFormat, SimplePacketsTakeTheirPredecessorsTimeAndTheFirstInterface)
{
    PcapngFile file;
    file.section().interface(113, 30).interface(1);
    file.simple(sample_frame(20), 20).enhanced(1, 9'000'000, sample_frame(10)).simple(sample_frame(30), 100);
    const ReadResult read = read_bytes(file.bytes());
    ASSERT_EQ(read.frames.size(), 3U);
    EXPECT_EQ(read.frames[0], (OwnedFrame{sample_frame(20), 20, 0, 0, 113}));
    EXPECT_EQ(read.frames[2], (OwnedFrame{sample_frame(30), 100, 9 * kSecond, 0, 113}));
    EXPECT_TRUE(read.damages.empty());

    PcapngFile unlimited;
    unlimited.section().interface(1, 0).simple(sample_frame(70), 70);
    EXPECT_EQ(read_bytes(unlimited.bytes()).frames.at(0).data, sample_frame(70));
}

TEST(PcapngFormat, ObsoletePacketBlocksAreRead)
{
    for (const bool big_endian : {false, true}) {
        PcapngFile file;
        file.section(big_endian).interface(1).interface(9);
        file.obsolete(1, (1ULL << 32) | 5, sample_frame(33));
        const ReadResult read = read_bytes(file.bytes());
        ASSERT_EQ(read.frames.size(), 1U);
        EXPECT_EQ(read.frames[0], (OwnedFrame{sample_frame(33), 33, ((1LL << 32) + 5) * 1000, 1, 9}));
    }
}

TEST(PcapngFormat, OtherBlocksAreSkippedHoweverLarge)
{
    PcapngFile file;
    file.section().block(0x0bad, Bytes(3U << 20)).interface(1).block(4, {}).block(5, Bytes(16)).block(10, Bytes(8));
    file.enhanced(0, 1, sample_frame(20), 0, {{2, {0, 0, 0, 1}}}).block(0x40000bad, Bytes(40));
    file.block(0x0bad, {}).enhanced(0, 2, sample_frame(21));
    for (const std::size_t piece : {std::size_t{1} << 12, SIZE_MAX}) {
        const ReadResult read = read_bytes(file.bytes(), piece);
        ASSERT_EQ(read.frames.size(), 2U);
        EXPECT_EQ(read.frames[0].data, sample_frame(20));
        EXPECT_EQ(read.frames[1].data, sample_frame(21));
        EXPECT_TRUE(read.damages.empty());
    }
}

TEST(PcapngFormat, EveryCutDeliversWhatIsWholeAndNamesTheOffset)
{
    PcapngFile file;
    file.section().interface(1).enhanced(0, 1, sample_frame(21));
    const std::size_t second = file.bytes().size();
    file.enhanced(0, 2, sample_frame(22));
    const std::size_t third = file.bytes().size();
    file.block(4, Bytes(20));
    for (std::size_t size = 1; size < file.bytes().size(); ++size) {
        const Bytes cut(file.bytes().begin(), file.bytes().begin() + static_cast<std::ptrdiff_t>(size));
        const ReadResult read = read_bytes(cut);
        EXPECT_EQ(read.frames.size(), size < second ? 0U : size < third ? 1U : 2U);
        const bool whole = size == second || size == third || size == 28 || size == 48;
        ASSERT_EQ(read.damages.size(), whole ? 0U : 1U) << size;
        if (!whole && size > second && size < third) {
            EXPECT_EQ(read.damages[0].offset, second);
        }
        if (!whole) {
            EXPECT_NE(read.damages[0].reason.find("ends inside"), std::string::npos) << read.damages[0].reason;
        }
    }
}

TEST(PcapngFormat, LyingBlocksAreDamagesWithTheirOffset)
{
    PcapngFile good;
    good.section().interface(1).enhanced(0, 1, sample_frame(20));
    const std::string at = std::to_string(good.bytes().size()) + ": ";
    const auto with = [&](auto change) {
        PcapngFile file = good;
        change(file);
        return damage_of(file.bytes(), 1);
    };
    EXPECT_EQ(with([](PcapngFile& f) { f.enhanced(7, 1, sample_frame(4)); }),
              at + "an enhanced packet block names interface 7, the section describes 1");
    EXPECT_EQ(with([](PcapngFile& f) { f.obsolete(1, 1, sample_frame(4)); }),
              at + "a packet block names interface 1, the section describes 1");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(6, ByteWriter(false).u32(0).u64(0).u32(9).u32(9).u64(0).data()); }),
              at + "an enhanced packet block claims 9 captured bytes, it has room for 8");
    EXPECT_EQ(with([](PcapngFile& f) { f.simple(sample_frame(8), 9); }),
              at + "a simple packet block claims 9 captured bytes, it has room for 8");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(6, Bytes(16)); }),
              at + "a block claims 28 bytes, too few for an enhanced packet block");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(3, {}); }),
              at + "a block claims 12 bytes, too few for a simple packet block");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(1, {}); }),
              at + "an interface description block claims 12 bytes, 20 are the least");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(6, Bytes(24), 4); }),
              at + "a block's length is 36 at its start and 40 at its end");
    EXPECT_EQ(with([](PcapngFile& f) { f.raw(ByteWriter(false).u32(6).u32(33).bytes(Bytes(40)).data()); }),
              at + "a block of type 0x00000006 claims 33 bytes, not a multiple of 4 from 12 on");
    EXPECT_EQ(with([](PcapngFile& f) { f.raw(ByteWriter(false).u32(99).u32(8).bytes(Bytes(40)).data()); }),
              at + "a block of type 0x00000063 claims 8 bytes, not a multiple of 4 from 12 on");
    EXPECT_EQ(with([](PcapngFile& f) { f.raw(ByteWriter(false).u32(6).u32(0x7ffffffc).bytes(Bytes(40)).data()); }),
              at + "a block of type 0x00000006 claims 2147483644 bytes, at most 17825792 are believed");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(0x0a0d0d0a, ByteWriter(false).u32(5).bytes(Bytes(12)).data()); }),
              at + "a section header has the byte-order magic 0x00000005");
    EXPECT_EQ(with([](PcapngFile& f) { f.block(0x0a0d0d0a, ByteWriter(false).u32(0x1a2b3c4d).data()); }),
              at + "a section header block claims 16 bytes, 28 are the least");
    EXPECT_NE(with([](PcapngFile& f) { f.block(77, Bytes(8), 4); }).find("length is 20 at its start and 24 at its end"),
              std::string::npos);
    EXPECT_EQ(
        with([](PcapngFile& f) { f.block(1, ByteWriter(false).u16(1).u16(0).u32(0).u16(9).u16(9).u32(0).data()); }),
        at + "option 9 of an interface description claims 9 bytes, 4 are there");
    PcapngFile bare;
    bare.section().simple(sample_frame(4), 4);
    EXPECT_EQ(damage_of(bare.bytes(), 0),
              "28: a simple packet block belongs to interface 0, the section describes none");
}

TEST(PcapngFormat, PiecesAndBatchesChangeNothing)
{
    PcapngFile file;
    file.section(true).interface(1);
    for (std::uint32_t i = 0; i < 300; ++i) {
        if (i == 150)
            file.section(false).interface(113);
        file.enhanced(0, i, sample_frame(i * 13 % 1600, static_cast<std::uint8_t>(i))).block(0x55, Bytes(i % 5 * 4));
    }
    const ReadResult whole = read_bytes(file.bytes());
    ASSERT_EQ(whole.frames.size(), 300U);
    for (const std::size_t piece : {1U, 7U, 1000U}) {
        for (const std::size_t batch : {1U, 7U}) {
            EXPECT_EQ(read_bytes(file.bytes(), piece, batch).frames, whole.frames) << piece << " " << batch;
        }
    }
}

TEST(PcapngFormat, AnotherMajorVersionIsRefusedAndAnotherMinorOneIsRead)
{
    for (const bool big_endian : {false, true}) {
        PcapngFile minor;
        minor.section(big_endian, 1, 2).interface(1).enhanced(0, 0, sample_frame(20));
        EXPECT_EQ(read_bytes(minor.bytes()).frames.size(), 1U);
        PcapngFile major;
        major.section(big_endian, 2, 0).interface(1).enhanced(0, 0, sample_frame(20));
        EXPECT_EQ(read_bytes(major.bytes()).error,
                  "it is pcapng of version 2.0; 1.0 is read, what later versions hold is not known");
        PcapngFile later; // a file may go on with a section of another writer
        later.section(big_endian).interface(1).enhanced(0, 0, sample_frame(20));
        const std::size_t offset = later.bytes().size();
        later.section(!big_endian, 7, 1).interface(1).enhanced(0, 0, sample_frame(20));
        EXPECT_EQ(damage_of(later.bytes(), 1),
                  std::to_string(offset) + ": a section follows that cannot be read: it is "
                                           "pcapng of version 7.1; 1.0 is read, what later versions hold is not known");
    }
}

// The names that a file of one section with these interfaces keeps.
std::map<std::uint32_t, std::string> names_of(const PcapngFile& file)
{
    const FormatOpening opening = open_pcapng(file.bytes());
    std::vector<Frame> frames(1);
    std::span<const std::uint8_t> rest = file.bytes();
    for (;;) {
        const FormatStep step = opening.format->parse(rest, frames);
        rest = rest.subspan(step.consumed);
        if (!step.frames)
            return opening.format->info().interface_names;
    }
}

TEST(PcapngFormat, OfALongInterfaceNameTheFirstBytesAreKept)
{
    const std::string bytes(65000, 'n'), letters = "\xc3\xa4"; // two bytes a letter
    std::string odd = "n";
    while (odd.size() < 300)
        odd += letters;
    PcapngFile file;
    file.section();
    for (const std::string& name : {bytes, odd, std::string("eth0"), std::string(128, 'x')})
        file.interface(1, 0, {{2, Bytes(name.begin(), name.end())}});
    const auto names = names_of(file);
    EXPECT_EQ(names.at(0), std::string(128, 'n'));
    EXPECT_EQ(names.at(1), odd.substr(0, 127)); // 1 + 63 letters: no half one at the end
    EXPECT_EQ(names.at(2), "eth0");
    EXPECT_EQ(names.at(3), std::string(128, 'x'));
}

// What a file made to eat memory gets: 65,536 interfaces with 128 bytes of name in a section, however many it has.
TEST(PcapngFormat, WhatASectionMakesTheReaderKeepIsBounded)
{
    const std::string name(1000, 'n');
    PcapngFile file;
    file.section();
    for (int i = 0; i < 65536; i++)
        file.interface(1, 0, {{2, Bytes(name.begin(), name.end())}});
    std::size_t bytes = 0;
    for (const auto& [id, kept] : names_of(file))
        bytes += kept.size();
    EXPECT_EQ(bytes, 65536U * 128);
    file.section(); // forgets them
    file.interface(1).enhanced(0, 0, sample_frame(20));
    EXPECT_TRUE(names_of(file).empty());
    EXPECT_EQ(read_bytes(file.bytes()).frames.size(), 1U);
    PcapngFile more;
    more.section();
    for (int i = 0; i < 65537; i++)
        more.interface(1);
    EXPECT_NE(damage_of(more.bytes(), 0).find("a section describes more than 65536 interfaces"), std::string::npos);
}

} // namespace
} // namespace flowxdp::test
