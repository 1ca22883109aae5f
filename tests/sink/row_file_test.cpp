// SPDX-License-Identifier: BSD-2-Clause
// The promise of row_file.h: a row is whole in the file or counted as dropped. Disks that fill up are made with the
// file size limit of this process (EFBIG), pipes nobody reads, and /dev/full.
#include <gtest/gtest.h>

#include <csignal>
#include <sys/resource.h>

#include "sink/file/row_file.h"
#include "support/packed_file.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using namespace test;

// Lets files of this process grow to so many bytes.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes)
    {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        set(bytes);
    }
    ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    void set(rlim_t bytes) const
    {
        rlimit limit = before_;
        limit.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }

  private:
    rlimit before_{};
};

void add_row(RowFile* file, const std::string& row)
{
    file->buffer()->append(row);
    EXPECT_TRUE(file->row_done().ok());
}

TEST(RowFile, ADiskThatFillsUpCutsTheTornRowOff)
{
    const TempFolder folder;
    SinkCounts counts;
    {
        RowFile file(&counts);
        ASSERT_TRUE(file.open(folder / "x").ok());
        const FileSizeLimit limit(25);
        for (int i = 0; i < 5; i++)
            add_row(&file, "123456789\n");
        const Result<void> flushed = file.flush(false);
        ASSERT_FALSE(flushed.ok());
        EXPECT_NE(flushed.error().message.find("/x: cannot write: File too large"), std::string::npos);
        EXPECT_EQ(counts.sent, 2u);
        EXPECT_EQ(counts.dropped, 2u) << "the third is begun";
        EXPECT_FALSE(file.flush(true).ok());
    }
    EXPECT_EQ(read_file(folder / "x"), "123456789\n123456789\n");
    EXPECT_EQ(counts.sent, 2u);
    EXPECT_EQ(counts.dropped, 3u);
}

// Full buffers are written while rows collect: the error comes with a later call, and the books are the same.
TEST(RowFile, AFullDiskIsFoundByAWriteBehind)
{
    const TempFolder folder;
    SinkCounts counts;
    const std::string row = std::string(299999, 'r') + '\n'; // longer than the buffer
    std::string said;
    {
        RowFile file(&counts);
        ASSERT_TRUE(file.open(folder / "x").ok());
        const FileSizeLimit limit(1000000);
        for (int i = 0; i < 8; i++) {
            file.buffer()->append(row);
            if (const Result<void> done = file.row_done(); !done.ok())
                said = done.error().message;
        }
        EXPECT_FALSE(file.flush(true).ok());
    }
    EXPECT_NE(said.find("/x: cannot write: File too large"), std::string::npos) << said;
    EXPECT_TRUE(read_file(folder / "x") == row + row + row);
    EXPECT_EQ(counts.sent, 3u);
    EXPECT_EQ(counts.dropped, 5u);
}

TEST(RowFile, ACommitOnAFullDiskLeavesWholeRowsAndCountsTheOthers)
{
    for (const char* name : {"x", "x.gz"}) {
        SCOPED_TRACE(name);
        const TempFolder folder;
        SinkCounts counts;
        std::uint64_t first = 0;
        {
            RowFile file(&counts);
            ASSERT_TRUE(file.open(folder / name, {true, 0}).ok());
            add_row(&file, "123456789\n");
            ASSERT_TRUE(file.commit().ok());
            first = file.position();
            const FileSizeLimit limit(first + 5);
            add_row(&file, "223456789\n");
            EXPECT_FALSE(file.commit().ok());
            EXPECT_EQ(file.position(), first);
            EXPECT_EQ(read_file(folder / name).size(), first) << "nothing torn is left";
            EXPECT_EQ(counts.sent, 1u);
            EXPECT_EQ(counts.dropped, 1u);
            limit.set(RLIM_INFINITY);
            add_row(&file, "323456789\n");
            EXPECT_TRUE(file.commit().ok());
            EXPECT_GT(file.position(), first);
        }
        EXPECT_EQ(counts.sent, 2u);
        EXPECT_EQ(counts.dropped, 1u);
        if (std::string(name) == "x") {
            EXPECT_EQ(read_file(folder / name), "123456789\n323456789\n");
        }
    }
}

TEST(RowFile, ACommitBeforeTheFirstRowKeepsTheHeader)
{
    const TempFolder folder;
    SinkCounts counts;
    {
        RowFile file(&counts);
        ASSERT_TRUE(file.open(folder / "x.gz", {true, 0}).ok());
        ASSERT_TRUE(file.write_header("names\n").ok());
        ASSERT_TRUE(file.commit().ok());
        add_row(&file, "row\n");
        ASSERT_TRUE(file.commit().ok());
    }
    EXPECT_EQ(read_gzip(folder / "x.gz"), "names\nrow\n");
}

TEST(RowFile, ADiskWithRoomAgainGoesOnWithWholeRows)
{
    const TempFolder folder;
    SinkCounts counts;
    RowFile file(&counts);
    ASSERT_TRUE(file.open(folder / "x").ok());
    {
        const FileSizeLimit limit(15);
        for (const char* row : {"111111111\n", "222222222\n", "333333333\n"})
            add_row(&file, row);
        EXPECT_FALSE(file.flush(false).ok());
        add_row(&file, "444444444\n");
        EXPECT_FALSE(file.flush(false).ok()) << "still full: dropped";
    }
    add_row(&file, "555555555\n");
    EXPECT_TRUE(file.flush(true).ok());
    EXPECT_EQ(read_file(folder / "x"), "111111111\n222222222\n555555555\n");
    EXPECT_EQ(counts.sent, 3u);
    EXPECT_EQ(counts.dropped, 2u);
}

TEST(RowFile, ACompressedFileGoesOnTooAndStaysReadable)
{
    const TempFolder folder;
    for (const char* name : {"x.gz", "x.zst"}) {
        SinkCounts counts;
        RowFile file(&counts);
        ASSERT_TRUE(file.open(folder / name).ok());
        std::string noise, expected;
        std::uint32_t state = 1;
        auto rows = [&](unsigned n, bool kept) {
            Result<void> result;
            for (unsigned i = 0; i < n; i++) {
                noise.clear();
                for (int k = 0; k < 999; k++)
                    noise.push_back(static_cast<char>('!' + (state = state * 1664525 + 1013904223) % 89));
                noise.push_back('\n');
                if (kept)
                    expected += noise;
                file.buffer()->append(noise);
                if (Result<void> done = file.row_done(); !done.ok())
                    result = done;
            }
            return result;
        };
        {
            const FileSizeLimit limit(100000);
            EXPECT_FALSE(rows(263, true).ok()) << "the buffer is full and is compressed, the disk takes a part";
            EXPECT_FALSE(rows(263, false).ok());
        }
        EXPECT_TRUE(rows(10, true).ok());
        EXPECT_TRUE(file.flush(true).ok());
        EXPECT_EQ(std::string(name) == "x.gz" ? read_gzip(folder / name) : read_zstd(folder / name), expected);
        EXPECT_EQ(counts.sent, 273u);
        EXPECT_EQ(counts.dropped, 263u);
    }
}

TEST(RowFile, ACompressedFileOnAFullDiskSaysThatItIsTruncated)
{
    SinkCounts counts;
    const TempFolder folder;
    RowFile file(&counts);
    ASSERT_TRUE(file.open(folder / "x.gz").ok());
    const FileSizeLimit limit(5);
    add_row(&file, "123456789\n");
    const Result<void> flushed = file.flush(true);
    ASSERT_FALSE(flushed.ok());
    EXPECT_EQ(counts.sent, 0u);
    EXPECT_EQ(counts.dropped, 1u);
}

TEST(RowFile, APipeNobodyReadsStopsTheFile)
{
    std::signal(SIGPIPE, SIG_IGN);
    const TempFolder folder;
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const std::string path = "/dev/fd/" + std::to_string(ends[1]);
    SinkCounts counts;
    RowFile file(&counts);
    ASSERT_TRUE(file.open(path).ok());
    ::close(ends[0]);
    add_row(&file, "a\n");
    EXPECT_FALSE(file.flush(false).ok());
    add_row(&file, "b\n");
    EXPECT_TRUE(file.flush(true).ok()) << "said once";
    EXPECT_EQ(counts.dropped, 2u);
    ::close(ends[1]);
}

TEST(RowFile, AFileThatWasRenamedBeginsAnewByItsName)
{
    const TempFolder folder;
    const std::string path = folder / "rows";
    SinkCounts counts;
    RowFile file(&counts);
    ASSERT_TRUE(file.open(path).ok());
    add_row(&file, "a\n");
    ASSERT_TRUE(file.flush(false).ok());
    EXPECT_FALSE(file.reopen().value()) << "it is still there";
    add_row(&file, "b\n");
    ASSERT_EQ(::rename(path.c_str(), (path + ".1").c_str()), 0);
    EXPECT_TRUE(file.reopen().value());
    add_row(&file, "c\n");
    ASSERT_TRUE(file.flush(true).ok());
    EXPECT_EQ(read_file(path + ".1"), "a\nb\n");
    EXPECT_EQ(read_file(path), "c\n");
    EXPECT_EQ(counts.sent, 3u);
    EXPECT_EQ(counts.dropped, 0u);
}

TEST(RowFile, NamesOfPacketFiles)
{
    EXPECT_EQ(packet_path_beside("/a.b/run_flows.json.gz"), "/a.b/run_packets.json.gz");
    EXPECT_EQ(packet_path_beside("run.csv"), "run_packets.csv");
    EXPECT_EQ(packet_path_beside("run"), "run_packets");
    EXPECT_EQ(packet_path_beside("a.b/run"), "a.b/run_packets");
    EXPECT_EQ(packet_path_beside(".gz"), "_packets.gz");
    EXPECT_EQ(packet_path_beside("in.pcap_flows.json"), "in.pcap_packets.json");
    EXPECT_EQ(packet_path_beside("-"), "-");
}

} // namespace
} // namespace flowxdp
